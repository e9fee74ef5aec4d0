"""The whole study of incident disease on people of the phantom's world: rows, gains, curves, and what is too small."""

import numpy as np
import pandas as pd
import pytest
from sksurv.metrics import concordance_index_censored

from extensions.test_hazards import cohort
from vita.extensions import survival
from vita.extensions.hazard_models import components, fit_both
from vita.extensions.outcomes import CENSORED
from vita.extensions.survival import CLINICAL, COLUMNS, FEW, UNFITTED, Cohort, Followed, rows_of, systems
from vita.phantom import hazards


@pytest.fixture(scope="module")
def world() -> Cohort:
    """2,500 people: the image shows the heart, the table age, smoking and pressure."""
    people, known = cohort(11, 2500)
    rng = np.random.default_rng(0)
    split = rng.choice(["train", "val", "test"], len(people), p=[0.6, 0.15, 0.25])
    scores = hazards.scores(people)
    heart = scores[["ejection", "atrium"]].to_numpy() @ rng.standard_normal((2, 40))
    sources = {
        "clinical": np.column_stack([people["age"], people["male"], people["systolic"]]),
        "probe_vita": heart + rng.standard_normal((len(people), 40)),
        "table": np.hstack([scores[["age", "smokes", "pressure"]], rng.standard_normal((len(people), 10))]),
    }
    train = split == "train"
    return Cohort(known, split, {name: components(values, train) for name, values in sources.items()})


@pytest.fixture(scope="module")
def made(world) -> tuple[pd.DataFrame, pd.DataFrame]:
    return rows_of(world, "heart_failure", systems(["probe_vita", "table"]), 200, 1)


def test_image_and_table_together_are_better_than_either(made) -> None:
    table = made[0].set_index("model")
    assert list(table.columns) == [name for name in COLUMNS if name != "model"]
    c = table["c_harrell"]
    assert c["image_table"] > max(c["probe_vita"], c["table"])
    assert table.loc["image_table", "gain_low"] > 0
    assert table.loc["image_table", "gain"] == pytest.approx(c["image_table"] - c["clinical"])
    assert np.isnan(table.loc["clinical", "gain"])


def test_intervals_hold_the_value_and_calibration_is_right(made) -> None:
    table = made[0]
    for name in ("c_harrell", "c_uno", "auc_2", "auc_5", "hr", "c_fine_gray"):
        assert (table[f"{name}_low"] < table[name]).all()
        assert (table[name] < table[f"{name}_high"]).all()
    assert table["calibration_5"].between(0.8, 1.25).all()
    assert table["calibration_fine_gray_5"].between(0.8, 1.25).all()
    both = table.set_index("model")["c_fine_gray"]
    assert both["image_table"] > max(both["probe_vita"], both["table"])
    assert (table["hr_low"] > 1).all()


def test_the_value_is_scikit_survivals_on_the_test_split(world, made) -> None:
    disease, _ = fit_both([world.blocks["table"]], world.known, world.split)
    test = world.test
    expected = concordance_index_censored(world.known.ill[test], world.known.years[test], disease.log_ratio[test])[0]
    assert made[0].set_index("model").loc["table", "c_harrell"] == pytest.approx(expected, abs=1e-9)


def test_curves_rise_with_the_predicted_risk(made) -> None:
    curves = made[1]
    assert (curves["n"] >= 10).all()
    assert (curves["events"] >= 10).all()
    assert (curves["at_risk"] >= 10).all()
    five = curves[curves["years"] == 5].set_index("group")
    assert five["incidence"].iloc[-1] > 3 * five["incidence"].iloc[0]
    assert five["predicted_5"].is_monotonic_increasing
    assert (five["low"] <= five["predicted_5"]).mean() >= 0.6
    assert (curves.groupby("group")["incidence"].diff().dropna() >= 0).all()


def test_few_events_are_one_row_without_numbers(world) -> None:
    rare = np.where(np.cumsum(world.known.ill & world.test) <= 9, world.known.event, CENSORED)
    table, curves = rows_of(
        Cohort(Followed(world.known.years, rare), world.split, world.blocks), "stroke", systems(["table"]), 100, 1
    )
    assert table["note"].tolist() == [FEW]
    assert table[["c_harrell", "hr"]].isna().all(axis=None)
    assert curves.empty


def test_no_events_in_training_or_a_constant_source_have_a_note(world) -> None:
    learnt = np.where(world.test, world.known.event, CENSORED)
    table, _ = rows_of(
        Cohort(Followed(world.known.years, learnt), world.split, world.blocks), "cad", systems(["table"]), 100, 1
    )
    assert set(table["note"]) == {UNFITTED}
    blocks = dict(world.blocks) | {"table": np.zeros((len(world.split), 0))}
    table, _ = rows_of(Cohort(world.known, world.split, blocks), "cad", systems(["table"]), 100, 1)
    assert table.set_index("model")["note"].to_dict() == {"clinical": "", "table": UNFITTED}


def test_groups_are_merged_until_each_has_ten_ill() -> None:
    groups = np.array_split(np.arange(100), 5)
    ill = np.zeros(100, bool)
    ill[:5] = ill[25:32] = ill[45:60] = ill[95:] = True  # 5, 7, 15, 0 and 5 in the fifths
    merged = survival._merged(groups, ill)
    assert [len(group) for group in merged] == [40, 60]
    assert np.concatenate(merged).tolist() == list(range(100))


def test_models_without_an_image_or_table() -> None:
    assert list(systems(["demographics", "table"])) == ["clinical", "demographics", "table"]
    assert systems(["brightness", "probe_vita", "table"])["image_table"] == ("probe_vita", "table")
    assert CLINICAL == ("age", "sex", "systolic_bp")
