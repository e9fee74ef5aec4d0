"""Pieces of text and whole numbers in files of known formats that may be ids, with their places.

Parquet, NumPy and safetensors are read only as far as they can hold ids; pickles are listed without unpickling; bytes
of an unknown format are searched as text and as 8-byte numbers.
"""

import json
import pickletools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

_LEAST, _MOST = 1_000, 10**12  # ids have 4 to 12 digits


@dataclass(frozen=True)
class Piece:
    """Something to search.

    Attributes:
        place: in the file, such as "line 3", "column eid" or "member a.npy"; empty for the file itself.
        text: searched for numbers.
        numbers: whole numbers, each compared as it is.
        raw: bytes of unknown meaning. There an id may touch letters, and only ids of a known cohort are looked for
            among numbers, since any 8 bytes are a number.
    """

    place: str
    text: bytes = b""
    numbers: np.ndarray | None = None
    raw: bool = False


def inside(place: str, inner: str) -> str:
    """A place within a place."""
    return f"{place}, {inner}" if place else inner


def whole(values: np.ndarray) -> np.ndarray:
    """The values (of any shape and numeric type) that are whole and as large as ids, as int64."""
    with np.errstate(invalid="ignore"):  # NaN is neither
        values = values[(values >= _LEAST) & (values < _MOST)]
    if values.dtype.kind == "f":
        values = values[values == np.rint(values)]
    return values.astype(np.int64)


def raw(data: bytes, place: str) -> Iterator[Piece]:
    """The bytes as text, and as little-endian 8-byte integers and floats, the forms in which libraries write ids.

    Numbers are read at multiples of 8 bytes, where such files keep them. Weights of 4 or 2 bytes do not look like ids
    there: two weights together would have to be a zero and one near the smallest possible number.
    """
    yield Piece(inside(place, "bytes"), data, raw=True)
    for kind in ("<i8", "<f8"):
        numbers = np.frombuffer(data, kind, count=len(data) // 8)
        yield Piece(inside(place, "8-byte numbers"), numbers=whole(numbers), raw=True)


_TENSORS = {"I64": "<i8", "I32": "<i4", "U64": "<u8", "U32": "<u4", "F64": "<f8", "F32": "<f4"}
_SMALLEST_BYTES = 4  # numbers of 2 bytes hold no id of seven digits: pixels, masks, classes


def parquet(stream: IO[bytes], place: str) -> Iterator[Piece]:
    """Metadata, names, numbers and text of every column, batch by batch, so that a large table is never in memory as a
    whole.
    """
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


def array(stream: IO[bytes], place: str) -> Iterator[Piece]:
    """Numbers and texts of a .npy file; for pixels and similar arrays only the header is read."""
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    kind = read(stream)[2]
    stream.seek(0)
    if kind.names or _holds_ids(kind):
        yield from _array(np.lib.format.read_array(stream, allow_pickle=False), place)


def _holds_ids(kind: np.dtype[Any]) -> bool:
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


def safetensors(stream: IO[bytes], place: str) -> Iterator[Piece]:
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


def is_pickle(head: bytes) -> bool:
    """Whether a file begins as a pickle of protocol 2 to 5."""
    return head[:1] == b"\x80" and head[1:2] in (b"\2", b"\3", b"\4", b"\5")


def pickled(stream: IO[bytes], place: str) -> Iterator[Piece]:
    """Texts and numbers that occur in the pickle's operations, and arrays as bytes. No operation is executed."""
    texts, numbers = [], []
    for _, argument, _ in pickletools.genops(stream):
        if isinstance(argument, str):
            texts.append(argument.encode("utf-8", "surrogatepass"))
        elif isinstance(argument, int | float):
            numbers.append(float(argument))
        elif isinstance(argument, bytes | bytearray):
            yield from raw(bytes(argument), inside(place, "bytes of a pickle"))
    yield Piece(inside(place, "texts of a pickle"), b"\n".join(texts))
    yield Piece(inside(place, "numbers of a pickle"), numbers=whole(np.array(numbers, dtype=float)))
