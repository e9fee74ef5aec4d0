"""Calibration: observed frequency of each disease against the predicted probability, on the test split.

    python -m vita.report.figures.calibration
        --predictions results/predictions/disease_cad/vita.parquet ...   (one per disease, one system)
        --targets workflow/resources/targets.tsv
        --svg results/figures/calibration.svg --png results/figures/calibration.png
        --csv results/figures/calibration.csv

Participants are sorted by probability and cut into bins of equal size; neighbours are merged until none reveals a
group of 1 to 9 people with the disease, or without it. Bars: Wilson's 95 % interval of the observed
frequency. Curve: logistic recalibration, whose
slope is 1 where predictions are calibrated. Dashed: perfect calibration. The Brier score is printed above each panel.
"""

from __future__ import annotations

import math
from itertools import combinations, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy  # its parts are imported where they are first used

from vita.evaluation.predictions import Pairs, pairs, read_predictions, read_targets
from vita.evaluation.small_counts import FEW_POSITIVES, is_small
from vita.evaluation.statistics import SMALLEST_PROBABILITY, logistic, vague
from vita.printing.numbers import number, percent
from vita.report.figures import style
from vita.runtime import cli
from vita.runtime.errors import UserError
from vita.runtime.privacy import SMALLEST_COUNT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BINS = 6
CURVE = ("n", "predicted", "observed", "low", "high")
FIT = ("slope", "intercept", "lowest", "highest", "hardly_vary")
SHOWN_PERCENTILES = (2, 98)  # of the predictions, over which the fitted curve is drawn
COLUMNS = 3
PANEL_INCHES = 1.75


def curve(found: Pairs) -> pd.DataFrame:
    """`n`, `predicted` (mean probability), `observed` (frequency), `low`, `high` of each bin, in order.

    Bins of equal size, of which neighbours are merged until no bin has 1 to 9 people with the disease or without
    it; no bin at all where even a single one would, and a single one where predictions hardly vary.
    """
    rows = []
    for part in _bins(found, 1 if fit(found)["hardly_vary"] else BINS):
        positives, n = int(found.truth[part].sum()), part.size
        interval = scipy.stats.binomtest(positives, n).proportion_ci(method="wilson")
        row = {"n": n, "predicted": found.prediction[part].mean(), "observed": positives / n}
        rows.append(row | {"low": interval.low, "high": interval.high})
    return pd.DataFrame(rows, columns=list(CURVE))


def fit(found: Pairs) -> dict[str, float]:
    """The truth's log odds as a straight line in the predicted ones, and the predictions that it is drawn over.

    There is no line, and it is not a number, where predictions separate the two kinds or `hardly_vary` (1, else 0).
    """
    odds = scipy.special.logit(np.clip(found.prediction, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY))
    design = np.column_stack([odds, np.ones(odds.size)])
    (slope, intercept), (error, _) = logistic(found.truth.astype(bool), design, np.zeros(odds.size))
    both_kinds = 0 < found.truth.sum() < odds.size
    hardly_vary = both_kinds and (np.ptp(odds) == 0 or vague(error))
    if hardly_vary:
        slope = intercept = np.nan
    lowest, highest = np.percentile(found.prediction, SHOWN_PERCENTILES)
    return dict(zip(FIT, map(float, (slope, intercept, lowest, highest, hardly_vary)), strict=True))


def _bins(found: Pairs, most: int) -> list[np.ndarray]:
    """Places in `found` of each bin's participants, of at most so many bins."""
    parts = np.array_split(np.argsort(found.prediction, kind="stable"), BINS)
    for count in range(most, 0, -1):  # as many bins as may be shown, and of those the most equal
        cuts = [(0, *inner, BINS) for inner in combinations(range(1, BINS), count - 1)]
        for ends in sorted(cuts, key=lambda ends: max(np.diff(ends))):
            bins = [np.concatenate(parts[first:last]) for first, last in pairwise(ends)]
            if all(_may_be_shown(found.truth[each]) for each in bins):
                return bins
    return []


def _may_be_shown(truth: np.ndarray) -> bool:
    """Whether neither those with the disease nor those without it are few."""
    positives = int(truth.sum())
    return not is_small(pd.Series([truth.size, positives, truth.size - positives])).any()


