"""A text table as blocks of whole lines, each line checked to have as many cells as the header.

Fast CSV readers fill a short line with missing values; a table cut short would pass for one with gaps.
"""

import mmap
from collections.abc import Iterator

import numpy as np

from vita.cohort.delivery import Delivery
from vita.errors import UserError

BLOCK_BYTES = 16 << 20  # larger ones leave the cache, smaller ones cost calls; UK Biobank's lines are below 1 MB
_NEWLINE, _QUOTE = ord("\n"), ord('"')


def blocks(delivery: Delivery) -> Iterator[bytes]:
    """Blocks of whole lines after the header line, without line ends of the other kind.

    Raises:
        UserError: a line has another number of cells than the header, or there is a NUL byte.
    """
    line = 2
    thorough = True  # the first block, and all of a table that has delimiters inside quotes
    blank = 0  # blank lines before this block: at the end of a file they are no rows, elsewhere an error
    for block, last in _raw_blocks(delivery):
        if b"\0" in block:
            at = line + block[: block.index(b"\0")].count(b"\n")
            raise UserError(f"{delivery.name}, line {at}: holds a NUL byte; the file is damaged, deliver it again")
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n")
        before, length = blank, len(block)
        if block.endswith(b"\n\n") or block == b"\n" or last:
            block = block.rstrip(b"\n") + b"\n"
            blank += length - len(block) + (block == b"\n")
        if len(block) > 1:
            if before:
                raise _width_error(delivery, line, 1)
            lines, uneven = _check(block, delivery, line, thorough=thorough or last)
            thorough = (thorough and line > 2) or uneven
            line += lines
            yield block


def _raw_blocks(delivery: Delivery) -> Iterator[tuple[bytes, bool]]:
    """Blocks that end with a line end, and whether it is the last one (which may lack it)."""
    with delivery.open() as stream:
        stream.readline()
        if delivery.format == "csv":
            yield from _mapped(stream.fileno(), stream.tell())
            return
        rest = b""
        while data := stream.read(BLOCK_BYTES):
            cut = data.rfind(b"\n") + 1
            if cut:
                yield rest + data[:cut], False
                rest = data[cut:]
            else:
                rest += data
        yield rest, True


def _mapped(file: int, start: int) -> Iterator[tuple[bytes, bool]]:
    """As above, by mapping a plain file: one copy fewer than reading it."""
    with mmap.mmap(file, 0, access=mmap.ACCESS_READ) as data:
        end = len(data)
        while start < end:
            cut = end
            if end - start > BLOCK_BYTES:
                cut = data.rfind(b"\n", start, start + BLOCK_BYTES) + 1
                cut = cut or data.find(b"\n", start + BLOCK_BYTES) + 1 or end
            yield data[start:cut], cut == end
            start = cut
            data.madvise(mmap.MADV_DONTNEED, 0, start - start % mmap.PAGESIZE)  # or the file counts as our memory


def _check(block: bytes, delivery: Delivery, line: int, thorough: bool) -> tuple[int, bool]:
    """Number of lines of a block, and whether it has delimiters inside quotes.

    Without these, counting all delimiters tells whether every line is whole; with them, each line is looked at.
    """
    values = np.frombuffer(block, np.uint8)
    lines, wanted = int(np.count_nonzero(values == _NEWLINE)), delivery.header.width - 1
    uneven = np.count_nonzero(values == ord(delivery.delimiter)) != lines * wanted
    if thorough or uneven:
        _check_lines(values, delivery, line, wanted)
    return lines, uneven


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
