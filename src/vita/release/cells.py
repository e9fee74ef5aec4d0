"""Rules for tables that do not need the cohort: small cells, differencing, and rows of single participants."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from vita.release import few_of_a_kind
from vita.release.contents import PROSE, Table
from vita.release.numbers import numbers

_COUNT = re.compile(
    r"^(n|no|num|counts?|freq|frequency|people|persons|participants|subjects|patients|cases|controls|positives?|"
    r"negatives?|events?|deaths?|compared|(n_?)?at_risk|total_n|n_.*|.*_n|(people|participant|patient|subject|case)_counts?|"
    r"number of (people|participants|cases).*)$"
)
_NO_SHARE = re.compile(r"/ ?prevalence|change|difference|relative")  # of shares, or over time
_SHARE = re.compile(r"prevalence|share|percent|proportion|positive_ratio|observed|^rate$|%")
_PERSON = re.compile(
    r"^(f?eid|id|(pseudo|hash|hashed|study|sample|scan|anon|anonymous|row)[ _]?id|pseudonym|iid|fid|participant|person|"
    r"subject|patient|individual|member|case_?id|subject_?id)$"
)
TOTAL = {"all", "total", "overall", "any", "both", "everybody", "everyone", "sum", "margin"}
_WHOLE = re.compile(r"^\s*(\d{1,3}(?:[,\u202f\u00a0]\d{3})+|\d+)(?:\.0+)?\s*(?:\(\s*[\d.,]+\s*%\s*\))?\s*$")
_WITHHELD = re.compile(r"^\s*(?:<|&lt;|≤|less than|fewer than|under|\\textless\s*\{?\}?)\s*\$?\d+\s*$")
_LARGEST = re.compile(r"largest|maximum|^max|top_?1|dominant")
_PEOPLE = r"(?:participants?|people|persons?|patients?|subjects?|individuals?|men|women|males?|females?|cases|deaths?)"
_PROSE_N = re.compile(r"(?<![\w-])[nN]\s*=\s*(\d+)(?![\d.,]*\d)(?!\s*(?:folds|epochs|runs|seeds))")
_PROSE_PEOPLE = re.compile(rf"(?<![\d.,<≤-])(?<!than )(?<!to )(?<!least )\b(\d+)\s+{_PEOPLE}\b")
_BEYOND = re.compile(r"over|above|below|under|at least|at most|at.risk|cumulative|[<>≤≥]")
_FEW_WORDS = re.compile(rf"\b(?:only|just) (two|three|four|five|six|seven|eight|nine) {_PEOPLE}\b", re.IGNORECASE)
_PROSE_PART = re.compile(
    rf"(?<![\w.,/-])(\d+)\s*(?:of|out of|/)\s*\d+(?:\s+(?:the\s+)?{_PEOPLE}\b|\s*\(\s*[\d.,]+\s*%\s*\))"
)
_PER_STEP = {"epoch", "step", "phase"}
_LABEL = 80  # characters of a text that may name a group
_ROWS = 50  # smallest number of rows that is considered as one row per participant
_MANY = 100  # number of rows that hardly equals the number of participants by chance
_MARKS = 30  # the same for points of a drawing


@dataclass(frozen=True)
class Cell:
    """A breach of a rule at a place.

    Attributes:
        row: of the table; None for the table.
        kind: of finding.
        words: what is wrong.
    """

    row: int | None
    kind: str
    words: str


def count(text: str) -> int | None:
    """A cell as a count of people, with or without a share in brackets; None for anything else."""
    match = _WHOLE.match(text)
    return int(re.sub(r"\D", "", match[1])) if match else None


def is_withheld(text: str) -> bool:
    """Whether a cell says that its count is small."""
    return bool(_WITHHELD.match(text))


def counted(table: Table) -> list[int]:
    """Columns that hold counts of people, recognised by their names."""
    found = []
    nested = bool(_COUNT.match(re.split(r"[.\]]|, ", table.place.lower())[-1]))  # {"n": {"women": 40, "men": 60}}
    for column, name in enumerate(table.header):
        if nested or _COUNT.match(name.strip().lower()):
            values = [count(row[column]) for row in table.rows if column < len(row)]
            if any(value is not None for value in values):
                found.append(column)
    return found


def smallest(table: Table) -> int | None:
    """The smallest count of people in a table, other than zero."""
    values = [count(row[column]) for column in counted(table) for row in table.rows if column < len(row)]
    return min((value for value in values if value), default=None)


def judge(table: Table, cell: int, counts: dict[int, str]) -> Iterator[Cell]:
    """Every breach of a rule in a table.

    Args:
        table: of any kind.
        cell: smallest number of people behind any number.
        counts: how many people the cohort and its parts have, with their names.
    """
    if table.kind == PROSE:
        yield from _prose(table, cell)
        return
    columns = counted(table)
    if table.kind == "table":
        yield from _dominated(table)
        yield from _small(table, columns, cell)
        yield from _shares(table, columns, cell)
        yield from _scores(table, cell)
        yield from _cumulative(table, columns, cell)
        yield from _sums(table, columns, cell, counts)
        yield from _rows_apart(table, columns, cell)
        yield from _columns_apart(table, cell)
        yield from _persons(table)
    yield from _one_each(table, columns, cell, counts)


def _prose(table: Table, cell: int) -> Iterator[Cell]:
    for number, row in enumerate(table.rows):
        for match in _FEW_WORDS.finditer(row[0]):
            yield Cell(number, "small cell", f"a text reveals a group of {match[1].lower()} people")
        for pattern in (_PROSE_N, _PROSE_PEOPLE, _PROSE_PART):
            for match in pattern.finditer(row[0]):
                if 0 < int(match[1]) < cell:
                    yield Cell(number, "small cell", f"a text reveals a group of {match[1]} people")


def _small(table: Table, columns: Sequence[int], cell: int) -> Iterator[Cell]:
    for column in columns:
        for number, row in enumerate(table.rows):
            value = count(row[column]) if column < len(row) else None
            if value is not None and 0 < value < cell:
                yield Cell(number, "small cell", f"{table.name(column)} is {value}")


def _shares(table: Table, columns: Sequence[int], cell: int) -> Iterator[Cell]:
    """Shares that, together with the number of people beside them, reveal few people."""
    names = [name.lower() for name in table.header]
    shares = [at for at, name in enumerate(names) if _SHARE.search(name) and not _NO_SHARE.search(name)]
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
                        yield Cell(number, "small cell", words)


def _scores(table: Table, cell: int) -> Iterator[Cell]:
    """Scores of a classification that, together with the number of people, reveal few people."""
    for number, row in enumerate(table.rows):
        if places := few_of_a_kind.telling(table.header, row, cell):
            yield Cell(number, "small cell", f"{table.name(places[0])} reveals how few people were classified so")


def _cumulative(table: Table, columns: Sequence[int], cell: int) -> Iterator[Cell]:
    """Counts of people beyond an ascending threshold: the difference of two of them is a group."""
    for column in columns:
        named = _BEYOND.search(table.name(0).lower()) or _BEYOND.search(table.name(column).lower())
        if not named or column == 0:
            continue
        counts = [(at, count(row[column])) for at, row in enumerate(table.rows) if column < len(row)]
        known = [(at, value) for at, value in counts if value is not None]
        steps = [second[1] - first[1] for first, second in pairwise(known)]
        if len(known) > 1 and (min(steps) >= 0 or max(steps) <= 0):
            for (at, value), step in zip(known[1:], steps, strict=True):
                if 0 < abs(step) < cell:
                    words = f"{table.name(column)} {value} differs from that before by {abs(step)}"
                    yield Cell(at, "differencing", words)


def _sums(table: Table, columns: Sequence[int], cell: int, counts: dict[int, str]) -> Iterator[Cell]:
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
            yield Cell(None, "small cell", words)
    for first in (0, 1):  # a matrix, with or without a column of labels
        cells = [count(text) for row in table.rows for text in row[first:] if text.strip()]
        known = [value for value in cells if value is not None]
        whole = sum(known)
        if 4 <= len(cells) == len(known) and len(table.rows) > 1 and whole in counts and whole >= 5 * cell:
            if any(0 < value < cell for value in known):
                yield Cell(None, "small cell", f"all cells add up to {counts[whole]}, and some are under {cell}")
            return


def _dominated(table: Table) -> Iterator[Cell]:
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
                    yield Cell(number, "dominance", "the largest contribution is more than half of the total")


def _rows_apart(table: Table, columns: Sequence[int], cell: int) -> Iterator[Cell]:
    """Totals minus the groups that are shown beside them."""
    for base in columns[:1]:
        words = [{at: text.strip().lower() for at, text in enumerate(row) if _is_word(text)} for row in table.rows]
        counts = [count(row[base]) if base < len(row) else None for row in table.rows]
        alike: dict[tuple[int, ...], dict[tuple[str | None, ...], list[int]]] = {}
        known: dict[tuple[tuple[int, ...], tuple[tuple[int, str], ...]], list[_Parts]] = {}
        for total, whole in zip(words, counts, strict=True):
            marked = tuple(column for column, text in total.items() if text in TOTAL)
            if not marked or whole is None:
                continue
            labels = tuple((at, text) for at, text in total.items() if at not in marked and len(text) < _LABEL)
            if (marked, labels) not in known:  # many totals may share their parts
                at = tuple(column for column, _ in labels)
                if at not in alike:
                    alike[at] = _by_words(words, at)
                same = alike[at].get(tuple(text for _, text in labels), [])
                known[marked, labels] = _parts(words, counts, same, marked)
            for parts in known[marked, labels]:
                yield from _apart(whole, parts, cell)


def _is_word(text: str) -> bool:
    return bool(text.strip()) and count(text) is None and not is_withheld(text) and len(numbers(text)) == 0


def _by_words(words: Sequence[dict[int, str]], columns: Sequence[int]) -> dict[tuple[str | None, ...], list[int]]:
    """Rows by their words in some columns."""
    found: dict[tuple[str | None, ...], list[int]] = {}
    for number, row in enumerate(words):
        found.setdefault(tuple(row.get(column) for column in columns), []).append(number)
    return found


@dataclass(frozen=True)
class _Parts:
    """Groups that a total consists of: how many, and the row and count of those that are shown, with their sum."""

    groups: int
    shown: list[tuple[int, int]]
    together: int


def _parts(
    words: Sequence[dict[int, str]], counts: Sequence[int | None], rows: Sequence[int], marked: Sequence[int]
) -> list[_Parts]:
    """Parts of the totals marked in these columns, among rows that describe the same apart from their group."""
    last = marked[-1]
    divided: dict[tuple[str, ...], list[int]] = {}
    for row in rows:
        if words[row].get(last, "") not in TOTAL:
            key = tuple(words[row].get(column, "") for column in marked[:-1])
            divided.setdefault(key, []).append(row)
    found = []
    for part in divided.values():
        shown = [(row, value) for row in part if (value := counts[row]) is not None]
        found.append(_Parts(len(part), shown, sum(value for _, value in shown)))
    return found


def _apart(whole: int, parts: _Parts, cell: int) -> Iterator[Cell]:
    if not parts.shown:
        return
    rest = whole - parts.together
    if 0 < rest < cell:
        smallest = min(parts.shown, key=lambda part: part[1])[0]
        yield Cell(smallest, "differencing", f"the total, {whole}, minus the groups shown leaves {rest}")
        return
    for row, value in parts.shown if parts.groups == 1 else ():
        if 0 < whole - value < cell:
            yield Cell(row, "differencing", f"the total, {whole}, minus {value} leaves {whole - value}")


def _columns_apart(table: Table, cell: int) -> Iterator[Cell]:
    """A total minus the parts in its row, if one of them is withheld."""
    totals = [column for column, name in enumerate(table.header) if name.strip().lower() in TOTAL]
    for total in totals[:1]:
        for number, row in enumerate(table.rows):
            whole = count(row[total]) if total < len(row) else None
            parts = [text for column, text in enumerate(row) if column not in (0, total)]
            shown = [value for text in parts if (value := count(text)) is not None]
            withheld = sum(is_withheld(text) for text in parts)
            if whole is not None and withheld and len(shown) + withheld == len(parts):
                rest = whole - sum(shown)
                if 0 < rest < cell:
                    words = f"the total, {whole}, minus the parts shown leaves {rest} for {withheld} withheld"
                    yield Cell(number, "differencing", words)


def _persons(table: Table) -> Iterator[Cell]:
    for column, name in enumerate(table.header):
        if _PERSON.match(name.strip().lower()):
            values = {row[column] for row in table.rows if column < len(row)}
            if values and all(len(numbers(text)) == 1 for text in values if text):
                yield Cell(None, "rows of participants", f"the column {name} numbers participants")


def _one_each(table: Table, columns: Sequence[int], cell: int, counts: dict[int, str]) -> Iterator[Cell]:
    """Tables with as many rows, or drawings with as many points, as there are participants."""
    rows = len(table.rows)
    if table.kind == "marks":
        if rows in counts and rows >= _ROWS and _is_scattered(table):
            yield Cell(None, "rows of participants", f"{rows} points, as many as {counts[rows]}")
        elif rows >= _MARKS and "marks" in table.place and _is_scattered(table):
            yield Cell(None, "rows of participants", f"{rows} single points: each may be a participant")
        return
    names = {name.strip().lower() for name in table.header}
    if rows < _ROWS or names & _PER_STEP or _all_large(table, columns, cell):
        return
    if rows in counts and rows >= _MANY and _varies(table):
        yield Cell(None, "rows of participants", f"{rows} rows, as many as {counts[rows]}")
        return
    if not _distinct(table):
        return
    if rows in counts:
        yield Cell(None, "rows of participants", f"{rows} rows, as many as {counts[rows]}")
    elif (size := _groups(table)) in counts:
        yield Cell(None, "rows of participants", f"groups of {size} rows each, as many as {counts[size]}")


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


def _distinct(table: Table) -> bool:
    """Whether some column of numbers has hardly any repeated values."""
    for column in range(len(table.rows[0])):
        texts = [row[column] for row in table.rows if column < len(row) and row[column]]
        if len(set(texts)) > 0.7 * len(table.rows):
            fractions = sum(bool(numbers(text)) for text in texts if "." in text or "e" in text.lower())
            if fractions > 0.5 * len(table.rows):
                return True
    return False


def _is_scattered(table: Table) -> bool:
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
