"""What of a file's content may hold an id, as pieces of text or whole numbers with the place where they stand."""

import base64
import binascii
import gzip
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

_PARQUET, _ZIP, _GZIP, _PNG, _NUMPY = b"PAR1", b"PK\x03\x04", b"\x1f\x8b", b"\x89PNG\r\n\x1a\n", b"\x93NUMPY"
_DATA_ADDRESS = re.compile(rb"data:[\w./+-]*(?:;[\w=.-]+)*;base64,([A-Za-z0-9+/=\s]{16,})")
_DEEPEST = 4  # a PNG in a page in a zip in a zip
_MOST_BYTES = 2**31


@dataclass(frozen=True)
class Piece:
    """Something to search.

    Attributes:
        place: in the file, such as "line 3", "column eid" or "member a.npy"; empty for the file itself.
        text: searched for numbers that stand alone.
        numbers: whole numbers, each compared as it is.
    """

    place: str
    text: str = ""
    numbers: np.ndarray | None = None


def pieces(data: bytes, place: str = "", depth: int = 0) -> Iterator[Piece]:
    """Everything in a file's bytes that may hold an id; formats are told by their first bytes, not by a name.

    Parquet: names, metadata, numbers and text of every column. NumPy, npz and zip: names of members, whole numbers and
    text. Safetensors: header and whole numbers. PNG: metadata, not pixels. Text of any kind: its lines, and what
    base64 data addresses hold. What cannot be read as its format is searched as bytes.
    """
    if depth > _DEEPEST:
        return
    try:
        yield from _formatted(data, place, depth)
    except (ValueError, OSError, zlib.error, EOFError, zipfile.BadZipFile, struct.error, KeyError, NotImplementedError):
        yield Piece(_join(place, "unreadable, searched as bytes"), data.decode("latin-1"))


def _formatted(data: bytes, place: str, depth: int) -> Iterator[Piece]:
    if data.startswith(_PARQUET):
        yield from _parquet(data, place)
    elif data.startswith(_NUMPY):
        yield from _array(np.lib.format.read_array(io.BytesIO(data), allow_pickle=False), place)
    elif data.startswith(_ZIP):
        yield from _zip(data, place, depth)
    elif data.startswith(_GZIP):
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            yield from pieces(file.read(_MOST_BYTES), _join(place, "decompressed"), depth + 1)
    elif data.startswith(_PNG):
        yield from _png(data, place)
    elif len(data) > 10 and data[8:9] == b"{" and int.from_bytes(data[:8], "little") <= len(data) - 8:
        yield from _safetensors(data, place)
    elif b"\0" in data[:4096]:
        yield Piece(_join(place, "bytes"), data.decode("latin-1"))
    else:
        yield from _text(data, place, depth)


def _parquet(data: bytes, place: str) -> Iterator[Piece]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(io.BytesIO(data))
    yield Piece(_join(place, "metadata"), repr(file.schema_arrow.metadata) + " ".join(file.schema_arrow.names))
    for batch in file.iter_batches():
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            while pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
                column = column.flatten()
            if pa.types.is_dictionary(column.type):
                column = column.dictionary
            where = _join(place, f"column {name}")
            if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
                yield Piece(where, numbers=_whole(column.drop_null().to_numpy(zero_copy_only=False)))
            elif not (pa.types.is_boolean(column.type) or pa.types.is_temporal(column.type)):
                yield Piece(where, "\n".join(map(str, column.drop_null().to_pylist())))


def _array(array: np.ndarray, place: str) -> Iterator[Piece]:
    if array.dtype.names:
        for name in array.dtype.names:
            yield from _array(array[name], _join(place, f"field {name}"))
    elif array.dtype.kind in "US":
        yield Piece(place, "\n".join(map(str, array.ravel().tolist())))
    elif array.dtype.kind in "iuf" and array.dtype.itemsize >= 4:
        yield Piece(place, numbers=_whole(array))


def _whole(values: np.ndarray) -> np.ndarray:
    values = values.ravel()
    if values.dtype.kind == "f":
        values = values[np.isfinite(values) & (values == np.rint(values)) & (np.abs(values) < 2**53)]
    return values.astype(np.int64)


def _zip(data: bytes, place: str, depth: int) -> Iterator[Piece]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            where = _join(place, f"member {member.filename}")
            yield Piece(_join(place, "name of a member"), member.filename)
            if member.file_size <= _MOST_BYTES:
                yield from pieces(archive.read(member), where, depth + 1)


def _png(data: bytes, place: str) -> Iterator[Piece]:
    start = len(_PNG)
    while start + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[start : start + 8])
        body = data[start + 8 : start + 8 + length]
        if kind in (b"tEXt", b"iTXt", b"zTXt", b"eXIf"):
            text = body
            if kind == b"zTXt":
                name, _, packed = body.partition(b"\0")
                text = name + b" " + zlib.decompress(packed[1:])
            elif kind == b"iTXt" and body.partition(b"\0")[2][:1] == b"\1":
                text = zlib.decompress(body.partition(b"\0")[2][2:].split(b"\0", 2)[2])
            yield Piece(_join(place, f"metadata {kind.decode()}"), text.decode("utf-8", "replace"))
        start += 12 + length


def _safetensors(data: bytes, place: str) -> Iterator[Piece]:
    from safetensors.numpy import load

    header = data[8 : 8 + int.from_bytes(data[:8], "little")]
    names = re.sub(rb'"data_offsets":\[[^\]]*\]|"shape":\[[^\]]*\]', b"", header)
    yield Piece(_join(place, "header"), names.decode("utf-8", "replace"))
    kinds = set(re.findall(rb'"dtype":"(\w+)"', header))
    if kinds & {b"I64", b"I32", b"U64", b"U32"}:
        for name, array in load(data).items():
            if array.dtype.kind in "iu":
                yield from _array(array, _join(place, f"tensor {name}"))


def _text(data: bytes, place: str, depth: int) -> Iterator[Piece]:
    def unpacked(packed: Iterable[bytes]) -> Iterator[Piece]:
        for number, inner in enumerate(packed, 1):
            try:
                yield from pieces(base64.b64decode(inner), _join(place, f"data address {number}"), depth + 1)
            except binascii.Error:
                yield Piece(_join(place, f"data address {number}"), inner.decode("latin-1"))

    if b";base64," in data:
        yield from unpacked(match[1] for match in _DATA_ADDRESS.finditer(data))
        data = _DATA_ADDRESS.sub(b"", data)
    yield Piece(place, data.decode("utf-8", "replace"))


def _join(place: str, inner: str) -> str:
    return f"{place}, {inner}" if place else inner
