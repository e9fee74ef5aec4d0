"""Codes that a coding does not have, and numbers that cannot be: counted by column, and never taken for an answer."""

import csv
from pathlib import Path

import polars as pl
import pytest

import filled
from vita.cohort import fields
from vita.cohort.dictionary import codings, limits
from vita.cohort.features import load_features
from vita.cohort.remarks import Remarks

from . import public_tables, world

UNCLASSIFIABLE = 99999.0  # an operation that no code was found for; nobody can select it, but it is delivered
FEATURE_TABLE = load_features(world.FEATURES)


def features(folder: Path, names: list[str], rows: list[list[str]], **cohort: object) -> pl.DataFrame:
    """Features of a small table; its remarks are in remarks.csv."""
    table = world.write_text(folder / "t.csv", names, rows)
    config = filled.argument(cohort={"missing_fields": "drop", "implausible": "missing", **cohort})
    given = ["--table", str(table), "--features", str(world.FEATURES), "--settings", config]
    fields.main([*given, "--output", str(folder / "f.parquet"), "--remarks", str(folder / "remarks.csv")])
    return pl.read_parquet(folder / "f.parquet")


def remarks(folder: Path) -> list[tuple[str, str, int]]:
    with (folder / "remarks.csv").open(encoding="utf-8", newline="") as lines:
        return [(row["column"], row["remark"], int(row["count"])) for row in csv.DictReader(lines)]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        # heart attack, angina
        (["41", "", ""], [None, None]),
        (["1", "41", ""], [1, None]),
        (["2", "1", "41"], [1, 1]),
        (["-7", "", ""], [0, 0]),
        (["-7", "41", ""], [None, None]),
        (["-3", "41", ""], [None, None]),
        (["1.5", "2", ""], [None, 1]),
    ],
)
def test_an_unknown_code_denies_nothing_and_known_codes_beside_it_count(cells, expected, tmp_path):
    frame = features(tmp_path, ["eid", "6150-2.0", "6150-2.1", "6150-2.2"], [["1000003", *cells]])
    assert frame.select("heart_attack_diagnosed", "angina_diagnosed").row(0) == tuple(expected)


@pytest.mark.parametrize(("name", "cell"), [("p6150_i2", "1|41"), ("6150-2.0", "[1, 41]")])
def test_an_unknown_code_within_a_list(name, cell, tmp_path):
    frame = features(tmp_path, ["eid", name], [["1000003", cell], ["1000020", "2|3"], ["1000037", "2"]])
    assert frame["heart_attack_diagnosed"].to_list() == [1, 0, 0]
    assert frame["angina_diagnosed"].to_list() == [None, 1, 1]
    told = "cells hold a code that data-coding 100605 does not have (41); what they could have answered is missing"
    assert remarks(tmp_path) == [("6150-2.0", told, 1)]


