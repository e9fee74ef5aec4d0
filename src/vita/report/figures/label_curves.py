"""Tables 1 and 4 by the part of the labels that a control, a frozen probe or a system learns from.

    python -m vita.report.figures.label_curves --metrics results/label_efficiency/metrics.csv
        --svg results/figures/label_curves.svg --png ... --csv ...

Lines: means of the draws; bars, side by side, reach from the lowest to the highest. ViT, MAE and ViTa are trained once
for each part.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from vita import names
from vita.report.figures import style
from vita.report.reading import read_numbers
from vita.runtime import cli

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = ["task", "metric", "model", "percent", "n", "draws", "value", "low", "high"]
LABELS = {"mae": "Average MAE, each in its unit\n(lower is better)", "auc": "Mean AUC-ROC\n(higher is better)"}
CHANCE = 0.5
APART = 1.035  # of the percentages of two systems, so that bars do not hide each other


def collect(path: Path) -> pd.DataFrame:
    """The averages of each task, control and percentage: COLUMNS.

    Raises:
        UserError: the file is missing or holds no such averages.
    """
    needed = ("target", *COLUMNS)
    table = read_numbers(path, needed, "metrics", "measure_label_efficiency", "it holds no label efficiency")
    return table.loc[table["target"] == "Average", COLUMNS].dropna(subset=["value"]).reset_index(drop=True)


def draw(drawn: pd.DataFrame) -> Figure:
    """A panel per task."""
    tasks = list(dict.fromkeys(drawn["task"]))
    if not tasks:
        return style.note("too few labels, or too few of one kind on the test split")
    figure, grid = style.subplots(1, len(tasks), figsize=(min(2.9 * len(tasks), style.PAGE_INCHES), 2.6), squeeze=False)
    models = names.ordered(drawn["model"])
    colours = style.colours(models)
    for axes, task in zip(grid.flat, tasks, strict=True):
        part = drawn[drawn["task"] == task]
        if part["metric"].iloc[0] == "auc":
            axes.axhline(CHANCE, color=style.GREY, linewidth=0.7, linestyle=(0, (3, 2)))
        for number, model in enumerate(models):
            line = part[part["model"] == model].sort_values("percent")
            x, own = line["percent"] * APART ** (number - (len(models) - 1) / 2), colours[model]
            axes.vlines(x, line["low"], line["high"], color=own, linewidth=0.8)
            axes.plot(x, line["value"], "o-", markersize=3, color=own, label=names.title(model))
        axes.set_xscale("log")
        axes.set_xticks(percents := sorted(part["percent"].unique()), [f"{each:g}" for each in percents])
        axes.minorticks_off()
        axes.locator_params(axis="y", nbins=6)
        axes.set_ylabel(LABELS[part["metric"].iloc[0]])
        axes.set_title(names.task_title(task) if task in names.TASK_TITLES else "Diseases")
    figure.supxlabel("Labels, % of the training split", fontsize=8)
    figure.legend(
        *grid[0, 0].get_legend_handles_labels(),
        loc="outside upper center",
        ncols=min(len(models), 2 if grid.shape[1] == 1 else 5),
    )
    return figure


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    style.draw_one(__doc__, arguments, ("metrics", "metrics.csv"), collect, draw)


if __name__ == "__main__":
    cli.run(main)