def collect(predictions: list[Path], targets: pd.DataFrame) -> pd.DataFrame:
    """`target`, `title`, `brier` and the columns of `curve` and `fit`, in the targets' order.

    A target of the predictions that too few have known is one row without numbers, and one that few have, or few have
    not, a row with the Brier score alone.
    """
    found = pd.concat([read_predictions(path) for path in predictions], ignore_index=True)
    parts = []
    for _, target in targets[targets["kind"] == "binary"].iterrows():
        if target["target"] not in set(found["target"]):
            continue
        known = pairs(found, target["target"])
        names = {"target": target["target"], "title": target["title"]}
        if known.truth.size < SMALLEST_COUNT:
            parts.append(pd.DataFrame([names]))
            continue
        names |= {"brier": float(np.mean((known.truth - known.prediction) ** 2))}
        shown = curve(known)
        parts.append(shown.assign(**names, **fit(known)) if len(shown) else pd.DataFrame([names]))
    if not parts:
        raise UserError("these predictions hold no binary target: name those of the diseases")
    first = ["target", "title", "brier"]
    return pd.concat(parts, ignore_index=True).reindex(columns=[*first, *CURVE, *FIT])


def draw(drawn: pd.DataFrame, colour: str) -> Figure:
    """A panel per target."""
    targets = list(dict.fromkeys(drawn["target"]))
    columns = min(COLUMNS, len(targets))
    rows = math.ceil(len(targets) / columns)
    size = (PANEL_INCHES * columns + 0.3, (PANEL_INCHES + 0.1) * rows + 0.25)
    figure, grid = style.subplots(rows, columns, figsize=size, squeeze=False)
    for axes, target in zip(grid.flat, targets, strict=False):
        _panel(axes, drawn[drawn["target"] == target], colour)
    for axes in grid.flat[len(targets) :]:
        axes.set_axis_off()
    figure.supxlabel("Mean predicted probability", fontsize=8)
    figure.supylabel("Observed frequency", fontsize=8)
    return figure


def _panel(axes: Axes, part: pd.DataFrame, colour: str) -> None:
    if part["n"].isna().all():
        few = style.FEW if part["brier"].isna().all() else FEW_POSITIVES
        style.unknown(axes, part["title"].iloc[0], few)
        return
    if len(part) == 1:
        _single(axes, part.iloc[0])
        return
    top = max(float(part[["predicted", "high", "highest"]].max(axis=None)) * 1.05, 0.1)
    axes.plot([0, top], [0, top], color=style.GREY, linewidth=0.8, linestyle=(0, (3, 2)))
    spread = np.abs(part[["low", "high"]].to_numpy() - part[["observed"]].to_numpy()).T
    x, y = part["predicted"], part["observed"]
    axes.errorbar(x, y, yerr=spread, color=colour, linestyle="none", marker="o", markersize=3, elinewidth=0.7)
    slope, intercept, lowest, highest = part[list(FIT[:4])].iloc[0]
    p = np.linspace(lowest, highest, 50)
    axes.plot(p, scipy.special.expit(slope * scipy.special.logit(p) + intercept), color=colour, linewidth=1)
    title, brier = part["title"].iloc[0], part["brier"].iloc[0]
    axes.set_title(f"{title}\nBrier {brier:.3f}, slope {number(slope, 2)}, n = {part['n'].sum():.0f}", fontsize=7)
    axes.set(xlim=(0, top), ylim=(0, top))
    axes.set_box_aspect(1)
    axes.locator_params(nbins=4)


def _single(axes: Axes, row: pd.Series) -> None:
    """Words instead of one dot: where bins would hold few people, all of them together are one bin."""
    lines = [
        f"observed {percent(row['observed'])}",
        f"predicted {percent(row['predicted'])}",
        f"slope {number(row['slope'], 2)}, n = {row['n']:.0f}",
        "predictions hardly vary" if row["hardly_vary"] else "too few cases for a curve",
    ]
    axes.set_title(f"{row['title']}\nBrier {row['brier']:.3f}", fontsize=7)
    axes.text(0.5, 0.5, "\n".join(lines), ha="center", va="center", color=style.GREY, transform=axes.transAxes)
    axes.set_axis_off()


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--predictions", nargs="+", required=True, type=Path, help="one system's predictions")
    parser.add_argument("--targets", required=True, type=Path, help="targets.tsv")
    style.add_common(parser)
    args = parser.parse_args(arguments)
    style.apply()
    drawn = collect(args.predictions, read_targets(args.targets))
    style.save(draw(drawn, style.colour(args.predictions[0].stem)), drawn, style.Files.of(vars(args)))


if __name__ == "__main__":
    cli.run(main)
