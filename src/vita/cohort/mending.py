"""Lines of a text table that are not rows by themselves: line breaks inside quotes, and quotes that are only text.

A quote opens a cell at its start and closes it at its end; elsewhere it is text. So a cell may hold line breaks. But R
and UK Biobank's own tools also write text without quoting it, and then a quote at the start of a cell opens nothing.
The lines decide: a quote is only text if it does not close a row of the header's width, or if each of the lines has all
its cells, and an id of the same length, without it.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from vita.runtime.errors import UserError

_MOST_LINES = 1000  # that one row may have; more of them mean a quote that nobody closed


class Mended(NamedTuple):
    """Rows that a CSV reader understands, the number of lines they took, and the lines of an unfinished row."""

    text: bytes
    rows: int
    lines: int
    held: bytes


class _Row(NamedTuple):
    text: bytes
    cells: int
    open: bool


@dataclass(frozen=True)
class Shape:
    """How a table is written: its name in messages, the delimiter, cells of a row, and which one is the id."""

    table: str
    delimiter: str
    width: int
    eid: int


def mend(text: bytes, shape: Shape, line: int, last: bool) -> Mended:
    """Read lines as rows, one by one.

    Args:
        text: whole lines.
        shape: how the table is written.
        line: number of the first line, for messages.
        last: whether nothing follows.

    Raises:
        UserError: a row has more or fewer cells, or a quote is never closed; the message has its line.
    """
    lines = text.removesuffix(b"\n").split(b"\n")
    rows: list[bytes] = []
    at = 0
    while at < len(lines):
        found = _joined(lines, at, shape)
        if found is None and not last and len(lines) - at < _MOST_LINES:
            break
        row, taken = found or (_literal(lines[at], shape.delimiter), 1)
        if row.cells != shape.width:
            where = shape.table, line + at
            raise width_error(*where, row.cells, shape.width) if found else _unclosed(*where)
        rows.append(row.text)
        at += taken
    held = b"".join(each + b"\n" for each in lines[at:])
    return Mended(b"".join(row + b"\n" for row in rows), len(rows), at, held)


def _joined(lines: list[bytes], at: int, shape: Shape) -> tuple[_Row, int] | None:
    """The row that begins with a line, and how many lines it has; None if it does not end among them."""
    row = _row(lines[at], shape.delimiter)
    if not row.open:
        return row, 1
    for end in range(at + 2, min(at + _MOST_LINES, len(lines)) + 1):
        if b'"' not in lines[end - 1]:
            continue
        row = _row(b"\n".join(lines[at:end]), shape.delimiter)
        if not row.open:
            ids = {_id_digits(each, shape) for each in lines[at:end]}
            closes = row.cells == shape.width and (len(ids) > 1 or ids == {0})
            literal = _literal(lines[at], shape.delimiter)
            return (row, end - at) if closes or literal.cells != shape.width else (literal, 1)
    return None


def _id_digits(line: bytes, shape: Shape) -> int:
    """Number of digits of the id that a line has if it is a row in which quotes mean nothing, else 0."""
    cells = line.split(shape.delimiter.encode())
    found = cells[shape.eid].strip(b'" ') if len(cells) == shape.width else b""
    return len(found) if found.isdigit() else 0


def _literal(line: bytes, delimiter: str) -> _Row:
    """A line as a row in which quotes mean nothing."""
    return _Row(line.replace(b'"', b""), line.count(delimiter.encode()) + 1, open=False)


def _row(line: bytes, delimiter: str) -> _Row:
    """A line, or several, as a row: quotes that are only text are left out, and quoted cells stay as they are."""
    if b'"' not in line:
        return _Row(line, line.count(delimiter.encode()) + 1, open=False)
    quoted, opening = _patterns(delimiter)
    rest = quoted.sub(b"", line)
    if opening.search(rest):
        return _Row(line, 0, open=True)
    if b'"' in rest:
        kept, start = [], 0
        for match in quoted.finditer(line):
            kept += [line[start : match.start()].replace(b'"', b""), match.group()]
            start = match.end()
        line = b"".join([*kept, line[start:].replace(b'"', b"")])
    return _Row(line, rest.count(delimiter.encode()) + 1, open=False)


@cache
def _patterns(delimiter: str) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """A quoted cell, and an opening quote in the text that remains after quoted cells are removed."""
    mark = re.escape(delimiter).encode()
    start = rb"(?:\A|(?<=" + mark + rb"))"
    return re.compile(start + rb'"(?:[^"]|"")*+"(?=' + mark + rb"|\Z)"), re.compile(start + b'"')


def width_error(table: str, line: int, cells: int, width: int) -> UserError:
    """A line with too few or many cells."""
    return UserError(
        f"{table}, line {line}: has {cells} cells where the header has {width} cells; "
        "the table is damaged or cut short; deliver it again"
    )


def _unclosed(table: str, line: int) -> UserError:
    return UserError(
        f"{table}, line {line}: a quote opens a cell and is never closed, so the end of the row is unknown; "
        "the table is damaged or cut short. Deliver it again, or write it again without the column of free text"
    )
