"""A delivered table: what kind of file it is, how it is written, and which columns it has."""

import bz2
import csv
import gzip
import logging
import lzma
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from vita.cohort.kinds import LOOK, no_table
from vita.cohort.spellings import Header, field_names, read_header
from vita.runtime.errors import UserError

LOG = logging.getLogger(__name__)
_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"]\0\0": "xz", b"PAR1": "parquet"}
_ENCRYPTED = {
    ".enc": "encrypted by UK Biobank; decrypt it with `ukbunpack FILE KEYFILE` and convert it with `ukbconv FILE csv`",
    ".enc_ukb": "UK Biobank's own format, not a table yet; convert it with `ukbconv FILE csv`. If still encrypted, "
    "decrypt it with `ukbunpack FILE KEYFILE` first",
}
_LOOK = 20  # rows after the header, to see whether they have one cell more than it
_SOME_CELLS = 500
_LONGEST_HEADER = 1 << 24  # bytes; 30,000 columns of the longest names are below 1 MB


@dataclass(frozen=True)
class Delivery:
    """A table file. `format` is csv, gzip, bzip2, xz (lzma too) or parquet; `delimiter` means nothing for parquet."""

    path: Path
    format: str
    delimiter: str
    header: Header

    @property
    def name(self) -> str:
        """The table's name in messages."""
        return str(self.path)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The bytes of a text table, unpacked. Parquet is read by its own reader."""
        with _opened(self.path, self.format) as stream:
            yield stream


def open_delivery(path: str | Path) -> Delivery:
    """Find a table's format, delimiter and spelling of columns from its start, and log them.

    Raises:
        UserError: the file cannot be read, is of another kind, or its header is not one of UK Biobank's.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            start = stream.read(LOOK)
    except OSError as error:
        raise UserError(f"{path}: the table cannot be read: {error.strerror}; check `input.tables`") from error
    if encrypted := _ENCRYPTED.get(path.suffix.lower()):
        raise UserError(f"{path}: this is {encrypted}")
    kind = next((name for magic, name in _MAGIC.items() if start.startswith(magic)), "csv")
    if kind == "csv" and (reason := no_table(start)):
        raise UserError(f"{path}: this is {reason}")
    delivery = _parquet(path) if kind == "parquet" else _text(path, kind)
    header = delivery.header
    LOG.info("%s: %s, %s columns, %d fields' columns", path, kind, header.spelling, len(header.columns))
    return delivery


def _parquet(path: Path) -> Delivery:
    try:
        names, rows = list(pl.read_parquet_schema(path)), pl.scan_parquet(path).select(pl.len()).collect().item()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UserError(f"{path}: not a Parquet table that can be read: {error}") from error
    header = read_header(names, str(path))
    if not rows:
        raise _no_rows(path)
    return Delivery(path, "parquet", "", header)


def _text(path: Path, kind: str) -> Delivery:
    try:
        with _opened(path, kind) as stream:
            start = stream.read(LOOK)
            stream.seek(0)
            line = stream.readline(_LONGEST_HEADER)
            body = [stream.readline(_LONGEST_HEADER) for _ in range(_LOOK)]
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise UserError(f"{path}: the table cannot be unpacked: it is damaged or cut short: {error}") from error
    if kind != "csv" and (reason := no_table(start)):
        raise UserError(f"{path}: what is inside is {reason}")
    _refuse_lines_above(path, line, body)
    names, delimiter = _header_line(path, line)
    header = read_header(names, str(path))
    text = [_decoded(each) + "\n" for each in body]
    rows = [row for row in csv.reader(text, delimiter=delimiter) if any(cell.strip() for cell in row)]
    if not rows:
        raise _no_rows(path)
    if body[-1] and len(rows) > 1:
        rows.pop()  # may be incomplete
    return Delivery(path, kind, delimiter, _shifted(header, rows, str(path)))


