"""Dates written as times: the day is the one that UK Biobank meant."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from vita.cohort.cleaning import dates
from vita.cohort.delivery import open_delivery
from vita.cohort.reading import stream
from vita.runtime.errors import UserError

DAYS = [date(2010, 1, 1) + timedelta(days=37 * i) for i in range(60)]  # in winter and in summer
LONDON = ZoneInfo("Europe/London")


def parsed(cells: list[str | None], several: bool = False) -> list[date | None]:
    return dates(pl.DataFrame({"a": cells}, schema={"a": pl.String}), ["a"], "t", several)["a"].to_list()


def midnights(zone: str, form: str) -> list[str]:
    """Local midnights as times in UTC, by Python's own calendar."""
    local = [datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)) for day in DAYS]
    return [each.astimezone(UTC).strftime(form) for each in local]


FORMS = [
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S.000Z",
    "%Y-%m-%d %H:%M:%S+00:00",
    "%Y-%m-%d %H:%MZ",
]


@pytest.mark.parametrize("form", FORMS)
def test_british_midnights_in_utc_are_the_days_that_were_meant(form):
    cells = midnights("Europe/London", form)
    assert {cell[11:13] for cell in cells} == {"23", "00"}
    assert parsed([*cells, None, ""]) == [*DAYS, None, None]


def test_a_column_of_summer_alone_and_one_of_winter_alone():
    assert parsed(["2015-06-30T23:00:00Z", None]) == [date(2015, 7, 1), None]
    assert parsed(["2015-12-31T23:00:00Z"]) == [date(2016, 1, 1)]
    assert parsed(["2015-01-31T00:00:00Z"]) == [date(2015, 1, 31)]


def test_plain_days_beside_them_stay():
    assert parsed(["2015-06-30T23:00:00Z", "2015-06-30"]) == [date(2015, 7, 1), date(2015, 6, 30)]


def test_several_days_in_a_cell():
    cells = ["2015-06-30T23:00:00Z|2015-01-31T00:00:00Z", None, "2015-06-29T23:00:00Z"]
    assert parsed(cells, several=True) == [[date(2015, 7, 1), date(2015, 1, 31)], None, [date(2015, 6, 30)]]


@pytest.mark.parametrize(
    "cells",
    [
        ["2019-10-01T14:23:05Z", "2019-10-02T23:00:00Z"],  # real times of questionnaires
        ["2015-07-01T00:00:00+01:00", "2015-07-01T23:00:00+01:00"],  # at a place: the day is written
        ["2015-06-30 08:00:00", "2015-06-30 09:00:00"],
    ],
)
def test_the_day_of_other_times_is_the_one_that_is_written(cells):
    assert parsed(cells) == [date.fromisoformat(cell[:10]) for cell in cells]


def test_midnights_to_the_west_are_on_the_same_day_in_utc():
    assert parsed(midnights("America/New_York", "%Y-%m-%dT%H:%M:%SZ")) == DAYS


@pytest.mark.parametrize("end", [" 12:00:00", " 12:00:00 AM", "T12:00:00Z"])
def test_noon_is_a_way_to_write_a_day(end):
    assert parsed([f"{day}{end}" for day in DAYS]) == DAYS


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Brisbane"])
def test_midnights_of_another_zone_are_refused(zone):
    cells = midnights(zone, "%Y-%m-%dT%H:%M:%SZ")
    with pytest.raises(
        UserError, match=r"t, column a: all times of day are \d\d(:00)?.* export dates without times"
    ) as caught:
        parsed(cells)
    assert "2010" not in str(caught.value)


@pytest.mark.parametrize("zone", ["UTC", "Europe/London", None])
def test_times_of_parquet(zone, tmp_path):
    local = [datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC) for day in DAYS]
    times = pl.Series("53-2.0", local, dtype=pl.Datetime("us", "UTC"))
    times = times.dt.replace_time_zone(None) if zone is None else times.dt.convert_time_zone(zone)
    pl.DataFrame({"eid": range(1000003, 1000003 + len(DAYS)), "53-2.0": times}).write_parquet(tmp_path / "t.parquet")
    delivery = open_delivery(tmp_path / "t.parquet")
    (batch,) = stream(delivery, delivery.header.columns)
    assert dates(batch, ["53-2.0"], "t")["53-2.0"].to_list() == DAYS
