"""Figures 5 and 6: reference against prediction from images on the test split, a panel per target of some tasks.

    python -m vita.report.figures.target_scatter --tasks sa_phenotypes la_phenotypes --columns 6
        --predictions results/predictions/sa_phenotypes/vita.parquet results/predictions/la_phenotypes/vita.parquet
        --targets workflow/resources/targets.tsv
        --svg results/figures/fig5_phenotype_scatter.svg --png results/figures/fig5_phenotype_scatter.png
        --csv results/figures/fig5_phenotype_scatter.csv

Dashed: equality. Orange: least-squares line. R2 is the squared correlation.
"""

from __future__ import annotations

import math
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vita.evaluation.predictions import pairs, read_predictions, read_targets
from vita.evaluation.regression import r2_correlation
from vita.printing.numbers import DASH, sizes
from vita.report.figures import style
from vita.runtime import cli
from vita.runtime.privacy import SMALLEST_COUNT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL_INCHES = 1.4
LONG_TITLE_INCHES = 0.4  # added to a panel whose title needs lines
FLAT = 0.05  # spread of predictions, of the truth's, below which they hardly differ between people
TITLE_WIDTH = 24  # characters of a line of a panel's title


def collect(predictions: list[Path], targets_path: Path, tasks: list[str]) -> pd.DataFrame:
    """Truth and prediction of the test split for every target that the tables print.

    Returns:
        `target`, `title`, `unit`, `truth`, `prediction`, in the targets' order, without participants' ids. A target
        that too few have is one row without numbers.
    """
    found = pd.concat([read_predictions(path) for path in predictions], ignore_index=True)
    parts = []
    for task in tasks:
        for _, target in read_targets(targets_path, task).iterrows():
            known = pairs(found, target["target"])
            if int(target["in_table"]) == 1:
                part = pd.DataFrame({"truth": known.truth, "prediction": known.prediction})
                if len(part) < SMALLEST_COUNT:
                    part = pd.DataFrame({"truth": [np.nan], "prediction": [np.nan]})
                part.insert(0, "unit", target["unit"])
                part.insert(0, "title", target["title"])
                part.insert(0, "target", target["target"])
                parts.append(part.sort_values("truth", kind="stable"))
    return pd.concat(parts, ignore_index=True)


def draw(drawn: pd.DataFrame, colour: str, columns: int) -> Figure:
    """A grid of panels, `columns` wide."""
    targets = list(dict.fromkeys(drawn["target"]))
    columns = min(columns, len(targets))
    rows = math.ceil(len(targets) / columns)
    panel = PANEL_INCHES + LONG_TITLE_INCHES * (drawn["title"].str.len().max() > TITLE_WIDTH)
    size = (panel * columns, panel * rows + 0.25)
    figure, grid = style.subplots(rows, columns, figsize=size, squeeze=False)
    for axes, target in zip(grid.flat, targets, strict=False):
        _panel(axes, drawn[drawn["target"] == target], colour)
    for axes in grid.flat[len(targets) :]:
        axes.set_axis_off()
    number = sizes(drawn.dropna().groupby("target").size()) or f"n = {DASH}"
    figure.supxlabel(f"Reference ({number})", fontsize=8)
    figure.supylabel("Prediction from images", fontsize=8)
    return figure


def _panel(axes: Axes, part: pd.DataFrame, colour: str) -> None:
    title = fill(style.labelled(part["title"].iloc[0], part["unit"].iloc[0]), TITLE_WIDTH, break_long_words=False)
    truth, prediction = part["truth"].to_numpy(), part["prediction"].to_numpy()
    if np.isnan(truth).all():
        style.unknown(axes, title, style.FEW)
        return
    low, high = min(truth.min(), prediction.min()), max(truth.max(), prediction.max())
    margin = 0.05 * (high - low) or 1.0
    limits = (low - margin, high + margin)
    axes.plot(limits, limits, color=style.GREY, linewidth=0.8, linestyle=(0, (3, 2)), zorder=1)
    axes.scatter(truth, prediction, s=4, color=colour, alpha=0.5, linewidths=0, rasterized=True, zorder=2)
    if np.ptp(truth) > 0:
        slope, intercept = np.polyfit(truth, prediction, 1)
        ends = np.array([truth.min(), truth.max()])
        axes.plot(ends, slope * ends + intercept, color=style.VERMILION, zorder=3)
    r2 = r2_correlation(truth, prediction, np.ones((1, truth.size)))[0]
    text = f"R² = {r2:.2f}" if np.isfinite(r2) else "R² undefined"
    if prediction.std() < FLAT * truth.std():
        text += ", flat"
    axes.text(0.05, 0.97, text, transform=axes.transAxes, va="top", fontsize=6.5, zorder=4)
    axes.set_title(title, linespacing=1.05)
    axes.set(xlim=limits, ylim=limits, aspect="equal")
    axes.locator_params(nbins=4)


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--predictions", nargs="+", required=True, type=Path, help="one system's predictions")
    parser.add_argument("--tasks", nargs="+", required=True, help="tasks of targets.tsv, in the order of the panels")
    parser.add_argument("--columns", type=int, default=6, help="panels side by side")
    parser.add_argument("--targets", required=True, type=Path, help="targets.tsv")
    style.add_common(parser)
    args = parser.parse_args(arguments)
    style.apply()
    drawn = collect(args.predictions, args.targets, args.tasks)
    style.save(
        draw(drawn, style.colour(args.predictions[0].stem), args.columns),
        drawn,
        style.Files.of(vars(args)),
    )


if __name__ == "__main__":
    cli.run(main)
