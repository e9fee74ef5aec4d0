"""Stream the wanted columns of a table in batches of bounded size, as text, under their canonical names.

A row of UK Biobank's main table is tens of kB wide, so neither the file nor the wanted part of it is ever in memory as
a whole.
"""

import logging
import lzma
import zlib
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import polars as pl

from vita.cohort.blocks import Block, blocks
from vita.cohort.delivery import Delivery
from vita.cohort.spellings import MISSING, Column
from vita.runtime.errors import UserError

LOG = logging.getLogger(__name__)
EID = "eid"
BATCH_ROWS = 4000
Item = TypeVar("Item")
Result = TypeVar("Result")
WORKERS = 2  # given the number of rows, polars parses a block with one thread, so several are parsed side by side


def stream(
    delivery: Delivery, wanted: Sequence[Column], leave_out: Collection[int] = (), left_out: set[int] | None = None
) -> Iterator[pl.DataFrame]:
    """Batches of a table: `eid` (Int64) and the wanted columns by canonical name, as text (Parquet's lists as lists).

    Args:
        delivery: the table.
        wanted: columns of the table.
        leave_out: ids whose rows are dropped (withdrawn participants).
        left_out: a set to which those of them that the table has are added.

    Raises:
        UserError: the file is damaged, a line has another width, or an id is not valid or is repeated.
    """
    seen = _Ids(delivery.name)
    gone = pl.Series(sorted(leave_out), dtype=pl.Int64)
    first_row = 1
    dropped = 0
    for batch in _gathered(_frames(delivery, wanted)):
        ids = seen.check(batch[EID], first_row)
        first_row += len(batch)
        kept = batch.with_columns(ids)
        if ids.is_in(gone.implode()).any():
            if left_out is not None:
                left_out.update(ids.filter(ids.is_in(gone.implode())).to_list())
            kept = kept.filter(~pl.col(EID).is_in(gone.implode()))
        dropped += len(batch) - len(kept)
        yield kept
    seen.refuse_repeats()
    if dropped:
        LOG.info("%s: %d rows of withdrawn participants left out", delivery.name, dropped)


def report_withdrawals(listed: Collection[int], found: Collection[int], people: int) -> None:
    """Warn if no id of a withdrawals list is in the tables, as with the list of another application.

    Args:
        listed: ids of the list.
        found: those of them that are in a table.
        people: number of participants in the tables who are not listed.
    """
    if listed and not found:
        LOG.warning(
            "the withdrawals list has %d ids, and none of them is among the %d participants of the tables: "
            "is it the list of another application?", len(listed), people,
        )  # fmt: skip
    elif listed:
        LOG.info("%d of the %d ids on the withdrawals list are in the tables, and left out", len(found), len(listed))


class _Ids:
    """Checks that ids are whole numbers and that none is repeated within a table."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.seen: list[pl.Series] = []

    def check(self, texts: pl.Series, first_row: int) -> pl.Series:
        """The ids of a batch as whole numbers."""
        bare = (
            texts.cast(pl.String).str.strip_chars().str.replace(r"^(\d+)\.0*$", "$1")
        )  # pandas writes ids that have gaps as floats
        ids = bare.cast(pl.Int64, strict=False).rename(EID)
        bad = (ids.is_null() | (ids <= 0)).arg_true()
        if len(bad):
            raise UserError(
                f"{self.table}, row {first_row + bad[0]}: the participant id is not a positive whole number; remove "
                "the row if it is a second header or a comment, else deliver the table again"
            )
        self.seen.append(ids)
        return ids

    def refuse_repeats(self) -> None:
        """To be called when all batches are read: no id is repeated."""
        ids = pl.concat(self.seen) if self.seen else pl.Series(EID, [], pl.Int64)
        if ids.n_unique() == len(ids):
            return
        repeat = ids.filter(ids.is_duplicated())[0]
        first, second = (ids == repeat).arg_true()[:2] + 1
        raise UserError(
            f"{self.table}, rows {first} and {second}: a participant id is repeated; keep one row per participant"
        )


def _gathered(frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Join small frames to contiguous ones of about BATCH_ROWS rows: in chunks, expressions take six times as long."""
    held: list[pl.DataFrame] = []
    for frame in frames:
        held.append(frame)
        if sum(map(len, held)) >= BATCH_ROWS:
            yield pl.concat(held, rechunk=True)
            held = []
    if held:
        yield pl.concat(held, rechunk=True)


