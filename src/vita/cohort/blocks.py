"""A text table as blocks of whole lines, each line checked to have as many cells as the header.

Fast CSV readers fill a short line with missing values; a table cut short would pass for one with gaps.
"""

import os
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from vita.cohort.delivery import Delivery
from vita.runtime.errors import UserError

BLOCK_BYTES = 16 << 20  # larger blocks leave the cache and their memory is not used again, smaller ones cost calls
_FIRST_LINE = 2  # behind the header
_LOOK = 1 << 20  # bytes at a table's start and end whose lines are always looked at one by one
_PIECE = 1 << 20  # bytes looked at in one step: what is made of them stays in the cache
_NEWLINE, _QUOTE, _PRINTABLE = ord("\n"), ord('"'), ord(" ")


class Block(NamedTuple):
    """Text that begins with whole lines. What follows them, the start of a line, comes again with the next block.

    Blocks of one size are worth that: their memory is used again, which reads a table in half the time.
    """

    text: bytes
    lines: int


def blocks(delivery: Delivery) -> Iterator[Block]:
    """Blocks of checked lines after the header line, without line ends of the other kind.

    Raises:
        UserError: a line has another number of cells than the header, or there is a NUL byte.
    """
    line = _FIRST_LINE
    thorough = False  # once a block has delimiters inside quotes
    blank = 0  # blank lines before this block: at the end of a file they are no rows, elsewhere an error
    for text, last in _raw_blocks(delivery):
        whole = text.rfind(b"\n") + 1
        lines = None if thorough else _even_lines(np.frombuffer(text, np.uint8, whole), delivery)
        if lines is None:
            text = _clean(text, delivery, line)
            whole = text.rfind(b"\n") + 1
        end = _without_blank(text, whole)
        if end and blank:
            raise _width_error(delivery, line, 1)
        blank += whole - end
        if end:
            values = np.frombuffer(text, np.uint8, end)
            if not thorough and (lines is None or end < whole):
                lines = _even_lines(values, delivery)
            thorough = thorough or lines is None
            count = _check(values, delivery, line, lines, last)
            line += count
            yield Block(text if end == whole else text[:end], count)


def _clean(text: bytes, delivery: Delivery, line: int) -> bytes:
    """The text with line ends of one kind; NUL bytes are an error."""
    if b"\0" in text:
        line += text[: text.index(b"\0")].count(b"\n")
        raise UserError(f"{delivery.name}, line {line}: holds a NUL byte; the file is damaged, deliver it again")
    return text[: text.rfind(b"\n") + 1].replace(b"\r\n", b"\n") if b"\r" in text else text


def _without_blank(text: bytes, end: int) -> int:
    """Where the lines up to `end` stop if blank ones at their end are left out."""
    while end and text[end - 1] == _NEWLINE and (end == 1 or text[end - 2] == _NEWLINE):
        end -= 1
    return end


def _raw_blocks(delivery: Delivery) -> Iterator[tuple[bytes, bool]]:
    """Text with at least one line end, which begins behind the last line end before; and whether it is the last."""
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
    """The end of a file, whose last line may lack its line end."""
    return text if text.endswith(b"\n") else text + b"\n"


def _even_lines(values: np.ndarray, delivery: Delivery) -> int | None:
    """Number of lines of a block if it has as many delimiters as these need and no other control characters.

    Control characters are line ends, tabs, and what a table must not hold: NUL bytes and line ends of other kinds.
    """
    delimiters = controls = 0
    for start in range(0, len(values), _PIECE):
        piece = values[start : start + _PIECE]
        delimiters += int(np.count_nonzero(piece == ord(delivery.delimiter)))
        controls += int(np.count_nonzero(piece < _PRINTABLE))
    lines = controls - (delimiters if ord(delivery.delimiter) < _PRINTABLE else 0)
    return lines if delimiters == lines * (delivery.header.width - 1) else None


def _check(values: np.ndarray, delivery: Delivery, line: int, even: int | None, last: bool) -> int:
    """Check a block's lines and count them.

    Where delimiters stand outside quotes only, their number tells whether every line is whole; else, and at the start
    and the end of a table, where it may be cut, each line is looked at.
    """
    wanted = delivery.header.width - 1
    ends = np.flatnonzero(values == _NEWLINE) if even is None or line == _FIRST_LINE or last else None
    if ends is None:
        return even
    if even is None:
        _check_lines(values, delivery, line, wanted)
    elif line == _FIRST_LINE:
        _check_lines(values[: ends[min(np.searchsorted(ends, _LOOK), len(ends) - 1)] + 1], delivery, line, wanted)
    if last and even is not None:
        before = int(np.searchsorted(ends, len(values) - _LOOK))
        start = int(ends[before - 1]) + 1 if before else 0
        _check_lines(values[start:], delivery, line + before, wanted)
    return len(ends)


def _check_lines(values: np.ndarray, delivery: Delivery, line: int, wanted: int) -> None:
    """Count each line's delimiters, those inside quotes left out."""
    outside = np.add.accumulate(values == _QUOTE, dtype=np.uint8) % 2 == 0
    ends = np.flatnonzero((values == _NEWLINE) & outside)
    places = np.flatnonzero((values == ord(delivery.delimiter)) & outside)
    counts = np.diff(np.searchsorted(places, ends), prepend=0)
    wrong = np.flatnonzero(counts != wanted)
    if len(wrong) or len(ends) != np.count_nonzero(values == _NEWLINE):
        raise _width_error(delivery, line + (wrong[0] if len(wrong) else 0), counts[wrong[0]] + 1 if len(wrong) else 0)


def _width_error(delivery: Delivery, line: int, cells: int) -> UserError:
    """A line with too few or many cells; 0 stands for a line break inside quotes, which cannot be counted."""
    found = f"{cells} cells" if cells else "a line break inside quotes"
    return UserError(
        f"{delivery.name}, line {line}: has {found} where the header has {delivery.header.width} cells; "
        "the table is damaged or cut short, deliver it again"
    )
