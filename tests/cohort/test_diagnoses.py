"""What is kept of everybody's diagnoses, and what is looked up in it."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

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
    return collect([world.classic(tmp_path / "t.csv", changed)], 2, ())


def test_every_code_stands_once_with_its_first_known_date(collected):
    assert collected["codes"].to_list()[:3] == [["E119", "J459"], ["I10"], []]
    assert collected["dates"].to_list()[:3] == [[None, DAY], [DAY], []]
    assert collected["codes"].null_count() == collected["dates"].null_count() == 0
    assert len(collected) == 60
    assert collected["eid"].is_sorted()


def test_reports_of_high_blood_pressure_are_the_first_visit_and_the_youngest_age(collected):
    assert collected["high_bp_visit"].to_list()[:3] == [2, 0, None]
    assert collected["high_bp_age"].to_list()[:3] == [61.0, 49.0, None]


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


def test_joined_labels_are_those_of_each_disease(table, tmp_path):
    diagnoses.main(["--table", str(table), "--output", str(tmp_path / "d.parquet")])
    lists = read_lists(world.ICD10)
    for disease in LABELS:
        outputs = ["--output", str(tmp_path / f"{disease}.parquet"), "--summary", str(tmp_path / f"{disease}.csv")]
        codes = [] if disease == HIGH_BP else ["--codes", *lists[disease]]
        labels.main(["--diagnoses", str(tmp_path / "d.parquet"), "--disease", disease, *codes, *outputs])
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
    with pytest.raises(UserError, match=r"cad.parquet: is not of the same participants as .*stroke.parquet"):
        joined_labels(tmp_path, "stroke", "cad")


def joined_labels(folder: Path, *diseases: str) -> pl.DataFrame:
    arguments = [option for name in ("labels", "summaries") for option in (f"--{name}", *files(folder, name, diseases))]
    outputs = ["--output", str(folder / "all.parquet"), "--summary", str(folder / "summary.csv")]
    join_labels.main([*arguments, *outputs])
    return pl.read_parquet(folder / "all.parquet")


def files(folder: Path, kind: str, diseases: tuple[str, ...]) -> list[str]:
    return [str(folder / f"{disease}.{'parquet' if kind == 'labels' else 'csv'}") for disease in diseases]
