"""AUC of each disease by how much of the table is available: image and table together, and either alone.

    python -m vita.report.figures.availability_curves --metrics results/any_part/availability.csv
        --svg results/figures/availability_curves.svg --png ... --csv ...

Lines: random features, from none to all; bands: 95 % intervals. The last panel: what a clinic has, on average.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vita import names
from vita.report.figures import style
from vita.report.reading import read_numbers
from vita.runtime import cli

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = ["task", "title", "model", "kind", "part", "percent", "n", "auc", "low", "high"]
COLOURS = {"any_part": style.GREEN, "boosted_table": style.ORANGE}
CHANCE = 0.5
ACROSS = 4  # panels
_TICK_WIDTH = 10  # characters
_APART = 0.2  # systems in the panel of clinical parts, of the distance of two parts


def collect(path: Path) -> pd.DataFrame:
    """The AUCs of each disease, system and part of the table: COLUMNS.

    Raises:
        UserError: the file is missing or holds no such AUCs.
    """
    table = read_numbers(path, COLUMNS, "metrics", "measure_any_part", "it holds no AUC by part of the table")
    return table[COLUMNS].dropna(subset=["auc"]).reset_index(drop=True)


def draw(drawn: pd.DataFrame) -> Figure:
    """A panel for the mean over diseases and one for each, and one of clinical parts."""
    if drawn.empty:
        return style.note("too few of one kind in the training or the test split")
    tasks = list(dict.fromkeys(drawn["task"]))
    tasks = [task for task in tasks if task == "diseases"] + [task for task in tasks if task != "diseases"]
    models = list(dict.fromkeys(drawn["model"]))
    colours = style.colours(models) | COLOURS
    panels = len(tasks) + 1
    across = min(ACROSS, panels)
    rows = -(-panels // across)
    size = (style.PAGE_INCHES * across / ACROSS, 1.9 * rows + 0.5)
    figure, grid = style.subplots(rows, across, figsize=size, squeeze=False)
    for axes, task in zip(grid.flat, tasks, strict=False):
        own = drawn[(drawn["task"] == task) & (drawn["kind"] == "random")]
        for model in models:
            line = own[own["model"] == model].sort_values("percent")
            axes.plot(line["percent"], line["auc"], color=colours[model], label=names.model_title(model))
            axes.fill_between(line["percent"], line["low"], line["high"], color=colours[model], alpha=0.13, linewidth=0)
        axes.axhline(CHANCE, color=style.GREY, linewidth=0.6, linestyle=(0, (3, 2)))
        axes.set(title="Mean over diseases" if task == "diseases" else own["title"].iloc[0], xlim=(0, 100))
        axes.set_xticks([0, 25, 50, 75, 100])
        axes.locator_params(axis="y", nbins=5)
    _clinical(grid.flat[len(tasks)], drawn[(drawn["task"] == tasks[0]) & (drawn["kind"] == "clinical")], colours)
    for axes in grid.flat[panels:]:
        axes.set_axis_off()
    figure.supxlabel("Features that are there, % of the table", fontsize=8)
    figure.supylabel("AUC-ROC", fontsize=8)
    handles = grid[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=len(models) if across > 2 else 1)
    return figure


def _clinical(axes: Axes, own: pd.DataFrame, colours: dict[str, str]) -> None:
    """The parts that a clinic has, added one after the other."""
    parts, models = list(dict.fromkeys(own["part"])), list(dict.fromkeys(own["model"]))
    for number, model in enumerate(models):
        row = own[own["model"] == model].set_index("part").loc[parts]
        x = np.arange(len(parts)) + _APART * (number - (len(models) - 1) / 2)
        axes.vlines(x, row["low"], row["high"], color=colours[model], linewidth=0.8)
        axes.plot(x, row["auc"], "o", markersize=3, color=colours[model])
    axes.axhline(CHANCE, color=style.GREY, linewidth=0.6, linestyle=(0, (3, 2)))
    axes.set_xticks(range(len(parts)), [fill(part, _TICK_WIDTH) for part in parts], fontsize=5)
    axes.set(title="What a clinic has", xlim=(-0.5, max(len(parts), 1) - 0.5))
    axes.locator_params(axis="y", nbins=5)


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    style.draw_one(__doc__, arguments, ("metrics", "availability.csv"), collect, draw)


if __name__ == "__main__":
    cli.run(main)