def _frames(delivery: Delivery, wanted: Sequence[Column]) -> Iterator[pl.DataFrame]:
    if delivery.format == "parquet":
        yield from _parquet_frames(delivery, wanted)
    else:
        yield from _text_frames(delivery, wanted)


def _text_frames(delivery: Delivery, wanted: Sequence[Column]) -> Iterator[pl.DataFrame]:
    """Frames of a text table; every cell stays text, so that no type is guessed from the first block.

    Columns are taken by place, not name: names of unneeded columns need be neither decodable nor unique.
    """
    chosen = {column.index: column.canonical for column in wanted} | {delivery.header.eid: EID}
    names = [chosen[place] for place in sorted(chosen)]

    def parsed(block: Block) -> pl.DataFrame:
        frame = pl.read_csv(
            block.text,
            has_header=False,
            columns=None if block.narrow else sorted(chosen),
            separator=delivery.delimiter,
            infer_schema=False,
            null_values=list(MISSING),
            n_rows=block.rows,
            # columns of free text, which are not read, may be latin-1; with utf8 a fifth less time
            encoding="utf8" if block.narrow and block.text.isascii() else "utf8-lossy",
        )
        if len(frame) != block.rows:  # nobody may be lost silently
            raise UserError(
                f"{delivery.name}: {block.rows} rows were counted and {len(frame)} read; its quotes are "
                "inconsistent: write it again without the columns of free text"
            )
        frame.columns = names
        return frame

    try:
        yield from side_by_side(blocks(delivery, sorted(chosen), BATCH_ROWS), parsed)
    except (pl.exceptions.PolarsError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        # polars' own words may hold cells
        reason = "its rows cannot be parsed" if isinstance(error, pl.exceptions.PolarsError) else _one_line(error)
        raise UserError(f"{delivery.name}: the table is damaged or cut short: {reason}") from error


def _parquet_frames(delivery: Delivery, wanted: Sequence[Column]) -> Iterator[pl.DataFrame]:
    """Frames of a Parquet table, numbers and dates turned to text."""
    import pyarrow as pa  # takes as long to import as to read many a text table
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(delivery.path)
        source = file.schema_arrow.names
        chosen = {source[delivery.header.eid]: EID} | {source[c.index]: c.canonical for c in wanted}
        for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=list(chosen)):
            frame = pl.DataFrame(pl.from_arrow(batch)).rename(chosen)
            yield frame.select(_as_text(frame[name], delivery.name) for name in chosen.values())
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{delivery.name}: not a Parquet table that can be read: {_one_line(error)}") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _as_text(values: pl.Series, table: str) -> pl.Series:
    """Text of a typed column: whole floats lose their `.0`, yes and no are 1 and 0, blanks and NA become missing.

    Raises:
        UserError: the column's type is neither of single values nor of lists of them, or its bytes are no text.
    """
    if isinstance(values.dtype, pl.Array):
        values = values.arr.to_list()
    several = isinstance(values.dtype, pl.List)
    kind = values.dtype.inner if isinstance(values.dtype, pl.List) else values.dtype
    if kind == pl.Boolean and not several:
        values = values.cast(pl.Int8)
    if kind.is_float() and not several:
        return values.fill_nan(None).cast(pl.String).str.strip_suffix(".0")
    refused = UserError(
        f"{table}, column {values.name}: has the type {values.dtype}; write it as numbers, dates, text, or lists "
        "of them"
    )
    if kind.is_nested():
        raise refused
    try:
        text = values.cast(pl.List(pl.String) if several else pl.String)
    except pl.exceptions.PolarsError as error:  # durations, bytes in another encoding
        raise refused from error
    return text if several else text.set(text.is_in(MISSING), None)


def side_by_side(items: Iterator[Item], work: Callable[[Item], Result]) -> Iterator[Result]:
    """`work(item)` of every item, in the items' order; what either of them raises is raised here.

    Args:
        items: advanced by one thread at a time, so that it may keep state.
        work: called from several threads at once.
    """
    with ThreadPoolExecutor(1) as maker, ThreadPoolExecutor(WORKERS) as workers:
        under_way: deque[Future[Result]] = deque()
        coming = maker.submit(next, items, None)
        while (item := coming.result()) is not None:
            under_way.append(workers.submit(work, item))
            del item  # one block less in memory
            coming = maker.submit(next, items, None)
            if len(under_way) >= WORKERS:
                yield under_way.popleft().result()
        for result in under_way:
            yield result.result()
