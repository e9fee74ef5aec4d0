"""An attacker who has the cohort's tables and asks whose numbers these are.

Each number is compared with every participant's, at the precision that it is written with. A match is evidence if it is
not due to chance: the density of the cohort's values around a number gives the number of matches expected by chance.
Evidence is added up over the numbers of a row, which singles out a participant who has them all, and over a column,
whose values may all belong to participants although no single one proves it.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import scipy  # its parts are imported where they are first used

from vita.release.cohort import Cohort
from vita.release.columns import by_column, by_label
from vita.release.contents import PROSE, Table, is_weights
from vita.release.joined import by_row
from vita.release.lone import extremes, unsafe
from vita.release.matches import FEWEST, FEWEST_DIGITS, ROUGH, Cells, Compared, Match
from vita.release.numbers import numbers
from vita.release.values import plain

_COLUMN = 1e-12
_EXACT_SINGLE, _EXACT_DOUBLE = 2.0**-24, 2.0**-40  # of a number that is stored in 4 or 8 bytes


def join(table: Table, cohort: Cohort, compared: Compared) -> list[Match]:
    """Participants who are revealed by a table's rows, columns or single numbers; what was compared is noted."""
    cells = _cells(table, cohort)
    if not len(cells.value) or not len(cohort.eid):
        return []
    found = by_row(cells, cohort, compared) if table.kind != "marks" else []
    found += by_column(table, cells, cohort)
    if table.kind == "table" and not is_weights(table):
        found += by_label(table, cells, cohort) + _ranked(cells, cohort) + _turned(table, cohort, compared)
        found += _joined(table, cohort)
    return found + extremes(table, cells, cohort, compared) + unsafe(table, cells, cohort, compared)


def _turned(table: Table, cohort: Cohort, compared: Compared) -> list[Match]:
    """Matches of a table with a column per participant."""
    width = max((len(row) for row in table.rows), default=0)
    if width < FEWEST or width <= len(table.rows):
        return []
    cells = [[row[place] if place < len(row) else "" for row in table.rows] for place in range(width)]
    words = not any(numbers(text) for text in cells[0])  # the first column names what is in each row
    turned = replace(table, header=tuple(cells[0]) if words else (), rows=cells[1:] if words else cells)
    turned_cells = _cells(turned, cohort)
    found = by_column(turned, turned_cells, cohort)
    if len(table.rows) > 1 and len(turned_cells.value):
        found += by_row(turned_cells, cohort, compared)
    return [replace(match, row=None) for match in found]


def _joined(table: Table, cohort: Cohort) -> list[Match]:
    """Matches of numbers that are spread over cells: whole and decimal part, or one digit in each."""
    rows = [[cell.strip() for cell in row] for row in table.rows if all(cell.strip().isdecimal() for cell in row)]
    if len(rows) < max(FEWEST, len(table.rows) // 2) or len({len(row) for row in rows}) != 1 or len(rows[0]) < 2:
        return []
    if all(len(cell) == 1 for row in rows for cell in row):
        joined = [["".join(row)] for row in rows]
    else:
        joined = [[f"{whole}.{part}" for whole, part in pairwise(row)] for row in rows]
    together = replace(table, header=(), rows=joined)
    return by_column(together, _cells(together, cohort), cohort)


def _ranked(cells: Cells, cohort: Cohort) -> list[Match]:
    """Rows of ranks, or of their fractions: in two columns or more, the same participant has those ranks."""
    votes: dict[int, dict[int, set[int]]] = {}
    for place in np.flatnonzero(cells.name >= 0):
        values, value = cohort.columns[cells.names[cells.name[place]]], float(cells.value[place])
        rank = value if value > 1 else value * len(values.value)
        if cells.digits[place] < FEWEST_DIGITS or not 1 <= round(rank) <= len(values.value):
            continue
        if value > 1 and value != round(value):
            return []
        for near in (round(rank) - 2, round(rank) - 1, round(rank)):
            if 0 <= near < len(values.value):
                row = votes.setdefault(int(cells.row[place]), {})
                row.setdefault(int(values.person[near]), set()).add(int(cells.name[place]))
    found = {row: {who for who, names in those.items() if len(names) > 1} for row, those in votes.items()}
    people = set().union(*found.values()) if found else set()
    agreed = sum(bool(those) for those in found.values())
    chance = sum(9 * len(those) ** 2 / max(len(cohort.eid), 1) / 18 for those in votes.values())
    if agreed >= FEWEST and scipy.stats.poisson.sf(agreed - 1, chance) < _COLUMN:
        return [Match(None, "rows hold the ranks of participants", people)]
    return []


def copied(values: np.ndarray, cohort: Cohort) -> Match | None:
    """Exact copies of participants' numbers in an array that is too large to be joined row by row. Numbers with few
    digits (zeros, ones) could be anybody's and do not count.
    """
    flat = np.unique(values[np.isfinite(values)].astype(np.float64))
    flat = flat[flat != 0]
    power = np.floor(np.log10(np.abs(flat)))
    scaled = flat / 10.0 ** (power - ROUGH + 1)
    flat = flat[np.abs(scaled - np.round(scaled)) > 1e-4]
    step = np.abs(flat) * (_EXACT_DOUBLE if values.dtype.itemsize > 4 else _EXACT_SINGLE)
    for pool in cohort.pools:
        first, last, expected = pool.find(flat - step, flat + step)
        hit = last > first
        chance = float((1 - np.exp(-expected)).sum())
        if hit.sum() >= FEWEST and scipy.stats.poisson.sf(hit.sum() - 1, chance) < _COLUMN:
            people = set(pool.person[first[last - first == 1]].tolist())
            return Match(None, f"{int(hit.sum())} numbers are exact copies of participants' values", people)
    return None


def _cells(table: Table, cohort: Cohort) -> Cells:
    heads = {column: plain(name) for column, name in enumerate(table.header)}
    names = list(cohort.columns)
    places = {name: place for place, name in enumerate(names)}
    found: list[tuple[float, float, int, int, int, int]] = []
    for number, row in enumerate(table.rows):
        label = -1
        values = []
        for column, cell in enumerate(row):
            read = numbers(cell)
            if read:
                values.append((column, read))
            if label < 0 and cell and table.kind != PROSE:
                label = places.get(plain(cell), -1)
        if table.kind == PROSE and values:
            label = _word(row[0], places)
        for column, read in values:
            name = places.get(heads.get(column, ""), label)
            found += [(each.value, each.step, each.digits, number, column, name) for each in read]
    columns = np.array(found, float).reshape(-1, 6).T
    whole = columns[2:].astype(np.int64)
    return Cells(columns[0], columns[1], whole[0], whole[1], whole[2], whole[3], names)


def _word(line: str, places: dict[str, int]) -> int:
    """The cohort's column that a line of text names, if it names exactly one."""
    named = {places[key] for word in line.replace("=", " ").replace(":", " ").split() if (key := plain(word)) in places}
    return named.pop() if len(named) == 1 else -1
