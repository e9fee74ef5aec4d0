"""Tables and arrays in binary formats: Parquet, Arrow, SQLite, NumPy and safetensors."""

import io
import sqlite3
import struct
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from vita.release.contents import PROSE, TENSOR, Binary, Contents, Table, inside

if TYPE_CHECKING:
    import pyarrow as pa


_MOST_CELLS = 2_000_000  # rows of an array; from a longer one, evenly spread rows are taken

_MOST_WEIGHTS = 2_000

_FEWEST_FLOATS, _SMALLEST_FLOAT, _MOSTLY = 8, 1e-6, 0.8

_SMALLEST_PICTURE = 12  # rows and columns


def parquet(data: bytes, place: str, found: Contents) -> None:
    """Columns of a Parquet file, and the content of its metadata."""
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(data))
    _columns(table.schema.names, map(_values, table.columns), place, found)
    _described(table.schema, place, found)


def _described(schema: "pa.Schema", place: str, found: Contents) -> None:
    """The content of the metadata of a table and of its columns."""
    parts = [schema.metadata, *(schema.field(column).metadata for column in range(len(schema)))]
    known = [each for part in parts for each in (part or {}).items() if each[0] != b"ARROW:schema"]
    text = "\n".join(f"{key.decode(errors='replace')} {value.decode(errors='replace')}" for key, value in known)
    found.tables.append(Table(inside(place, "metadata"), (), [[line] for line in text.splitlines()], 1, PROSE))


def arrow(data: bytes, place: str, found: Contents) -> None:
    """Columns of an Arrow file, and the content of its metadata."""
    import pyarrow.feather as feather

    table = feather.read_table(io.BytesIO(data))
    _columns(table.schema.names, map(_values, table.columns), place, found)
    _described(table.schema, place, found)


def _values(column: "pa.ChunkedArray") -> list[object]:
    """A column's values; numbers of 4 bytes as short as they are."""
    values: list[object] = column.to_pylist()
    if str(column.type) == "float":
        return [_short(value) for value in values]
    if "<" in str(column.type) and "float" in str(column.type):  # lists of them
        return [_short(value) for value in values]
    return values


def _short(value: object) -> object:
    if isinstance(value, list):
        return [_short(each) for each in value]
    if isinstance(value, dict):
        return {key: _short(each) for key, each in value.items()}
    return np.float32(value) if isinstance(value, float) else value


def _columns(names: list[str], columns: Iterable[list[object]], place: str, found: Contents) -> None:
    """A table of typed columns; a cell with a list is several numbers."""
    texts = [[_text(value) for value in column] for column in columns]
    found.tables.append(Table(place, tuple(names), list(zip(*texts, strict=True))))


def _text(value: object) -> str:
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, list | tuple):
        return " ".join(map(_text, value))
    if isinstance(value, dict):
        return " ".join(map(_text, value.values()))
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(value)


def sqlite(data: bytes, place: str, found: Contents) -> None:
    """Tables of a database."""
    with sqlite3.connect(":memory:") as connection:
        connection.deserialize(data)
        # deleted rows remain in the file until it is rewritten
        shifted = [np.frombuffer(data, ">f8", (len(data) - start) // 8, start) for start in range(8)]
        found.arrays.append((inside(place, "bytes"), _ordinary(np.concatenate(shifted))))
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
        for name in names:
            quoted = name.replace('"', '""')
            cursor = connection.execute(f'SELECT * FROM "{quoted}"')
            rows = [[_text(value) for value in row] for row in cursor]
            header = tuple(column[0] for column in cursor.description)
            found.tables.append(Table(inside(place, f"table {name}"), header, rows))
    connection.close()


def _ordinary(values: np.ndarray) -> np.ndarray:
    """Those of some numbers that are neither tiny nor huge, as bytes of something else are."""
    size = np.abs(np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0))
    return np.asarray(values[(size > _SMALLEST_FLOAT) & (size < 1 / _SMALLEST_FLOAT)])


def npy(data: bytes, place: str, found: Contents) -> None:
    """An array of NumPy."""
    _array(np.load(io.BytesIO(data), allow_pickle=False), place, found)


def _array(values: np.ndarray, place: str, found: Contents, named: str = "", most_cells: int = _MOST_CELLS) -> None:
    """Rows of an array along its last axis, and its last two axes as a picture where they are large enough."""
    if values.dtype.names:
        _columns(list(values.dtype.names), (values[name].tolist() for name in values.dtype.names), place, found)
        return
    if values.dtype.kind not in "iufUS" or values.size == 0:
        return
    found.arrays += [(inside(place, "read as numbers with decimals"), floats) for floats in _as_floats(values)]
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    table = values.reshape(-1, values.shape[-1]) if values.ndim > 1 else values.reshape(-1, 1)
    if values.ndim > 1 and min(values.shape[-2:]) >= _SMALLEST_PICTURE and values.dtype.kind != "U":
        planes = values.reshape(-1, *values.shape[-2:])
        found.pictures += [(inside(place, f"plane {number}"), plane) for number, plane in enumerate(planes[:20], 1)]
        if values.ndim > 2:  # voxels, not rows
            return
    most = max(1, most_cells // table.shape[1])
    if len(table) > most:
        if table.dtype.kind == "f":
            found.arrays.append((place, table))
        table = table[np.linspace(0, len(table) - 1, most).astype(int)]
    header = (named,) if table.shape[1] == 1 else ()
    found.tables.append(Table(place, header, table.astype(str).tolist()))


def _as_floats(values: np.ndarray) -> Iterator[np.ndarray]:
    """Whole numbers whose bits are those of ordinary numbers with decimals."""
    data = values.tobytes() if values.dtype.kind in "iu" else b""
    for kind in ("<f8", "<f4"):
        if len(data) >= _FEWEST_FLOATS * 8 and len(data) % np.dtype(kind).itemsize == 0:
            floats = np.frombuffer(data, kind)
            size = np.abs(floats, dtype=np.float64, where=np.isfinite(floats), out=np.zeros(len(floats)))
            if ((size > _SMALLEST_FLOAT) & (size < 1 / _SMALLEST_FLOAT)).mean() > _MOSTLY:
                yield floats


def safetensors(data: bytes, place: str, found: Contents, binary: Binary) -> None:
    """Tensors, and the texts of the metadata."""
    import json

    from safetensors.numpy import load

    length = struct.unpack("<Q", data[:8])[0]
    metadata = json.loads(data[8 : 8 + length]).get("__metadata__", {})
    for key, text in metadata.items():
        binary(str(text).encode(), inside(place, f"metadata {key}"), found, 1)
    for name, values in load(data).items():
        found.shapes.append((inside(place, f"{TENSOR}{name}"), values.shape))
        _array(values, inside(place, f"{TENSOR}{name}"), found, name, _MOST_WEIGHTS)
