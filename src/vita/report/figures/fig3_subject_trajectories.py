"""Figure 3: paths of several test participants through the cardiac cycle, on a t-SNE map of all sections.

    python -m vita.report.figures.fig3_subject_trajectories
        --embeddings results/embeddings/vita.parquet
        --people 6
        --settings '{"seed": 2025, "evaluation": {"tsne_participants": 10000}}'
        --svg results/figures/fig3_subject_trajectories.svg --png results/figures/fig3_subject_trajectories.png
        --csv results/figures/fig3_subject_trajectories.csv

Left: the map of all test participants' sections with the chosen ones in colour. Right: one of them magnified, its
sections numbered and joined to a ring. Those shown are spread evenly over the map's first axis.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vita.report.figures import embedding_map, style
from vita.runtime import cli

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (style.BLUE, style.VERMILION, style.GREEN, style.PURPLE, style.ORANGE, style.SKY, style.BLACK)
BACKGROUND = "#D5D5D5"
TOGETHER = 0.1  # of half the width: sections closer than this share a label


def collect(embeddings: Path, people: int, limit: int, seed: int) -> pd.DataFrame:
    """`person` (1, 2, ... for those shown, 0 for the others), `section`, `x`, `y`, without participants' ids."""
    sections, vectors = embedding_map.read_sections(embeddings, "test")
    per_person = max(1, len(sections) // sections["eid"].nunique())
    shown = sections["eid"].isin(embedding_map.choose(sections["eid"].unique(), limit // per_person, seed))
    sections, vectors = sections[shown].reset_index(drop=True), vectors[shown.to_numpy()]
    x, y = embedding_map.embed(vectors, seed).T
    table = sections.assign(x=x, y=y, section=sections["section"] + 1)
    along = table.groupby("eid")["x"].mean().sort_values(kind="stable")
    places = np.linspace(0, len(along) - 1, min(people, len(along)) + 2).round().astype(int)[1:-1]
    chosen = {eid: number + 1 for number, eid in enumerate(along.index[np.unique(places)])}
    table["person"] = table["eid"].map(chosen).fillna(0).astype(int)
    return table[["person", "section", "x", "y"]].sort_values(["person", "section", "x"]).reset_index(drop=True)


def draw(drawn: pd.DataFrame) -> Figure:
    """The map, and one participant magnified."""
    figure, (left, right) = style.subplots(1, 2, figsize=(style.PAGE_INCHES, 3.5))
    others = drawn[drawn["person"] == 0]
    for axes in (left, right):
        axes.scatter(others["x"], others["y"], s=3, color=BACKGROUND, linewidths=0, rasterized=True)
        axes.set(xticks=[], yticks=[], xlabel="t-SNE 1", ylabel="t-SNE 2")
        axes.set_box_aspect(1)
    people = sorted(set(drawn["person"]) - {0})
    for number in people:
        _ring(left, drawn[drawn["person"] == number], COLOURS[(number - 1) % len(COLOURS)])
    left.set_title("Sections of all test participants, some connected to rings")
    widest = max(people, key=lambda number: np.ptp(drawn.loc[drawn["person"] == number, ["x", "y"]], axis=0).max())
    _magnified(right, drawn[drawn["person"] == widest], COLOURS[(widest - 1) % len(COLOURS)])
    return figure


def _ring(axes: Axes, part: pd.DataFrame, colour: str) -> None:
    """A participant's sections in order, the last joined to the first."""
    closed = pd.concat([part, part.iloc[:1]])
    axes.plot(closed["x"], closed["y"], color=colour, linewidth=1)
    axes.scatter(part["x"], part["y"], s=10, color=colour, linewidths=0, zorder=3)


def _magnified(axes: Axes, part: pd.DataFrame, colour: str) -> None:
    _ring(axes, part, colour)
    centre = part[["x", "y"]].to_numpy().mean(axis=0)
    half = max(float(np.ptp(part[["x", "y"]].to_numpy(), axis=0).max()), 1e-3) * 0.75
    for place, name in _labels(part, TOGETHER * half):
        away = place - centre
        offset = 7 * away / (np.linalg.norm(away) or 1)
        axes.annotate(
            name,
            (float(place[0]), float(place[1])),
            xytext=tuple(offset),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=7,
        )
    axes.set(xlim=(centre[0] - half, centre[0] + half), ylim=(centre[1] - half, centre[1] + half))
    axes.set_title("One participant magnified, sections numbered")


def _labels(part: pd.DataFrame, near: float) -> list[tuple[np.ndarray, str]]:
    """Where each section's number goes; sections closer than `near` to an earlier one share its label."""
    found: list[tuple[np.ndarray, str]] = []
    for _, row in part.iterrows():
        place, name = row[["x", "y"]].to_numpy(float), str(int(row["section"]))
        close = [number for number, (other, _) in enumerate(found) if np.linalg.norm(other - place) < near]
        if close:
            other, names = found[close[0]]
            found[close[0]] = (other, f"{names}, {name}")
        else:
            found.append((place, name))
    return found


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--embeddings", required=True, type=Path, help="embeddings (parquet)")
    parser.add_argument("--people", type=int, default=6, help="participants shown in colour")
    style.add_common(parser)
    args = parser.parse_args(arguments)
    style.apply()
    limit = args.settings.get("evaluation", {}).get("tsne_participants", 10000)
    drawn = collect(args.embeddings, args.people, limit, args.settings.get("seed", 0))
    style.save(draw(drawn), drawn, style.Files.of(vars(args)))


if __name__ == "__main__":
    cli.run(main)
