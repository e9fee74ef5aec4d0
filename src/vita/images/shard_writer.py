"""Writing shards: voxels in an .npz whose members can be memory-mapped, and a table beside it.

NNNNN.npz holds `voxels_<row>` (9, time, rows, columns), uncompressed and aligned to 64 bytes, and `masks_<row>` of the
same shape, compressed. `<row>` is the row of NNNNN.parquet; the file holds no participant id.
"""

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA_VERSION = 1
ALIGNMENT = 64
# Extra field of a zip entry that other tools skip: the one that Android's zipalign pads with.
PADDING_ID = 0xD935
LOCAL_HEADER = 30
MASK_COMPRESSION = 1  # masks are mostly empty: higher levels take longer and gain little


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


def write_table(rows: list[dict[str, Any]], schema: pa.Schema, path: Path, settings: dict[str, Any]) -> None:
    """Write a shard's table; its metadata hold the schema's version and the settings it was made with."""
    metadata = {b"vita_shard_schema": str(SCHEMA_VERSION).encode(), b"vita_images": json.dumps(settings).encode()}
    table = pa.Table.from_pylist(rows, schema=schema.with_metadata(metadata))
    pq.write_table(table, path)
