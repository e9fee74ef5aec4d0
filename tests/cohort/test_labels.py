"""Timing of labels on a hand-made cohort, the command line, and the code lists."""

import csv
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

import filled
from shared import SHARED, needs_shared
from vita.cohort import labels
from vita.cohort.cases import country, find_cases, followed_to
from vita.cohort.diagnoses import collect as diagnoses_of
from vita.cohort.icd10 import HIGH_BP, expand, load_code_lists, tree
from vita.cohort.labels import _high_bp_offset, make_label, summarise
from vita.runtime.errors import UserError

from . import world

SCAN = date(2016, 6, 1)
DAYS = [date(2010, 1, 1), SCAN, date(2016, 6, 2), date(2020, 6, 1), None, None, None]


@pytest.fixture
def facts() -> pl.DataFrame:
    """CAD before, at, a day after and 4 years after the scan, undated, none; and one without any record."""
    has = [True] * 5 + [False] * 2
    columns = {"eid": range(1, 8), "record": [True] * 6 + [False], "imaging_date": [SCAN] * 7}
    columns |= {"has_cad": has, "date_cad": pl.Series(DAYS, dtype=pl.Date)}
    columns |= {"high_bp_visit": pl.Series([0, 2, 3, None, None, None, None], dtype=pl.Int8)}
    columns |= {"high_bp_age": [50.0, 63, 65, None, None, None, None], "imaging_age": [63.0] * 7}
    return pl.DataFrame(columns).with_columns(
        answers([[0], [2], [3], [], [], [], []], [[], [], [], [2], [0], [0, 2], [2]], [[0], [2], [3], [], [], [], []])
    )


def answers(told: list[list[int]], denied: list[list[int]], asked: list[list[int]]) -> list[pl.Series]:
    """The visits of each answer about high blood pressure, as in diagnoses.parquet."""
    found = {"told": told, "denied": denied, "asked": asked, "unclear": [[] for _ in told]}
    return [pl.Series(f"high_bp_{name}", visits, dtype=pl.List(pl.Int8)) for name, visits in found.items()]


@pytest.mark.parametrize(
    ("settings", "cad", "high_bp"),
    [
        (filled.labels(), [True] * 5 + [False, None], [True, True, True, False, False, False, None]),
        (
            filled.labels(timing="prevalent"),
            [True, True, False, False, None, False, None],
            [True, True, False, False, False, False, None],
        ),
        (
            filled.labels(timing="incident"),
            [None, None, True, True, None, False, None],
            [None, None, True, False, False, False, None],
        ),
        (
            filled.labels(timing="incident", incident_years=3, no_record="negative"),
            [None, None, True, False, None, False, False],
            [None, None, True, False, False, False, False],
        ),
    ],
)
def test_timing(settings, cad, high_bp, facts):
    assert make_label(facts, "cad", settings, 2)["cad"].to_list() == cad
    assert make_label(facts, HIGH_BP, settings, 2)[HIGH_BP].to_list() == high_bp


@pytest.mark.parametrize(
    ("visit", "age", "scan_age", "offset"),
    [
        (0, 50, 63, -1),
        (2, 60, 63, -1),  # told between two visits, reported at the scan's
        (2, 63, 63, 0),
        (2, 60, None, 0),  # without the age at the scan, the visit decides
        (3, 60, 63, -1),  # remembered only later
        (3, 63, 63, 1),
        (3, 65, 63, 1),
        (0, None, 63, -1),  # told before, the age is unknown
        (2, None, 63, 0),
        (3, None, 63, None),  # told after the scan, perhaps of an older diagnosis
        (None, None, 63, None),
    ],
)
def test_high_blood_pressure_is_timed_by_age_and_visit(visit, age, scan_age, offset):
    kinds = {"high_bp_age": pl.Float64, "imaging_age": pl.Float64}
    row = pl.DataFrame([{"high_bp_age": age, "imaging_age": scan_age}], schema=kinds)
    row = row.with_columns(answers([[visit] if visit is not None else []], [[]], [[]]))
    assert row.select(_high_bp_offset(filled.labels(), 2)).item() == offset


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("any", [True, True, False, None, True, True]),
        ("scan", [True, None, False, None, False, None]),
        ("published", [True, False, False, False, False, False]),
    ],
)
def test_which_visit_counts_is_an_option(rule, expected):
    """Asked at the scan; told at 0; denied at the scan; never answered; told at 0 and denied at the scan; told at 3."""
    told, denied = [[2], [0], [], [], [0], [3]], [[], [], [2], [], [2], []]
    people = pl.DataFrame({"eid": range(6), "record": [True] * 6, "imaging_date": [SCAN] * 6}).with_columns(
        answers(told, denied, [[2], [], [], [], [], [3]]),
        high_bp_age=pl.lit(None, pl.Float64),
        imaging_age=pl.lit(63.0),
    )
    assert make_label(people, HIGH_BP, filled.labels(high_bp=rule), 2)[HIGH_BP].to_list() == expected


