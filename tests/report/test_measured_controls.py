"""Controls cross-validated over a whole cohort, on features whose worth is known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from vita import names
from vita.report import measured_controls
from vita.report.measured_controls import cross_validated, mean_auc, mean_ratio, roles

PEOPLE = 200


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_everybody_is_predicted_once_and_chooses_penalties_once() -> None:
    found = roles(23)
    for role in ("test", "val"):
        assert (sum((each == role).astype(int) for each in found) == 1).all()
    assert {len(np.unique(each)) for each in found} == {3}


def test_ratio_is_0_for_the_truth_and_1_for_noise(rng: np.random.Generator) -> None:
    truth = rng.normal(100, 20, (PEOPLE, 2))
    assert mean_ratio(truth, truth) == pytest.approx(0, abs=1e-3)
    assert mean_ratio(rng.normal(size=(PEOPLE, 3)), truth) == pytest.approx(1, abs=0.05)


def test_ratio_leaves_out_unknown_numbers(rng: np.random.Generator) -> None:
    truth = rng.normal(100, 20, (PEOPLE, 1))
    known = truth.copy()
    known[::4] = np.nan
    assert mean_ratio(truth, known) == pytest.approx(0, abs=1e-3)


def test_nobody_is_judged_by_a_head_that_was_fitted_to_them(rng: np.random.Generator) -> None:
    """As many features as people: a head would know those it was fitted to by heart."""
    noise, truth = rng.normal(size=(60, 120)), rng.normal(size=(60, 1))
    assert mean_ratio(noise, truth) > 0.9
    disease = (rng.random((60, 1)) < 0.4).astype(float)
    assert mean_auc(noise, disease, truth) == pytest.approx(0.5, abs=0.2)


def test_auc_of_a_disease_that_acts_through_a_number(rng: np.random.Generator) -> None:
    number = rng.normal(size=(PEOPLE, 1))
    disease = (number > 0.8).astype(float)
    disease[:20] = np.nan
    assert mean_auc(number + rng.normal(0, 0.01, (PEOPLE, 1)), disease, number) > 0.98


def test_lines_read_the_run_s_tables(tmp_path: Path, rng: np.random.Generator) -> None:
    eids = np.arange(1, PEOPLE + 1)
    number = rng.normal(100, 20, PEOPLE)
    phenotypes = pd.DataFrame({"eid": eids, "LVEDV": number, "LVESV": number[::-1], "flags": ""})
    labels = pd.DataFrame({"eid": eids} | {t.removeprefix("disease_"): number > 110 for t in names.DISEASE_TASKS})
    labels["cad"] = labels["cad"].astype("boolean")
    labels.loc[3:9, "cad"] = pd.NA
    for folder in ("images", "cohort", "controls", "metrics/sa_phenotypes"):
        (tmp_path / folder).mkdir(parents=True)
    phenotypes.to_parquet(tmp_path / "images/phenotypes.parquet")
    labels.to_parquet(tmp_path / "cohort/labels.parquet")
    table = pd.DataFrame({"target": ["LVEDV", "LVESV"], "in_table": [1, 0]})
    table.to_csv(tmp_path / "metrics/sa_phenotypes/mean_guess.csv", index=False)
    for control in measured_controls.CONTROLS:
        feature = number if control == "brightness" else rng.normal(size=PEOPLE)
        rows = pd.DataFrame({"eid": eids, "feature_0": feature}).sample(frac=1, random_state=1)
        rows.to_parquet(tmp_path / f"controls/{control}.parquet")
    ratio, auc = cross_validated(tmp_path)
    assert "all 200 labelled participants" in ratio.name
    assert ratio.reached is None
    values = dict(part.rsplit(" ", 1) for part in ratio.value.split(", "))
    assert float(values["Brightness"]) < 0.01
    assert float(values["Demographics"]) > 0.9
    values = dict(part.rsplit(" ", 1) for part in auc.value.split(", "))
    assert float(values["Brightness"]) > 0.98
    assert float(values["Random encoder"]) < 0.7
