"""Figure 2: t-SNE of the embeddings of all temporal sections of the test participants, coloured by section.

    python -m vita.report.figures.fig2_temporal_sections
        --embeddings results/embeddings/vita.parquet
        --settings '{"seed": 2025, "evaluation": {"tsne_participants": 10000}}'
        --svg results/figures/fig2_temporal_sections.svg --png results/figures/fig2_temporal_sections.png
        --csv results/figures/fig2_temporal_sections.csv

Left: the sections as they are, where participants lie apart. Right: each participant's mean over the cycle taken
away, which leaves the heart's motion; the means of the sections are numbered and joined. The colours form a circle, as
the first section follows the last. At most so many participants as keep the points within `tsne_participants`. The
CSV's `alike` says of each section whether its nearest neighbour among the embeddings themselves is of the same
participant (left), or, of all sections of others, the same section (right).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vita.config.blocks import needed
from vita.printing.numbers import percent
from vita.report.figures import embedding_map, style
from vita.runtime import cli

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DARKER = 0.8  # the circle of colours passes near white, which would not print
PANELS = {"embedding": "Embeddings", "motion": "Embeddings minus each participant's mean"}
ALIKE = {
    "embedding": "nearest neighbour is the same person",
    "motion": "nearest of others in the same section",
}


def collect(embeddings: Path, limit: int, seed: int) -> pd.DataFrame:
    """`panel`, `x`, `y`, `section`, `alike` of every section drawn, without participants' ids."""
    sections, vectors = embedding_map.read_sections(embeddings, "test")
    per_person = max(1, len(sections) // sections["eid"].nunique())
    shown = sections["eid"].isin(embedding_map.choose(sections["eid"].unique(), limit // per_person, seed))
    sections, vectors = sections[shown].reset_index(drop=True), vectors[shown.to_numpy()]
    eid, means = embedding_map.participants(sections, vectors)
    motion = vectors - means[np.searchsorted(eid, sections["eid"])]
    person, section = sections["eid"].to_numpy(), sections["section"].to_numpy()
    alike = {
        "embedding": embedding_map.same_as_nearest(vectors, person),
        "motion": embedding_map.same_as_nearest(motion, section, others=person),
    }
    parts = []
    for panel, values in {"embedding": vectors, "motion": motion}.items():
        x, y = embedding_map.embed(values, seed).T
        part = pd.DataFrame({"panel": panel, "x": x, "y": y, "section": section + 1})
        part["alike"] = alike[panel].astype(int)
        parts.append(part.sort_values(["section", "x", "y"]))
    return pd.concat(parts, ignore_index=True)


def draw(drawn: pd.DataFrame) -> Figure:
    """Two panels and the circle of colours."""
    from matplotlib.lines import Line2D  # start-up: see style

    count = int(drawn["section"].max())
    figure, grid = style.subplots(1, 2, figsize=(style.PAGE_INCHES, 3.9))
    colours = style.colormap("twilight")(np.arange(count) / count)
    colours[:, :3] *= DARKER
    for axes, (panel, title) in zip(grid, PANELS.items(), strict=True):
        part = drawn[drawn["panel"] == panel]
        size = float(np.clip(4000 / len(part), 0.5, 8))
        # Drawn in the order of position, so that no section hides the others.
        part = part.sort_values(["x", "y"])
        axes.scatter(part["x"], part["y"], s=size, color=colours[part["section"] - 1], linewidths=0, rasterized=True)
        if panel == "motion":
            _means(axes, part, colours)
        words = f"{ALIKE[panel]}: {percent(part['alike'].mean())}"
        axes.set_title(f"{title}\n{words}" + (f" (chance {percent(1 / count)})" if panel == "motion" else ""))
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


def _means(axes: Axes, part: pd.DataFrame, colours: np.ndarray) -> None:
    """Each section's mean place, numbered, joined in the order of the cycle, the last to the first."""
    means = part.groupby("section")[["x", "y"]].mean()
    closed = pd.concat([means, means.iloc[:1]])
    axes.plot(closed["x"], closed["y"], color="white", linewidth=2.5, zorder=3)
    axes.plot(closed["x"], closed["y"], color="black", linewidth=0.8, zorder=4)
    for section, place in means.iterrows():
        own = colours[int(section) - 1]
        axes.scatter(place["x"], place["y"], s=70, color=own, edgecolors="white", linewidths=0.8, zorder=5)
        words = "white" if own[:3].mean() < 0.5 else "black"
        axes.annotate(str(section), tuple(place), ha="center", va="center", fontsize=6, color=words, zorder=6)


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--embeddings", required=True, type=Path, help="embeddings (parquet)")
    style.add_common(parser)
    args = parser.parse_args(arguments)
    style.apply()
    limit = needed(args.settings, "evaluation.tsne_participants")
    drawn = collect(args.embeddings, limit, needed(args.settings, "seed"))
    style.save(draw(drawn), drawn, style.Files.of(vars(args)))


if __name__ == "__main__":
    cli.run(main)
