"""Rules for tables that do not need the cohort: small cells, differencing, and rows of single participants."""

import re
from collections.abc import Iterator, Sequence

import numpy as np

from vita.release import few_of_a_kind
from vita.release.contents import PROSE, Breach, Table
from vita.release.counts import count, counted
from vita.release.differencing import columns_apart, cumulative, rows_apart, within
from vita.release.nameless import dated_or_coded, nameless
from vita.release.numbers import numbers
from vita.release.rows import one_each, persons

_NO_SHARE = re.compile(r"/ ?prevalence|change|difference|relative")  # of shares, or over time
_SHARE = re.compile(r"prevalence|share|percent|proportion|positive_ratio|observed|^rate$|%")
_LARGEST = re.compile(r"largest|maximum|^max|top_?1|dominant")
_PEOPLE = r"(?:participants?|people|persons?|patients?|subjects?|individuals?|men|women|males?|females?|cases|deaths?)"
_PROSE_N = re.compile(r"(?<![\w-])[nN]\s*=\s*(\d+)(?![\d.,]*\d)(?!\s*(?:folds|epochs|runs|seeds))")
_PROSE_PEOPLE = re.compile(rf"(?<![\d.,<≤-])(?<!than )(?<!to )(?<!least )\b(\d+)\s+{_PEOPLE}\b")
_LEAVES = re.compile(r"(?:samples|leaf_count|node_samples|cover)\s*=\s*(\d+(?: \d+)*)(?![.\d])")
_PER_CENT = r"(\d+(?:\.\d+)?)\s*(?:%|per ?cent)"
_PERCENTAGES = (  # form, which of its numbers is that of people, and which the share
    (re.compile(rf"\b(?:of|among|in) (?:the |all )?(\d+) {_PEOPLE}\b[^.;\d]*{_PER_CENT}", re.IGNORECASE), 1, 2),
    (re.compile(rf"{_PER_CENT} (?:of|among|in) (?:the |all )?(\d+) {_PEOPLE}\b", re.IGNORECASE), 2, 1),
)
_HALF = 0.5
_NUMBER = re.compile(r"[-+]?[\d.,]+(?:e[-+]?\d+)?\s*%?", re.IGNORECASE)  # alone, as rows of a curve begin
_FEW_WORDS = re.compile(rf"\b(?:only|just) (one|two|three|four|five|six|seven|eight|nine) {_PEOPLE}\b", re.IGNORECASE)
_CELL_PERCENT = re.compile(r"\d+(?:\.\d+)?\s*\\?%")
_BINS = 5  # of a histogram
_ROUNDING = 0.005  # of a sum of rounded shares
_CROSSED = 3  # columns of a table of counts by two groups
_PROSE_PART = re.compile(
    rf"(?<![\w.,/-])(\d+)\s*(?:of|out of|/)\s*\d+(?:\s+(?:the\s+)?{_PEOPLE}\b|\s*\(\s*[\d.,]+\s*%\s*\))"
)


def judge(table: Table, cell: int, counts: dict[int, str]) -> Iterator[Breach]:
    """Every breach of a rule in a table.

    Args:
        table: of any kind.
        cell: smallest number of people behind any number.
        counts: how many people the cohort and its parts have, with their names.
    """
    if table.kind == PROSE:
        yield from _prose(table, cell)
        yield from one_each(table, (), cell, counts)
        return
    columns = counted(table)
    if table.kind == "table":
        yield from _dominated(table)
        yield from _small(table, columns, cell)
        yield from _shares(table, columns, cell)
        yield from _scores(table, cell)
        yield from _densities(table, cell, counts)
        yield from _crossed(table, cell)
        yield from within(table, columns, cell)
        yield from cumulative(table, columns, cell)
        yield from _sums(table, columns, cell, counts)
        yield from rows_apart(table, columns, cell)
        yield from columns_apart(table, cell)
        yield from persons(table)
        yield from nameless(table, columns, cell)
        yield from dated_or_coded(table)
    yield from one_each(table, columns, cell, counts)


def _prose(table: Table, cell: int) -> Iterator[Breach]:
    for number, row in enumerate(table.rows):
        for match in _LEAVES.finditer(row[0]):
            if any(0 < int(size) < cell for size in match[1].split()):
                yield Breach(number, "small cell", "a leaf of a tree with few people")
        for form, people, share in _PERCENTAGES:
            for match in form.finditer(row[0]):
                part = float(match[share]) / 100
                if any(
                    _HALF <= told < cell - _HALF
                    for told in (part * int(match[people]), (1 - part) * int(match[people]))
                ):
                    yield Breach(number, "small cell", f"a share of {match[people]} people reveals a small group")
        for match in _FEW_WORDS.finditer(row[0]):
            yield Breach(number, "small cell", f"a text reveals a group of {match[1].lower()} people")
        for pattern in (_PROSE_N, _PROSE_PEOPLE, _PROSE_PART):
            for match in pattern.finditer(row[0]):
                if 0 < int(match[1]) < cell:
                    yield Breach(number, "small cell", f"a text reveals a group of {match[1]} people")


def _small(table: Table, columns: Sequence[int], cell: int) -> Iterator[Breach]:
    for column in columns:
        for number, row in enumerate(table.rows):
            value = count(row[column]) if column < len(row) else None
            if value is not None and 0 < value < cell:
                yield Breach(number, "small cell", f"{table.name(column)} is {value}")


