"""Coverage and width of conformal intervals and sets by subgroup.

    python -m vita.report.figures.conformal_coverage --coverage results/conformal/coverage.csv
        --svg results/figures/conformal_coverage.svg --png ... --csv ...

Above, the share of true values within, which is to be 90 %: a dot is the mean over a system's targets, a line reaches
from the lowest to the highest of them. Below, how wide intervals and sets are; 1 says nothing.
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

LEVEL = 0.9
COLUMNS = ("model", "group", "level", "n", "coverage", "ratio")
MEASURES = {"coverage": "True values within", "ratio": "Width over the\nrange of true values"}
GROUP_WIDTH = 0.7  # of the distance between two subgroups


def collect(path: Path) -> pd.DataFrame:
    """Over the targets of each system and subgroup: `n` (fewest people), `targets`, mean, lowest and highest.

    Raises:
        UserError: the file is missing or holds no coverage.
    """
    table = read_numbers(path, COLUMNS, "coverage", "measure_conformal", "it holds no coverage")
    known = table.dropna(subset=["coverage"])
    grouped = known.groupby(["model", "group", "level"], sort=False)
    found = grouped["n"].agg(n="min", targets="size")
    for name in MEASURES:
        found[[name, f"{name}_low", f"{name}_high"]] = grouped[name].agg(["mean", "min", "max"])
    order = {level: place for place, level in enumerate(dict.fromkeys(table["level"]))}
    return found.reset_index().sort_values("level", key=lambda levels: levels.map(order), kind="stable")


def draw(drawn: pd.DataFrame) -> Figure:
    """Both measures, subgroups side by side."""
    from matplotlib.ticker import PercentFormatter  # start-up: see style

    if drawn.empty:
        return style.note("the test split is too small to be divided")
    levels, models = list(dict.fromkeys(drawn["level"])), names.ordered(drawn["model"])
    colours = style.colours(models)
    figure, grid = style.subplots(len(MEASURES), 1, figsize=(style.PAGE_INCHES * 0.85, 4.2), sharex=True)
    for axes, (measure, label) in zip(grid, MEASURES.items(), strict=True):
        for number, model in enumerate(models):
            own = drawn[drawn["model"] == model]
            x = own["level"].map(levels.index) + GROUP_WIDTH * ((number + 0.5) / len(models) - 0.5)
            axes.vlines(x, own[f"{measure}_low"], own[f"{measure}_high"], color=colours[model], linewidth=0.8)
            axes.plot(x, own[measure], "o", markersize=3, color=colours[model], label=names.title(model))
        axes.set_ylabel(label)
    grid[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    grid[0].axhline(LEVEL, color=style.GREY, linewidth=0.7, linestyle=(0, (3, 2)))
    grid[-1].axhline(1, color=style.GREY, linewidth=0.7, linestyle=(0, (3, 2)))
    grid[-1].set_xticks(range(len(levels)), [level[:1].upper() + level[1:] for level in levels])
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside upper center", ncols=min(len(models), 6))
    return figure


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    style.draw_one(__doc__, arguments, ("coverage", "coverage.csv"), collect, draw)


if __name__ == "__main__":
    cli.run(main)
