"""Ratios, gaps and AUC of the README's results, with numbers by hand."""

from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from vita import names
from vita.report import measured_learning
from vita.report.measured_line import Line

TRUTH = {("LVEDV", 1): 100.0, ("LVEDV", 2): 120.0, ("LVEDV", 3): 140.0, ("LVM", 1): 80.0, ("LVM", 2): 90.0}


def _predictions(path: Path, errors: dict[int, float], scale: float = 1.0) -> None:
    """Each participant's error is the same for all targets, but for LVM, of which participant 3 has no truth."""
    rows = [
        (eid, "test", target, truth, truth + scale * errors[eid] * (0.5 if target == "LVM" else 1))
        for (target, eid), truth in TRUTH.items()
    ]
    rows += [(9, "val", "LVEDV", 100.0, 900.0), (3, "test", "LVM", float("nan"), 50.0), (1, "test", "LVESV", 1.0, 77.0)]
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=["eid", "split", "target", "truth", "prediction"]).to_parquet(path)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    task = measured_learning.TASK
    # errors of the mean guess: LVEDV 20, 10, 30 (mean 20), LVM 10, 5 (mean 7.5)
    _predictions(tmp_path / f"predictions/{task}/mean_guess.parquet", {1: 20, 2: -10, 3: 30})
    table = pd.DataFrame({"target": ["LVEDV", "LVM", "LVESV"], "in_table": [1, 1, 0], "r2_explained": [0.5, 0.4, 0.3]})
    path = tmp_path / f"metrics/{task}/mean_guess.csv"
    path.parent.mkdir(parents=True)
    table.to_csv(path, index=False)
    return tmp_path


def test_ratio_is_the_error_over_the_mean_guess_s_mean_error_of_each_target_in_the_table(results: Path) -> None:
    _predictions(results / f"predictions/{measured_learning.TASK}/vita.parquet", {1: 10, 2: -4, 3: 6})
    found = measured_learning.system_ratios(results, ["vita", "mae"])
    assert list(found) == ["vita"]
    # participant 1: mean of 10 / 20 and 5 / 7.5; 2: 4 / 20 and 2 / 7.5; 3: 6 / 20 alone
    expected = [(0.5 + 5 / 7.5) / 2, (0.2 + 2 / 7.5) / 2, 0.3]
    assert found["vita"].to_numpy().ravel() == pytest.approx(expected)


def test_errors_of_several_seeds_are_averaged_for_each_participant(results: Path) -> None:
    task = measured_learning.TASK
    _predictions(results / f"predictions/{task}/vita.parquet", {1: 10, 2: -4, 3: 6})
    for seed, scale in (("7", 3.0), ("8", 100.0)):
        _predictions(results / f"seeds/{seed}/predictions/{task}/vita.parquet", {1: 10, 2: -4, 3: 6}, scale)
    whole = results / f"seeds/7/metrics/{task}/vita.csv"  # seed 8 is not whole yet
    whole.parent.mkdir(parents=True)
    whole.write_text("target,r2_explained\nLVEF,0.7\n")
    (results / f"metrics/{task}/vita.csv").write_text("target,r2_explained\nLVEF,0.5\n")
    (results / "seeds/metrics").mkdir()
    found = measured_learning.system_ratios(results, ["vita"])["vita"]
    assert found.shape == (3, 2)
    assert found.mean(axis=1).to_numpy() == pytest.approx(2 * found.iloc[:, 0].to_numpy())
    (line,) = measured_learning.ejection_fraction(results)
    assert line == Line("R² of LVEF, ViTa", "0.600 ± 0.141", "at least 0.5", True)


def test_gap_is_that_of_participants_whom_both_systems_have() -> None:
    first = pd.DataFrame({"a": [0.2, 0.3, 0.4, 9.0]}, index=[1, 2, 3, 4])
    second = pd.DataFrame({"a": [0.4, 0.5, 0.6], "b": [0.6, 0.7, 0.8]}, index=[1, 2, 3])
    difference, low, high, p = measured_learning.gap(first, second)
    assert (difference, low, high) == pytest.approx((-0.3, -0.3, -0.3))
    assert p == pytest.approx(0.25)  # three of three differences have one sign: 2 / 2 ** 3


def _diseases(results: Path, system: str, score: list[float]) -> None:
    for task in names.DISEASE_TASKS:
        path = results / f"metrics/{task}/{system}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame({"auc": [roc_auc_score([0, 0, 1, 1], score)]}).to_csv(path, index=False)


def test_mean_auc_is_that_of_the_test_split_and_main_system_must_be_above_all(results: Path) -> None:
    _diseases(results, "vita", [0.1, 0.2, 0.3, 0.4])  # all four pairs in order
    _diseases(results, "brightness", [0.1, 0.35, 0.3, 0.4])  # three of four
    _diseases(results, "demographics", [0.4, 0.3, 0.2, 0.1])
    _diseases(results, "random_encoder", [0.2, 0.2, 0.2, 0.2])
    lines = {line.name: line for line in measured_learning.mean_aucs(results)}
    assert lines["the same, Brightness"] == Line("the same, Brightness", "0.750", "at most 0.58", False)
    assert lines["the same, Demographics"].reached
    assert lines["the same, Random encoder"].value == "0.500"
    assert lines["the same, ViTa"].value == "1.000"
    assert lines["the same, ViTa"].reached
    _diseases(results, "vita", [0.1, 0.35, 0.3, 0.4])
    assert not measured_learning.mean_aucs(results)[-1].reached  # equal to brightness