def _shares(table: Table, columns: Sequence[int], cell: int) -> Iterator[Breach]:
    """Shares that, together with the number of people beside them, reveal few people."""
    names = [name.lower() for name in table.header]
    shares = [
        at
        for at, name in enumerate(names)
        if (_SHARE.search(name) or _in_percent(table, at)) and not _NO_SHARE.search(name)
    ]
    for base in columns[:1]:
        for number, row in enumerate(table.rows):
            people = count(row[base]) if base < len(row) else None
            for column in shares:
                if people is None or column >= len(row) or len(read := numbers(row[column])) != 1:
                    continue
                share = read[0].value / (100 if "%" in row[column] + table.name(column) or read[0].value > 1 else 1)
                for told in (share * people, (1 - share) * people):
                    if 0.5 <= told < cell - 0.5 and read[0].digits > 1:
                        words = f"{table.name(column)} of {people} people reveals a group of {round(told)}"
                        yield Breach(number, "small cell", words)


def _in_percent(table: Table, column: int) -> bool:
    """Whether a column's cells are percentages, and not a few levels that recur."""
    texts = [row[column].strip() for row in table.rows if column < len(row) and row[column].strip()]
    return bool(texts) and all(_CELL_PERCENT.fullmatch(text) for text in texts) and 2 * len(set(texts)) > len(texts)


def _densities(table: Table, cell: int, counts: dict[int, str]) -> Iterator[Breach]:
    """Columns of shares that add up to one, with a share so small that it is few people of the whole cohort."""
    for column in range(max((len(row) for row in table.rows), default=0)):
        texts = [row[column] for row in table.rows if column < len(row) and row[column].strip()]
        shares = [read[0].value for text in texts if len(read := numbers(text)) == 1]
        if len(shares) < _BINS or len(shares) < len(texts) or min(shares) < 0:
            continue
        whole = sum(shares)
        least = min((share for share in shares if share), default=whole)
        if (
            any(abs(whole - total) < _ROUNDING * total for total in (1, 100))
            and least / whole * max(counts) < cell - _HALF
        ):
            yield Breach(
                None, "small cell", f"{table.name(column) or 'a column'} adds up to one and has a share of few people"
            )


def _crossed(table: Table, cell: int) -> Iterator[Breach]:
    """Whole numbers by group in each row and by another in each column are counts, whatever their names."""
    if len(table.header) < _CROSSED or len(table.rows) < 2 or any(len(row) != len(table.header) for row in table.rows):
        return
    known, firsts = [[count(text) for text in row[1:]] for row in table.rows], [row[0].strip() for row in table.rows]
    if any(value is None for row in known for value in row) or any(map(_NUMBER.fullmatch, firsts)):
        return
    values = [value for row in known for value in row if value is not None]
    if sum(values) >= 5 * cell and any(0 < value < cell for value in values):
        yield Breach(None, "small cell", "a table of whole numbers by two groups has some under the smallest cell")


def _scores(table: Table, cell: int) -> Iterator[Breach]:
    """Scores of a classification that, together with the number of people, reveal few people."""
    for number, row in enumerate(table.rows):
        if places := few_of_a_kind.revealing(table.header, row, cell):
            yield Breach(number, "small cell", f"{table.name(places[0])} reveals how few people were classified so")


def _sums(table: Table, columns: Sequence[int], cell: int, counts: dict[int, str]) -> Iterator[Breach]:
    """Whole numbers that add up to the whole cohort are counts, even if the name of their column does not say so."""
    for column in range(max((len(row) for row in table.rows), default=0)):
        if column in columns:
            continue
        texts = [row[column] for row in table.rows if column < len(row) and row[column].strip()]
        values = [value for text in texts if (value := count(text)) is not None]
        if len(values) < 2 or len(values) < len(texts) or len(set(np.diff(values))) == 1:
            continue
        if sum(values) in counts and sum(values) >= 5 * cell and any(0 < value < cell for value in values):
            words = f"{table.name(column) or 'a column'} adds up to {counts[sum(values)]} and holds counts under {cell}"
            yield Breach(None, "small cell", words)
    for first in (0, 1):  # a matrix, with or without a column of labels
        cells = [count(text) for row in table.rows for text in row[first:] if text.strip()]
        known = [value for value in cells if value is not None]
        whole = sum(known)
        if 4 <= len(cells) == len(known) and len(table.rows) > 1 and whole in counts and whole >= 5 * cell:
            if any(0 < value < cell for value in known):
                yield Breach(None, "small cell", f"all cells add up to {counts[whole]}, and some are under {cell}")
            return


def _dominated(table: Table) -> Iterator[Breach]:
    """A largest contribution of more than half of the total beside it."""
    names = [name.strip().lower() for name in table.header]
    totals = [column for column, name in enumerate(names) if name in ("total", "sum") or name.startswith("total ")]
    largest = [column for column, name in enumerate(names) if _LARGEST.search(name)]
    for total, most in ((total, most) for total in totals for most in largest):
        for number, row in enumerate(table.rows):
            read = [numbers(row[column]) for column in (total, most) if column < len(row)]
            if len(read) == 2 and all(len(each) >= 1 for each in read):
                whole, part = read[0][0].value, read[1][0].value
                if whole > 0 and part > 0.5 * whole:
                    yield Breach(number, "dominance", "the largest contribution is more than half of the total")
