"""Files of any format as tables and pictures; a format that cannot be read cannot be checked, which is reported."""

import gzip
import io
import re
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

from vita.audit.formats import is_safetensors
from vita.audit.looking import DAMAGED
from vita.release.contents import PROSE, TENSOR, Contents, Table, inside
from vita.release.texts import read_text

_DEEPEST = 5
_HEAD_BYTES = 4096
_MOST_CELLS = 2_000_000  # rows of an array; from a longer one, evenly spread rows are taken
# of a tensor: a model has millions of weights, and copies within them are searched for separately
_MOST_WEIGHTS = 2_000
_FEWEST_FLOATS, _SMALLEST_FLOAT, _MOSTLY = 8, 1e-6, 0.8
_PNG_END = b"IEND\xaeB`\x82"
_EXIF_BLOCKS = (0x8769, 0x8825)  # of the camera and of its place
_SMALLEST_PICTURE = 12  # rows and columns
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*")
_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)
_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def read(path: Path) -> Contents:
    """The whole content of a file.

    Raises:
        OSError: it cannot be read.
    """
    found = Contents()
    _bytes(path.read_bytes(), "", found, 0, path.name)
    return found


def _bytes(data: bytes, place: str, found: Contents, depth: int, name: str = "") -> None:
    if depth > _DEEPEST:
        found.unreadable.append((place, "packed too deep"))
        return
    try:
        _formatted(data, place, found, depth, name)
    except (*DAMAGED, sqlite3.Error, SyntaxError) as error:
        found.unreadable.append((place, f"damaged, or of another format than it seems ({type(error).__name__})"))


def _formatted(data: bytes, place: str, found: Contents, depth: int, name: str) -> None:
    head = data[:_HEAD_BYTES]
    readers: dict[bytes, Callable[[bytes, str, Contents], None]] = {
        b"PAR1": _parquet,
        b"ARROW1": _arrow,
        b"SQLite format 3\0": _sqlite,
        b"\x93NUMPY": _npy,
        b"%PDF": _pdf,
    }
    for start, reader in readers.items():
        if head.startswith(start):
            reader(data, place, found)
            return
    if head.startswith(b"\x1f\x8b"):
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            if _is_scan(stream.read(_HEAD_BYTES)):  # without its voxels, which take long to decompress
                found.scans.append(inside(place, "decompressed"))
                return
        _bytes(gzip.decompress(data), inside(place, "decompressed"), found, depth + 1, name.removesuffix(".gz"))
    elif head.startswith(b"PK\x03\x04"):
        _zip(data, place, found, depth)
    elif _is_scan(head):
        found.scans.append(place)
    elif _is_picture(head):
        _picture(data, place, found, depth)
    elif is_safetensors(head):
        _safetensors(data, place, found)
    elif (text := decoded(data)) is not None:
        read_text(text, place, name, found, _bytes, depth)
    elif data:
        found.unreadable.append((place, "an unknown format"))


def _is_picture(head: bytes) -> bool:
    """Whether a file is a picture, from its first bytes; a bitmap's are BM and reserved zeros, a table's may be BMI."""
    bitmap = head[:2] == b"BM" and head[6:10] == bytes(4)
    return head.startswith(_PICTURES) or bitmap or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def _is_scan(head: bytes) -> bool:
    """Whether a file is NIfTI or DICOM, from its first bytes."""
    return head[344:348] in (b"n+1\0", b"ni1\0") or head[128:132] == b"DICM"


def decoded(data: bytes) -> str | None:
    """Text in UTF-8, UTF-16 or, without control characters, Latin-1; None if it is not text."""
    if data[:2] in _UTF16:
        return data[2:].decode(_UTF16[data[:2]], errors="replace")
    sample = data[:4096]
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros = sample[offset::2]
        if len(sample) > 8 and zeros.count(0) > 0.6 * len(zeros):
            return data.decode(encoding, errors="replace")
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        printable = sum(byte >= 32 or byte in b"\t\r\n" for byte in sample)
        return data.decode("latin-1") if printable == len(sample) else None


