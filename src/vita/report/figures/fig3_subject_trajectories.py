"""Figure 3: paths of several test participants through the cardiac cycle, on a t-SNE map of all sections.

    python -m vita.report.figures.fig3_subject_trajectories
        --embeddings results/embeddings/vita.parquet
        --people 6
        --settings '{"seed": 2025, "evaluation": {"tsne_participants": 10000}}'
        --svg results/figures/fig3_subject_trajectories.svg --png results/figures/fig3_subject_trajectories.png
        --csv results/figures/fig3_subject_trajectories.csv

Left: the map of all test participants' sections with the chosen ones in colour and numbered. Right: each of them
magnified, its sections numbered and joined to a ring. Those shown are spread evenly over the map's first axis. Of every
participant the CSV has, measured on the embeddings themselves, `closing` and `winds_once` as `embedding_map` defines
them, `winds_by_chance`, the share of random orders of the participant's sections that wind once around, and `winds_p`,
the p value of all participants' share against such orders.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from vita.config.blocks import needed
from vita.printing.numbers import about, p_value, percent
from vita.report.figures import embedding_map, style
from vita.runtime import cli

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (style.BLUE, style.VERMILION, style.GREEN, style.PURPLE, style.ORANGE, style.SKY, style.BLACK)
BACKGROUND = "#D5D5D5"
NUMBERS = ["closing", "winds_once", "winds_by_chance", "winds_p"]
COLUMNS = 3  # of magnified paths
MARGIN = 0.75  # of a path's extent, from its middle to the edge of its panel
TOGETHER = 0.15  # of half the width: sections closer than this share a label


def collect(embeddings: Path, people: int, limit: int, seed: int) -> pd.DataFrame:
    """`person` (1, 2, ... for those shown, 0 for the others), `section`, `x`, `y`, `closing`, `winds_once`, ...

    Without participants' ids.
    """
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
    paths = [vectors[rows] for rows in table.groupby("eid").indices.values()]  # in the order of the rows
    chance, p = embedding_map.winds_by_chance(paths, seed)
    for path, share, rows in zip(paths, chance, table.groupby("eid").indices.values(), strict=True):
        table.loc[rows, NUMBERS] = [embedding_map.closing(path), embedding_map.winds_once(path), share, p]
    kept = table[["person", "section", "x", "y", *NUMBERS]]
    return kept.sort_values(["person", "section", "x"]).reset_index(drop=True)


def draw(drawn: pd.DataFrame) -> Figure:
    """The map, and the chosen participants magnified."""
    import matplotlib.pyplot as plt  # start-up: see style

    figure = plt.figure(figsize=(style.PAGE_INCHES, 3.6))
    parts: Any = figure.subfigures(1, 2, width_ratios=(1, 1.1))
    left, right = parts
    whole = left.subplots()
    _map(whole, drawn)
    people = sorted(set(drawn["person"]) - {0})
    columns = min(COLUMNS, len(people))
    grid = right.subplots(-(-len(people) // columns), columns, squeeze=False)
    for axes in grid.flat[len(people) :]:
        axes.set_axis_off()
    extent = float(np.ptp(drawn[["x", "y"]].to_numpy(), axis=0).max())
    for axes, number in zip(grid.flat, people, strict=False):
        _magnified(axes, drawn[drawn["person"] == number], number, extent)
    right.suptitle("Each magnified, sections numbered", fontsize=7.5)
    right.supxlabel(_words(drawn), fontsize=6)
    return figure


def _words(drawn: pd.DataFrame) -> str:
    """The numbers of all participants, whose rows are equally many, or why there are none."""
    if drawn["closing"].isna().all():
        return "Too few sections for a path around the cycle (at least three are needed)"
    winds, chance = (percent(drawn[name].mean()) for name in ("winds_once", "winds_by_chance"))
    return (
        f"From the last section to the first: {drawn['closing'].median():.1f} median steps\n"
        f"Paths that wind once around: {winds} (random orders: {chance}, p {_p(drawn['winds_p'].iloc[0])})"
    )


def _p(value: float) -> str:
    text = p_value(value)
    return text if text.startswith("<") else f"= {text}"


def _map(axes: Axes, drawn: pd.DataFrame) -> None:
    """All sections, the chosen participants' in colour with their numbers."""
    others = drawn[drawn["person"] == 0]
    axes.scatter(others["x"], others["y"], s=3, color=BACKGROUND, linewidths=0, rasterized=True)
    axes.set(xticks=[], yticks=[], xlabel="t-SNE 1", ylabel="t-SNE 2")
    axes.set_box_aspect(1)
    axes.set_title("Sections of all test participants")
    for number, part in drawn[drawn["person"] > 0].groupby("person"):
        colour = _colour(int(number))
        axes.scatter(part["x"], part["y"], s=8, color=colour, linewidths=0, zorder=3)
        axes.annotate(
            str(number),
            (part["x"].mean(), part["y"].mean()),
            xytext=(7, 5),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            fontweight="bold",
            color=colour,
        )


def _colour(number: int) -> str:
    return COLOURS[(number - 1) % len(COLOURS)]


def _magnified(axes: Axes, part: pd.DataFrame, number: int, extent: float) -> None:
    """One participant's sections, joined in order, the last to the first (dashed); `extent` is the whole map's."""
    colour, points = _colour(number), part[["x", "y"]].to_numpy(float)
    axes.plot(*points.T, color=colour, linewidth=1)
    axes.plot(*points[[-1, 0]].T, color=colour, linewidth=1, linestyle=(0, (2, 2)))
    axes.scatter(points[:, 0], points[:, 1], s=10, color=colour, linewidths=0, zorder=3)
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    half = max(float(np.ptp(points, axis=0).max()), 1e-3) * MARGIN
    for place, name in _labels(part, TOGETHER * half):
        away = place - points.mean(axis=0)
        offset = 6 * away / (np.linalg.norm(away) or 1)
        axes.annotate(
            name,
            (float(place[0]), float(place[1])),
            xytext=tuple(offset),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=6,
        )
    axes.set(xlim=(middle[0] - half, middle[0] + half), ylim=(middle[1] - half, middle[1] + half), xticks=[], yticks=[])
    axes.set_box_aspect(1)
    axes.set_title(f"{number} (× {about(extent / (2 * half))})", color=colour)


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
    limit = needed(args.settings, "evaluation.tsne_participants")
    drawn = collect(args.embeddings, args.people, limit, needed(args.settings, "seed"))
    style.save(draw(drawn), drawn, style.Files.of(vars(args)))


if __name__ == "__main__":
    cli.run(main)
