"""A delivered table: what kind of file it is, how it is written, and which columns it has."""

import csv
import gzip
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import polars as pl

from vita.cohort.spellings import Header, read_header
from vita.runtime.errors import UserError

LOG = logging.getLogger(__name__)
_MAGIC = {b"\x1f\x8b": "gzip", b"PAR1": "parquet"}
_REFUSED = {b"PK\x03\x04": "a zip archive; unpack it first", b"\xff\xfe": "UTF-16; save it as UTF-8"}
_LONGEST_HEADER = 1 << 24  # bytes; 30,000 columns of the longest names are below 1 MB


@dataclass(frozen=True)
class Delivery:
    """A table file. `format` is csv, gzip or parquet; `delimiter` means nothing for parquet."""

    path: Path
    format: str
    delimiter: str
    header: Header

    @property
    def name(self) -> str:
        """How messages call the table."""
        return str(self.path)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The bytes of a text table, unpacked. Parquet is read by its own reader."""
        with _opened(self.path, self.format) as stream:
            yield stream


def open_delivery(path: str | Path) -> Delivery:
    """Look at the start of a table and tell its format, delimiter and spelling of columns, which are logged.

    Raises:
        UserError: the file cannot be read, is of another kind, or its header is none of UK Biobank's.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            start = stream.read(4)
    except OSError as error:
        raise UserError(f"{path}: the table cannot be read: {error.strerror}; check `input.tables`") from error
    for magic, reason in _REFUSED.items():
        if start.startswith(magic):
            raise UserError(f"{path}: this is {reason}")
    kind = next((name for magic, name in _MAGIC.items() if start.startswith(magic)), "csv")
    if kind == "parquet":
        delivery = Delivery(path, kind, "", read_header(list(pl.read_parquet_schema(path)), str(path)))
    else:
        names, delimiter = _header_line(path, kind)
        delivery = Delivery(path, kind, delimiter, read_header(names, str(path)))
    header = delivery.header
    LOG.info("%s: %s, %s columns, %d fields' columns", path, kind, header.spelling, len(header.columns))
    return delivery


def _header_line(path: Path, kind: str) -> tuple[list[str], str]:
    """Cells of the first line, and the delimiter: whichever of tab and comma stands more often."""
    try:
        with _opened(path, kind) as stream:
            line = stream.readline(_LONGEST_HEADER)
    except (OSError, EOFError) as error:
        raise UserError(f"{path}: the table cannot be unpacked: {error}") from error
    if not line.strip():
        raise UserError(f"{path}: the table is empty; its first line must name the columns")
    if b"\0" in line:
        raise UserError(f"{path}, line 1: holds a NUL byte; the file is damaged, deliver it again")
    text = line.removeprefix(b"\xef\xbb\xbf").decode("latin-1").rstrip("\r\n")
    delimiter = max("\t,", key=text.count)
    return next(csv.reader([text], delimiter=delimiter)), delimiter


@contextmanager
def _opened(path: Path, kind: str) -> Iterator[BinaryIO]:
    if kind == "gzip":
        with gzip.open(path, "rb") as stream:
            yield stream  # type: ignore[misc]
    else:
        with path.open("rb") as stream:
            yield stream
