"""Hospital dates that cannot be those of their codes, or of their people: counted, and refused where most are wrong."""

from pathlib import Path

import polars as pl
import pytest

from vita.cohort.diagnoses import collect
from vita.cohort.remarks import Remarks
from vita.runtime.errors import UserError

from . import world

OTHER = {"6150-2.0": "-7", "2966-2.0": "", "53-2.0": "2016-05-01", "21003-2.0": "60"}


def cohort(people: int, **own: object) -> world.Columns:
    """People with two diagnoses each, in 2010 and 2012, aged 60 at a scan in 2016; `own` are other columns."""
    columns = {"eid": [str(1000003 + 17 * i) for i in range(people)]} | {n: [c] * people for n, c in OTHER.items()}
    columns |= {"41270-0.0": ["I10"] * people, "41280-0.0": ["2010-01-01"] * people}
    columns |= {"41270-0.1": ["E119"] * people, "41280-0.1": ["2012-01-01"] * people}
    return columns | own


def read(folder: Path, columns: world.Columns, most: float = 0.01) -> tuple[pl.DataFrame, list[tuple[str, str, int]]]:
    found = Remarks()
    frame = collect([world.classic(folder / "t.csv", columns)], 2, (), most, found)
    return frame, [row[1:] for row in found.rows()]


def test_a_column_of_dates_that_was_sorted_by_itself_is_refused(tmp_path):
    """Six of ten have diagnoses; sorted, the empty cells come first and four of six codes lose their date."""
    codes, days = ["I10"] * 6 + [""] * 4, [""] * 4 + [f"201{i}-01-01" for i in range(6)]
    none = {"41270-0.1": [""] * 10, "41280-0.1": [""] * 10}
    columns = cohort(10, **{"41270-0.0": codes, "41280-0.0": days}, **none)
    with pytest.raises(UserError, match=r"t\.csv, fields 41270 and 41280: 8 of 10 participants have a code without"):
        read(tmp_path, columns)
    assert len(read(tmp_path, columns, most=1)[0]) == 10


def test_dates_delivered_for_the_first_arrays_only_are_not_refused(tmp_path):
    columns = cohort(10)
    del columns["41280-0.1"]
    frame, told = read(tmp_path, columns)
    assert frame["dates"].list.drop_nulls().list.len().to_list() == [1] * 10
    assert told == []


def test_placeholders_for_unknown_dates_are_dates(tmp_path):
    frame, told = read(tmp_path, cohort(10, **{"41280-0.0": ["1900-01-01"] * 10}))
    assert frame["dates"].list.drop_nulls().list.len().to_list() == [1] * 10
    assert told == []


@pytest.mark.parametrize("early", [1, 2, 3, 40])
def test_dates_before_birth_are_counted_and_refused_beyond_the_share(early, tmp_path):
    """Aged 60 on 2016-05-01: born after 1955-05-01."""
    days = ["1950-01-01"] * early + ["1956-01-01"] * (200 - early)
    columns = cohort(200, **{"41280-0.0": days})
    if early > 2:
        message = (
            rf"t\.csv, field 41280: {early} of 200 participants have a hospital diagnosis before their birth; .*sorting"
        )
        with pytest.raises(UserError, match=message):
            read(tmp_path, columns)
        return
    assert read(tmp_path, columns)[1] == [
        ("41280", "participants have a hospital diagnosis before their birth; kept", early)
    ]


@pytest.mark.parametrize(("dead", "late"), [(100, 5), (100, 11), (3, 2), (3, 3)])
def test_dates_after_death_are_counted_and_refused_if_many(dead, late, tmp_path):
    deaths = ["2011-12-15"] * late + ["2020-01-01"] * (dead - late) + [""] * 20
    columns = cohort(dead + 20, **{"40000-0.0": deaths})
    if late > max(2, dead / 10):
        # the diagnosis of 2012-01-01 is within the days of grace
        assert read(tmp_path, columns)[1] == []
    columns["40000-0.0"] = [day.replace("2011-12-15", "2011-11-15") for day in deaths]
    if late > max(2, dead / 10):
        with pytest.raises(
            UserError, match=rf"{late} of {dead} participants have a hospital diagnosis after their death"
        ):
            read(tmp_path, columns)
        return
    assert read(tmp_path, columns)[1] == [
        ("41280", "participants have a hospital diagnosis after their death; kept", late)
    ]
