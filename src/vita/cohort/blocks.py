"""A text table as blocks of whole rows, each checked to have as many cells as the header.

Fast CSV readers fill a short line with missing values, so that a truncated table would pass for one with gaps, and a
stray quote makes them lose rows silently. So lines are counted here, and a block in which some line is not a row by
itself is examined line by line (vita.cohort.mending).
"""

import os
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from vita.cohort.delivery import Delivery
from vita.cohort.mending import Shape, mend, width_error
from vita.runtime.errors import UserError

BLOCK_BYTES = 16 << 20  # larger blocks leave the cache and their memory is not reused; smaller ones cost calls
_FIRST_LINE = 2  # after the header
_PIECE = 1 << 20  # bytes examined in one step: all that is derived from them stays in the cache
_NEWLINE, _QUOTE, _PRINTABLE = ord("\n"), ord('"'), ord(" ")


class Block(NamedTuple):
    """Text that begins with whole rows. What follows them, the start of a line, comes again with the next block.

    All blocks have one size, so that their memory can be reused; this halves the time that a table takes to read.
    """

    text: bytes
    rows: int


def blocks(delivery: Delivery) -> Iterator[Block]:
    """Blocks of checked rows after the header line, with line feeds as their only line ends.

    Raises:
        UserError: a row has another number of cells than the header, or there is a NUL byte.
    """
    shape = Shape(delivery.name, delivery.delimiter, delivery.header.width, delivery.header.eid)
    line = _FIRST_LINE
    thorough = False  # set once a block has delimiters inside quotes
    blank = 0  # blank lines before this block: ignored at the end of a file, an error elsewhere
    held = b""  # lines of a row that a quoted line break carried over from the block before
    for text, last in _raw_blocks(delivery):
        text, held = held + text if held else text, b""
        whole = text.rfind(b"\n") + 1
        rows = None if thorough else _even_rows(text, whole, delivery)
        if rows is None:
            text = _clean(text, delivery, line)
            whole = text.rfind(b"\n") + 1
        end = _without_blank(text, whole)
        if end and blank:
            raise width_error(delivery.name, line, 1, delivery.header.width)
        blank += whole - end
        if not end:
            continue
        if not thorough and (rows is None or end < whole):
            rows = _even_rows(text, end, delivery)
        thorough = thorough or rows is None
        rows = _checked(text, end, delivery, rows, line == _FIRST_LINE, last)
        if rows is not None:
            yield Block(text if end == whole else text[:end], rows)
            line += rows
            continue
        mended = mend(text[:end], shape, line, last)
        line += mended.lines
        if mended.held:
            held, blank = mended.held + text[end:whole], 0
        if mended.rows:
            yield Block(mended.text, mended.rows)


def _clean(text: bytes, delivery: Delivery, line: int) -> bytes:
    """The text with line feeds as its only line ends; a NUL byte is an error."""
    if b"\0" in text:
        line += text[: text.index(b"\0")].count(b"\n")
        raise UserError(f"{delivery.name}, line {line}: holds a NUL byte; the file is damaged, deliver it again")
    return text[: text.rfind(b"\n") + 1].replace(b"\r\n", b"\n") if b"\r" in text else text


def _without_blank(text: bytes, end: int) -> int:
    """Where the lines up to `end` stop once trailing blank lines are dropped."""
    while end and text[end - 1] == _NEWLINE and (end == 1 or text[end - 2] == _NEWLINE):
        end -= 1
    return end


def _raw_blocks(delivery: Delivery) -> Iterator[tuple[bytes, bool]]:
    """Text with at least one line end, beginning after the previous line end; and whether it is the last."""
    with delivery.open() as stream:
        stream.readline()
        if delivery.format == "csv":
            yield from _plain(stream.fileno(), stream.tell())
            return
        text = b""
        while data := stream.read(BLOCK_BYTES):
            text += data
            if cut := text.rfind(b"\n") + 1:
                yield text, False
                text = text[cut:]
        yield _ended(text), True


