"""UK Biobank's zips of cine DICOM files: which files belong to which view, without unpacking to disk.

A zip holds flat DICOM files and a manifest.csv (sometimes manifest.cvs), whose date column has an unquoted comma
("Aug 9, 2014") and whose series column is spelt "series discription". Without a usable manifest, the series are read
from the DICOM files. Series of other names, such as those of inline ventricular function, are left out.
"""

import csv
import io
import logging
import lzma
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

from vita.images.header import ScanError, open_regular, system_reason

log = logging.getLogger(__name__)

FIELD_OF_VIEW = {"sa": "20209", "la_2ch": "20208", "la_3ch": "20208", "la_4ch": "20208"}
# A letter at the end marks a repeat; series of inline ventricular function have longer ones, and are no cines.
SERIES = {
    "sa": re.compile(r"(CINE_segmented_SAX(?:_b\d+)?)[a-z]?", re.IGNORECASE),
    "la_2ch": re.compile(r"(CINE_segmented_LAX_2Ch)[a-z]?", re.IGNORECASE),
    "la_3ch": re.compile(r"(CINE_segmented_LAX_3Ch)[a-z]?", re.IGNORECASE),
    "la_4ch": re.compile(r"(CINE_segmented_LAX_4Ch)[a-z]?", re.IGNORECASE),
}
ALL_LONG_AXIS = re.compile(r"CINE_segmented_LAX[a-z]?", re.IGNORECASE)
# Names that do not say which slice or view a series is.
ALL_IN_ONE, WHOLE_STACK = "all long-axis views", "cine_segmented_sax"
CINE = re.compile(r"CINE_\w{1,40}$", re.IGNORECASE)
MOST_NAMES = 12
MANIFESTS = ("manifest.csv", "manifest.cvs")
MOST_FILES = 20_000


@contextmanager
def open_zip(path: str, max_mb: float) -> Iterator[zipfile.ZipFile]:
    """Open a zip whose members stay within limits.

    Args:
        path: of the zip.
        max_mb: most that all members may take together, in MB.

    Raises:
        ScanError: no zip, damaged, encrypted, names that leave its folder, or too large; also while it is used.
    """
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            _check_members(archive.infolist(), max_mb)
            yield archive
    except OSError as error:
        raise ScanError(system_reason(error)) from error
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, OverflowError, struct.error) as error:
        raise ScanError("the zip is damaged") from error
    except NotImplementedError as error:
        raise ScanError("the zip uses a compression that cannot be read here") from error
    except RuntimeError as error:
        raise ScanError("the zip is encrypted") from error


def _check_members(members: list[zipfile.ZipInfo], max_mb: float) -> None:
    if len(members) > MOST_FILES:
        raise ScanError(f"the zip holds {len(members)} files, more than {MOST_FILES}")
    total = sum(member.file_size for member in members)
    if total > max_mb * 1e6:
        raise ScanError(f"the zip would take {total / 1e6:.0f} MB unpacked, above images.max_file_mb")
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            raise ScanError("the zip holds names that lead out of its folder")


def series_files(archive: zipfile.ZipFile, view: str) -> dict[str, list[str]]:
    """Members of each series of a view, by the series' name without what marks a repeat.

    Series are named by the manifest. Files that it does not name, or not by their names in the zip, say it themselves.
    Where no series has the view's name, those of all long-axis views in one are given, under ALL_IN_ONE.

    Raises:
        ScanError: the view is not in the zip.
    """
    listed = read_manifest(archive)
    unnamed = [name for name in _files(archive) if name not in listed]
    if unnamed:
        listed |= _read_descriptions(archive, unnamed)
    result: dict[str, list[str]] = {}
    for name, series in listed.items():
        if match := SERIES[view].fullmatch(series):
            result.setdefault(match[1].lower(), []).append(name)
    together = [name for name, series in listed.items() if ALL_LONG_AXIS.fullmatch(series)]
    if not result and view != "sa" and together:
        return {ALL_IN_ONE: together}
    if not result:
        raise ScanError(f"no series of {view} in the zip{_what_is_there(listed.values())}")
    return result


def _files(archive: zipfile.ZipFile) -> list[str]:
    """Members, each name once, that may be DICOM files."""
    names = dict.fromkeys(archive.namelist())
    return [name for name in names if not name.endswith("/") and not name.lower().startswith("manifest")]


def _what_is_there(series: Iterable[str]) -> str:
    """The series that exist, for a message; such names do not hold names of patients."""
    names = sorted({name for name in series if CINE.match(name)})
    return f"; series there: {', '.join(names[:MOST_NAMES])}" if names else ""


def read_manifest(archive: zipfile.ZipFile) -> dict[str, str]:
    """Series of each file of the zip that the manifest names; empty if there is none or it does not have these
    columns.
    """
    name = next((name for name in MANIFESTS if name in archive.namelist()), None)
    if name is None:
        return {}
    text = archive.read(name).decode("utf-8-sig", errors="replace").replace("\0", "")
    lines = [_split(line) for line in text.splitlines() if line.strip()]
    if not lines:
        return {}
    header = [column.strip().lower() for column in lines[0]]
    file = _column(header, "filename")
    series = _column(header, "series discription", "series description", "seriesdescription")
    date = _column(header, "date")
    if file is None or series is None:
        return {}
    members = {_plain(name): name for name in _files(archive)}
    rows = (_join_date(line, len(header), date) for line in lines[1:])
    named = ((_plain(row[file]), row[series].strip()) for row in rows if len(row) == len(header))
    return {members[name]: series for name, series in named if name in members}


def _split(line: str) -> list[str]:
    """The columns of one line. A quote that is left open, or a field beyond the reader's limit, ends with the line."""
    try:
        columns = next(csv.reader([line], skipinitialspace=True, strict=True))
    except csv.Error:
        return [column.strip(' "') for column in line.split(",")]
    return columns


def _plain(name: str) -> str:
    """A name without ./ or backslashes before it, to compare names in the manifest and in the zip."""
    return str(PurePosixPath(name.strip().replace("\\", "/")))


def _column(header: list[str], *names: str) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _join_date(line: list[str], columns: int, date: int | None) -> list[str]:
    """Put the pieces of a date with a comma together again, so that the line has as many columns as the header."""
    extra = len(line) - columns
    if extra <= 0 or date is None:
        return line
    return [*line[:date], ",".join(line[date : date + extra + 1]), *line[date + extra + 1 :]]


def _read_descriptions(archive: zipfile.ZipFile, names: Iterable[str]) -> dict[str, str]:
    """Series as given in the DICOM files themselves; other files are skipped."""
    from vita.images.dicom_file import parse  # pydicom takes a while to import, and manifests name most files

    described = {}
    for name in names:
        data = archive.read(name)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # odd values in tags that are not needed are no fault
                file = parse(io.BytesIO(data), ["SeriesDescription"], pixels=False)
                described[name] = str(file.get("SeriesDescription", ""))
        except Exception:  # pydicom raises many kinds on what is no DICOM file; the zip may hold other files
            log.debug("a file in a zip is no DICOM file that can be read")
    return described
