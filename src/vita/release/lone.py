"""Single numbers that give somebody away: an extreme value, or a sum or mean over too few people.

One number may equal one of thousands of such values by chance. Every comparison is therefore noted with the number of
coincidences that the density of these values makes likely; `vita.release.matches` judges matches by the whole folder.
"""

import re

import numpy as np

from vita.release.cohort import Cohort
from vita.release.contents import PROSE, Table
from vita.release.matches import EXTREMES, SUMS, SUMS_DRAWN, Cells, Compared, Match
from vita.release.values import Values, plain

_EXTREME = re.compile(
    r"(?<![a-z])(min|max|minimum|maximum|smallest|largest|lowest|highest|oldest|tallest|extreme|outlier|whisker|whislo|"
    r"whishi|range|p0|p100|q0|q100|[xy]lim)"
)
_EXTREME_DIGITS = 3
_NAMED_DIGITS, _EXACT_DIGITS = 4, 6


def extremes(table: Table, cells: Cells, cohort: Cohort, compared: Compared) -> list[Match]:
    """Smallest and largest values, if the text calls them that: each belongs to a single participant."""
    columns = {column for column, name in enumerate(table.header) if _says_extreme(name, cohort)}
    rows = {
        number
        for number, row in enumerate(table.rows)
        if any(_says_extreme(text, cohort) for text in (row if table.kind == PROSE else row[:2]))
    }
    if not rows and not columns:
        return []
    ends = [(name, end) for name, values in cohort.columns.items() for end in (0, -1) if len(values.value)]
    values = np.array([cohort.columns[name].value[end] for name, end in ends])
    order = np.argsort(values, kind="stable")
    ascending = Values(values[order], order.astype(np.int32))
    named = (cells.name >= 0) & (cells.digits >= _EXTREME_DIGITS)
    unnamed = (cells.name < 0) & (cells.digits >= _EXACT_DIGITS - 1)
    said = np.isin(cells.row, list(rows)) | np.isin(cells.column, list(columns))
    chosen = np.flatnonzero((named | unnamed) & said)
    value, step = cells.value[chosen], cells.step[chosen]
    first, last, expected = ascending.find(value - step, value + step)
    expected[cells.name[chosen] >= 0] = 0.0  # no coincidence: it is called the extreme value of this variable
    compared.note(EXTREMES, value, cells.name[chosen], expected)
    found = []
    for number in np.flatnonzero(last > first):
        name = cells.names[cells.name[chosen[number]]] if cells.name[chosen[number]] >= 0 else ""
        near = [ends[each] for each in ascending.person[first[number] : last[number]]]
        for owner, end in [each for each in near if name in ("", each[0])][:1]:
            words = f"the extreme value of {owner} belongs to one participant"
            person = int(cohort.columns[owner].person[end])
            row, chance = int(cells.row[chosen[number]]), float(expected[number])
            found.append(Match(row, words, {person}, chance=chance, family=EXTREMES))
    return found


def _says_extreme(text: str, cohort: Cohort) -> bool:
    """Whether a text refers to an extreme value; a phenotype's name, such as LAV max, does not."""
    return bool(_EXTREME.search(text.lower())) and plain(text) not in cohort.columns


def unsafe(table: Table, cells: Cells, cohort: Cohort, compared: Compared) -> list[Match]:
    """Numbers that equal a sum or mean over too few people, with so many digits that this may be no coincidence.

    Sums of numbers with few digits count only if the number has the name of what was added up.
    """
    family = SUMS_DRAWN if table.kind == "marks" else SUMS
    found: dict[int, Match] = {}
    places = {name: place for place, name in enumerate(cells.names)}
    present = set(np.unique(cells.name).tolist())
    for name, group in cohort.unsafe.items():
        if name and places.get(name) not in present:
            continue
        exact = cells.digits >= (_NAMED_DIGITS if name else _EXACT_DIGITS)
        chosen = np.flatnonzero(exact & (cells.name == places[name]) if name else exact)
        half = cells.step[chosen] / 2
        first, last, expected = group.values.find(cells.value[chosen] - half, cells.value[chosen] + half)
        compared.note(family, cells.value[chosen], np.full(len(chosen), places.get(name, -1)), expected)
        for hit in np.flatnonzero(last > first):
            number = group.numbers[group.values.person[first[hit]]]
            match = Match(
                int(cells.row[chosen[hit]]), number.words, set(), number.dominated, float(expected[hit]), family
            )
            before = found.get(int(chosen[hit]))
            if before is None or match.chance < before.chance:
                found[int(chosen[hit])] = match
    return list(found.values())
