"""Archives: every member, and what an archive says beside its members or hides between them."""

import gzip
import io
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

from vita.release.contents import Contents, Named, Table, inside
from vita.release.lines import prose

_LOCAL_HEAD, _CENTRAL_HEAD, _END = 30, 46, 22  # bytes
_KNOWN_EXTRA = {1, 0x5455, 0x7875}  # sizes beyond 4 GB, times, and owner, as usual programs write
_DESCRIPTOR = {0, 12, 16, 20, 24}  # bytes behind a member that was written as a stream
_GZIP_HEAD = 10
_GZIP_EXTRA, _GZIP_NAME, _GZIP_COMMENT = 4, 8, 16


def read_zip(data: bytes, place: str, found: Contents, binary: Named, depth: int) -> None:
    """Members of a zip, its comments, the names and times of its members, and bytes that belong to none of them."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        for comment in (archive.comment, *(member.comment for member in members)):
            if comment:
                binary(comment, inside(place, "comment"), found, depth + 1, "")
        found.tables += prose([[each.filename.replace("_", " ")] for each in members], inside(place, "names"), 1)
        times = [["{:04}-{:02}-{:02}".format(*member.date_time)] for member in members]
        found.tables.append(Table(inside(place, "times of members"), ("date",), times))
        if any(_extra(member.extra) - _KNOWN_EXTRA for member in members):
            found.unreadable.append((place, "a field of a member that no usual program writes"))
        if not _is_covered(data, members, archive.start_dir, len(archive.comment)):
            found.unreadable.append((place, "bytes that belong to none of the archive's members"))
        for member in members:
            if not member.is_dir():
                where = inside(place, f"member {member.filename}")
                binary(archive.read(member), where, found, depth + 1, Path(member.filename).name)


def _extra(field: bytes) -> set[int]:
    """Kinds of a member's extra fields."""
    kinds, at = set(), 0
    while at + 4 <= len(field):
        kind, size = struct.unpack("<HH", field[at : at + 4])
        kinds.add(kind)
        at += 4 + size
    return kinds


def _is_covered(data: bytes, members: Sequence[zipfile.ZipInfo], directory: int, comment: int) -> bool:
    """Whether members, their directory and its end follow one another from the first byte to the last."""
    at = 0
    for member in sorted(members, key=lambda each: each.header_offset):
        if not member.header_offset - at >= 0 or member.header_offset - at not in _DESCRIPTOR:
            return False
        name, extra = struct.unpack("<HH", data[member.header_offset + 26 : member.header_offset + _LOCAL_HEAD])
        at = member.header_offset + _LOCAL_HEAD + name + extra + member.compress_size
        if _extra(data[at - member.compress_size - extra : at - member.compress_size]) - _KNOWN_EXTRA:
            return False
    return directory - at in _DESCRIPTOR and data.rfind(b"PK\5\6") + _END + comment == len(data)


def read_gzip(data: bytes, place: str, found: Contents, binary: Named, depth: int, name: str) -> None:
    """What was compressed, and the name that the header gives it; other fields of the header are refused."""
    flags = data[3]
    if flags & (_GZIP_EXTRA | _GZIP_COMMENT):
        found.unreadable.append((place, "a comment or field in the header that no usual program writes"))
    elif flags & _GZIP_NAME:
        called = data[_GZIP_HEAD : data.index(b"\0", _GZIP_HEAD)].decode("latin-1")
        found.tables += prose([[called.replace("_", " ")]], inside(place, "name in the header"), 1)
        binary(called.encode(), inside(place, "name in the header"), found, depth + 1, "")
    binary(gzip.decompress(data), inside(place, "decompressed"), found, depth + 1, name.removesuffix(".gz"))
