"""A text table as blocks of whole rows, each checked to have as many cells as the header.

Fast CSV readers fill a short line with missing values, so that a truncated table would pass for one with gaps, and a
stray quote makes them lose rows silently. So lines are counted here, and a block in which some line is not a row by
itself is examined line by line (vita.cohort.mending).
"""

import logging
import os
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from vita.cohort.delivery import Delivery
from vita.cohort.mending import Shape, mend, width_error
from vita.runtime.errors import UserError

LOG = logging.getLogger(__name__)
BLOCK_BYTES = 16 << 20  # larger blocks leave the cache and their memory is not reused; smaller ones cost calls
_FIRST_LINE = 2  # after the header
_PIECE = 1 << 18  # bytes examined in one step: all that is derived from them stays in the cache
_NEWLINE, _QUOTE = ord("\n"), ord('"')


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
    blank = 0  # blank lines before this block: ignored at the end of a file, an error elsewhere
    held = b""  # lines of a row that a quoted line break carried over from the block before
    for text, last in _raw_blocks(delivery):
        text, held = _clean(held + text if held else text, delivery, line), b""
        whole = text.rfind(b"\n") + 1
        end = _without_blank(text, whole)
        if end and blank:
            raise width_error(delivery.name, line, 1, delivery.header.width)
        blank += whole - end
        if not end:
            continue
        rows = _counted(text, end, delivery)
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
            yield from _plain(stream.fileno(), stream.tell(), delivery)
            return
        text = b""
        while data := stream.read(BLOCK_BYTES):
            text += data
            if cut := text.rfind(b"\n") + 1:
                yield text, False
                text = text[cut:]
        yield _ended(text, delivery), True


def _plain(file: int, start: int, delivery: Delivery) -> Iterator[tuple[bytes, bool]]:
    """As above, of a plain file."""
    end, size = os.fstat(file).st_size, BLOCK_BYTES
    while start < end:
        text = os.pread(file, size, start)
        last = start + len(text) >= end
        cut = text.rfind(b"\n") + 1
        if last:
            yield _ended(text, delivery), True
            return
        if cut:
            yield text, False
            start += cut
        else:
            size *= 2  # a line longer than a block


def _ended(text: bytes, delivery: Delivery) -> bytes:
    """The end of a file, whose last line may have no line end."""
    if text.endswith(b"\n") or not text:
        return text + b"\n" * (not text)
    LOG.warning(
        "%s: the last line has no line end; if the file was cut short, its last value may be too", delivery.name
    )
    return text + b"\n"


def _counted(text: bytes, end: int, delivery: Delivery) -> int | None:
    """Number of lines up to `end` if each is a row: well quoted, and with as many cells as the header."""
    rows = start = 0
    scratch = np.empty((3, _PIECE), bool)  # arrays made anew for each piece cost more than what is done with them
    while start < end:
        cut = text.rfind(b"\n", start, min(start + _PIECE, end)) + 1 or text.index(b"\n", start) + 1
        if cut - start > scratch.shape[1]:  # a line that is longer than a piece
            scratch = np.empty((3, cut - start), bool)
        piece = np.frombuffer(text, np.uint8, cut - start, start)
        lines = _lines(piece, _line_ends(text, start, cut), delivery, scratch[:, : len(piece)])
        if lines is None:
            return None
        rows, start = rows + lines, cut
    return rows


def _line_ends(text: bytes, start: int, end: int) -> np.ndarray:
    """Places of line ends from `start` to `end`, counted from `start`. NumPy finds rare bytes ten times as slowly."""
    ends = []
    at = start - 1
    while (at := text.find(b"\n", at + 1, end)) >= 0:
        ends.append(at - start)
    return np.array(ends)


def _lines(piece: np.ndarray, ends: np.ndarray, delivery: Delivery, scratch: np.ndarray) -> int | None:
    """Number of lines of a piece if each is a row; `scratch` is overwritten.

    Sums over a piece would not do: a line that is short by a cell and has a delimiter inside quotes, or is next to a
    longer one, would pass. Delimiters of a line are counted modulo 256, which is fast, and those of the piece in full.
    """
    starts = np.concatenate([[0], ends[:-1] + 1])
    delimiters = np.equal(piece, ord(delivery.delimiter), out=scratch[0])
    quotes = np.equal(piece, _QUOTE, out=scratch[1])
    count, width = int(np.count_nonzero(quotes)), delivery.header.width
    if count == 2 * width * len(ends) and quotes[starts].all() and quotes[ends - 1].all():
        # A line of quoted cells has two quotes beside each delimiter and two at its ends. If all the lines together
        # have no others, no cell has one inside, and delimiters inside cells are those without quotes on both sides.
        between = np.logical_and(quotes[:-2], quotes[2:], out=scratch[2, 1:-1])
        np.logical_and(between, delimiters[1:-1], out=between)
        scratch[2, [0, -1]] = False
        if _even(scratch[2], starts, width) and not _alone(scratch[2], starts, ends):
            return len(ends)
    if count:
        at = np.flatnonzero(quotes)
        if not _well_quoted(piece, at, ends, delivery):
            return None
        if np.bitwise_or.reduceat(delimiters, at)[::2].any():  # of the bytes from an opening quote to its closing one
            delimiters &= np.add.accumulate(quotes, dtype=np.uint8) % 2 == 0
    return len(ends) if _even(delimiters, starts, width) else None


def _even(delimiters: np.ndarray, starts: np.ndarray, width: int) -> bool:
    """Whether every line has one delimiter less than cells."""
    if np.count_nonzero(delimiters) != len(starts) * (width - 1):
        return False
    counts = np.add.reduceat(delimiters.view(np.uint8), starts, dtype=np.uint8)
    return bool((counts == (width - 1) % 256).all())


def _alone(between: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> bool:
    """Whether a cell may be a lone delimiter in quotes, which looks like a delimiter between quoted cells."""
    return bool((between[:-2] & between[2:]).any() or between[starts + 1].any() or between[ends - 2].any())


def _well_quoted(piece: np.ndarray, quotes: np.ndarray, ends: np.ndarray, delivery: Delivery) -> bool:
    """Whether quotes open only at the start of a cell and close at its end, in one line; a doubled quote is text."""
    if (np.searchsorted(quotes, ends) % 2).any():
        return False
    # the byte before the first one is a line end, and so is the piece's last byte, which index -1 finds
    edges = np.concatenate([piece[quotes[::2] - 1], piece[quotes[1::2] + 1]])
    return bool(((edges == ord(delivery.delimiter)) | (edges == _NEWLINE) | (edges == _QUOTE)).all())
