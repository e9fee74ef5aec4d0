"""Calibration in the large of the main system's binary targets, for the README's table of measured values."""

from pathlib import Path

import pandas as pd

from vita import names
from vita.evaluation.classification import ENOUGH, OFF, is_off
from vita.printing.numbers import with_interval
from vita.report.measured_line import Line, read

TASKS = (*names.DISEASE_TASKS, "binary_features")


def ratios(results: Path) -> pd.DataFrame:
    """Rows of the metrics of binary targets with at least `ENOUGH` positives; see `vita.evaluation.classification`."""
    table = pd.concat([read(results / f"metrics/{task}/{names.MAIN_SYSTEM}.csv") for task in TASKS])
    return table[table["positives"] >= ENOUGH]


def mean_predictions(results: Path) -> list[Line]:
    """How many mean predictions lie within `OFF` of the prevalence, and the others with their intervals.

    The aim of the second line is that all of these intervals hold 1: with fewer than about 140 positives, even right
    probabilities are off by more than 15 % in some test splits.
    """
    found = ratios(results)
    off = found[is_off(found["calibration_ratio"])]
    value, low, high = (off[f"calibration_ratio{end}"] for end in ("", "_low", "_high"))
    phrases = [f"{each[0]} {with_interval(*each[1:], 2)}" for each in zip(off["title"], value, low, high, strict=True)]
    about = f"mean prediction over prevalence, {names.title(names.MAIN_SYSTEM)}, at least {ENOUGH} positives"
    within = f"{len(found) - len(off)} of {len(found)}"
    return [
        Line(f"{about}: within {100 * OFF:g} %", within, "all", off.empty),
        Line(
            "the others (95 % interval)",
            ", ".join(phrases) or "none",
            "1 in the interval",
            bool((high >= 1).all() and (low <= 1).all()),
        ),
    ]
