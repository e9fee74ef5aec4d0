"""Bland-Altman plots: phenotypes measured on a system's masks against those measured on the reference masks.

    python -m vita.report.figures.bland_altman
        --participants results/metrics/mask_phenotypes/vita_participants.parquet
        --targets workflow/resources/targets.tsv
        --svg results/figures/bland_altman.svg --png results/figures/bland_altman.png
        --csv results/figures/bland_altman.csv

Line: mean difference. Dashed: mean difference +- 1.96 SD, the limits of agreement.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from vita import names
from vita.evaluation.predictions import read_targets
from vita.evaluation.statistics import AGREEMENT_LIMIT
from vita.printing.numbers import sizes
from vita.report.figures import style
from vita.runtime import cli
from vita.runtime.errors import UserError
from vita.runtime.privacy import SMALLEST_COUNT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 6
PANEL_INCHES = (1.4, 1.35)


def collect(path: Path, targets: pd.DataFrame) -> pd.DataFrame:
    """`model`, `target`, `title`, `unit`, `mean`, `difference`, in the targets' order, without participants' ids.

    Raises:
        UserError: the file is missing.
    """
    if not path.is_file():
        raise UserError(f"no file {path}: run the rule that measures phenotypes on predicted masks")
    found = pd.read_parquet(path).merge(targets[["target", "title", "unit"]], on="target")
    found = found[found.groupby("target")["target"].transform("size") >= SMALLEST_COUNT]
    found["mean"] = (found["reference"] + found["predicted"]) / 2
    found["difference"] = found["predicted"] - found["reference"]
    order = {name: place for place, name in enumerate(targets["target"])}
    found["place"] = found["target"].map(order)
    drawn = found.sort_values(["place", "mean", "difference"])
    return drawn[["model", "target", "title", "unit", "mean", "difference"]].reset_index(drop=True)


def draw(drawn: pd.DataFrame) -> Figure:
    """A grid of panels, one per phenotype that enough participants have."""
    targets = list(dict.fromkeys(drawn["target"]))
    if not targets:
        return style.note(f"no phenotype is known from both masks for {SMALLEST_COUNT} participants")
    columns = min(COLUMNS, len(targets))
    rows = math.ceil(len(targets) / columns)
    size = (PANEL_INCHES[0] * columns + 0.3, PANEL_INCHES[1] * rows + 0.25)
    figure, grid = style.subplots(rows, columns, figsize=size, squeeze=False)
    for axes, target in zip(grid.flat, targets, strict=False):
        _panel(axes, drawn[drawn["target"] == target])
    for axes in grid.flat[len(targets) :]:
        axes.set_axis_off()
    number = sizes(drawn.groupby("target").size())
    figure.supxlabel(f"Mean of predicted and reference masks ({number})", fontsize=8)
    figure.supylabel("Predicted minus reference", fontsize=8)
    return figure


def _panel(axes: Axes, part: pd.DataFrame) -> None:
    bias, sd = part["difference"].mean(), part["difference"].std(ddof=1)
    colour = style.colour(part["model"].iloc[0])
    axes.axhline(0, color=style.GREY, linewidth=0.5)
    axes.scatter(part["mean"], part["difference"], s=4, color=colour, alpha=0.5, linewidths=0, rasterized=True)
    axes.axhline(bias, color=style.VERMILION, linewidth=1)
    for limit in (bias - AGREEMENT_LIMIT * sd, bias + AGREEMENT_LIMIT * sd):
        axes.axhline(limit, color=style.VERMILION, linewidth=0.8, linestyle=(0, (3, 2)))
    axes.set_title(style.labelled(part["title"].iloc[0], part["unit"].iloc[0]))
    axes.margins(y=0.15)
    axes.locator_params(nbins=4)


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--participants", required=True, type=Path, help="phenotypes from both masks (parquet)")
    parser.add_argument("--targets", required=True, type=Path, help="targets.tsv")
    style.add_common(parser)
    args = parser.parse_args(arguments)
    style.apply()
    targets = pd.concat([read_targets(args.targets, task) for task in names.PHENOTYPE_TASKS], ignore_index=True)
    drawn = collect(args.participants, targets)
    style.save(draw(drawn), drawn, style.Files.of(vars(args)))


if __name__ == "__main__":
    cli.run(main)
