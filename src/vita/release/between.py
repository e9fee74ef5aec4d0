"""Differencing between two tables of a folder: counts of the same thing that differ by few people."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vita.release.contents import PROSE, Table
from vita.release.counts import TOTAL, counted
from vita.release.counts import count as count_of
from vita.release.findings import Finding, Output
from vita.release.numbers import numbers
from vita.release.reading import read

_DECIMAL = re.compile(r"[-+]?\d*\.\d+(e[-+]?\d+)?")


@dataclass(frozen=True)
class _Told:
    """A count of people for one group in one table, and the numbers given about them."""

    output: Output
    place: str
    count: int
    measured: frozenset[str]


def between(outputs: Sequence[Output], root: Path, cell: int) -> Iterator[tuple[Output, Finding]]:
    """Counts of the same thing in two tables that differ by a small number of people."""
    told: dict[str, list[_Told]] = {}
    for output in outputs:
        if output.kind != "table" or output.findings:
            continue
        for table in read(root / output.path).tables:
            for label, place, count, measured in _labelled(table):
                told.setdefault(label, []).append(_Told(output, place, count, measured))
    yield from _other_groups(told, cell)
    measures = _measures(told)
    for label, group in told.items():
        for number, first in enumerate(group):
            for second in group[:number]:
                difference = abs(first.count - second.count)
                same = first.measured & second.measured
                chance = _is_measured(label) and not _recur(measures, first.output, second.output)
                if same and 0 < difference < cell and first.output is not second.output and not chance:
                    words = f"{label}: {first.count} people here, {second.count} in {second.output.path}"
                    yield first.output, Finding(first.output.path, first.place, "differencing", words)


def _is_measured(label: str) -> bool:
    """Whether a label is a number with decimals, such as a mean, which two tables may have in common by chance."""
    return bool(_DECIMAL.fullmatch(label))


def _measures(told: dict[str, list[_Told]]) -> dict[Path, set[str]]:
    """The labels of each file that are numbers with decimals."""
    found: dict[Path, set[str]] = {}
    for label, group in told.items():
        if _is_measured(label):
            for each in group:
                found.setdefault(each.output.path, set()).add(label)
    return found


def _recur(measures: dict[Path, set[str]], first: Output, second: Output) -> bool:
    """Whether most of these labels of the shorter of two files are in the other: then they name the same groups."""
    own, other = measures[first.path], measures[second.path]
    return 2 * len(own & other) > min(len(own), len(other))


def _other_groups(told: dict[str, list[_Told]], cell: int) -> Iterator[tuple[Output, Finding]]:
    """A total in one table and one of its groups in another, from which the rest follows."""
    totals = [each for label, group in told.items() if label.split(" ")[0] in TOTAL for each in group]
    for label, group in told.items():
        for part, total in ((part, total) for part in group for total in totals if total.output is not part.output):
            if label.split(" ")[0] not in TOTAL and part.measured & total.measured:
                rest = total.count - part.count
                if 0 < rest < cell:
                    words = f"{label}: {part.count} people, in total {total.count} in {total.output.path}"
                    yield part.output, Finding(part.output.path, part.place, "differencing", words)


def _labelled(table: Table) -> Iterator[tuple[str, str, int, frozenset[str]]]:
    """Label, place, count and names of the numbers of all rows with a first cell that no other row has."""
    columns = counted(table)
    if table.kind == PROSE or not columns:
        return
    rows = [(row[0].strip().lower() if row else "", number, row) for number, row in enumerate(table.rows)]
    times = Counter(label for label, _, _ in rows)
    for label, number, row in rows:
        count = count_of(row[columns[0]]) if columns[0] < len(row) else None
        told = (column for column, text in enumerate(row) if column not in columns and numbers(text))
        measured = frozenset(table.name(column) for column in told)
        if label and count and times[label] == 1:
            yield label, table.where(number), count, measured
