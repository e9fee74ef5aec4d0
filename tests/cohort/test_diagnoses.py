"""What is kept of everybody's diagnoses, and what is looked up in it."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

import filled
from vita.cohort import diagnoses, join_labels, labels
from vita.cohort.cases import find_cases
from vita.cohort.diagnoses import collect
from vita.cohort.icd10 import HIGH_BP, LABELS, read_lists
from vita.runtime.errors import UserError

from . import world

DAY = date(2012, 3, 4)
LATER = date(2019, 8, 1)


@pytest.fixture
def collected(people, tmp_path) -> pl.DataFrame:
    """Diagnoses of the first people: one twice with other dates and one undated, one alone, none; reports of age."""
    blank = {name: [""] * 60 for name in people if name.startswith(("41270-", "41280-", "2966-"))}
    cells = {
        "41270-0.0": ["J459", "I10", ""],
        "41280-0.0": [str(LATER), str(DAY), ""],
        "41270-0.1": ["E119", "", ""],
        "41280-0.1": ["1900-01-01", "", ""],
        "41270-0.2": ["J459", "", ""],
        "41280-0.2": [str(DAY), "", ""],
        "2966-0.0": ["-1", "52", ""],
        "2966-2.0": ["61", "49", "-3"],
    }
    changed = people | blank | {name: [*few, *[""] * 57] for name, few in cells.items()}
    return collect([world.classic(tmp_path / "t.csv", changed)], 2, (), 0.01)


def test_every_code_stands_once_with_its_first_known_date(collected):
    assert collected["codes"].to_list()[:3] == [["E119", "J459"], ["I10"], []]
    assert collected["dates"].to_list()[:3] == [[None, DAY], [DAY], []]
    assert collected["codes"].null_count() == collected["dates"].null_count() == 0
    assert len(collected) == 60
    assert collected["eid"].is_sorted()


def test_reports_of_high_blood_pressure_are_the_first_visit_and_the_youngest_age(collected):
    assert collected["high_bp_visit"].to_list()[:3] == [2, 0, None]
    assert collected["high_bp_age"].to_list()[:3] == [61.0, 49.0, None]


def test_answers_about_high_blood_pressure_are_kept_by_visit(people, tmp_path):
    blank = {name: [""] * 60 for name in people if name.startswith(("6150-", "2966-"))}
    cells = {"6150-0.0": ["1", "-7"], "6150-0.1": ["4", ""], "6150-2.0": ["2", "-3"], "2966-2.0": ["", "-1"]}
    changed = people | blank | {name: [*few, *[""] * 58] for name, few in cells.items()}
    frame = collect([world.classic(tmp_path / "t.csv", changed)], 2, (), 0.01)
    assert frame["high_bp_told"].to_list()[:3] == [[0], [2], []]
    assert frame["high_bp_denied"].to_list()[:3] == [[2], [0], []]
    assert frame["high_bp_asked"].to_list()[:3] == [[], [2], []]


def only(people, *fields: str) -> dict[str, list[str]]:
    return {name: cells for name, cells in people.items() if name == "eid" or name.split("-")[0] in fields}


def test_codes_and_dates_are_paired_within_a_table_only(people, tmp_path):
    """A newer release has more codes, so its arrays are others: a date belongs to the code beside it."""
    empty = {name: [""] * 60 for name in people if name.startswith(("41270-", "41280-"))}
    old = {"41270-0.0": ["I10"], "41280-0.0": ["2012-03-01"]}
    new = {"41270-0.0": ["E119"], "41280-0.0": ["2021-06-01"], "41270-0.1": ["I10"], "41280-0.1": ["2012-03-01"]}
    for order in ((old, new), (new, old)):
        tables = []
        for number, cells in enumerate(order):
            filled = empty | {name: [*few, *[""] * 59] for name, few in cells.items()}
            tables.append(world.classic(tmp_path / f"{number}.csv", people | filled))
        frame = collect(tables, 2, (), 0.01)
        assert frame["codes"][0].to_list() == ["E119", "I10"]
        assert frame["dates"][0].to_list() == [date(2021, 6, 1), date(2012, 3, 1)]


def test_codes_and_dates_in_different_tables_are_refused_with_both_names(people, tmp_path):
    dates_too = {name: cells for name, cells in people.items() if not name.startswith("41280-")}
    first = world.classic(tmp_path / "codes.csv", dates_too)
    second = world.classic(tmp_path / "dates.csv", only(people, "41280"))
    for tables in ([first, second], [second, first]):
        with pytest.raises(UserError, match=r"codes\.csv.*dates\.csv|dates\.csv.*codes\.csv"):
            collect(tables, 2, (), 0.01)


def test_a_diagnosis_with_another_date_in_another_table_is_counted_and_refused(tmp_path, caplog):
    """Of 4 diagnoses that both tables have, one has another date; the first one is kept."""
    other = {"53-2.0": "2016-05-01", "6150-0.0": "-7", "2966-0.0": ""}
    days = [f"201{year}-01-01" for year in range(5)]
    for name, own in (("a.csv", days), ("b.csv", [*days[:3], "2011-06-01", ""])):
        cells = {"eid": [str(1000001 + place) for place in range(5)], "41270-0.0": ["I10"] * 5, "41280-0.0": own}
        world.classic(tmp_path / name, cells | {column: [cell] * 5 for column, cell in other.items()})
    tables = [tmp_path / "a.csv", tmp_path / "b.csv"]
    with pytest.raises(UserError, match=r"a\.csv and .*b\.csv: 1 of 4 hospital diagnoses .*have different dates"):
        collect(tables, 2, (), 0.2)
    frame = collect(tables, 2, (), 0.25)
    assert "1 of 4 repeated diagnoses have different dates; the first is kept" in caplog.text
    assert [str(own[0]) for own in frame["dates"]] == [*days[:3], "2011-06-01", "2014-01-01"]


def test_codes_that_no_list_matches_and_codes_without_date_are_counted(people, tmp_path, caplog):
    empty = {name: [""] * 60 for name in people if name.startswith(("41270-", "41280-"))}
    cells = {"41270-0.0": ["I10X", "I2511", "I219"], "41280-0.0": ["2012-03-01", "", "1900-01-01"]}
    changed = people | empty | {name: [*few, *[""] * 57] for name, few in cells.items()}
    with caplog.at_level("WARNING"):
        frame = collect([world.classic(tmp_path / "t.csv", changed)], 2, (), 0.01)
    assert frame["codes"].to_list()[:3] == [["I10"], ["I2511"], ["I219"]]  # X fills up, it is no part of the code
    assert "1 of 3 hospital diagnoses have a code outside data-coding 19" in caplog.text
    assert "1 of A9999" in caplog.text
    assert "I2511" not in caplog.text
    assert "2 of 3 hospital diagnoses (41270) have no known date" in caplog.text


def test_cases_are_looked_up_in_order(collected):
    facts = find_cases(collected, {"lungs": {"J459", "J440"}, "sugar": {"E119"}, "nobody": {"A000"}})
    assert facts["eid"].equals(collected["eid"])
    assert facts["record"].to_list()[:3] == [True, True, False]
    assert facts["has_lungs"].to_list()[:3] == [True, False, False]
    assert facts["date_lungs"].to_list()[:3] == [DAY, None, None]
    assert (facts["has_sugar"][0], facts["date_sugar"][0]) == (True, None)
    assert not facts["has_nobody"].any()
    assert facts["date_nobody"].dtype == pl.Date
    assert not {"codes", "dates"} & set(facts.columns)
    assert find_cases(collected, {})["record"].equals(facts["record"])


GIVEN = ["--settings", filled.argument(cohort={}, labels={})]


def test_joined_labels_are_those_of_each_disease(table, tmp_path):
    diagnoses.main(["--table", str(table), *GIVEN, "--output", str(tmp_path / "d.parquet")])
    lists = read_lists(world.ICD10)
    for disease in LABELS:
        outputs = ["--output", str(tmp_path / f"{disease}.parquet"), "--summary", str(tmp_path / f"{disease}.csv")]
        codes = [] if disease == HIGH_BP else ["--codes", *lists[disease]]
        labels.main(["--diagnoses", str(tmp_path / "d.parquet"), "--disease", disease, *codes, *outputs, *GIVEN])
    joined = joined_labels(tmp_path, *LABELS)
    assert joined.columns == ["eid", *LABELS, *(f"date_{disease}" for disease in LABELS), "imaging_date"]
    assert joined.height == 60
    for disease in LABELS:
        own = pl.read_parquet(tmp_path / f"{disease}.parquet")
        assert joined.select(own.columns).equals(own)
        assert own[disease].any()
    summary = pl.read_csv(tmp_path / "summary.csv")
    assert summary["disease"].to_list() == list(LABELS)
    assert summary["positive"].to_list() == [joined[disease].sum() for disease in LABELS]
    pl.read_parquet(tmp_path / "cad.parquet")[1:].write_parquet(tmp_path / "cad.parquet")
    with pytest.raises(UserError, match=r"cad.parquet does not have the same participants as .*stroke.parquet"):
        joined_labels(tmp_path, "stroke", "cad")


def joined_labels(folder: Path, *diseases: str) -> pl.DataFrame:
    arguments = [option for name in ("labels", "summaries") for option in (f"--{name}", *files(folder, name, diseases))]
    outputs = ["--output", str(folder / "all.parquet"), "--summary", str(folder / "summary.csv")]
    join_labels.main([*arguments, *outputs])
    return pl.read_parquet(folder / "all.parquet")


def files(folder: Path, kind: str, diseases: tuple[str, ...]) -> list[str]:
    return [str(folder / f"{disease}.{'parquet' if kind == 'labels' else 'csv'}") for disease in diseases]


OTHER = {"6150-0.0": "-7", "2966-0.0": "", "41270-0.0": "I10", "41280-0.0": "2010-01-01"}


def two_tables(tmp_path: Path, first: dict[str, str], second: dict[str, str]) -> list[Path]:
    cells = [{"eid": "1000003"} | OTHER | first, {"eid": "1000003"} | second]
    named = [
        (tmp_path / f"{name}.csv", {key: [cell] for key, cell in own.items()})
        for name, own in zip("ab", cells, strict=True)
    ]
    return [world.classic(path, own) for path, own in named]


@pytest.mark.parametrize(
    ("field", "one", "other"),
    [
        ("53-2.0", "2016-05-01", "2014-05-01"),
        ("40000-0.0", "2019-05-01", "2018-05-01"),
        ("191-0.0", "2019-05-01", "2018-05-01"),
        ("21003-2.0", "60", "61"),
        ("54-2.0", "11025", "11026"),
    ],
)
def test_tables_that_contradict_each_other_are_refused_with_their_names(field, one, other, tmp_path, caplog):
    tables = two_tables(tmp_path, {"53-2.0": "2016-05-01", field: one}, {field: other})
    number = field.partition("-")[0]
    message = rf"a\.csv and .*b\.csv, field {number}: 1 of 1 participants have different .*max_contradictions"
    with pytest.raises(UserError, match=message):
        collect(tables, 2, (), 0.01)
    kept = {"53-2.0": "imaging_date", "40000-0.0": "death", "191-0.0": "lost", "21003-2.0": "imaging_age"}
    frame = collect(tables, 2, (), 1.0)
    assert f"field {number}: 1 of 1 values differ" in caplog.text
    assert str(frame[kept.get(field, "centre")][0]).removesuffix(".0") == one  # as of all features: the first table's


def test_placeholders_are_no_date_of_a_scan_of_death_or_of_loss(tmp_path):
    own = {"53-2.0": "1900-01-01", "40000-0.0": "1900-01-01", "191-0.0": "1909-09-09"}
    table = world.classic(tmp_path / "t.csv", {key: [cell] for key, cell in ({"eid": "1000003"} | OTHER | own).items()})
    assert collect([table], 2, (), 0.01).select("imaging_date", "death", "lost").rows() == [(None, None, None)]


TOLD, NONE, OTHER_ANSWER = ["4"], ["-7"], ["1"]
CONTRADICTING = [  # columns and answers of each table at the scan's visit; the field that differs
    ({"6150-2.0": TOLD}, {"6150-2.0": NONE}, 6150),
    ({"6150-2.0": OTHER_ANSWER}, {"6150-2.0": TOLD}, 6150),
    ({"6150-2.0": ["1"], "6150-2.1": ["4"]}, {"6150-2.0": ["1"], "6150-2.1": [""]}, 6150),
    ({"6150-2.0": ["1|4"]}, {"6150-2.0": ["1|2"]}, 6150),
    ({"6150-2.0": ["1"], "6150-2.1": ["4"]}, {"p6150_i2": ["2|3"]}, 6150),
    ({"2966-2.0": ["50"]}, {"2966-2.0": ["60"]}, 2966),
    ({"2966-2.0": ["50"]}, {"2966-2.0": ["-1"]}, 2966),
]


@pytest.mark.parametrize(("first", "second", "number"), CONTRADICTING)
def test_tables_that_differ_about_high_blood_pressure_are_refused(first, second, number, tmp_path, caplog):
    other = {name: [cell] for name, cell in OTHER.items()} | {"53-2.0": ["2016-05-01"]}
    one, two = {"eid": ["1000003"]} | other | first, {"eid": ["1000003"]} | second
    tables = [world.classic(tmp_path / "a.csv", one), world.classic(tmp_path / "b.csv", two)]
    for order in (tables, tables[::-1]):
        both = r"[ab]\.csv and .*[ab]\.csv"
        with pytest.raises(
            UserError, match=rf"{both}, field {number} .*: 1 of 1 answers .* cohort\.max_contradictions"
        ):
            collect(order, 2, (), 0.01)
        frame = collect(order, 2, (), 1.0)
        assert frame["high_bp_told"].to_list() == [[2]]
        assert f"field {number}: 1 of 1 answers at the same visit differ about high blood pressure" in caplog.text


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"6150-2.0": ["1"]}, {"6150-2.1": ["4"]}),  # arrays spread over tables
        ({"6150-2.0": ["1"]}, {"6150-2.0": ["1"], "6150-2.1": ["4"]}),  # a part of the columns
        ({"6150-2.0": ["1"], "6150-2.1": ["4"]}, {"p6150_i2": ["4|1"]}),
        ({"6150-2.0": ["4"]}, {"6150-2.0": ["-3"]}),  # not answered
        ({"6150-2.0": ["4"]}, {"6150-2.0": [""]}),
        ({"6150-2.0": ["4"]}, {"6150-1.0": ["-7"]}),  # another visit
        ({"6150-2.0": ["4"], "2966-2.0": ["50"]}, {"6150-2.0": ["4"], "2966-2.0": ["50.0"]}),
    ],
)
def test_tables_that_say_less_about_high_blood_pressure_do_not_contradict(first, second, tmp_path, caplog):
    other = {name: [cell] for name, cell in OTHER.items()} | {"53-2.0": ["2016-05-01"]}
    one, two = {"eid": ["1000003"]} | other | first, {"eid": ["1000003"]} | second
    tables = [world.classic(tmp_path / "a.csv", one), world.classic(tmp_path / "b.csv", two)]
    assert collect(tables, 2, (), 0)["high_bp_told"].to_list() == [[2]]
    assert "differ" not in caplog.text


@pytest.mark.parametrize(
    ("field", "day", "title"),
    [
        ("53-2.0", "1970-01-01", "Date of attending assessment centre"),  # what programs make of a missing date
        ("40000-0.0", "2005-12-31", "Date of death"),
        ("191-0.0", "1970-01-01", "Date lost to follow-up"),
        ("41280-0.0", "1903-03-04", "Date of first in-patient diagnosis - ICD10"),
    ],
)
def test_days_before_uk_biobank_are_unknown_and_counted(field, day, title, tmp_path, caplog):
    own = {"eid": "1000003"} | OTHER | {"53-2.0": "2016-05-01"} | {field: day}
    frame = collect([world.classic(tmp_path / "t.csv", {key: [cell] for key, cell in own.items()})], 2, (), 0.01)
    kept = {"53-2.0": "imaging_date", "40000-0.0": "death", "191-0.0": "lost", "41280-0.0": "dates"}[field]
    assert frame[kept].to_list() in ([None], [[None]])
    number = field.partition("-")[0]
    assert f"t.csv, field {number} ({title}): 1 dates are too early for UK Biobank; taken as unknown" in caplog.text


@pytest.mark.parametrize(
    ("codes", "days", "count"), [("I10", "2010-01-01|2011-01-01", 1), ("", "2010-01-01", 1), ("I10|", "|2011-01-01", 1)]
)
def test_dates_without_a_diagnosis_are_counted(codes, days, count, tmp_path, caplog):
    own = {"eid": "1000003"} | OTHER | {"53-2.0": "2016-05-01", "41270-0.0": codes, "41280-0.0": days}
    collect([world.classic(tmp_path / "t.csv", {key: [cell] for key, cell in own.items()})], 2, (), 0.01)
    assert f"t.csv: {count} dates (41280) have no diagnosis (41270) at their place; left out" in caplog.text


def test_a_code_that_6150_does_not_have_denies_nothing(tmp_path, caplog):
    own = {"eid": "1000003"} | OTHER | {"53-2.0": "2016-05-01", "6150-0.0": "9", "6150-2.0": "-7"}
    frame = collect([world.classic(tmp_path / "t.csv", {key: [cell] for key, cell in own.items()})], 2, (), 0.01)
    assert frame["high_bp_denied"].to_list() == [[2]]
    assert frame["high_bp_unclear"].to_list() == [[0]]
    assert (
        "t.csv, column 6150-0.0: 1 cells hold a code that data-coding 100605 does not have (9: 1); what" in caplog.text
    )


@pytest.mark.parametrize(("field", "title"), [("40000-0.0", "Date of death"), ("191-0.0", "Date lost to follow-up")])
def test_a_scan_after_death_or_loss_is_counted(field, title, tmp_path, caplog):
    own = {"eid": "1000003"} | OTHER | {"53-2.0": "2016-05-01", field: "2012-05-01"}
    collect([world.classic(tmp_path / "t.csv", {key: [cell] for key, cell in own.items()})], 2, (), 0.01)
    assert f"1 participants were scanned (53) after field {field.split('-')[0]} ({title})" in caplog.text
