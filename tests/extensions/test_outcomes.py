"""Time at risk by hand: prevalent and undated cases out, the first of diagnosis, death, loss and the records' end."""

import csv
import datetime

import polars as pl
import pytest

from vita.cohort.diagnoses import collect
from vita.cohort.settings import follow_up_end
from vita.extensions.outcomes import CENSORED, DEATH, DISEASE, HEART_FAILURE, at_risk
from vita.runtime.errors import UserError

DAY = datetime.date
SCAN = DAY(2016, 1, 1)
END = DAY(2020, 1, 1)
PEOPLE = {
    # eid: (codes with dates, death, lost)
    1: ([("I500", DAY(2018, 1, 1))], None, None),  # ill after two years
    2: ([("I500", DAY(2015, 1, 1))], None, None),  # prevalent
    3: ([("I501", None)], None, None),  # undated
    4: ([], DAY(2017, 1, 1), None),  # died
    5: ([], None, DAY(2019, 1, 1)),  # lost
    6: ([("I10", DAY(2017, 1, 1))], None, None),  # another disease
    7: ([("I500", DAY(2019, 6, 1))], None, DAY(2018, 1, 1)),  # ill after having been lost
    8: ([("I500", SCAN)], None, None),  # diagnosed on the day of the scan
    9: ([("I509", DAY(2016, 7, 1)), ("I500", DAY(2016, 3, 1))], DAY(2017, 1, 1), None),  # the first of two codes
}


def end_of(written):
    """What the configuration's `labels.follow_up_end` means."""
    return follow_up_end({"labels": {"follow_up_end": written}})


@pytest.fixture
def found():
    diagnoses = pl.DataFrame(
        {
            "eid": list(PEOPLE),
            "codes": [[code for code, _ in codes] for codes, _, _ in PEOPLE.values()],
            "dates": [[day for _, day in codes] for codes, _, _ in PEOPLE.values()],
            "imaging_date": [SCAN] * len(PEOPLE),
            "death": [death for _, death, _ in PEOPLE.values()],
            "lost": [lost for _, _, lost in PEOPLE.values()],
            "country": [None] * len(PEOPLE),
        },
        schema_overrides={
            "codes": pl.List(pl.String),
            "dates": pl.List(pl.Date),
            "death": pl.Date,
            "lost": pl.Date,
            "country": pl.String,
        },
    )

    def made(end, **others):
        table = diagnoses.with_columns(**{name: pl.Series(v) for name, v in others.items()})
        return at_risk(table, HEART_FAILURE, end)

    return made


def test_who_is_at_risk_and_how_it_ended(found) -> None:
    table = found(END)
    assert table["event"].to_dict() == {
        1: DISEASE, 4: DEATH, 5: CENSORED, 6: CENSORED, 7: CENSORED, 9: DISEASE,
    }  # fmt: skip
    years = {1: 731, 4: 366, 5: 1096, 6: 1461, 7: 731, 9: 60}
    assert table["years"].to_dict() == pytest.approx({eid: days / 365.25 for eid, days in years.items()})


def test_records_end_with_the_last_day_that_they_tell_of(found) -> None:
    assert found(None).loc[6, "years"] == pytest.approx((DAY(2019, 6, 1) - SCAN).days / 365.25)


def test_records_may_end_by_country(found) -> None:
    ends = end_of({"england": "2019-12-31", "scotland": "2018-12-31", "wales": "2019-12-31"})
    table = found(ends, country=["scotland"] * 8 + [None])
    assert table.loc[6, "years"] == pytest.approx((DAY(2018, 12, 31) - SCAN).days / 365.25)
    assert found(ends, country=["england"] * 9).loc[6, "years"] == pytest.approx(1460 / 365.25)
    assert found(ends).loc[6, "years"] == pytest.approx((DAY(2018, 12, 31) - SCAN).days / 365.25)
    assert end_of(None) is None
    assert end_of("2022-10-31") == DAY(2022, 10, 31)
    with pytest.raises(UserError, match="is not a day; write it"):
        end_of("31.10.2022")


def test_what_comes_after_the_end_of_the_records_has_not_happened(found) -> None:
    table = found(DAY(2016, 12, 31))
    assert table.loc[1, "event"] == CENSORED
    assert table.loc[4, "event"] == CENSORED
    assert table.loc[9, "event"] == DISEASE


def table(path, names, *rows):
    """A delivery with the fields that labels need, empty, and these."""
    needed = ["41270-0.0", "41280-0.0", "53-2.0", "6150-2.0", "2966-2.0"]
    with path.open("w", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerows([[*names, *needed], *([*row, *[""] * len(needed)] for row in rows)])
    return path


def test_death_loss_and_centre_from_tables(tmp_path) -> None:
    path = table(
        tmp_path / "ukb.csv",
        ["eid", "31-0.0", "40000-0.0", "40000-1.0", "191-0.0", "54-0.0", "54-2.0"],
        ["11", "1", "2020-05-04", "2020-05-01", "", "11010", "11025"],
        ["12", "0", "", "", "2018-01-02", "11010", ""],
        ["13", "0", "", "", "", "", ""],
        ["14", "1", "2019-01-01", "", "", "", ""],
    )
    frame = collect([path], 2, {14}, 0.01)
    assert frame.select("eid", "death", "lost", "centre").rows() == [
        (11, DAY(2020, 5, 1), None, 11025),
        (12, None, DAY(2018, 1, 2), None),
        (13, None, None, None),
    ]


def test_tables_without_deaths_warn(tmp_path, caplog) -> None:
    path = table(tmp_path / "ukb.csv", ["eid", "31-0.0"], ["11", "1"])
    assert collect([path], 2, (), 0.01).select("eid", "death", "lost", "centre").rows() == [(11, None, None, None)]
    assert "field 40000 (Date of death) is in no table" in caplog.text
