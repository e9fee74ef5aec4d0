"""Figure 4: t-SNE of the embeddings after Stage II, a panel per cardiac phenotype.

    python -m vita.report.figures.fig4_phenotype_tsne
        --embeddings results/embeddings/vita.parquet
        --phenotypes results/images/phenotypes.parquet
        --targets workflow/resources/targets.tsv
        --settings '{"seed": 2025, "evaluation": {"tsne_participants": 10000}}'
        --svg results/figures/fig4_phenotype_tsne.svg --png results/figures/fig4_phenotype_tsne.png
        --csv results/figures/fig4_phenotype_tsne.csv

All splits, since nothing is predicted here; a participant's vector is the mean over the temporal sections. Beyond
`tsne_participants` a random choice is shown. Colours run from the 2nd to the 98th percentile of each phenotype; the
position has no unit. Below the panels, and in the CSV's columns SHARES, are shares of the variance of these vectors
themselves: in their first two principal components, and explained by all phenotypes together.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vita import names
from vita.config.blocks import needed
from vita.evaluation.predictions import read_targets
from vita.printing.numbers import number, percent
from vita.report.figures import embedding_map, style
from vita.runtime import cli

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 6
COLOUR_PERCENTILES = (2, 98)
NEIGHBOURS = 10
SHARES = ("first_two_components", "phenotypes_explain")  # columns of the CSV with one value


def collect(embeddings: Path, phenotypes: Path, targets: pd.DataFrame, limit: int, seed: int) -> pd.DataFrame:
    """Positions and phenotypes of the participants shown: `x`, `y`, a column per phenotype, sorted by position."""
    everybody, vectors = embedding_map.participants(*embedding_map.read_sections(embeddings))
    eid = embedding_map.choose(everybody, limit, seed)
    shown = vectors[np.searchsorted(everybody, eid)]
    position = embedding_map.embed(shown, seed)
    values = pd.read_parquet(phenotypes).set_index("eid").reindex(eid)[list(targets["target"])]
    drawn = values.reset_index(drop=True)
    drawn.insert(0, "y", position[:, 1])
    drawn.insert(0, "x", position[:, 0])
    explained = embedding_map.explained_by(shown, values.to_numpy(float), seed)
    drawn[list(SHARES)] = embedding_map.first_two_components(shown), explained
    return drawn.sort_values(["x", "y"]).reset_index(drop=True)


def draw(drawn: pd.DataFrame, targets: pd.DataFrame) -> Figure:
    """A grid of panels, one per phenotype with a known value."""
    shown = [row for _, row in targets.iterrows() if drawn[row["target"]].notna().any()]
    if not shown:
        return style.note("no phenotype is known for any embedded participant")
    columns = min(COLUMNS, len(shown))
    rows = math.ceil(len(shown) / columns)
    size = (style.PAGE_INCHES / COLUMNS * columns, 1.35 * rows + 0.3)
    figure, grid = style.subplots(rows, columns, figsize=size, squeeze=False)
    for axes, row in zip(grid.flat, shown, strict=False):
        _panel(figure, axes, drawn, row)
    for axes in grid.flat[len(shown) :]:
        axes.set_axis_off()
    figure.supxlabel(f"t-SNE 1 ({len(drawn)} participants)\n{_words(drawn)}", fontsize=8)
    figure.supylabel("t-SNE 2", fontsize=8)
    return figure


def _words(drawn: pd.DataFrame) -> str:
    """The shares of variance."""
    first, explained = (drawn[name].iloc[0] for name in SHARES)
    text = f"variance of the embeddings: first two components {percent(first)}"
    return text + (f", explained by phenotypes {percent(explained)}" if np.isfinite(explained) else "")


def neighbour_r2(position: np.ndarray, values: np.ndarray) -> float:
    """How much of the variance of `values` (n,) the mean of the nearest others on the map (n, 2) explains.

    1 minus the squared errors over the variance: at most 0 if the place on the map is uninformative. NaN where values
    are as many as neighbours, or constant.
    """
    from sklearn.neighbors import NearestNeighbors  # start-up

    if len(values) <= NEIGHBOURS or np.ptp(values) == 0:
        return float("nan")
    places = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(position).kneighbors(return_distance=False)
    errors = values - values[places].mean(axis=1)
    return float(1 - np.mean(errors**2) / np.var(values))


def _panel(figure: Figure, axes: Axes, drawn: pd.DataFrame, target: pd.Series) -> None:
    from matplotlib.ticker import MaxNLocator  # start-up: see style

    values = drawn[target["target"]].to_numpy(float)
    known = np.isfinite(values)
    low, high = np.percentile(values[known], COLOUR_PERCENTILES)
    size = float(np.clip(3000 / len(drawn), 0.5, 8))
    x, y = drawn[["x", "y"]].to_numpy().T
    axes.scatter(x[~known], y[~known], s=size, color="#DDDDDD", linewidths=0, rasterized=True)
    points = axes.scatter(
        x[known],
        y[known],
        s=size,
        c=values[known],
        cmap="viridis",
        vmin=low,
        vmax=high,
        linewidths=0,
        rasterized=True,
    )
    bar = figure.colorbar(points, ax=axes, fraction=0.05, pad=0.03, extend="both")
    bar.ax.tick_params(labelsize=5.5, length=2)
    bar.locator = MaxNLocator(3)
    bar.update_ticks()
    bar.outline.set_linewidth(0.4)
    explained = number(neighbour_r2(np.column_stack([x, y])[known], values[known]), 2)
    axes.set_title(f"{style.labelled(target['title'], target['unit'])}\nR² = {explained}", linespacing=1.1)
    axes.set(xticks=[], yticks=[])
    axes.set_box_aspect(1)


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--embeddings", required=True, type=Path, help="embeddings (parquet)")
    parser.add_argument("--phenotypes", required=True, type=Path, help="phenotypes (parquet)")
    parser.add_argument("--targets", required=True, type=Path, help="targets.tsv")
    style.add_common(parser)
    args = parser.parse_args(arguments)
    style.apply()
    targets = pd.concat([read_targets(args.targets, task) for task in names.PHENOTYPE_TASKS], ignore_index=True)
    limit = needed(args.settings, "evaluation.tsne_participants")
    drawn = collect(args.embeddings, args.phenotypes, targets, limit, needed(args.settings, "seed"))
    style.save(draw(drawn, targets), drawn, style.Files.of(vars(args)))


if __name__ == "__main__":
    cli.run(main)
