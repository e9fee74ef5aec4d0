"""Leakage between the table of Stage II and the targets of Stage III is named, and the switch removes it."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr
from scipy.stats.contingency import association

from cohort import world
from vita.cohort.features import load_features
from vita.runtime.errors import UserError
from vita.tabular import overlap
from vita.tabular.dependence import cramers_v, dependences, training_values


def run(folder: Path, exclude: list | dict = ()) -> pl.DataFrame:
    output = folder / "overlap.csv"
    given = ["--features", str(world.FEATURES), "--targets", str(world.TARGETS), "--output", str(output)]
    overlap.main([*given, "--settings", json.dumps({"tabular": {"exclude": exclude or []}})])
    return pl.read_csv(output)


def test_every_kind_of_overlap_is_named(tmp_path):
    rows = set(run(tmp_path).rows())
    assert ("sa_phenotypes", "LVEDV", "LVEDV", "same feature") in rows
    assert ("disease_high_blood_pressure", "high_blood_pressure", "high_bp_diagnosed", "same field") in rows
    assert ("disease_cad", "cad", "angina_diagnosed", "same disease") in rows
    assert ("binary_features", "insulin", "blood_pressure_medication", "same field") in rows
    assert not [row for row in rows if row[0] == "la_phenotypes" or row[1] == "age"]


@pytest.mark.parametrize(
    ("groups", "task"), [(["sa_phenotypes", "inline_mri"], "sa_phenotypes"), (["diagnoses"], "disease_cad")]
)
def test_excluded_groups_leave_no_overlap(groups, task, tmp_path):
    assert task not in run(tmp_path, groups)["task"].to_list()


def test_two_measures_of_one_thing_are_named(tmp_path):
    pairs = {(target, name): reason for _, target, name, reason in run(tmp_path).rows()}
    assert pairs["LVCO", "inline_cardiac_output"] == pairs["LVCO", "inline_cardiac_index"] == "same quantity"
    assert pairs["ever_smoked", "smoking_status"] == pairs["alcohol_status", "alcohol_frequency"] == "same quantity"


def test_dependence_is_that_of_scipy_and_of_the_training_split_alone(tmp_path):
    """Impedance follows the stroke volume in training and pulse rate only in test; some values are not known."""
    random = np.random.default_rng(3)
    people = 400
    lvsv = random.normal(90, 15, people)
    table = {
        "eid": range(people),
        "impedance": [None if i % 9 == 0 else value + random.normal(0, 5) for i, value in enumerate(lvsv)],
        "pulse_rate": [v if i >= 200 else random.normal(90, 15) for i, v in enumerate(lvsv)],
        "health_rating": random.integers(1, 5, people),
    }
    table["falls"] = [(3, 1, 2, 1)[code - 1] for code in table["health_rating"]]  # no order, but one gives the other
    pl.DataFrame(table).write_parquet(tmp_path / "f.parquet")
    pl.DataFrame({"eid": range(people), "LVSV": lvsv}).write_parquet(tmp_path / "p.parquet")
    parts = ["train" if i < 200 else "test" for i in range(people)]
    pl.DataFrame({"eid": range(people), "split": parts}).write_parquet(tmp_path / "s.parquet")
    output = tmp_path / "overlap.csv"
    given = ["--features", str(world.FEATURES), "--targets", str(world.TARGETS), "--output", str(output)]
    given += ["--fields", str(tmp_path / "f.parquet"), "--phenotypes", str(tmp_path / "p.parquet")]
    all_inputs = ["--settings", '{"tabular": {"exclude": []}}']
    with pytest.raises(UserError, match="--split goes with"):
        overlap.main([*given, *all_inputs])
    overlap.main([*given, *all_inputs, "--split", str(tmp_path / "s.parquet")])
    pairs = {(target, name): reason for _, target, name, reason in pl.read_csv(output).rows()}
    assert pairs["LVSV", "impedance"].startswith("dependence 0.9")
    assert ("LVSV", "pulse_rate") not in pairs
    assert pairs["falls", "health_rating"] == "dependence 1.00 in training"
    values = training_values(tmp_path / "s.parquet", [tmp_path / "f.parquet", tmp_path / "p.parquet"])
    known = values.drop_nulls("impedance")
    expected = spearmanr(known["LVSV"], known["impedance"]).statistic
    assert dependences(values, ["LVSV"], ["impedance"])["LVSV", "impedance"] == pytest.approx(expected, abs=2e-3)


def test_a_few_people_show_no_dependence_and_codes_without_any_show_none():
    values = pl.DataFrame({"a": [1.0, 2, 3] * 10, "b": [1.0, 2, 3] * 10})
    assert dependences(values, ["a"], ["b"]) == {}
    random = np.random.default_rng(1)
    codes = pl.DataFrame({name: random.integers(0, 5, 60).astype(float) for name in "ab"})
    assert cramers_v(codes["a"], codes["b"]) < 0.2
    assert association(np.eye(3, dtype=int) * 20) == pytest.approx(1)
    assert cramers_v(pl.Series([1, 2, 3] * 20), pl.Series([7, 9, 8] * 20)) == pytest.approx(1)


def test_a_list_of_one_task_leaves_the_others_alone(tmp_path):
    before, after = run(tmp_path), run(tmp_path, {"diseases": ["diagnoses", "medication"]})
    assert not [task for task in after["task"] if task.startswith("disease_")]
    others = before.filter(~pl.col("task").str.starts_with("disease_"))
    assert after.equals(others)


def test_named_inputs_exist():
    names = {each.name for each in load_features(world.FEATURES)}
    assert {name for related in overlap.SAME_DISEASE.values() for name in related} <= names
