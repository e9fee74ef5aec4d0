"""Errors of phenotypes by how much of the table is available: image and table together, and either alone.

    python -m vita.report.figures.phenotype_curves --metrics results/any_part/phenotypes.csv
        --svg results/figures/phenotype_curves.svg --png ... --csv ...

Means over the phenotypes of each task. Lines: random features, from none to all; bands: 95 % intervals. The last panel
of a row: what a clinic has.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vita import names
from vita.report.figures import style
from vita.report.figures.availability_curves import COLOURS
from vita.report.reading import read_numbers
from vita.runtime import cli

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

VALUES = ["ratio", "low", "high", "r2", "r2_low", "r2_high"]
COLUMNS = ["task", "target", "model", "kind", "part", "percent", "n", *VALUES]
TITLES = {"ratio": "Error / mean guess's", "r2": "R²"}
ENDS = {"ratio": ("low", "high"), "r2": ("r2_low", "r2_high")}
NOTHING_LEARNT = {"ratio": 1.0, "r2": 0.0}  # the mean guess's
_TICK_WIDTH = 10  # characters
_APART = 0.2  # systems in the panel of clinical parts, of the distance of two parts


def collect(path: Path) -> pd.DataFrame:
    """The errors of each task's mean, or of its only phenotype, by system and part of the table: COLUMNS.

    Raises:
        UserError: the file is missing or holds no such errors.
    """
    table = read_numbers(
        path, COLUMNS, "metrics", "measure_any_part_phenotypes", "it holds no error by part of the table"
    )
    table = table[COLUMNS].dropna(subset=["ratio"])
    last = table.groupby("task")["target"].transform("last")  # the mean comes after the phenotypes
    return table[table["target"] == last].reset_index(drop=True)


def draw(drawn: pd.DataFrame) -> Figure:
    """A row of panels per task: the ratio, R2, and the ratio with what a clinic has."""
    if drawn.empty:
        return style.note("too few with a phenotype in the training or the test split")
    tasks, models = list(dict.fromkeys(drawn["task"])), list(dict.fromkeys(drawn["model"]))
    colours = style.colours(models) | COLOURS
    size = (style.PAGE_INCHES, 2.0 * len(tasks) + 0.5)
    figure, grid = style.subplots(len(tasks), 3, figsize=size, squeeze=False)
    for row, task in zip(grid, tasks, strict=True):
        own = drawn[drawn["task"] == task]
        for axes, (value, ends) in zip(row, ENDS.items(), strict=False):
            for model in models:
                line = own[(own["model"] == model) & (own["kind"] == "random")].sort_values("percent")
                axes.plot(line["percent"], line[value], color=colours[model], label=names.model_title(model))
                low, high = (line[end] for end in ends)
                axes.fill_between(line["percent"], low, high, color=colours[model], alpha=0.13, linewidth=0)
            axes.axhline(NOTHING_LEARNT[value], color=style.GREY, linewidth=0.6, linestyle=(0, (3, 2)))
            axes.set(title=TITLES[value], xlim=(0, 100), xlabel="Features, % of the table")
            axes.set_xticks([0, 25, 50, 75, 100])
        _clinical(row[-1], own[own["kind"] == "clinical"], models, colours)
        row[-1].set_title("What a clinic has:\nerror / mean guess's")
        row[0].set_ylabel(names.task_title(task))
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(models))
    return figure


def _clinical(axes: Axes, own: pd.DataFrame, models: list[str], colours: dict[str, str]) -> None:
    """The ratio with the parts that a clinic has, added one after the other."""
    parts = list(dict.fromkeys(own["part"]))
    for number, model in enumerate(models):
        row = own[own["model"] == model].set_index("part").loc[parts]
        x = np.arange(len(parts)) + _APART * (number - (len(models) - 1) / 2)
        axes.vlines(x, row["low"], row["high"], color=colours[model], linewidth=0.8)
        axes.plot(x, row["ratio"], "o", markersize=3, color=colours[model])
    axes.axhline(NOTHING_LEARNT["ratio"], color=style.GREY, linewidth=0.6, linestyle=(0, (3, 2)))
    axes.set_xticks(range(len(parts)), [fill(part, _TICK_WIDTH) for part in parts], fontsize=5)
    axes.set_xlim(-0.5, max(len(parts), 1) - 0.5)


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--metrics", nargs=1, required=True, type=Path, help="phenotypes.csv")
    style.add_common(parser)
    args = parser.parse_args(arguments)
    style.apply()
    drawn = collect(args.metrics[0])
    style.save(draw(drawn), drawn, style.Files.of(vars(args)))


if __name__ == "__main__":
    cli.run(main)