def _refuse_lines_above(path: Path, line: bytes, body: list[bytes]) -> None:
    """Refuse a title, a comment or Excel's `sep=,` above the columns' names.

    Raises:
        UserError: a later line has names of fields, and the first has none.
    """
    if _names_in(line):
        return
    for place, each in enumerate(body, start=2):
        if _names_in(each) > 1:
            raise UserError(f"{path}: the names of the columns are in line {place}; remove what is above it")


def _names_in(line: bytes) -> int:
    """How many of the first cells of a line, whatever its delimiter, are names of fields."""
    return field_names(re.split(r'[\s,;|"]+', _decoded(line))[:_SOME_CELLS])


def _no_rows(path: Path) -> UserError:
    return UserError(f"{path}: the table has a header and no rows; deliver it again, or take it out of `input.tables`")


def _header_line(path: Path, line: bytes) -> tuple[list[str], str]:
    """Cells of the first line, and the delimiter: of tab, comma, semicolon, bar and blank the one that gives the most
    fields' names, and of equals the most frequent; a blank only if none of the others is there.
    """
    if not line.strip():
        raise UserError(f"{path}: the table is empty; its first line must name the columns")
    if b"\0" in line:
        raise UserError(f"{path}, line 1: holds a NUL byte; the file is damaged, deliver it again")
    if b"\r" in line.rstrip(b"\r\n"):
        raise UserError(f"{path}: lines end in carriage returns alone; write it again with line feeds: tr '\\r' '\\n'")
    text = _decoded(line.removeprefix(b"\xef\xbb\xbf"))
    there = [each for each in "\t,;|" if each in text] or [" "]
    rows = {each: next(csv.reader([text], delimiter=each)) for each in there}
    delimiter = there[0] if len(there) == 1 else max(there, key=lambda d: (field_names(rows[d]), text.count(d)))
    if delimiter == " " and "  " in text.strip():
        raise UserError(
            f"{path}, line 1: several blanks stand between the columns; write the table with one comma or tab "
            "between cells"
        )
    if _breaks_off(text, delimiter):
        raise UserError(
            f"{path}, line 1: a quote opens a column's name and is never closed; if a name of your own has a line "
            "break, rename the column"
        )
    return rows[delimiter], delimiter


def _breaks_off(line: str, delimiter: str) -> bool:
    """Whether a line ends inside quotes."""
    try:
        next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


def _decoded(line: bytes) -> str:
    # a carriage return inside a cell is text, but Python's csv module refuses it
    return line.decode("latin-1").rstrip("\r\n").replace("\r", " ")


def _shifted(header: Header, rows: list[list[str]], table: str) -> Header:
    """The header of a table whose rows have one cell more: R's row names in front, or a delimiter at the end.

    Raises:
        UserError: all the rows examined have one cell more, and it is neither.
    """
    if {len(row) for row in rows} != {header.width + 1}:
        return header
    numbers = [str(number) for number in range(1, len(rows) + 1)]
    named = [row[0] for row in rows]
    if named == numbers or [row[header.eid + 1] for row in rows] == named:
        LOG.info("%s: the first cell of each row is R's row name, which has no column in the header", table)
        columns = tuple(replace(column, index=column.index + 1) for column in header.columns)
        return replace(header, eid=header.eid + 1, width=header.width + 1, columns=columns)
    if not any(row[-1].strip() for row in rows):
        LOG.info("%s: every row ends in a delimiter, the header does not", table)
        return replace(header, width=header.width + 1)
    raise UserError(
        f"{table}: rows have {header.width + 1} cells where the header has {header.width}; if the first cell is R's "
        "row name, write the table with row.names = FALSE"
    )


@contextmanager
def _opened(path: Path, kind: str) -> Iterator[BinaryIO]:
    opening: dict[str, Callable[..., Any]] = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}
    with opening.get(kind, open)(path, "rb") as stream:
        yield stream
