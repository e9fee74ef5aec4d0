"""A classic UK Biobank table under construction: quoted columns `field-instance.array`, blank for unknown values."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm

# Share of participants seen at each assessment: baseline, first repeat, imaging, repeat imaging.
ATTENDANCE = (1.0, 0.2, 1.0, 0.12)
# Share of an answer's variation that stays constant between visits.
CONSTANCY = 0.85


class Sheet:
    """Columns by (field, instance, array); every cell is text.

    Attributes:
        people: rows of people.parquet.
        rng: random numbers of the whole table.
        attended: (4, n) who came to which assessment.
        since: (n,) years from a disease's diagnosis to the scan, by disease, once it is drawn.
        years_to_scan: (4, n) years from each assessment to the imaging visit, negative after it.
    """

    def __init__(self, people: pd.DataFrame, rng: np.random.Generator) -> None:
        self.people, self.rng, self.n = people, rng, len(people)
        self.columns: dict[tuple[int, int, int], np.ndarray] = {}
        self.since: dict[str, np.ndarray] = {}
        self.attended = rng.random((4, self.n)) < np.array(ATTENDANCE)[:, None]
        before = rng.uniform(5.0, 10.0, self.n)
        self.years_to_scan = np.stack([before, 0.45 * before, np.zeros(self.n), -rng.uniform(2.0, 3.0, self.n)])

    def trait(self, name: str) -> np.ndarray:
        """A column of people.parquet as floats."""
        values: np.ndarray = self.people[name].to_numpy().astype(float)
        return values

    def put(
        self,
        field: int,
        instance: int,
        array: int,
        cells: Sequence[str] | np.ndarray,
        filled: np.ndarray | None = None,
    ) -> None:
        """Set a column; cells of participants who are not `filled` stay blank."""
        values = np.asarray(cells, dtype=object)
        self.columns[field, instance, array] = values if filled is None else np.where(filled, values, "")

    def number(
        self,
        field: int,
        values: np.ndarray,
        spread: float,
        decimals: int,
        share: float = 0.97,
        instances: Sequence[int] = (0, 2, 3),
        arrays: int = 1,
        repeat: float = 0.0,
        least: float | None = 0.0,
    ) -> None:
        """A measured number: the trait, plus noise of the visit (`spread`) and of each reading (`repeat`).

        `share` of those who came to an assessment have it; a second and later reading is missing in a few more.
        """
        for instance in instances:
            visit = values + spread * self.rng.standard_normal(self.n)
            filled = self.attended[instance] & (self.rng.random(self.n) < share)
            for array in range(arrays):
                reading = visit + repeat * self.rng.standard_normal(self.n)
                reading = reading if least is None else np.maximum(reading, least)
                known = filled & (self.rng.random(self.n) < (1.0 if array == 0 else 0.96))
                self.put(field, instance, array, numbers(reading, decimals), known)

    def choice(
        self,
        field: int,
        score: np.ndarray,
        codes: Sequence[int],
        shares: Sequence[float],
        missing: Sequence[int] = (),
        asked: np.ndarray | None = None,
        instances: Sequence[int] = (0, 2, 3),
        effect: float = 0.55,
        share: float = 0.97,
    ) -> np.ndarray:
        """An answer from ordered codes, which increases with a trait.

        Args:
            field: id.
            score: (n,) standard score of the trait behind the answer.
            codes, shares: codes in the order of the trait, and how often each is given.
            missing: codes such as -1 and -3, given instead by about one in a hundred each.
            asked: who is asked at all; the others stay blank.
            instances: assessments.
            effect: correlation of the answer with the trait.
            share: of those asked who answer.

        Returns:
            (n,) codes at the imaging visit (or the last of `instances`) before missing codes.
        """
        limits = norm.ppf(np.cumsum(shares)[:-1] / np.sum(shares))
        own = self.rng.standard_normal(self.n)
        asked = np.ones(self.n, bool) if asked is None else asked
        chosen: dict[int, np.ndarray] = {}
        for instance in instances:
            noise = CONSTANCY * own + np.sqrt(1 - CONSTANCY**2) * self.rng.standard_normal(self.n)
            answer = np.array(codes)[np.digitize(effect * score + np.sqrt(1 - effect**2) * noise, limits)]
            chosen[instance] = answer
            cells = self.with_missing(answer.astype(int).astype(str).astype(object), missing)
            filled = self.attended[instance] & asked & (self.rng.random(self.n) < share)
            self.put(field, instance, 0, cells, filled)
        return chosen[2] if 2 in chosen else chosen[max(chosen)]

    def with_missing(self, cells: np.ndarray, missing: Sequence[int]) -> np.ndarray:
        """Replace about one in a hundred cells by each of the missing codes."""
        for code in missing:
            cells = np.where(self.rng.random(self.n) < 0.01, str(code), cells)
        return cells

    def write(self, path: Path) -> int:
        """Write the table, all cells quoted, columns in order of field, instance and array; returns their number."""
        keys = sorted(self.columns)
        header = ["eid", *(f"{field}-{instance}.{array}" for field, instance, array in keys)]
        body = zip(self.people["eid"].astype(str), *(self.columns[key] for key in keys), strict=True)
        with path.open("w", encoding="latin-1", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(body)
        return len(header)


def numbers(values: np.ndarray, decimals: int) -> np.ndarray:
    """(n,) texts of numbers with at most so many decimals, as deliveries write them (no trailing zeros)."""
    if decimals == 0:
        return np.array([str(round(value)) for value in values.tolist()], dtype=object)
    return np.array(
        [f"{round(value, decimals):g}" if abs(value) < 1e5 else str(round(value)) for value in values.tolist()],
        dtype=object,
    )


def multiple(
    sheet: Sheet,
    field: int,
    instance: int,
    chosen: dict[int, np.ndarray],
    arrays: int,
    none: int | None,
    filled: np.ndarray,
) -> None:
    """A question with several answers: chosen codes fill the arrays from 0; `none` is the only answer if there is no
    other.
    """
    cells = [np.full(sheet.n, "", dtype=object) for _ in range(arrays)]
    given = np.zeros(sheet.n, int)
    for code, picked in chosen.items():
        for row in np.flatnonzero(picked & (given < arrays)):
            cells[given[row]][row] = str(code)
            given[row] += 1
    if none is not None:
        cells[0] = np.where(given == 0, str(none), cells[0])
    for array, column in enumerate(cells):
        sheet.put(field, instance, array, column, filled)