def test_age_unknown_is_a_case_and_no_answer_is_missing(people, tmp_path):
    """Fields 6150 and 2966 of a table, cell by cell: what the label is from end to end."""
    blank = {name: [""] * 60 for name in people if name.startswith(("6150-", "2966-"))}
    cases = [  # 6150, 2966, label
        ("4", "-1", True),
        ("4", "-3", True),
        ("", "-1", True),
        ("4", "50", True),
        ("4", "", True),
        ("-7", "", False),
        ("1", "", False),
        ("-3", "", None),
        ("", "", None),
    ]
    rest = [""] * (60 - len(cases))
    changed = people | blank | {"41270-0.0": ["J459"] * 60}
    changed |= {"6150-2.0": [a for a, *_ in cases] + rest, "2966-2.0": [b for _, b, _ in cases] + rest}
    collected = diagnoses_of([world.classic(tmp_path / "t.csv", changed)], 2, (), 0.01)
    facts = find_cases(collected, {})
    label = make_label(facts, HIGH_BP, filled.labels(), 2)[HIGH_BP].to_list()
    assert label[: len(cases)] == [expected for *_, expected in cases]
    assert set(label[len(cases) :]) == {None}


def test_incident_years_hold_for_ages_too(facts):
    both = (filled.labels(timing="incident", incident_years=years) for years in (1, 2))
    one, two = (make_label(facts, HIGH_BP, settings, 2)[HIGH_BP] for settings in both)
    assert one.to_list() == [None, None, False, False, False, False, None]
    assert two[2] is True


def test_summary_counts_cases_around_the_scan(facts):
    cad = summarise(facts, make_label(facts, "cad", filled.labels(), 2), "cad", filled.labels(), 2)
    assert [cad[f"cases_{when}"] for when in ("before_scan", "at_scan", "after_scan", "undated")] == [1, 1, 2, 1]
    assert (cad["positive"], cad["negative"], cad["missing"]) == (5, 1, 1)
    high_bp = summarise(facts, make_label(facts, HIGH_BP, filled.labels(), 2), HIGH_BP, filled.labels(), 2)
    assert [high_bp[f"cases_{when}"] for when in ("before_scan", "at_scan", "after_scan", "undated")] == [1, 1, 1, 0]


@pytest.fixture
def diagnoses(tmp_path: Path) -> Path:
    """One with an infarct, dated; one with another diagnosis; one without any."""
    nothing = {"high_bp_visit": [None] * 3, "high_bp_age": [None] * 3, "imaging_age": [63.0] * 3}
    frame = pl.DataFrame(
        {"eid": [1, 2, 3], "codes": [["I219", "I639"], ["J459"], []], "imaging_date": [SCAN] * 3, **nothing}
    ).with_columns(
        answers([[], [], []], [[2], [2], [2]], [[], [], []]),
        dates=pl.Series([[DAYS[0], DAYS[3]], [None], []], dtype=pl.List(pl.Date)),
    )
    frame.write_parquet(tmp_path / "d.parquet")
    return tmp_path / "d.parquet"


def run(diagnoses: Path, disease: str, *codes: str, unlabelled: Path | None = None) -> pl.DataFrame:
    given = ["--codes", *codes] if codes else []
    given += ["--unlabelled", str(unlabelled)] if unlabelled else []
    outputs = ["--output", str(diagnoses.with_name("l.parquet")), "--summary", str(diagnoses.with_name("s.csv"))]
    labels.main(
        [
            "--diagnoses",
            str(diagnoses),
            "--disease",
            disease,
            *given,
            *outputs,
            "--settings",
            filled.argument(cohort={}, labels={}),
        ]
    )
    return pl.read_parquet(diagnoses.with_name("l.parquet"))


def test_people_whose_labels_nobody_knows_are_missing_whatever_their_records_say(diagnoses, tmp_path):
    known = run(diagnoses, "infarct", "I21")
    assert known["infarct"].to_list() == [True, False, None]
    (tmp_path / "u.csv").write_text("1\n")
    found = run(diagnoses, "infarct", "I21", unlabelled=tmp_path / "u.csv")
    assert found["infarct"].to_list() == [None, False, None]
    assert found["date_infarct"].to_list() == [None, None, None]
    assert pl.read_csv(tmp_path / "s.csv")["positive"].to_list() == [0]


