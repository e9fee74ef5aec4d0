"""The README's lines about calibration, with numbers by hand."""

from pathlib import Path

import pandas as pd

from vita.report import measured_calibration
from vita.report.measured_line import Line


def _metrics(results: Path, task: str, rows: list[tuple[str, int, float, float, float]]) -> None:
    names = ["title", "positives", "calibration_ratio", "calibration_ratio_low", "calibration_ratio_high"]
    path = results / f"metrics/{task}/vita.csv"
    path.parent.mkdir(parents=True)
    pd.DataFrame(rows, columns=names).to_csv(path, index=False)


def _lines(results: Path, cad: tuple[str, int, float, float, float]) -> list[Line]:
    for task in measured_calibration.TASKS[1:]:
        _metrics(results, task, [(task, 20, 1.1, 0.7, 1.5), ("rare", 19, 2.0, 1.5, 3.0)])
    _metrics(results, measured_calibration.TASKS[0], [cad])
    return measured_calibration.mean_predictions(results)


def test_ratios_that_are_off_are_named_with_their_intervals(tmp_path: Path) -> None:
    within, others = _lines(tmp_path, ("CAD", 31, 1.43, 1.16, 1.9))
    assert (within.value, within.aim, within.reached) == ("6 of 7", "all", False)
    assert (others.value, others.reached) == ("CAD 1.43 (1.16–1.90)", False)


def test_a_ratio_that_is_off_by_chance_is_no_fault(tmp_path: Path) -> None:
    within, others = _lines(tmp_path, ("CAD", 31, 0.8, 0.6, 1.02))
    assert (within.reached, others.value, others.reached) == (False, "CAD 0.80 (0.60–1.02)", True)


def test_ratios_within_the_margin_are_not_listed(tmp_path: Path) -> None:
    within, others = _lines(tmp_path, ("CAD", 31, 1.14, 1.02, 1.9))
    assert (within.value, within.reached, others.value) == ("7 of 7", True, "none")
