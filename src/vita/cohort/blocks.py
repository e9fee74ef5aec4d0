"""A text table as blocks of whole rows, each checked to have as many cells as the header.

Fast CSV readers fill a short line with missing values, so that a truncated table would pass for one with gaps, and a
stray quote makes them lose rows silently. So lines are counted here, and a block in which some line is not a row by
itself is examined line by line (vita.cohort.mending).
"""

import logging
import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from vita.cohort.delivery import Delivery
from vita.cohort.mending import Shape, mend, width_error
from vita.runtime.errors import UserError

LOG = logging.getLogger(__name__)
BLOCK_BYTES = 16 << 20  # larger blocks leave the cache and their memory is not reused; smaller ones cost calls
_FIRST_LINE = 2  # after the header
_PIECE = 1 << 20  # bytes examined in one step, and read if needed cells are taken out: few enough for the cache
_NARROW = 0.5  # of the cells of a row; taking more of them out costs more than it saves
_NEWLINE, _QUOTE = ord("\n"), ord('"')


class Block(NamedTuple):
    """Text that begins with whole rows, of all cells or, if it is narrow, of the needed ones alone.

    What follows the rows, the start of a line, comes again with the next block. All blocks have one size before they
    are narrowed, so that their memory can be reused; this halves the time that a table takes to read.
    """

    text: bytes
    rows: int
    narrow: bool


class _Needed(NamedTuple):
    """Which cells of a row are needed, as runs of adjacent cells.

    `ends` are the cells whose ends must be known: the last one of the row, and those at and before a run's edges. Of
    these, counted from 1, `first` is the one before each run, 0 where a run begins the row, and `last` the run's own.
    """

    ends: np.ndarray
    first: np.ndarray
    last: np.ndarray


def _needed(columns: Sequence[int], width: int) -> _Needed | None:
    """Needed cells; None if all cells should stay, since a parser is as fast with most of them.

    A row of one cell stays whole too: it could be a blank line, which parsers pass over.
    """
    places = np.unique(columns)
    if not 1 < len(places) <= width * _NARROW:
        return None
    apart = np.diff(places) > 1
    before, last = places[np.append(True, apart)] - 1, places[np.append(apart, True)]
    ends = np.unique([*before[before >= 0], *last, width - 1])
    return _Needed(ends, np.searchsorted(ends, before, side="right"), np.searchsorted(ends, last) + 1)


def blocks(delivery: Delivery, columns: Sequence[int], rows: int) -> Iterator[Block]:
    """Blocks of checked rows after the header line, with line feeds as their only line ends.

    Args:
        delivery: a text table.
        columns: places of those that will be read.
        rows: as many should be in a block that is narrow; other blocks have a number of bytes.

    Raises:
        UserError: a row has another number of cells than the header, or there is a NUL byte.
    """
    held: list[Block] = []
    for block in _checked(delivery, _needed(columns, delivery.header.width)):
        if held and not block.narrow:
            yield _together(held)
            held = []
        held.append(block)
        if not block.narrow or sum(each.rows for each in held) >= rows:
            yield _together(held)
            held = []
    if held:
        yield _together(held)


def _together(parts: Sequence[Block]) -> Block:
    """Narrow blocks as one; a single block as it is."""
    if len(parts) == 1:
        return parts[0]
    return Block(b"".join(part.text for part in parts), sum(part.rows for part in parts), narrow=True)


def _checked(delivery: Delivery, needed: _Needed | None) -> Iterator[Block]:
    """Blocks as they are read, narrow ones still small."""
    shape = Shape(delivery.name, delivery.delimiter, delivery.header.width, delivery.header.eid)
    line = _FIRST_LINE
    blank = 0  # blank lines before this block: ignored at the end of a file, an error elsewhere
    held = b""  # lines of a row that a quoted line break carried over from the block before
    for text, last in _raw_blocks(delivery, min(BLOCK_BYTES, _PIECE) if needed else BLOCK_BYTES):
        text, held = _clean(held + text if held else text, delivery, line), b""
        whole = text.rfind(b"\n") + 1
        end = _without_blank(text, whole)
        if end and blank:
            raise width_error(delivery.name, line, 1, delivery.header.width)
        blank += whole - end
        if not end:
            continue
        if block := _rows(text, end, delivery, needed):
            yield block
            line += block.rows
            continue
        mended = mend(text[:end], shape, line, last)
        line += mended.lines
        if mended.held:
            held, blank = mended.held + text[end:whole], 0
        if mended.rows:
            yield Block(mended.text, mended.rows, narrow=False)


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


def _raw_blocks(delivery: Delivery, size: int) -> Iterator[tuple[bytes, bool]]:
    """Text with at least one line end, beginning after the previous line end; and whether it is the last."""
    with delivery.open() as stream:
        stream.readline()
        if delivery.format == "csv":
            yield from _plain(stream.fileno(), stream.tell(), delivery, size)
            return
        text = b""
        while data := stream.read(size):
            text += data
            if cut := text.rfind(b"\n") + 1:
                yield text, False
                text = text[cut:]
        yield _ended(text, delivery), True


def _plain(file: int, start: int, delivery: Delivery, size: int) -> Iterator[tuple[bytes, bool]]:
    """As above, of a plain file."""
    end = os.fstat(file).st_size
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