def _plain(file: int, start: int) -> Iterator[tuple[bytes, bool]]:
    """As above, of a plain file."""
    end, size = os.fstat(file).st_size, BLOCK_BYTES
    while start < end:
        text = os.pread(file, size, start)
        last = start + len(text) >= end
        cut = text.rfind(b"\n") + 1
        if last:
            yield _ended(text), True
            return
        if cut:
            yield text, False
            start += cut
        else:
            size *= 2  # a line longer than a block


def _ended(text: bytes) -> bytes:
    """The end of a file, whose last line may have no line end."""
    return text if text.endswith(b"\n") else text + b"\n"


def _even_rows(text: bytes, end: int, delivery: Delivery) -> int | None:
    """Number of lines up to `end` if they have the right number of delimiters and each is certainly a row.

    For that, they may hold no control character except line feeds and tabs (so neither NUL bytes nor other line ends),
    and quotes only around every cell or at the edges of cells.
    """
    delimiters = controls = quotes = 0
    values = np.frombuffer(text, np.uint8, end)
    for start in range(0, end, _PIECE):
        piece = values[start : start + _PIECE]
        delimiters += int(np.count_nonzero(piece == ord(delivery.delimiter)))
        controls += int(np.count_nonzero(piece < _PRINTABLE))
        quotes += int(np.count_nonzero(piece == _QUOTE))
    lines = controls - (delimiters if ord(delivery.delimiter) < _PRINTABLE else 0)
    width = delivery.header.width
    if delimiters != lines * (width - 1):
        return None
    if quotes and quotes != 2 * width * lines and not all(_quotes(piece, delivery) for piece in _pieces(text, 0, end)):
        return None
    return lines


def _checked(text: bytes, end: int, delivery: Delivery, even: int | None, first: bool, last: bool) -> int | None:
    """Number of rows of a block if every line is one.

    Where no delimiter is inside quotes, their number shows whether every line is whole. Otherwise, and at the start and
    the end of a table, where it may be truncated, each line is examined.
    """
    if even is None:
        counts = [_lines(piece, delivery) for piece in _pieces(text, 0, end)]
        return None if None in counts else sum(count for count in counts if count is not None)
    starts = ([0] if first else []) + ([text.rfind(b"\n", 0, max(end - _PIECE, 0)) + 1] if last else [])
    for start in starts:
        if _lines(next(_pieces(text, start, end)), delivery) is None:
            return None
    return even


def _pieces(text: bytes, start: int, end: int) -> Iterator[np.ndarray]:
    """Bytes from `start` to `end`, of whole lines, about as many as fit the cache at once."""
    while start < end:
        cut = text.rfind(b"\n", start, min(start + 2 * _PIECE, end)) + 1 or text.index(b"\n", start) + 1
        yield np.frombuffer(text, np.uint8, cut - start, start)
        start = cut


def _quotes(piece: np.ndarray, delivery: Delivery) -> bool:
    """Whether quotes open only at the start of a cell and close at its end, in one line; a doubled quote is text."""
    quotes = np.flatnonzero(piece == _QUOTE)
    if (np.searchsorted(quotes, np.flatnonzero(piece == _NEWLINE)) % 2).any():
        return False
    # the byte before the first one is a line end, and so is the piece's last byte, which index -1 finds
    edges = np.concatenate([piece[quotes[::2] - 1], piece[quotes[1::2] + 1]])
    return bool(((edges == ord(delivery.delimiter)) | (edges == _NEWLINE) | (edges == _QUOTE)).all())


def _lines(piece: np.ndarray, delivery: Delivery) -> int | None:
    """Number of lines if each is a row: well quoted, and with as many cells as the header."""
    if not _quotes(piece, delivery):
        return None
    outside = np.add.accumulate(piece == _QUOTE, dtype=np.uint8) % 2 == 0
    ends = np.flatnonzero(piece == _NEWLINE)
    places = np.flatnonzero((piece == ord(delivery.delimiter)) & outside)
    counts = np.diff(np.searchsorted(places, ends), prepend=0)
    return len(ends) if (counts == delivery.header.width - 1).all() else None
