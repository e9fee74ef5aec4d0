"""Learning curves: training and validation loss of every trained model, a panel per stage or task.

    python -m vita.report.figures.learning_curves
        --histories results/models/stage1/vita/history.csv results/models/sa_phenotypes/vit/history.csv ...
        --svg results/figures/learning_curves.svg --png results/figures/learning_curves.png
        --csv results/figures/learning_curves.csv

Stage or task and model are the two folders that a history lies in; Stages I and II of a single view have the name and
the colour of the system with that view. Solid: validation, dashed: training; a dot marks
the epoch with the lowest validation loss.
"""

from __future__ import annotations

import math
from pathlib import Path
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

COLUMNS = 4
LOSSES = ("train_loss", "val_loss")
FEWEST_EPOCHS = 5  # of which the first may be cut off
FIRST_EPOCH_ROOM = 1.0  # of the later epochs' range; what lies further above is cut off
WIDE_RANGE = 15  # losses that span more than this are drawn on a logarithmic axis


def collect(paths: list[Path]) -> pd.DataFrame:
    """`task`, `model`, `epoch`, `train_loss`, `val_loss` of all histories.

    Raises:
        UserError: a history or one of its columns is missing.
    """
    parts = []
    for path in paths:
        history = read_numbers(path, ("epoch", *LOSSES), "history", "that trains this model")
        part = history[["epoch", *LOSSES]].groupby("epoch", as_index=False).last()
        parts.append(part.assign(task=path.parent.parent.name, model=path.parent.name))
    return pd.concat(parts, ignore_index=True)[["task", "model", "epoch", *LOSSES]]


def draw(drawn: pd.DataFrame) -> Figure:
    """A panel per stage or task, stages first."""
    from matplotlib.lines import Line2D  # start-up: see style

    drawn = drawn.assign(system=drawn["model"].map(_system))
    tasks, models = names.ordered_tasks(set(drawn["task"])), names.ordered(set(drawn["system"]))
    colours = style.colours(models)
    columns = min(COLUMNS, len(tasks))
    rows = math.ceil(len(tasks) / columns)
    size = (1.85 * columns + 0.3, 1.55 * rows + 0.6)
    figure, grid = style.subplots(rows, columns, figsize=size, squeeze=False)
    for axes, task in zip(grid.flat, tasks, strict=False):
        _panel(axes, drawn[drawn["task"] == task], colours)
        axes.set_title(names.task_title(task))
    for axes in grid.flat[len(tasks) :]:
        axes.set_axis_off()
    handles = [Line2D([], [], color=colours[model], label=names.title(model)) for model in models]
    handles += [
        Line2D([], [], color=style.GREY, label="validation"),
        Line2D([], [], color=style.GREY, linestyle="--", linewidth=0.8, label="training"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), 1 + columns))
    figure.supxlabel("Epoch", fontsize=8)
    figure.supylabel("Loss", fontsize=8)
    return figure


def _system(model: str) -> str:
    """Whose entry of the legend a model has: not one entry per target."""
    name = model.partition("-")[0]
    return names.STARTS.get(name, name)


def _panel(axes: Axes, part: pd.DataFrame, colours: dict[str, str]) -> None:
    from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator, NullFormatter  # start-up: see style

    for model in names.ordered(set(part["model"])):
        rows, colour = part[part["model"] == model], colours[_system(model)]
        axes.plot(rows["epoch"], rows["train_loss"], color=colour, linestyle="--", linewidth=0.8)
        axes.plot(rows["epoch"], rows["val_loss"], color=colour)
        if rows["val_loss"].notna().any():
            best = rows.loc[rows["val_loss"].idxmin()]
            axes.plot(best["epoch"], best["val_loss"], "o", color=colour, markersize=3)
    losses = part[list(LOSSES)].to_numpy(float)
    positive = losses[losses > 0]
    if positive.size and positive.size == (losses == losses).sum() and positive.max() > WIDE_RANGE * positive.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        _without_first_epoch(axes, part)
    if len(set(part["epoch"])) == 1:
        axes.set_xlim(part["epoch"].iloc[0] - 1, part["epoch"].iloc[0] + 1)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))


def _without_first_epoch(axes: Axes, part: pd.DataFrame) -> None:
    """Let the axis end above the later epochs where the first one would flatten them; a note says so."""
    first = part["epoch"] == part["epoch"].min()
    losses = part[list(LOSSES)].to_numpy(float)
    later, lowest = losses[~first], np.nanmin(losses, initial=np.inf)
    if part["epoch"].nunique() < FEWEST_EPOCHS or not np.isfinite(later).any():
        return
    low, high = np.nanmin(later), np.nanmax(later)
    if np.nanmax(losses[first], initial=-np.inf) > high + FIRST_EPOCH_ROOM * (high - low):
        axes.set_ylim(lowest - 0.05 * (high - lowest), high + 0.1 * (high - lowest))
        axes.text(0.98, 0.97, "epoch 1 lies above", transform=axes.transAxes, ha="right", va="top", fontsize=5.5)


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--histories", nargs="+", required=True, type=Path, help="history.csv of each model")
    style.add_common(parser)
    args = parser.parse_args(arguments)
    style.apply()
    drawn = collect(args.histories)
    style.save(draw(drawn), drawn, style.Files.of(vars(args)))


if __name__ == "__main__":
    cli.run(main)