def _zip(data: bytes, place: str, found: Contents, depth: int) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if archive.comment:
            _bytes(archive.comment, inside(place, "comment"), found, depth + 1)
        for member in archive.infolist():
            if not member.is_dir():
                where = inside(place, f"member {member.filename}")
                _bytes(archive.read(member), where, found, depth + 1, Path(member.filename).name)


def _parquet(data: bytes, place: str, found: Contents) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(data))
    _columns(table.schema.names, map(_values, table.columns), place, found)
    _described(table.schema, place, found)


def _described(schema: "pa.Schema", place: str, found: Contents) -> None:
    """What the metadata of a table and of its columns say."""
    parts = [schema.metadata, *(schema.field(column).metadata for column in range(len(schema)))]
    known = [each for part in parts for each in (part or {}).items() if each[0] not in _LIBRARIES]
    text = "\n".join(f"{key.decode(errors='replace')} {value.decode(errors='replace')}" for key, value in known)
    found.tables.append(Table(inside(place, "metadata"), (), [[line] for line in text.splitlines()], 1, PROSE))


_LIBRARIES = (b"pandas", b"ARROW:schema", b"huggingface")  # descriptions of columns by the libraries that write them


def _arrow(data: bytes, place: str, found: Contents) -> None:
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


def _sqlite(data: bytes, place: str, found: Contents) -> None:
    with sqlite3.connect(":memory:") as connection:
        connection.deserialize(data)
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
        for name in names:
            quoted = name.replace('"', '""')
            cursor = connection.execute(f'SELECT * FROM "{quoted}"')
            rows = [[_text(value) for value in row] for row in cursor]
            header = tuple(column[0] for column in cursor.description)
            found.tables.append(Table(inside(place, f"table {name}"), header, rows))
    connection.close()


def _npy(data: bytes, place: str, found: Contents) -> None:
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


def _safetensors(data: bytes, place: str, found: Contents) -> None:
    import json

    from safetensors.numpy import load

    length = struct.unpack("<Q", data[:8])[0]
    metadata = json.loads(data[8 : 8 + length]).get("__metadata__", {})
    for key, text in metadata.items():
        read_text(str(text), inside(place, f"metadata {key}"), "", found, _bytes, 1)
    for name, values in load(data).items():
        _array(values, inside(place, f"{TENSOR}{name}"), found, name, _MOST_WEIGHTS)


def _picture(data: bytes, place: str, found: Contents, depth: int) -> None:
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        texts = {key: value for key, value in image.info.items() if isinstance(value, str | bytes)}
        exif = image.getexif()
        for part in (exif, *(exif.get_ifd(block) for block in _EXIF_BLOCKS)):
            texts |= {f"Exif {key}": value if isinstance(value, bytes) else str(value) for key, value in part.items()}
        for number in range(min(getattr(image, "n_frames", 1), 20)):
            image.seek(number)
            kept = "RGB" if image.mode in ("P", "RGBA", "LA", "CMYK", "YCbCr") else image.mode
            found.pictures.append(
                (inside(place, f"frame {number + 1}") if number else place, np.array(image.convert(kept)))
            )
    if data.startswith(b"\x89PNG") and (rest := data.partition(_PNG_END)[2]).strip(b"\0"):
        _bytes(rest, inside(place, "behind the picture"), found, depth + 1)
    for key, value in texts.items():
        text = value if isinstance(value, str) else (decoded(value) or "")
        if key not in ("icc_profile", "dpi", "Software"):
            read_text(text, inside(place, f"metadata {key}"), "", found, _bytes, depth + 1)


def _pdf(data: bytes, place: str, found: Contents) -> None:
    """Texts of a PDF's compressed streams; its pictures are not decoded, so one with pictures is not readable."""
    if b"/Image" in data:
        found.unreadable.append((place, "a PDF with pictures"))
    for number, match in enumerate(_STREAM.finditer(data), 1):
        try:
            text = zlib.decompress(match[1]).decode("latin-1")
        except zlib.error:
            continue
        read_text(text, inside(place, f"stream {number}"), "", found, _bytes, 1)
