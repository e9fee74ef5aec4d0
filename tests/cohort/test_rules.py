"""Named rules on hand-made cells, each answer worked out by hand."""

from dataclasses import replace

import polars as pl
import pytest

from vita.cohort.cleaning import UNKNOWN_DATES
from vita.cohort.features import Feature, Rule, load_features
from vita.cohort.rules import Cells, evaluate
from vita.runtime.errors import UserError

from . import world

FEATURES = {each.name: each for each in load_features(world.FEATURES)}


def value(feature: Feature, columns: dict[str, list], paper: bool = False, scan: str | None = None) -> list:
    frame = pl.DataFrame(columns, strict=False)
    frame = frame.with_columns(pl.col(n).cast(pl.Float64) for n in frame.columns if frame[n].dtype != pl.Date)
    names: dict[int, list[str]] = {}
    for name in columns:
        names.setdefault(int(name.split("-")[0]), []).append(name)
    cells = Cells(names, frozenset(), scan, paper)
    return frame.select(evaluate(feature, cells).alias("value"))["value"].to_list()


def test_mean_over_repeats_then_over_fields():
    columns = {
        "93-2.0": [120, None, None, 501],
        "93-2.1": [130, None, None, None],
        "4080-2.0": [141, 110, None, 90],
        "4080-2.1": [None, 120, None, None],
    }
    assert value(FEATURES["systolic_bp"], columns) == [133.0, 115.0, None, 90.0]


def test_less_than_one_is_zero_and_not_answered_is_missing():
    assert value(FEATURES["tv_hours"], {"1070-2.0": [-10, -1, -3, 2, None]}) == [0, None, None, 2, None]
    assert value(FEATURES["tv_hours"], {"1070-2.0": [-10, -1, -3, 2, None]}, paper=True) == [0, 0, 0, 2, 0]


def test_negative_pulse_wave_values_are_values():
    columns = {"12680-2.0": [-1, -3, 4.5], "12680-2.1": [9, 9, 9]}
    assert value(FEATURES["pwa_augmentation_pressure"], columns) == [-1, -3, 4.5]


def test_weight_falls_back_on_the_pre_imaging_weight():
    assert value(FEATURES["weight"], {"21002-2.0": [80, None, 1], "12143-2.0": [81, 70, 60]}) == [80, 70, 60]


def test_walks_are_zero_when_no_day_was_walked():
    assert value(FEATURES["walk_minutes"], {"874-2.0": [None, None, 30, -1], "864-2.0": [0, 3, 2, 0]}) == [
        0,
        None,
        30,
        0,
    ]


def test_unable_to_walk_is_no_day_and_no_minute():
    """864 = -2 is an answer; -1 (do not know) and -3 (prefer not to answer) are none."""
    days = {"864-2.0": [-2, -1, -3, 0, 7, None]}
    assert value(FEATURES["walk_days"], days) == [0, None, None, 0, 7, None]
    assert value(FEATURES["walk_minutes"], days | {"874-2.0": [None] * 6}) == [0, None, None, 0, None, None]
    assert value(FEATURES["walk_days"], days, paper=True)[0] is None


def test_diabetes_is_denied_by_its_own_question_only():
    """2443 not known stays missing whoever answered the questions on medication; insulin confirms it."""
    columns = {
        "2443-2.0": [-1, None, 0, None, 0, 1, -3],
        "6153-2.0": [4, -7, -7, 3, 3, -7, None],
        "6177-2.0": [None, None, None, None, None, None, 1],
    }
    assert value(FEATURES["diabetes_diagnosed"], columns) == [None, None, 0, 1, 1, 1, None]
    assert value(FEATURES["diabetes_diagnosed"], columns, paper=True) == [0, 0, 0, 1, 1, 1, 0]


@pytest.mark.parametrize("day", UNKNOWN_DATES)
def test_an_event_of_unknown_date_has_happened_and_nobody_knows_when(day):
    columns = {
        "6150-2.0": [-7, None, 1],
        "42000-0.0": pl.Series([day] * 3),
        "53-2.0": pl.Series(["2016-01-01"] * 3).str.to_date(),
    }
    assert value(FEATURES["heart_attack_diagnosed"], columns) == [1, 1, 1]
    assert value(FEATURES["heart_attack_diagnosed"], columns, scan="53-2.0") == [None, None, 1]
    columns["42002-0.0"] = pl.Series(["2015-01-01", None, None]).str.to_date()
    assert value(FEATURES["heart_attack_diagnosed"], columns, scan="53-2.0") == [1, None, 1]


def test_activity_not_done_is_told_from_not_answered():
    columns = {
        "981-2.0": [None, None, 3, None, None],
        "6164-2.0": [2, -3, 1, -7, None],
        "6164-2.1": [3, None, 2, None, None],
    }
    assert value(FEATURES["walking_pleasure_duration"], columns) == [0, None, 3, 0, None]
    assert value(FEATURES["walking_pleasure_duration"], columns, paper=True) == [0, 0, 3, 0, 0]


def test_an_age_code_is_no_diagnosis_but_was_to_the_paper():
    columns = {"6150-2.0": [-7, -7, -3, 1, None, None], "3894-2.0": [-1, 55, None, None, -3, None]}
    assert value(FEATURES["heart_attack_diagnosed"], columns) == [0, 1, None, 1, None, None]
    assert value(FEATURES["heart_attack_diagnosed"], columns, paper=True) == [1, 1, 0, 1, 1, 0]


def test_dates_after_the_scan_do_not_count_with_a_cutoff():
    days = pl.Series(["2015-01-01", "2020-01-01", None]).str.to_date()
    columns = {"6150-2.0": [-7, -7, -7], "42000-0.0": days, "53-2.0": pl.Series(["2016-01-01"] * 3).str.to_date()}
    assert value(FEATURES["heart_attack_diagnosed"], columns) == [1, 1, 0]
    assert value(FEATURES["heart_attack_diagnosed"], columns, scan="53-2.0") == [1, 0, 0]


def test_medication_of_women_and_men():
    columns = {
        "6153-2.0": [1, None, 4, -7, None],
        "6153-2.1": [3, None, None, None, None],
        "6177-2.0": [None, 3, None, None, None],
    }
    assert value(FEATURES["insulin"], columns) == [1, 1, 0, 0, None]
    assert value(FEATURES["hormone_replacement"], {n: c for n, c in columns.items() if n[:4] == "6153"}) == [
        0,
        None,
        1,
        0,
        None,
    ]


def test_operations_count_once_but_the_paper_counted_repeats():
    columns = {"20004-0.0": [1069, None, 1480], "20004-2.0": [1069, None, None], "20004-2.1": [1515, None, None]}
    assert value(FEATURES["cardiac_operations"], columns) == [2, 0, 0]
    assert value(FEATURES["cardiac_operations"], columns, paper=True) == [3, 0, 0]


def test_a_mass_in_grams_is_told_by_its_value_since_releases_differ_in_the_unit():
    assert value(FEATURES["total_mass"], {"23283-2.0": [70_000, 90, 5, 5_000, 401, 400_000, None]}) == [
        *[70, 90, None, None, None, 400, None]
    ]


def test_an_unknown_rule_is_named():
    with pytest.raises(UserError, match="there is no rule 'median'; known are value, mean"):
        value(replace(FEATURES["bmi"], rule=Rule("median")), {"21001-2.0": [1]})