def test_an_unknown_code_in_one_table_counts_for_features_of_several(tmp_path):
    world.write_text(tmp_path / "a.csv", ["eid", "6150-2.0"], [["1000003", "41"], ["1000020", "-7"]])
    world.write_text(tmp_path / "b.csv", ["eid", "3627-2.0"], [["1000003", ""], ["1000020", ""]])
    config = filled.argument(cohort={"missing_fields": "drop"})
    tables = ["--table", str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    fields.main(
        [*tables, "--features", str(world.FEATURES), "--settings", config, "--output", str(tmp_path / "f.parquet")]
    )
    assert pl.read_parquet(tmp_path / "f.parquet")["angina_diagnosed"].to_list() == [None, 0]


def test_every_rule_that_says_no_is_missing_with_an_unknown_code(tmp_path):
    names = ["eid", "2443-2.0", "6153-2.0", "6164-2.0", "6164-2.1", "971-2.0", "981-2.0", "20004-2.0", "20004-2.1"]
    rows = [
        ["1000003", "0", "9", "2", "8", "", "", "1069", "77777"],  # medication, activity and operation unknown
        ["1000020", "7", "1", "2", "", "", "4", "1069", "1070"],  # 2443 = 7 is no answer of its coding
        ["1000037", "0", "-7", "2", "", "", "", "1480", ""],  # all known
    ]
    frame = features(tmp_path, names, rows)
    assert frame["diabetes_diagnosed"].to_list() == [None, None, 0]
    assert frame["cholesterol_medication"].to_list() == [None, 1, 0]
    assert frame["oral_contraceptive"].to_list() == [None, 0, 0]
    assert frame["walking_pleasure_frequency"].to_list() == [None, 0, 0]
    assert frame["walking_pleasure_duration"].to_list() == [None, 4, 0]
    assert frame["cardiac_operations"].to_list() == [None, 2, 0]
    assert {(column, count) for column, _, count in remarks(tmp_path)} == {
        ("2443-2.0", 1),
        ("6153-2.0", 1),
        ("6164-2.1", 1),
        ("20004-2.1", 1),
    }


def test_the_papers_cleaning_takes_an_unknown_code_for_an_answer_and_counts_it(tmp_path):
    frame = features(tmp_path, ["eid", "6150-2.0"], [["1000003", "41"]], cleaning="paper")
    assert frame["angina_diagnosed"].to_list() == [0]
    assert [count for _, _, count in remarks(tmp_path)] == [1]


def test_the_log_names_codes_with_their_counts_and_no_other_cell(tmp_path, caplog):
    rows = [[str(1000003 + i), cell] for i, cell in enumerate(["41", "9", "41", "1000003", "83.25", "5", "6", "7"])]
    features(tmp_path, ["eid", "6150-2.0"], rows)
    (line,) = [each.message for each in caplog.records if "100605" in each.message]
    assert line == (
        f"{tmp_path}/t.csv, column 6150-2.0: 8 cells hold a code that data-coding 100605 does not have (41: 2, 5: 1, "
        "6: 1, 7: 1, 9: 1 and 2 more); what they could have answered is missing"
    )
    own = Remarks()
    own.add_code("t", "c", "cells hold a code", "missing", 1000003.0, 2)
    own.add_code("t", "c", "cells hold a code", "missing", 83.25, 1)
    assert [row[2] for row in own.rows()] == ["cells hold a code (of the form 9, of the form 9.9); missing"]


@pytest.mark.parametrize(
    ("name", "feature", "cells", "kept"),
    [
        ("50-2.0", "standing_height", ["1700", "170", "-170"], [None, 170, None]),
        ("4080-2.0", "systolic_bp", ["1700", "120", "499"], [None, 120, 499]),
        ("21002-2.0", "weight", ["-80", "80", "699"], [None, 80, 699]),
        ("1070-2.0", "tv_hours", ["-10", "-7", "25"], [0, None, None]),  # -10 is less than an hour, -7 no code
        ("874-2.0", "walk_minutes", ["-3", "-2", "1000"], [None, None, 1000]),
        ("12681-2.0", "pwa_augmentation_index", ["-40", "30", "2000"], [-40, 30, None]),
        ("23283-2.0", "total_mass", ["80000", "80", "800000"], [80, 80, None]),
        ("864-2.0", "walk_days", ["7", "-2", "8"], [7, 0, None]),
    ],
)
def test_a_number_that_cannot_be_is_missing_and_counted(name, feature, cells, kept, tmp_path, caplog):
    frame = features(tmp_path, ["eid", name], [[str(1000003 + i), cell] for i, cell in enumerate(cells)])
    assert frame[feature].to_list() == kept
    lost = sum(value is None for value in kept) - cells.count("-3") - ("-2" in cells and name == "874-2.0")
    assert [(column, count) for column, _, count in remarks(tmp_path)] == [(name, lost)] * bool(lost)
    assert (f"column {name}: {lost} values are not from" in caplog.text) == bool(lost)


def test_they_are_kept_and_counted_if_so_configured(tmp_path):
    names, rows = ["eid", "50-2.0"], [["1000003", "1700"], ["1000020", "170"]]
    assert features(tmp_path, names, rows, implausible="keep")["standing_height"].to_list() == [1700, 170]
    told = "values are not from 30 to 300 (cm: nobody was ever taller than 280); kept, as cohort.implausible says"
    assert remarks(tmp_path) == [("50-2.0", told, 1)]


def test_an_age_that_cannot_be_is_no_diagnosis(tmp_path):
    rows = [["1000003", "-7", "999"], ["1000020", "-7", "55"], ["1000037", "-7", "-1"]]
    frame = features(tmp_path, ["eid", "6150-2.0", "3627-2.0"], rows)
    assert frame["angina_diagnosed"].to_list() == [0, 1, 0]


def test_one_of_a_cells_several_readings(tmp_path):
    frame = features(tmp_path, ["eid", "p4080_i2"], [["1000003", "[120,1700]"], ["1000020", "[1700]"]])
    assert frame["systolic_bp"].to_list() == [120, None]


def test_every_coding_and_its_codes_stand_in_the_feature_table():
    known = codings()
    for feature in FEATURE_TABLE:
        for place, coding in enumerate(feature.codings):
            field = feature.fields[place][0]
            terms = {
                int(wanted) for each, wanted in feature.rule.terms if each == field and wanted.lstrip("-").isdigit()
            }
            if coding in known and feature.rule.name in ("any", "any_asked"):
                assert terms <= known[coding], feature.name
            if coding in known and feature.rule.name == "value":
                assert {*feature.valid_codes, *feature.missing_codes} <= known[coding] | {-1, -3}, feature.name


@public_tables.needs_package
def test_codings_agree_with_uk_biobanks_own_numbers_and_lists():
    schema = public_tables.SCHEMA
    with (schema / "encoding.txt").open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        members = {int(row["encoding_id"]): int(row["num_members"]) for row in rows}
    listed = 0
    for coding, codes in codings().items():
        own = [schema / folder / f"coding{coding}.tsv" for folder in ("coding", "hierarchy")]
        there = [path for path in own if path.exists()]
        if not there:
            assert len(codes) == members[coding], coding
            continue
        with there[0].open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines, delimiter="\t"))
        own_codes = {float(row["coding"]) for row in rows if row.get("selectable", "Y") == "Y"}
        assert codes == own_codes | ({UNCLASSIFIABLE} if coding == 5 else set()), coding
        listed += 1
    assert listed == 3


