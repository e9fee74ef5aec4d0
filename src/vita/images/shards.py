"""Reading shards (see `shard_writer`): chosen frames of a participant, without loading whole files."""

import io
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from vita.images.shard_writer import LOCAL_HEADER, SCHEMA_VERSION
from vita.mask_classes import NOT_ANNOTATED
from vita.runtime.errors import UserError


def read_tables(paths: Sequence[str | Path]) -> pd.DataFrame:
    """The concatenated tables of shards, with the column `shard` (position in `paths`).

    Raises:
        UserError: a table is missing or of another schema version.
    """
    tables = []
    for number, path in enumerate(paths):
        try:
            table = pq.read_table(path)
        except (OSError, pa.ArrowInvalid) as error:
            raise UserError(f"{path}: the shard's table cannot be read; run the rule build_shard again") from error
        version = (table.schema.metadata or {}).get(b"vita_shard_schema", b"none").decode()
        if version != str(SCHEMA_VERSION):
            raise UserError(f"{path}: shard schema {version}, this program reads {SCHEMA_VERSION}; rebuild the shards")
        frame = table.to_pandas()
        frame.insert(0, "shard", number)
        tables.append(frame)
    if not tables:
        raise UserError("no shard was given; name at least one")
    return pd.concat(tables, ignore_index=True).sort_values("eid", ignore_index=True)


class ShardReader:
    """Reads participants' planes from shards, frame by frame, without loading whole files.

    Files are opened and mapped when first used, in every worker process by itself, so that a reader can be pickled.
    """

    def __init__(self, paths: Sequence[str | Path]) -> None:
        """Open shards.

        Args:
            paths: .npz files; NNNNN.parquet is read beside each. Addresses of fsspec that lead to a local file work
                too, such as `simplecache::s3://bucket/00000.npz`.

        Raises:
            UserError: a table is missing or of another schema version, or a participant is in two shards.
        """
        self.paths = [_local(str(path)) for path in paths]
        self.table = read_tables([_local(str(path).removesuffix(".npz") + ".parquet") for path in paths])
        if self.table["eid"].duplicated().any():
            raise UserError("a participant is in two of the shards; name each shard once, of one run")
        self._position = {int(eid): row for row, eid in enumerate(self.table["eid"])}
        self._columns = {
            name: self.table[name].to_numpy()
            for name in ("shard", "row", "usable", "range_low", "range_high", "spacing_row_mm", "spacing_column_mm")
        }
        self._maps: dict[int, np.ndarray] = {}
        self._places: dict[int, dict[str, tuple[int, np.dtype, tuple[int, ...]]]] = {}
        self._archives: dict[int, zipfile.ZipFile] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Everything but open files."""
        return self.__dict__ | {"_maps": {}, "_places": {}, "_archives": {}}

    def __contains__(self, eid: int) -> bool:
        """Whether the participant is there and has voxels."""
        return eid in self._position and bool(self._columns["usable"][self._position[eid]])

    def stored(self, eid: int) -> np.ndarray:
        """Stored values (9, time, rows, columns), memory-mapped and read-only.

        Raises:
            KeyError: the participant has no voxels here.
        """
        position = self._find(eid)
        shard, row = int(self._columns["shard"][position]), int(self._columns["row"][position])
        offset, dtype, shape = self._place(shard, f"voxels_{row:05d}.npy")
        count = int(np.prod(shape))
        return self._maps[shard][offset : offset + count * dtype.itemsize].view(dtype).reshape(shape)

    def voxels(self, eid: int, frames: Sequence[int]) -> np.ndarray:
        """Intensities of chosen frames.

        Args:
            eid: participant.
            frames: frame numbers, in any order.

        Returns:
            float32 (9, frames, rows, columns): [0, 1] over the range that `images.intensity` chose, by default from the
            darkest to the brightest value that the view has in the shard; planes that are missing are 0.

        Raises:
            KeyError: the participant has no voxels here.
        """
        position = self._find(eid)
        values = self.stored(eid)[:, list(frames)]
        return intensities(values, self._columns["range_low"][position], self._columns["range_high"][position])

    def masks(self, eid: int, frames: Sequence[int]) -> np.ndarray:
        """Classes of chosen frames: uint8 (9, frames, rows, columns), 255 where not annotated.

        Raises:
            KeyError: the participant has no voxels here.
        """
        position = self._find(eid)
        if not self.table["has_masks"].iloc[position]:
            shape = self.stored(eid).shape
            return np.full((shape[0], len(frames), *shape[2:]), NOT_ANNOTATED, np.uint8)
        shard, row = int(self._columns["shard"][position]), int(self._columns["row"][position])
        if shard not in self._archives:
            self._archives[shard] = zipfile.ZipFile(self.paths[shard])
        data = io.BytesIO(self._archives[shard].read(f"masks_{row:05d}.npy"))
        return np.lib.format.read_array(data, allow_pickle=False)[:, list(frames)]

    def spacing_mm(self, eid: int) -> np.ndarray:
        """(9, 2) distance of pixels along rows' index and columns' index; 0 for missing planes."""
        position = self._find(eid)
        return np.stack([self._columns[f"spacing_{axis}_mm"][position] for axis in ("row", "column")], axis=1)

    def _find(self, eid: int) -> int:
        if eid not in self:
            raise KeyError("the participant has no voxels in these shards")
        return self._position[eid]

    def _place(self, shard: int, name: str) -> tuple[int, np.dtype, tuple[int, ...]]:
        """Where a member's values start, their type and shape."""
        if shard not in self._maps:
            self._maps[shard] = np.memmap(self.paths[shard], np.uint8, "r")
            with zipfile.ZipFile(self.paths[shard]) as archive:
                entries = [(e.filename, e.header_offset) for e in archive.infolist() if e.compress_type == 0]
            self._places[shard] = {entry: _locate(self._maps[shard], start) for entry, start in entries}
        return self._places[shard][name]


def intensities(stored_sthw: np.ndarray, low_s: Sequence[float], high_s: Sequence[float]) -> np.ndarray:
    """Stored values of planes as float32 from 0 (`low_s` of the plane, and below) to 1 (`high_s`, and above).

    Constant planes are 0.
    """
    values = stored_sthw.astype(np.float32)
    low = np.asarray(low_s, np.float32)[:, None, None, None]
    high = np.asarray(high_s, np.float32)[:, None, None, None]
    np.clip(values, low, high, out=values)
    values -= low
    values *= 1 / np.where(high > low, high - low, 1)
    return values


def _locate(data: np.ndarray, header_offset: int) -> tuple[int, np.dtype, tuple[int, ...]]:
    """Read the local zip header and the .npy header of an uncompressed member."""
    lengths = data[header_offset + 26 : header_offset + LOCAL_HEADER].tobytes()
    start = header_offset + LOCAL_HEADER + sum(struct.unpack("<HH", lengths))
    header = io.BytesIO(data[start : start + 1024].tobytes())
    np.lib.format.read_magic(header)
    shape, _, dtype = np.lib.format.read_array_header_1_0(header)
    return start + header.tell(), dtype, shape


def _local(path: str) -> Path:
    """The local file of a path, or of an fsspec address, which may fetch it into its cache."""
    if "://" not in path:
        return Path(path)
    import fsspec  # only for addresses

    try:
        return Path(fsspec.open_local(path, mode="rb"))
    except (ValueError, OSError, ImportError) as error:
        raise UserError(f"{path}: cannot be opened as a local file ({error}); try simplecache::{path}") from error