def test_command_line_looks_up_the_codes_it_is_given(diagnoses):
    found = run(diagnoses, "infarct", "I21", "I252")
    assert found.columns == ["eid", "infarct", "date_infarct", "imaging_date"]
    assert found["infarct"].to_list() == [True, False, None]
    assert found["date_infarct"].to_list() == [DAYS[0], None, None]
    assert run(diagnoses, "infarct", "I220", "J45")["infarct"].to_list() == [False, True, None]
    assert pl.read_csv(diagnoses.with_name("s.csv")).row(0) == ("infarct", 1, 1, 1, 0, 0, 0, 1)
    assert run(diagnoses, HIGH_BP)[HIGH_BP].to_list() == [False, False, None]


def test_a_code_list_goes_with_every_disease_but_high_blood_pressure(diagnoses):
    for arguments in (("infarct",), (HIGH_BP, "I10")):
        with pytest.raises(UserError, match="high blood pressure has no code list"):
            run(diagnoses, *arguments)
    with pytest.raises(UserError, match="'I2519' is not a code"):
        run(diagnoses, "infarct", "I2519")


def test_parents_and_ranges_expand_on_the_tree():
    assert {"E110", "E119", "E11"} <= expand("E11")
    assert expand("I251") == {"I251"}
    assert {"I20", "I209", "I251", "I259"} <= expand("I20-I25")
    assert not {"I26", "I260", "I199"} & expand("I20-I25")
    for wrong in ("I2519", "Block I20-I25", "I25-I20", "i251", "I98-I9Z"):
        with pytest.raises(UserError, match="coding 19"):
            expand(wrong)


def test_tree_agrees_with_the_spelling_of_codes():
    """Below a code of the chapters used here stand exactly those that start with it: a check that needs no tree."""
    codes = set(tree())
    for parent in (code for code in codes if code[0] in "EI"):
        assert tree()[parent] == {code for code in codes if code.startswith(parent)}


@needs_shared
def test_code_lists_are_those_of_appendix_f():
    with (SHARED / "ukb" / "icd10_appendix_f.csv").open() as lines:
        printed: dict[str, set[str]] = {}
        for row in csv.DictReader(lines):
            printed.setdefault(row["disease"].lower(), set()).add(row["icd10"])
    assert load_code_lists(world.ICD10) == printed


@pytest.mark.parametrize(
    ("years", "expected"),
    [
        # found in time; after the end; healthy to the end; died before; lost a day after the scan; scanned at the end
        (None, [True, None, False, False, False, None]),
        (2, [True, None, None, None, None, None]),
        (1, [True, False, False, None, None, None]),
    ],
)
def test_incident_disease_is_looked_for_while_people_are_followed(years, expected):
    """The end of hospital data is 2017-09-01, 457 days after the scan: over one year, under two."""
    end = date(2017, 9, 1)
    diagnoses = pl.DataFrame(
        {
            "eid": range(1, 7),
            "codes": [["I251"], ["I251"], ["J459"], ["J459"], ["J459"], ["J459"]],
            "dates": [[date(2017, 5, 1)], [date(2017, 9, 2)], [None], [None], [None], [None]],
            "imaging_date": [SCAN] * 5 + [end],
            "death": [None, None, None, date(2017, 1, 1), None, None],
            "lost": [None, None, None, None, date(2016, 6, 2), None],
            "country": ["england"] * 6,
        }
    )
    facts = find_cases(diagnoses, {"cad": ["I251"]}).with_columns(followed_to(diagnoses, end))
    settings = filled.labels(timing="incident", incident_years=years, follow_up_end=str(end))
    assert make_label(facts, "cad", settings, 2)["cad"].to_list() == expected


def test_the_end_of_hospital_data_is_by_country_or_that_of_the_data():
    days = {"england": date(2022, 10, 31), "scotland": date(2022, 8, 31), "wales": date(2022, 5, 31)}
    centres = pl.DataFrame({"c": [11025.0, 11004, 11005, 11003, 11022, 11023, None]}).select(
        country=country(pl.col("c"))
    )
    frame = centres.with_columns(
        dates=pl.Series([[date(2020, 1, 1)], [None], [], [], [], [], []], dtype=pl.List(pl.Date))
    )
    names = ["england", *["scotland"] * 2, *["wales"] * 3, "wales"]  # without a centre the earliest
    assert followed_to(frame, days).to_list() == [days[name] for name in names]
    assert followed_to(frame, None).to_list() == [date(2020, 1, 1)] * 7
    with pytest.raises(
        UserError,
        match=r"config labels\.follow_up_end: needs one day for all, or one each for england, scotland, wales",
    ):
        filled.labels(follow_up_end={"england": "2022-10-31"})
    with pytest.raises(UserError, match=r"config labels\.follow_up_end: '31/10/2022' is not a day"):
        filled.labels(follow_up_end="31/10/2022")


