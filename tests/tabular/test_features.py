"""The feature table holds what the paper lists, agrees with UK Biobank's dictionary, and refuses bad rows."""

import csv
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from cohort import public_tables
from shared import SHARED, needs_shared
from vita.cohort.dictionary import check_features
from vita.cohort.features import inputs, load_features
from vita.cohort.rules import RULES
from vita.runtime.errors import UserError
from vita.tabular.targets import read_targets

RESOURCES = Path(__file__).resolve().parents[2] / "workflow" / "resources"
FEATURES = load_features(RESOURCES / "features.tsv")


def test_counts_of_the_paper():
    assert Counter(each.kind for each in inputs(FEATURES)) == {"numerical": 67, "binary": 18, "categorical": 32}
    assert sum(each.role == "output" for each in FEATURES) == 9
    assert all(each.rule.name in RULES for each in FEATURES)
    assert all(each.classes == (0, 1) for each in FEATURES if each.kind == "binary")


def test_classes_have_no_gaps():
    for each in inputs(FEATURES):
        if each.kind == "categorical":
            assert list(each.classes) == list(range(each.classes[0], each.classes[0] + len(each.classes))), each.name


def test_dictionary_knows_every_field_by_its_title():
    assert check_features(FEATURES) == []


@public_tables.needs_package
def test_every_row_agrees_with_the_dictionary_in_coding_and_visits():
    """Data-coding of each field, 0 for none; visits that UK Biobank has; dates where the rule wants dates."""
    columns = ["field_id", "encoding_id", "value_type", "instance_min", "instance_max"]
    read = {"separator": "\t", "quote_char": None, "encoding": "latin-1", "infer_schema_length": None}
    source = public_tables.SCHEMA / "field.txt"
    known = {row[0]: row[1:] for row in pl.read_csv(source, columns=columns, **read).iter_rows()}
    date = {51, 61}  # value types: a day; a day with its time
    with (RESOURCES / "features.tsv").open(encoding="utf-8") as lines:
        codings = {row["name"]: row["coding"] for row in csv.DictReader(lines, delimiter="\t")}
    for each in FEATURES:
        ids = [field for field, _ in each.fields]
        wanted = [known[field][0] or 0 for field in ids]
        assert [int(code) for code in codings[each.name].split()] == (wanted if any(wanted) else []), each.name
        for field in ids:
            visits = each.instances(field, scan=2)
            assert visits[0] <= known[field][3], (each.name, field)
            assert visits[-1] >= known[field][2], (each.name, field)
        dated = {field for field, wanted in each.rule.terms if wanted == "date"} | ({each.date_field} - {None})
        assert all(known[field][1] in date for field in dated), each.name
        assert {field for field, _ in each.rule.terms} <= set(ids), each.name


def test_a_renamed_title_and_an_unknown_field_are_reported(tmp_path):
    text = (RESOURCES / "features.tsv").read_text()
    text = text.replace("\t21003\t", "\t99\t").replace("\tBody fat percentage\n", "\tFat share\n")
    (tmp_path / "features.tsv").write_text(text)
    found = check_features(load_features(tmp_path / "features.tsv"))
    assert len(found) == 2
    assert "titled 'Body fat percentage', not 'Fat share'" in found[0]
    assert "field 99 is not in" in found[1]


@needs_shared
def test_field_ids_and_missing_codes_are_those_of_the_research():
    with (SHARED / "ukb" / "feature_map.csv").open() as lines:
        known = {row["field_id"]: row for row in csv.DictReader(lines) if row["role"] in ("input", "output-only")}
    for each in FEATURES:
        if each.role == "filter":
            continue
        ids = ";".join(str(field) for field, _ in each.fields)
        row = next((known[key] for key in known if ids == key or ids.startswith(key + ";")), None)
        assert row is not None, each.name
        codes = {int(code.rpartition(":")[2]) for code in row["missing_codes"].split()}
        assert codes <= set(each.missing_codes), each.name


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\tscan\tvalue", "\tnow\tvalue", "instance 'now'"),
        ("\tnumerical\t", "\tnumber\t", "kind must be"),
        ("value\t", "value(((\t", "rule"),
        ("body_fat_percentage", "bmi", "are repeated: bmi"),
    ],
)
def test_bad_rows_are_refused_with_their_line(old, new, message, tmp_path):
    path = tmp_path / "features.tsv"
    path.write_text((RESOURCES / "features.tsv").read_text().replace(old, new, 1))
    with pytest.raises(UserError, match=message) as caught:
        load_features(path)
    assert "features.tsv" in str(caught.value)


def test_every_target_names_a_column_that_exists():
    names = {each.name for each in FEATURES}
    with (RESOURCES / "targets.tsv").open() as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    for row in rows:
        if row["source"] != "labels":
            assert row["column"] in names, row["target"]
    counts = Counter(row["task"] for row in rows)
    assert (counts["sa_phenotypes"], counts["la_phenotypes"], counts["physiological"]) == (10, 8, 12)
    assert (counts["binary_features"], counts["categorical_features"]) == (18, 32)
    assert [each.name for each in read_targets(RESOURCES / "targets.tsv", "sa_phenotypes") if not each.in_table] == [
        "LVESV"
    ]


@needs_shared
@pytest.mark.parametrize(
    ("task", "table", "column"),
    [
        ("sa_phenotypes", "table1_sa_phenotypes", "phenotype"),
        ("la_phenotypes", "table2_la_phenotypes", "phenotype"),
        ("physiological", "table3_physiological", "feature"),
    ],
)
def test_targets_are_the_rows_of_the_papers_tables(task, table, column):
    with (SHARED / "paper" / f"{table}.csv").open() as lines:
        rows = [(row[column], row["unit"]) for row in csv.DictReader(lines) if row[column] != "Average"]
    targets = [each for each in read_targets(RESOURCES / "targets.tsv", task) if each.in_table]
    assert [(each.title, each.unit) for each in targets] == rows
