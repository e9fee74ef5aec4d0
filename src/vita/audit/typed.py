"""Pieces of files whose numbers have a type: Parquet, NumPy and safetensors, read only as far as they can hold ids."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from vita.audit.piece import Piece, inside, whole

if TYPE_CHECKING:
    import pyarrow as pa

_TENSORS = {"I64": "<i8", "I32": "<i4", "U64": "<u8", "U32": "<u4", "F64": "<f8", "F32": "<f4"}
_SMALLEST_BYTES = 4  # numbers of 2 bytes hold no id of seven digits: pixels, masks, classes


def parquet(stream: BinaryIO, place: str) -> Iterator[Piece]:
    """Metadata, names, numbers and text of every column, batch by batch, so that no large table is held whole."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(stream) as file:
        schema = file.schema_arrow
        yield Piece(inside(place, "metadata"), (repr(schema.metadata) + " ".join(schema.names)).encode())
        for batch in file.iter_batches():
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                yield from _column(column, inside(place, f"column {name}"))


def _column(column: "pa.Array", place: str) -> Iterator[Piece]:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_nested(kind):  # lists, also of a fixed length, maps and structures
        parts = column.flatten()
        for part in parts if isinstance(parts, list) else [parts]:
            yield from _column(part, place)
    elif pa.types.is_dictionary(kind):
        yield from _column(column.dictionary, place)
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        yield Piece(place, numbers=whole(column.drop_null().to_numpy(zero_copy_only=False)))
    elif not (pa.types.is_boolean(kind) or pa.types.is_temporal(kind) or pa.types.is_null(kind)):
        values = column.drop_null()
        yield from _texts(values.to_pylist() if pa.types.is_decimal(kind) else values.unique().to_pylist(), place)


def _texts(values: Iterable[object], place: str) -> Iterator[Piece]:
    lines = (value if isinstance(value, bytes) else str(value).encode() for value in values)
    yield Piece(place, b"\n".join(lines))


def array(stream: BinaryIO, place: str) -> Iterator[Piece]:
    """Numbers and texts of a .npy file; of pixels and the like no more than the header is read."""
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    kind = read(stream)[2]
    stream.seek(0)
    if kind.names or _holds_ids(kind):
        yield from _array(np.lib.format.read_array(stream, allow_pickle=False), place)


def _holds_ids(kind: np.dtype) -> bool:
    return kind.kind in "USO" or (kind.kind in "iuf" and kind.itemsize >= _SMALLEST_BYTES)


def _array(values: np.ndarray, place: str) -> Iterator[Piece]:
    if values.dtype.names:
        for name in values.dtype.names:
            yield from _array(values[name], inside(place, f"field {name}"))
    elif values.dtype.kind in "US":
        yield from _texts(values.ravel().tolist(), place)
    elif _holds_ids(values.dtype):
        yield Piece(place, numbers=whole(values))


def is_safetensors(head: bytes) -> bool:
    """Whether a file begins as safetensors do: the length of a JSON header, at most 100 MB, and the header."""
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= 100_000_000


def safetensors(stream: BinaryIO, place: str) -> Iterator[Piece]:
    """Names, metadata and numbers of tensors."""
    length = int.from_bytes(stream.read(8), "little")
    header = stream.read(length)
    names = re.sub(rb'"data_offsets":\[[^\]]*\]|"shape":\[[^\]]*\]', b"", header)
    yield Piece(inside(place, "header"), names)
    for name, about in json.loads(header).items():
        if kind := _TENSORS.get(about.get("dtype", "")):
            first, last = about["data_offsets"]
            stream.seek(8 + length + first)
            yield Piece(inside(place, f"tensor {name}"), numbers=whole(np.frombuffer(stream.read(last - first), kind)))
