"""Groups of few people that follow from a total or a running count and the other groups of the same table."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from vita.release.contents import Breach, Table
from vita.release.counts import TOTAL, count, is_withheld
from vita.release.numbers import numbers

_BEYOND = re.compile(r"over|above|below|under|at least|at most|at.risk|cumulative|[<>≤≥]")

_LABEL = 80  # characters of a text that may name a group


def cumulative(table: Table, columns: Sequence[int], cell: int) -> Iterator[Breach]:
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
                    yield Breach(at, "differencing", words)


def rows_apart(table: Table, columns: Sequence[int], cell: int) -> Iterator[Breach]:
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


def _apart(whole: int, parts: _Parts, cell: int) -> Iterator[Breach]:
    if not parts.shown:
        return
    rest = whole - parts.together
    if 0 < rest < cell:
        smallest = min(parts.shown, key=lambda part: part[1])[0]
        yield Breach(smallest, "differencing", f"the total, {whole}, minus the groups shown leaves {rest}")
        return
    for row, value in parts.shown if parts.groups == 1 else ():
        if 0 < whole - value < cell:
            yield Breach(row, "differencing", f"the total, {whole}, minus {value} leaves {whole - value}")


def columns_apart(table: Table, cell: int) -> Iterator[Breach]:
    """A total minus the parts in its row, if one of them is withheld."""
    totals = [column for column, name in enumerate(table.header) if name.strip().lower() in TOTAL]
    for total in totals[:1]:
        for number, row in enumerate(table.rows):
            whole = count(row[total]) if total < len(row) else None
            parts = [text for column, text in enumerate(row) if column not in (0, total)]
            shown = [value for text in parts if (value := count(text)) is not None]
            withheld = sum(is_withheld(text) for text in parts)
            all_shown = (
                not withheld and len(shown) == len(parts) > 1 and 0 < whole - sum(shown) < cell if whole else False
            )
            if all_shown:
                yield Breach(number, "differencing", f"the total, {whole}, minus all parts leaves few people")
            if whole is not None and withheld and len(shown) + withheld == len(parts):
                rest = whole - sum(shown)
                if 0 < rest < cell:
                    words = f"the total, {whole}, minus the parts shown leaves {rest} for {withheld} withheld"
                    yield Breach(number, "differencing", words)


def within(table: Table, columns: Sequence[int], cell: int) -> Iterator[Breach]:
    """A group and a part of it whose name begins with the group's: women, and women under 80."""
    for base in columns[:1]:
        rows = [
            (row[0].strip().lower(), number, count(row[base]))
            for number, row in enumerate(table.rows)
            if base < len(row)
        ]
        labels: dict[str, list[int]] = {}
        for label, _, people in rows:
            labels.setdefault(label, []).extend([people] if people is not None else [])
        for label, number, people in rows:
            words = label.split()
            for size in range(1, len(words)) if people is not None and len(labels[label]) == 1 else ():
                whole = labels.get(" ".join(words[:size]), [])
                if len(whole) == 1 and 0 < whole[0] - (people or 0) < cell:
                    yield Breach(
                        number, "differencing", f"the larger group, {whole[0]}, minus {people} leaves few people"
                    )