@public_tables.needs_package
def test_fields_have_the_codings_of_the_dictionary_and_limits_in_its_units():
    with (public_tables.SCHEMA / "field.txt").open(encoding="utf-8", newline="") as lines:
        rows = {int(row["field_id"]): row for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)}
    for feature in FEATURE_TABLE:
        own = feature.codings or (0,) * len(feature.fields)
        assert own == tuple(int(rows[field]["encoding_id"]) for field, _ in feature.fields), feature.name
    numeric = {field for each in FEATURE_TABLE for field, _ in each.fields if rows[field]["value_type"] in ("11", "31")}
    assert numeric - set(limits()) == {12684}
    units = {"percent": "%", "litres/min": "l/min", "litres/min/m2": "l/min/m2", "bpm": "beats a minute"}
    for field in (48, 50, 93, 12143, 12144, 21001, 22424, 22425, 22426, 22427, 23099, 24100, 24105, 23106):
        unit = rows[field]["units"]
        assert limits()[field].reason.lower().startswith(units.get(unit, unit).lower().rstrip("s")), field


def test_an_operation_that_could_not_be_classified_denies_nothing_else(tmp_path):
    rows = [["1000003", "99999", ""], ["1000020", "99999", "1095"], ["1000037", "99998", ""]]
    frame = features(tmp_path, ["eid", "20004-2.0", "20004-2.1"], rows)
    assert frame["cardiac_operations"].to_list() == [0, 1, None]
