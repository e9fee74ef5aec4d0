"""Rows of a table kept on disk while it is read, and given back by ranges of ids.

Tables need not be sorted, and several of them are joined. So a table's rows are first set aside in the order of the
file, compressed, in a temporary file without a name, which is gone when the process ends, however it ends. Then each
range of ids is read back from all tables, and only one range is in memory at a time.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, NamedTuple

import numpy as np
import polars as pl

from vita.cohort.reading import EID

RANGE_ROWS = 1 << 13  # participants in memory at once; fewer cost more time where ids are in no order


class _Part(NamedTuple):
    start: int
    size: int
    low: int
    high: int


class Spill:
    """Frames of one table on disk."""

    def __init__(self, file: IO[bytes]) -> None:
        """No frames yet.

        Args:
            file: an empty one, open for reading and writing, such as tempfile.TemporaryFile.
        """
        self._file = file
        self._parts: list[_Part] = []
        self._ids: list[np.ndarray] = []
        self.schema = pl.Schema({EID: pl.Int64})

    def add(self, frame: pl.DataFrame) -> None:
        """Set rows aside; a column may hold lists in one frame and single values in the others."""
        lists = {name: kind for name, kind in self.schema.items() if isinstance(kind, pl.List)}
        self.schema = pl.Schema({**frame.schema, **lists})
        if frame.is_empty():
            return
        ids = frame[EID].to_numpy()
        packed = io.BytesIO()
        frame.write_ipc(packed, compression="lz4")
        self._parts.append(_Part(self._file.tell(), packed.tell(), int(ids.min()), int(ids.max())))
        self._file.write(packed.getbuffer())
        self._ids.append(ids.copy())

    def ids(self) -> np.ndarray:
        """Ids of all rows, in the order in which they were added."""
        return np.concatenate(self._ids) if self._ids else np.zeros(0, np.int64)

    def between(self, low: int, high: int, kinds: Mapping[str, pl.DataType]) -> pl.DataFrame:
        """Rows with ids from `low` to `high`, both included, sorted by id.

        Args:
            low: the first id.
            high: the last one.
            kinds: columns that hold lists in some frame, here or in another table, with their types.
        """
        frames = []
        for part in self._parts:
            if part.low <= high and part.high >= low:
                self._file.seek(part.start)
                frame = pl.read_ipc(self._file.read(part.size))
                frames.append(frame.filter(pl.col(EID).is_between(low, high)).with_columns(wrapped(frame, kinds)))
        if not frames:
            return pl.DataFrame(schema={**self.schema, **{name: kinds[name] for name in kinds if name in self.schema}})
        return pl.concat(frames).sort(EID)


def wrapped(frame: pl.DataFrame, kinds: Mapping[str, pl.DataType]) -> list[pl.Expr]:
    """Single values as lists of one, in the columns that hold lists elsewhere.

    A multi-select field is a list only in a block of rows where somebody gave two answers.
    """
    single = [name for name, kind in frame.schema.items() if name in kinds and not isinstance(kind, pl.List)]
    return [pl.when(pl.col(n).is_not_null()).then(pl.concat_list(n)).cast(kinds[n]).alias(n) for n in single]


def list_kinds(schemas: Sequence[Mapping[str, pl.DataType]]) -> dict[str, pl.DataType]:
    """Columns that hold lists in any of the schemas, with their types."""
    return {name: kind for schema in schemas for name, kind in schema.items() if isinstance(kind, pl.List)}


def by_range(spills: Sequence[Spill]) -> Iterator[list[pl.DataFrame]]:
    """A frame of each table for one range of ids after the other, in ascending order; at least one range."""
    kinds = list_kinds([spill.schema for spill in spills])
    ids = np.unique(np.concatenate([spill.ids() for spill in spills]))
    for start in range(0, max(len(ids), 1), RANGE_ROWS):
        own = ids[start : start + RANGE_ROWS]
        low, high = (int(own[0]), int(own[-1])) if len(own) else (0, -1)
        yield [spill.between(low, high, kinds) for spill in spills]
