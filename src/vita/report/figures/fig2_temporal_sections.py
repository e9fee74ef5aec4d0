"""Figure 2: t-SNE of the embeddings of all temporal sections of the test participants, coloured by section.

    python -m vita.report.figures.fig2_temporal_sections
        --embeddings results/embeddings/vita.parquet
        --settings '{"seed": 2025, "evaluation": {"tsne_participants": 10000}}'
        --svg results/figures/fig2_temporal_sections.svg --png results/figures/fig2_temporal_sections.png
        --csv results/figures/fig2_temporal_sections.csv

Left: the original sections, where participants are separated. Right: each participant's mean over the cycle is
subtracted, which leaves the heart's motion. The colours form a circle, because the first section follows the last. The
number of participants is limited so that there are at most `tsne_participants` points.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vita.report.figures import embedding_map, style
from vita.runtime import cli

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DARKER = 0.85  # the circle of colours passes near white, which would not print
PANELS = {"embedding": "Embeddings", "motion": "Embeddings minus each participant's mean"}


def collect(embeddings: Path, limit: int, seed: int) -> pd.DataFrame:
    """`panel`, `x`, `y`, `section` of every section drawn, without participants' ids."""
    sections, vectors = embedding_map.read_sections(embeddings, "test")
    per_person = max(1, len(sections) // sections["eid"].nunique())
    shown = sections["eid"].isin(embedding_map.choose(sections["eid"].unique(), limit // per_person, seed))
    sections, vectors = sections[shown].reset_index(drop=True), vectors[shown.to_numpy()]
    eid, means = embedding_map.participants(sections, vectors)
    motion = vectors - means[np.searchsorted(eid, sections["eid"])]
    parts = []
    for panel, values in {"embedding": vectors, "motion": motion}.items():
        x, y = embedding_map.embed(values, seed).T
        part = pd.DataFrame({"panel": panel, "x": x, "y": y, "section": sections["section"] + 1})
        parts.append(part.sort_values(["section", "x", "y"]))
    return pd.concat(parts, ignore_index=True)


def draw(drawn: pd.DataFrame) -> Figure:
    """Two panels and the circle of colours."""
    from matplotlib.lines import Line2D  # start-up: see style

    count = int(drawn["section"].max())
    figure, grid = style.subplots(1, 2, figsize=(style.PAGE_INCHES, 3.4))
    colours = style.colormap("twilight")(np.arange(count) / count)
    colours[:, :3] *= DARKER
    for axes, (panel, title) in zip(grid, PANELS.items(), strict=True):
        part = drawn[drawn["panel"] == panel]
        size = float(np.clip(4000 / len(part), 0.5, 8))
        # Drawn in the order of position, so that no section hides the others.
        part = part.sort_values(["x", "y"])
        axes.scatter(part["x"], part["y"], s=size, color=colours[part["section"] - 1], linewidths=0, rasterized=True)
        axes.set_title(title)
        axes.set(xticks=[], yticks=[], xlabel="t-SNE 1", ylabel="t-SNE 2")
        axes.set_box_aspect(1)
    handles = [
        Line2D([], [], marker="o", linestyle="", markersize=5, color=colours[place], label=str(place + 1))
        for place in range(count)
    ]
    people = (drawn["panel"] == "embedding").sum() // count
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=min(count, 10),
        title=f"Section of the cycle ({people} participants)",
        title_fontsize=7,
    )
    return figure


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--embeddings", required=True, type=Path, help="embeddings (parquet)")
    style.add_common(parser)
    args = parser.parse_args(arguments)
    style.apply()
    limit = args.settings.get("evaluation", {}).get("tsne_participants", 10000)
    drawn = collect(args.embeddings, limit, args.settings.get("seed", 0))
    style.save(draw(drawn), drawn, style.Files.of(vars(args)))


if __name__ == "__main__":
    cli.run(main)