def test_death_loss_and_country_come_from_the_table(tmp_path):
    names = ["eid", "53-2.0", "6150-0.0", "2966-0.0", "41270-0.0", "41280-0.0"]
    names += ["40000-0.0", "40000-1.0", "191-0.0", "54-0.0", "54-2.0"]
    rows = [
        ["1000003", "2016-05-01", "-7", "", "I10", "2010-01-01", "2019-03-01", "2019-03-02", "", "11004", "11025"],
        ["1000020", "2016-05-01", "-7", "", "I10", "2010-01-01", "", "", "2018-01-01", "", "11025"],
    ]
    table = world.write_text(tmp_path / "t.csv", names, rows)
    frame = diagnoses_of([table], 2, (), 0.01)
    assert frame.select("death", "lost", "country").rows() == [
        (date(2019, 3, 1), None, "scotland"),
        (None, date(2018, 1, 1), None),
    ]


def test_a_diagnosis_in_the_future_does_not_stretch_follow_up(tmp_path, caplog):
    """Nor do days of the scan or of loss; the diagnosis stays, undated, and each field is told with its count."""
    names = ["eid", "53-2.0", "6150-0.0", "2966-0.0", "41270-0.0", "41280-0.0", "191-0.0"]
    rows = [
        ["1000003", "2016-05-01", "-7", "", "I251", "2099-01-01", ""],
        ["1000020", "2016-05-01", "-7", "", "I251", "2018-01-01", "2098-01-01"],
        ["1000037", "2097-05-01", "-7", "", "I251", "2017-01-01", ""],
    ]
    frame = diagnoses_of([world.write_text(tmp_path / "t.csv", names, rows)], 2, (), 0.01)
    assert frame["dates"].to_list() == [[None], [date(2018, 1, 1)], [date(2017, 1, 1)]]
    assert frame.select("imaging_date", "lost").rows()[1:] == [(date(2016, 5, 1), None), (None, None)]
    assert followed_to(frame, None).to_list() == [date(2018, 1, 1)] * 3
    told = "Date of first in-patient diagnosis - ICD10", "Date of attending assessment centre", "Date lost to follow-up"
    for number, title in zip((41280, 53, 191), told, strict=True):
        assert f"t.csv, field {number} ({title}): 1 dates are in the future; taken as unknown" in caplog.text
    facts = find_cases(frame, {"cad": ["I251"]}).with_columns(followed_to(frame, None))
    assert make_label(facts, "cad", filled.labels(timing="incident"), 2)["cad"].to_list() == [None, True, None]


@pytest.mark.parametrize(("years", "warned"), [(1, False), (8, True)])
def test_an_end_of_follow_up_that_stands_alone_is_told(years, warned, caplog):
    """2,000 diagnoses over 2 years, and one a year or eight years after them, as with a mistyped digit."""
    days = [date(2014, 1, 1) + timedelta(i * 365 // 1000) for i in range(2000)]
    last = date(2015 + years, 12, 1)
    dates = pl.Series([[day] for day in [*days, last]], dtype=pl.List(pl.Date))
    assert set(followed_to(pl.DataFrame({"dates": dates}), None)) == {last}
    assert ("only 1 of 2001 are of the year before it" in caplog.text) == warned


def test_contradictory_answers_at_a_visit_and_between_visits_are_counted(tmp_path, caplog):
    """Any report makes a case: an age beside "none of the above", and what a later visit does not repeat."""
    names = ["eid", "53-2.0", "6150-0.0", "2966-0.0", "6150-2.0", "2966-2.0", "41270-0.0", "41280-0.0"]
    cases = [  # 6150 and 2966 at the first and the scan's visit; the label of any visit, and of the scan's alone
        ("", "", "-7", "50", True, True),
        ("", "", "1", "-1", True, True),
        ("4", "50", "-7", "", True, False),
        ("4", "", "-3", "", True, None),
        ("-7", "", "4", "55", True, True),  # a new diagnosis contradicts nothing
        ("-7", "", "2", "", False, False),
    ]
    rows = [[str(1000003 + i), "2016-05-01", *own[:4], "J459", "2010-01-01"] for i, own in enumerate(cases)]
    facts = find_cases(diagnoses_of([world.write_text(tmp_path / "t.csv", names, rows)], 2, (), 0.01), {})
    for rule, place in (("any", 4), ("scan", 5)):
        label = make_label(facts, HIGH_BP, filled.labels(high_bp=rule), 2)[HIGH_BP].to_list()
        assert label == [own[place] for own in cases]
    assert "2 participants have an age of high blood pressure (2966) at a visit at which 6150 was" in caplog.text
    assert "1 of 5 participants who report high blood pressure do not report it at a later visit" in caplog.text
