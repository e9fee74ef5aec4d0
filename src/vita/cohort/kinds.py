"""Kinds of files that are no table yet, known by how they begin, and what to do with each."""

_WRITE = "write it as CSV or Parquet"
_UNPACK = "unpack it, and give the table inside"
_R = "an R object, not a table; in R, write it with data.table::fwrite(x, 'table.csv')"
_STATA = "a Stata file; in Stata, write it with `export delimited table.csv`"
_UTF_16 = "UTF-16; save it as UTF-8: iconv -f UTF-16 -t UTF-8"
_STARTS = {
    b"PK\x03\x04": "a zip archive; unpack it first (or, if it is an Excel workbook, save it as CSV)",
    b"7z\xbc\xaf\x27\x1c": f"a 7z archive; {_UNPACK}",
    b"Rar!": f"a rar archive; {_UNPACK}",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; unpack it first, or use gzip, bzip2 or xz",
    b"\x04\x22\x4d\x18": "compressed with lz4; unpack it first, or use gzip, bzip2 or xz",
    b"\x1f\x8b": "compressed twice; unpack it once with gunzip",
    b"\xff\xfe\0\0": "UTF-32; save it as UTF-8: iconv -f UTF-32 -t UTF-8",
    b"\0\0\xfe\xff": "UTF-32; save it as UTF-8: iconv -f UTF-32 -t UTF-8",
    b"\xff\xfe": _UTF_16,
    b"\xfe\xff": _UTF_16,
    b"ARROW1": f"an Arrow or Feather file; {_WRITE}: polars.read_ipc(FILE).write_parquet('table.parquet')",
    b"FEA1": f"a Feather file of the first version; {_WRITE}",
    b"\xff\xff\xff\xff": f"an Arrow stream; {_WRITE}",
    b"HEADER RECORD*******": f"a SAS transport file; {_WRITE}, in SAS with PROC EXPORT",
    b"<stata_dta>": _STATA,
    b"$FL": f"an SPSS file; {_WRITE}",
    b"RDX": _R,
    b"RDA": _R,
    b"X\n\0\0": _R,
    b"A\n2\n": _R,
    b"A\n3\n": _R,
    b"\xd0\xcf\x11\xe0": "an Excel workbook; save it as CSV",
    b"\x89HDF": f"an HDF5 file; {_WRITE}",
    b"SQLite format 3": f"a database (SQLite); {_WRITE}",
    b"\x80\x04\x95": f"a pickle of Python; {_WRITE}",
    b"\x80\x05\x95": f"a pickle of Python; {_WRITE}",
    b"%PDF": "a PDF, not a table; download the table again",
    b"version https://git-lfs": "a pointer of Git LFS, not the table; fetch it with `git lfs pull`",
}
_MARKUP = {b"<!doctype": "a web page", b"<html": "a web page", b"<?xml": "XML", b"[": "JSON", b"{": "JSON"}
_SAS = bytes.fromhex("c2ea8160b31411cfbd92080009c7318c181f1011")  # behind twelve zeros
_TAR = (257, b"ustar")
_OLD_STATA = (b"\x69", b"\x6c", b"\x6e", b"\x6f", b"\x71", b"\x72", b"\x73")  # releases 105 to 115
LOOK = 512  # bytes that identify the format


def no_table(start: bytes) -> str | None:
    """What a file is and the remedy, if its first bytes (up to LOOK, unpacked or not) show that it is no table."""
    for magic, kind in _STARTS.items():
        if start.startswith(magic):
            return kind
    bare = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for magic, kind in _MARKUP.items():
        if bare.startswith(magic):
            return f"{kind}, not a table; a download may have failed: download the table again, or write it as CSV"
    if start[12 : 12 + len(_SAS)] == _SAS:
        return f"a SAS file; {_WRITE}, in SAS with PROC EXPORT"
    if start[_TAR[0] :].startswith(_TAR[1]):
        return f"a tar archive; {_UNPACK}"
    if start[:1] in _OLD_STATA and start[1:2] in (b"\x01", b"\x02") and start[2:4] == b"\x01\0":
        return _STATA
    return _UTF_16 if _every_second_is_nul(start) else None


def _every_second_is_nul(start: bytes) -> bool:
    """Whether ASCII text is written in UTF-16 without a mark at its start."""
    line = start[: len(start) // 2 * 2]
    return any(set(line[at::2]) == {0} and 0 not in line[1 - at :: 2] for at in (0, 1))
