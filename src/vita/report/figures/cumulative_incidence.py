"""Observed incidence of each disease after the scan by group of predicted risk.

    python -m vita.report.figures.cumulative_incidence --curves results/survival/incidence_by_risk.csv
        --svg results/figures/cumulative_incidence.svg --png ... --csv ...

Lines: cumulative incidence with death competing (Aalen-Johansen); bands: 95 % intervals (bootstrap). Groups are fifths
of the predicted 5-year risk, neighbours merged until each has at least ten with the disease.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vita.report.figures import style
from vita.report.reading import read_numbers
from vita.runtime import cli

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 3
PANEL_INCHES = 2.2
LEGEND_LINE = 0.075  # of a panel's height
FINE = 0.1  # axes that end below have a decimal of per cent
COLUMN_NAMES = ("outcome", "title", "group", "groups", "n", "predicted_5", "years", "incidence", "low", "high")


def read(path: Path) -> pd.DataFrame:
    """The curves.

    Raises:
        UserError: the file is missing or holds no curves.
    """
    return read_numbers(path, COLUMN_NAMES, "curves", "measure_survival", "it holds no curves of incidence")


def draw(drawn: pd.DataFrame) -> Figure:
    """A panel per disease."""
    outcomes = list(dict.fromkeys(drawn["outcome"]))
    if not outcomes:
        return style.note("too few participants of the test split fell ill after the scan")
    columns = min(COLUMNS, len(outcomes))
    rows = math.ceil(len(outcomes) / columns)
    size = (max(PANEL_INCHES * columns, 3.0), (PANEL_INCHES - 0.2) * rows + 0.3)
    figure, grid = style.subplots(rows, columns, figsize=size, squeeze=False)
    for axes, outcome in zip(grid.flat, outcomes, strict=False):
        _panel(axes, drawn[drawn["outcome"] == outcome])
    for axes in grid.flat[len(outcomes) :]:
        axes.set_axis_off()
    figure.supxlabel("Years after the scan", fontsize=8)
    figure.supylabel("Cumulative incidence", fontsize=8)
    return figure


def _panel(axes: Axes, part: pd.DataFrame) -> None:
    from matplotlib import colormaps  # start-up: see style
    from matplotlib.ticker import PercentFormatter

    groups = int(part["groups"].iloc[0])
    for group, line in part.groupby("group", sort=True):
        shade = colormaps["viridis"](0.85 * (1 - (group - 1) / max(groups - 1, 1)))
        label = f"{100 * line['predicted_5'].iloc[0]:.0f} %"
        axes.plot(line["years"], line["incidence"], color=shade, drawstyle="steps-post", label=label)
        axes.fill_between(line["years"], line["low"], line["high"], color=shade, alpha=0.15, linewidth=0, step="post")
    axes.set_title(part["title"].iloc[0])
    axes.legend(title="Predicted, 5 years", title_fontsize=6, loc="upper left", borderaxespad=0.2, labelspacing=0.3)
    free = 1 - LEGEND_LINE * (groups + 1.5)  # of the height, below the legend
    axes.set(xlim=(0, None), ylim=(0, max(0.05, float(np.nanmax(part["high"])) / free)))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0 if axes.get_ylim()[1] > FINE else 1, symbol=" %"))
    axes.locator_params(axis="y", nbins=6)


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    style.draw_one(__doc__, arguments, ("curves", "incidence by group of risk"), read, draw)


if __name__ == "__main__":
    cli.run(main)
