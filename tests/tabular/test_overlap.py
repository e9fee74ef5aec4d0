"""Leakage between the table of Stage II and the targets of Stage III is named, and the switch removes it."""

import json
from pathlib import Path

import polars as pl
import pytest

from cohort import world
from vita.cohort.features import load_features
from vita.tabular import overlap


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


@pytest.mark.parametrize(("group", "task"), [("sa_phenotypes", "sa_phenotypes"), ("diagnoses", "disease_cad")])
def test_excluded_groups_leave_no_overlap(group, task, tmp_path):
    assert task not in run(tmp_path, [group])["task"].to_list()


def test_a_list_of_one_task_leaves_the_others_alone(tmp_path):
    before, after = run(tmp_path), run(tmp_path, {"diseases": ["diagnoses", "medication"]})
    assert not [task for task in after["task"] if task.startswith("disease_")]
    others = before.filter(~pl.col("task").str.starts_with("disease_"))
    assert after.equals(others)


def test_named_inputs_exist():
    names = {each.name for each in load_features(world.FEATURES)}
    assert {name for related in overlap.SAME_DISEASE.values() for name in related} <= names
