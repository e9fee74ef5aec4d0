"""Writing shards: voxels in an .npz whose members can be memory-mapped, and a table beside it.

NNNNN.npz holds `voxels_<row>` (9, time, rows, columns), uncompressed and aligned to 64 bytes, and `masks_<row>` of the
same shape, compressed. `<row>` is the row of NNNNN.parquet; the file holds no participant id.
"""

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA_VERSION = 1
ALIGNMENT = 64
# Extra field of a zip entry that other tools skip: the one that Android's zipalign pads with.
PADDING_ID = 0xD935
LOCAL_HEADER = 30


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
        checksums = {"voxels_crc32": self._write(f"voxels_{row:05d}.npy", voxels_sthw, zipfile.ZIP_STORED)}
        if masks_sthw is not None:
            checksums["masks_crc32"] = self._write(f"masks_{row:05d}.npy", masks_sthw, zipfile.ZIP_DEFLATED)
        return checksums

    def _write(self, name: str, array: np.ndarray, compression: int) -> int:
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
        info = zipfile.ZipInfo(name)  # dated 1980, so that equal content gives equal bytes
        info.compress_type = compression
        start = self._archive.fp.tell() + LOCAL_HEADER + len(name) + 4
        padding = -start % ALIGNMENT
        info.extra = struct.pack("<HH", PADDING_ID, padding) + bytes(padding)
        self._archive.writestr(info, buffer.getbuffer(), compresslevel=1)
        return info.CRC


def write_table(rows: list[dict[str, Any]], schema: pa.Schema, path: Path, settings: dict[str, Any]) -> None:
    """Write a shard's table; its metadata hold the schema's version and the settings it was made with."""
    metadata = {b"vita_shard_schema": str(SCHEMA_VERSION).encode(), b"vita_images": json.dumps(settings).encode()}
    table = pa.Table.from_pylist(rows, schema=schema.with_metadata(metadata))
    pq.write_table(table, path)
