"""The phantom cohort's UK Biobank table: every field that a feature uses, and some unrelated ones."""

from pathlib import Path

import numpy as np
import pandas as pd

from vita.phantom import answers, health, measures
from vita.phantom.sheet import Sheet, numbers

TABLE_STREAM = 2
ETHNICITY = {1001: 0.92, 1002: 0.02, 1003: 0.025, 3001: 0.01, 4001: 0.008, 2001: 0.005, 6: 0.006, -1: 0.003, -3: 0.003}
CENTRES = (11025, 11026, 11027, 11028)


def write_table(people: pd.DataFrame, seed: int, path: Path) -> int:
    """Write the table of all people; returns its number of columns.

    Args:
        people: rows of people.parquet.
        seed: of the cohort.
        path: CSV, latin-1, every cell quoted, blank where nothing is known.
    """
    return make_sheet(people, seed).write(path)


def make_sheet(people: pd.DataFrame, seed: int) -> Sheet:
    """The table of all people, not yet written."""
    sheet = Sheet(people, np.random.default_rng([seed, TABLE_STREAM]))
    _reception(sheet)
    measures.add(sheet)
    answers.add(sheet)
    health.add(sheet, seed)
    _unasked(sheet)
    return sheet


def _reception(sheet: Sheet) -> None:
    """Sex, dates and ages of the visits, ethnic background."""
    scan = sheet.people["imaging_date"].to_numpy().astype("datetime64[D]")
    sheet.put(31, 0, 0, sheet.people["male"].astype(int).astype(str))
    background = sheet.rng.choice(
        list(ETHNICITY), sheet.n, p=np.array(list(ETHNICITY.values())) / sum(ETHNICITY.values())
    )
    for instance in range(4):
        years, came = sheet.years_to_scan[instance], sheet.attended[instance]
        day = scan - (365.25 * years).astype(int).astype("timedelta64[D]")
        sheet.put(53, instance, 0, day.astype(str).astype(object), came)
        sheet.put(21003, instance, 0, numbers(np.floor(sheet.trait("age") - years), 0), came)
        if instance < 3:
            sheet.put(21000, instance, 0, background.astype(str).astype(object), came)


def _unasked(sheet: Sheet) -> None:
    """Columns of other projects, as every delivery has them: free text, names with commas, numbers, accents."""
    sheet.put(54, 2, 0, sheet.rng.choice(CENTRES, sheet.n).astype(str).astype(object))
    sheet.put(34, 0, 0, numbers(2017 - sheet.trait("age"), 0))
    sheet.put(22189, 0, 0, numbers(-1.5 + 2.8 * sheet.trait("deprivation_z"), 4))
    jobs = np.array(["Teacher, retired", 'Driver of "lorries"', "Caf\u00e9 owner", "Nurse"], dtype=object)
    sheet.put(132, 0, 0, jobs[sheet.rng.integers(0, len(jobs), sheet.n)], sheet.rng.random(sheet.n) < 0.6)
    sheet.number(46, 28 + 10 * sheet.trait("male") + 2 * sheet.trait("fitness_z"), 3, 0)
    sheet.number(30750, 35 + 11 * sheet.trait("diabetes") + 1.5 * sheet.trait("fat_z"), 2.5, 1, instances=(0,))