def _rows(text: bytes, end: int, delivery: Delivery, needed: _Needed | None) -> Block | None:
    """The lines up to `end` if each is a row: well quoted, and with as many cells as the header."""
    rows = start = 0
    kept: list[bytes] = []
    scratch = np.empty((4, _PIECE), bool)  # allocating arrays for each piece would cost more than the work on them
    while start < end:
        cut = text.rfind(b"\n", start, min(start + _PIECE, end)) + 1 or text.index(b"\n", start) + 1
        if cut - start > scratch.shape[1]:  # a line that is longer than a piece
            scratch = np.empty((4, cut - start), bool)
        piece = np.frombuffer(text, np.uint8, cut - start, start)
        lines = _line_ends(text, start, cut)
        cells = _cell_ends(piece, lines, delivery, needed, scratch[:, : len(piece)])
        if cells is None:
            return None
        if needed:
            kept.append(_taken(piece, cells, needed))
        rows, start = rows + len(lines), cut
    if needed:
        return Block(b"".join(kept), rows, narrow=True)
    return Block(text if end == text.rfind(b"\n") + 1 else text[:end], rows, narrow=False)


def _line_ends(text: bytes, start: int, end: int) -> np.ndarray:
    """Places of line ends from `start` to `end`, counted from `start`. NumPy finds rare bytes ten times as slowly."""
    ends = []
    at = start - 1
    while (at := text.find(b"\n", at + 1, end)) >= 0:
        ends.append(at - start)
    return np.array(ends)


def _cell_ends(
    piece: np.ndarray, lines: np.ndarray, delivery: Delivery, needed: _Needed | None, scratch: np.ndarray
) -> np.ndarray | None:
    """Places where the needed cells of each line end, (lines, ends), if each line is a row; `scratch` is overwritten.

    Sums over a piece would not do: a line that is short by a cell and has a delimiter inside quotes, or is next to a
    longer one, would pass.
    """
    starts = np.concatenate([[0], lines[:-1] + 1])
    delimiters = np.equal(piece, ord(delivery.delimiter), out=scratch[0])
    quotes = np.equal(piece, _QUOTE, out=scratch[1])
    count, width = int(np.count_nonzero(quotes)), delivery.header.width
    if count == 2 * width * len(lines) and quotes[starts].all() and quotes[lines - 1].all():
        # A line of quoted cells has two quotes beside each delimiter and two at its ends. If all the lines together
        # have no others, no cell has one inside, and delimiters inside cells are those without quotes on both sides.
        between = np.logical_and(quotes[:-2], quotes[2:], out=scratch[2, 1:-1])
        np.logical_and(between, delimiters[1:-1], out=between)
        scratch[2, [0, -1]] = False
        if not _alone(scratch[2], starts, lines, scratch[3]):
            places = _even(scratch[2], lines, width, needed)
            if places is not None:
                return places
    if count:
        at = np.flatnonzero(quotes)
        if not _well_quoted(piece, at, lines, delivery):
            return None
        if np.bitwise_or.reduceat(delimiters, at)[::2].any():  # of the bytes from an opening quote to its closing one
            delimiters &= np.add.accumulate(quotes, dtype=np.uint8) % 2 == 0
    return _even(delimiters, lines, width, needed)


def _even(delimiters: np.ndarray, lines: np.ndarray, width: int, needed: _Needed | None) -> np.ndarray | None:
    """Places of needed delimiters and of line ends, if every line has one delimiter less than cells."""
    delimiters[lines] = True
    places = np.flatnonzero(delimiters)
    if len(places) != width * len(lines):
        return None
    by_line = places.reshape(-1, width)
    if not np.array_equal(by_line[:, -1], lines):
        return None
    return by_line[:, needed.ends] if needed else by_line


def _taken(piece: np.ndarray, cells: np.ndarray, needed: _Needed) -> bytes:
    """The rows of a piece without the cells that are not needed.

    Args:
        piece: bytes of whole rows.
        cells: (rows, ends) places where the cells `needed.ends` end.
        needed: which cells are needed.
    """
    before = np.concatenate([[-1], cells[:-1, -1]])
    edges = np.column_stack([before, cells]) + 1  # where each row and the next cell begin
    starts, ends = edges[:, needed.first].ravel(), edges[:, needed.last].ravel()
    sizes = ends - starts
    stops = np.cumsum(sizes)
    taken = piece[np.arange(stops[-1]) + np.repeat(ends - stops, sizes)]
    taken[stops[needed.last.size - 1 :: needed.last.size] - 1] = _NEWLINE  # behind the last needed cell: a delimiter
    return bytes(taken)


def _alone(between: np.ndarray, starts: np.ndarray, lines: np.ndarray, scratch: np.ndarray) -> bool:
    """Whether a cell may be a lone delimiter in quotes, which looks like a delimiter between quoted cells."""
    near = np.logical_and(between[:-2], between[2:], out=scratch[2:])
    return bool(near.any() or between[starts + 1].any() or between[lines - 2].any())


def _well_quoted(piece: np.ndarray, quotes: np.ndarray, ends: np.ndarray, delivery: Delivery) -> bool:
    """Whether quotes open only at the start of a cell and close at its end, in one line; a doubled quote is text."""
    if (np.searchsorted(quotes, ends) % 2).any():
        return False
    # the byte before the first one is a line end, and so is the piece's last byte, which index -1 finds
    edges = np.concatenate([piece[quotes[::2] - 1], piece[quotes[1::2] + 1]])
    return bool(((edges == ord(delivery.delimiter)) | (edges == _NEWLINE) | (edges == _QUOTE)).all())
