"""Shards: voxels in an .npz whose members can be memory-mapped, and a table beside it, written and read.

NNNNN.npz holds `voxels_<row>` (9, time, rows, columns), uncompressed and aligned to 64 bytes, and `masks_<row>` of the
same shape, compressed. `<row>` is the row of NNNNN.parquet; the file holds no participant id. Chosen frames of a
participant are read without loading whole files.
"""

import io
import json
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from vita.images.mapped import MappedFiles
from vita.mask_classes import NOT_ANNOTATED
from vita.runtime.errors import UserError

SCHEMA_VERSION = 1
ALIGNMENT = 64
# Extra field of a zip entry that other tools skip: the one that Android's zipalign pads with.
PADDING_ID = 0xD935
LOCAL_HEADER = 30
MASK_COMPRESSION = 1  # masks are mostly empty: higher levels take longer and gain little


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
        self._files = MappedFiles()
        self._places: dict[int, dict[str, tuple[int, np.dtype, tuple[int, ...]]]] = {}
        self._archives: dict[int, zipfile.ZipFile] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Everything but open files."""
        return self.__dict__ | {"_files": MappedFiles(), "_places": {}, "_archives": {}}

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
        data = self._files.data(self.paths[shard])
        return data[offset : offset + count * dtype.itemsize].view(dtype).reshape(shape)

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
        self._files.was_read(values.nbytes)
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
        if shard not in self._places:
            data = self._files.data(self.paths[shard])
            with zipfile.ZipFile(self.paths[shard]) as archive:
                entries = [(e.filename, e.header_offset) for e in archive.infolist() if e.compress_type == 0]
            self._places[shard] = {entry: _locate(data, start) for entry, start in entries}
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


class ShardWriter:
    """Writes members of a shard's .npz in order; use as a context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> "ShardWriter":
        self._archive = zipfile.ZipFile(self._path, "w", zipfile.ZIP_STORED)
        return self

    def __exit__(self, *error: object) -> None:
        self._archive.close()

    def add(self, row: int, voxels_sthw: np.ndarray, masks_sthw: np.ndarray | None) -> dict[str, int]:
        """Write a participant; returns the CRC-32 of each member as the columns voxels_crc32 and masks_crc32."""
        info, header = self._entry(f"voxels_{row:05d}.npy", voxels_sthw)
        with self._archive.open(info, "w") as member:
            member.write(header)
            member.write(np.ascontiguousarray(voxels_sthw).data)
        checksums = {"voxels_crc32": info.CRC}
        if masks_sthw is not None:
            info, header = self._entry(f"masks_{row:05d}.npy", masks_sthw)
            data = header + masks_sthw.tobytes()
            self._archive.writestr(info, data, zipfile.ZIP_DEFLATED, compresslevel=MASK_COMPRESSION)
            checksums["masks_crc32"] = info.CRC
        return checksums

    def _entry(self, name: str, array: np.ndarray) -> tuple[zipfile.ZipInfo, bytes]:
        """An entry of the zip, padded so that the array's values start on a multiple of 64, and its .npy header."""
        header = io.BytesIO()
        description = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": array.shape}
        np.lib.format.write_array_header_1_0(header, description)
        info = zipfile.ZipInfo(name)  # dated 1980, so that equal content gives equal bytes
        info.file_size = header.tell() + array.nbytes
        start = cast(IO[bytes], self._archive.fp).tell() + LOCAL_HEADER + len(name) + 4
        padding = -start % ALIGNMENT
        info.extra = struct.pack("<HH", PADDING_ID, padding) + bytes(padding)
        return info, header.getvalue()


def write_table(
    rows: Sequence[Mapping[str, object]], schema: pa.Schema, path: Path, settings: Mapping[str, object]
) -> None:
    """Write a shard's table; its metadata hold the schema's version and the settings it was made with."""
    metadata = {b"vita_shard_schema": str(SCHEMA_VERSION).encode(), b"vita_images": json.dumps(settings).encode()}
    table = pa.Table.from_pylist(rows, schema=schema.with_metadata(metadata))
    pq.write_table(table, path)
