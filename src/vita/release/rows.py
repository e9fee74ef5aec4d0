"""Rows and points of single participants, recognised by their form alone."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from vita.release.contents import PROSE, Breach, Table, is_weights
from vita.release.counts import count
from vita.release.numbers import numbers

_PERSON = re.compile(
    r"^(f?eid|id|(pseudo|hash|hashed|study|sample|scan|anon|anonymous|row)[ _]?id|pseudonym|iid|fid|participant|person|"
    r"subject|patient|individual|member|case_?id|subject_?id)$"
)

_PER_STEP = {"epoch", "step", "phase"}

_ROWS = 50  # smallest number of rows that is considered as one row per participant

MANY = 100  # number of rows that hardly equals the number of participants by chance

_SYMBOLS = 20  # different words or characters, one of which each participant may have

_SIGNS, _TURNING = 4, 0.25  # different characters of a long word, and how often one follows on another

_MARKS, _TEXTS = 15, 30  # the same for points of a drawing, and for its words


def persons(table: Table) -> Iterator[Breach]:
    """Columns that number participants."""
    for column, name in enumerate(table.header):
        if _PERSON.match(name.strip().lower()):
            values = {row[column] for row in table.rows if column < len(row)}
            if values and all(len(numbers(text)) == 1 for text in values if text):
                yield Breach(None, "rows of participants", f"the column {name} numbers participants")


def one_each(table: Table, columns: Sequence[int], cell: int, counts: dict[int, str]) -> Iterator[Breach]:
    """Tables with as many rows, or drawings with as many points, as there are participants."""
    rows = len(table.rows)
    if table.kind == "marks":
        if rows in counts and rows >= _ROWS and is_scattered(table):
            yield Breach(None, "rows of participants", f"{rows} points, as many as {counts[rows]}")
        elif rows >= (_TEXTS if "<text" in table.place else _MARKS) and "marks" in table.place and is_scattered(table):
            yield Breach(None, "rows of participants", f"{rows} single points: each may be a participant")
        return
    yield from _sequences(table, counts)
    yield from _repeated(table, columns)
    if table.kind == PROSE:
        return
    names = {name.strip().lower() for name in table.header}
    if rows < _ROWS or names & _PER_STEP:
        return
    if _all_large(table, columns, cell) and not (MANY <= rows in counts and _one_count(table, columns)):
        return
    if rows in counts and rows >= MANY and _varies(table):
        yield Breach(None, "rows of participants", f"{rows} rows, as many as {counts[rows]}")
        return
    if not _distinct(table):
        return
    if rows in counts:
        yield Breach(None, "rows of participants", f"{rows} rows, as many as {counts[rows]}")
    elif (size := _groups(table)) in counts:
        yield Breach(None, "rows of participants", f"groups of {size} rows each, as many as {counts[size]}")


def _sequences(table: Table, counts: dict[int, str]) -> Iterator[Breach]:
    """A character or a word for each participant."""
    for number, row in enumerate(table.rows):
        for word in (word for text in row if len(text) >= MANY for word in text.split()):
            turns = sum(one != other for one, other in pairwise(word))
            if len(word) >= MANY and len(set(word)) <= _SIGNS and turns > _TURNING * len(word):
                yield Breach(number, "rows of participants", f"{len(word)} characters of {len(set(word))} kinds")
        for text in row:
            if len(text) >= MANY and len(text) in counts and len(set(text)) <= _SYMBOLS and " " not in text.strip():
                words = f"{len(text)} characters, as many as {counts[len(text)]}"
                yield Breach(number, "rows of participants", words)
    if MANY <= len(table.rows) in counts:
        for place in range(len(table.rows[0])):
            texts = [" ".join(sorted(set(row[place].split()))) if place < len(row) else "" for row in table.rows]
            long = [row[place] if place < len(row) else "" for row in table.rows]
            turns = sum(one != other for one, other in pairwise(long))
            if len(set(texts)) <= _SYMBOLS and turns >= _SYMBOLS and turns > 2 * len(set(texts)):
                words = f"{len(texts)} rows of few words, as many as {counts[len(texts)]}"
                yield Breach(None, "rows of participants", words)
                return


def _repeated(table: Table, columns: Sequence[int]) -> Iterator[Breach]:
    """Many rows of few different kinds, in no order and without a count: sexes, classes, answers."""
    rows = [tuple(row) for row in table.rows]
    if table.kind == PROSE or is_weights(table) or columns or len(rows) < MANY:
        return
    turns = sum(one != other for one, other in pairwise(rows))
    if 2 <= len(set(rows)) <= _SYMBOLS and turns > 2 * len(set(rows)):
        yield Breach(None, "rows of participants", f"{len(rows)} rows of few kinds without names or a count n")


def _varies(table: Table) -> bool:
    """Whether some column of numbers is neither constant nor a numbering."""
    for column in range(len(table.rows[0])):
        texts = [row[column] for row in table.rows if column < len(row) and row[column]]
        values = [read[0].value for text in texts[:1000] if len(read := numbers(text)) == 1]
        if len(values) > 0.5 * min(len(table.rows), 1000) and len(set(np.diff(values))) > 1:
            return True
    return False


def _all_large(table: Table, columns: Sequence[int], cell: int) -> bool:
    """Whether each row states that it is based on enough people."""
    return any(
        min((count(row[column]) or 0 for row in table.rows if column < len(row)), default=0) >= cell
        for column in columns
    )


def _one_count(table: Table, columns: Sequence[int]) -> bool:
    """Whether all rows state the same number of people, and no words distinguish them."""
    told = {row[column] for row in table.rows for column in columns if column < len(row)}
    words = {tuple(text for text in row if text.strip() and not numbers(text)) for row in table.rows}
    return len(told) == 1 and 2 * len(words) < len(table.rows)


def _distinct(table: Table) -> bool:
    """Whether some column of numbers has hardly any repeated values."""
    for column in range(len(table.rows[0])):
        texts = [row[column] for row in table.rows if column < len(row) and row[column]]
        if len(set(texts)) > 0.7 * len(table.rows):
            fractions = sum(bool(numbers(text)) for text in texts if "." in text or "e" in text.lower())
            if fractions > 0.5 * len(table.rows):
                return True
    return False


def is_scattered(table: Table) -> bool:
    """Whether points differ in both directions, unlike ticks of an axis or a grid."""
    columns = list(zip(*(row[:2] for row in table.rows if len(row) > 1), strict=True))
    return len(columns) == 2 and all(len(set(column)) > 0.7 * len(table.rows) for column in columns)


def _groups(table: Table) -> int:
    """The size of the groups of rows that a column of few values divides a table into, if all are of one size; or 0."""
    for column in range(len(table.rows[0])):
        texts = [row[column] for row in table.rows if column < len(row)]
        counted = Counter(texts)
        sizes = set(counted.values()) if len(counted) <= 200 else set()
        if len(sizes) == 1 and (size := sizes.pop()) >= _ROWS and size < len(table.rows):
            return size
    return 0
