"""Figure 7: Dice and Hausdorff distance of each system and structure over the test participants.

    python -m vita.report.figures.fig7_segmentation
        --participants results/metrics/segmentation/vita_participants.parquet ...   (one per system)
        --svg results/figures/fig7_segmentation.svg --png results/figures/fig7_segmentation.png
        --csv results/figures/fig7_segmentation.csv

A box spans the quartiles with a line at the median, whiskers reach the 5th and 95th percentile, a dot is the mean. A
cross marks a structure whose planes a system does not see, or for which too few people have a value.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from vita import names
from vita.printing.numbers import sizes
from vita.report.figures import style
from vita.runtime import cli
from vita.runtime.errors import UserError
from vita.runtime.privacy import SMALLEST_COUNT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

METRICS = {
    "dice": "Dice\n(higher is better)",
    "hd_mm": "Hausdorff distance, mm\n(lower is better)",
    "hd95_mm": "Its 95th percentile, mm\n(lower is better)",
}
GROUP_WIDTH = 0.8  # of the distance between two structures


def collect(paths: list[Path]) -> pd.DataFrame:
    """Values over all planes and frames: `model`, `target`, `metric`, `value`, without participants' ids.

    Raises:
        UserError: a file is missing.
    """
    for path in paths:
        if not path.is_file():
            raise UserError(f"no file {path}: run the rule that measures this system's segmentation")
    rows = pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)
    rows = rows[(rows["view"] == "all") & (rows["phase"] == "all")]
    drawn = rows.melt(id_vars=["model", "target"], value_vars=list(METRICS), var_name="metric").dropna()
    drawn = drawn[drawn.groupby(["model", "target", "metric"])["value"].transform("size") >= SMALLEST_COUNT]
    return drawn.sort_values(["metric", "target", "model", "value"]).reset_index(drop=True)


def draw(drawn: pd.DataFrame) -> Figure:
    """A row per metric, boxes grouped by structure."""
    from matplotlib.patches import Patch  # start-up: see style

    models = names.ordered(set(drawn["model"]))
    if not models:
        return style.note(f"no structure was measured in {SMALLEST_COUNT} participants")
    colours = style.colours(models)
    figure, grid = style.subplots(len(METRICS), 1, figsize=(style.PAGE_INCHES * 0.75, 5.6), sharex=True)
    for axes, (metric, label) in zip(grid, METRICS.items(), strict=True):
        _panel(axes, drawn[drawn["metric"] == metric], colours)
        axes.set_ylabel(label)
    grid[0].set_ylim(top=1.0)
    for axes in grid[1:]:
        axes.set_ylim(bottom=0)
    grid[-1].set_xticks(range(len(names.STRUCTURE_NAMES)), list(names.STRUCTURE_NAMES.values()), fontsize=7)
    people = drawn[drawn["metric"] == "dice"].groupby(["model", "target"]).size()
    grid[-1].set_xlabel(f"Structure ({sizes(people)} participants)")
    handles = [Patch(color=colours[model], label=names.title(model), alpha=0.75) for model in models]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(models))
    return figure


def _panel(axes: Axes, part: pd.DataFrame, colours: dict[str, str]) -> None:
    width = GROUP_WIDTH / len(colours)
    for number, (model, colour) in enumerate(colours.items()):
        shift = (number - (len(colours) - 1) / 2) * width
        values = [
            part.loc[(part["model"] == model) & (part["target"] == structure), "value"].to_numpy()
            for structure in names.STRUCTURE_NAMES.values()
        ]
        boxes = axes.boxplot(
            values,
            positions=[place + shift for place in range(len(values))],
            widths=width * 0.8,
            whis=(5, 95),
            showfliers=False,
            showmeans=True,
            patch_artist=True,
            manage_ticks=False,
            medianprops={"color": "black", "linewidth": 1},
            meanprops={"marker": "o", "markersize": 2.5, "markerfacecolor": "white", "markeredgecolor": "black"},
            whiskerprops={"linewidth": 0.7},
            capprops={"linewidth": 0.7},
        )
        for box in boxes["boxes"]:
            box.set(facecolor=colour, alpha=0.75, linewidth=0.7)
        lacking = [place + shift for place, each in enumerate(values) if not each.size]
        across = axes.get_xaxis_transform()
        if lacking:
            axes.plot(lacking, [0.04] * len(lacking), "x", color=colour, markersize=3.5, transform=across)
    axes.grid(axis="y", color="#E5E5E5", linewidth=0.5)
    axes.set_axisbelow(True)


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--participants", nargs="+", required=True, type=Path, help="per-participant parquets")
    style.add_common(parser)
    args = parser.parse_args(arguments)
    style.apply()
    drawn = collect(args.participants)
    style.save(draw(drawn), drawn, style.Files.of(vars(args)))


if __name__ == "__main__":
    cli.run(main)
