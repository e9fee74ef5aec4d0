"""UK Biobank's zips of cine DICOM files: which files belong to which view, without unpacking to disk.

A zip holds flat DICOM files and a manifest.csv (sometimes manifest.cvs), whose date column has an unquoted comma
("Aug 9, 2014") and whose series column is spelt "series discription". Without a usable manifest, the series are read
from the DICOM files. Series of other names, such as those of inline ventricular function, are left out.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

from vita.images.header import ScanError, system_reason

FIELD_OF_VIEW = {"sa": "20209", "la_2ch": "20208", "la_3ch": "20208", "la_4ch": "20208"}
SERIES = {
    "sa": re.compile(r"CINE_segmented_SAX_b(\d+)", re.IGNORECASE),
    "la_2ch": re.compile(r"CINE_segmented_LAX_2Ch", re.IGNORECASE),
    "la_3ch": re.compile(r"CINE_segmented_LAX_3Ch", re.IGNORECASE),
    "la_4ch": re.compile(r"CINE_segmented_LAX_4Ch", re.IGNORECASE),
}
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
        with zipfile.ZipFile(path) as archive:
            _check_members(archive.infolist(), max_mb)
            yield archive
    except OSError as error:
        raise ScanError(system_reason(error)) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError) as error:
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
    """Members of each series of a view, by the series' name.

    Raises:
        ScanError: the view is not in the zip.
    """
    names = set(archive.namelist())
    listed = read_manifest(archive) or _read_descriptions(archive)
    result: dict[str, list[str]] = {}
    for name, series in listed:
        if name in names and SERIES[view].fullmatch(series):
            result.setdefault(series.lower(), []).append(name)
    if not result:
        raise ScanError(f"no series of {view} in the zip")
    return result


def read_manifest(archive: zipfile.ZipFile) -> list[tuple[str, str]]:
    """File and series of each line of the manifest; empty if there is no manifest or it lacks these columns."""
    name = next((name for name in MANIFESTS if name in archive.namelist()), None)
    if name is None:
        return []
    text = archive.read(name).decode("utf-8-sig", errors="replace")
    lines = list(csv.reader(io.StringIO(text.replace("\0", "")), skipinitialspace=True))
    if not lines:
        return []
    header = [column.strip().lower() for column in lines[0]]
    file = _column(header, "filename")
    series = _column(header, "series discription", "series description", "seriesdescription")
    date = _column(header, "date")
    if file is None or series is None:
        return []
    rows = (_join_date(line, len(header), date) for line in lines[1:])
    return [(row[file].strip(), row[series].strip()) for row in rows if len(row) == len(header)]


def _column(header: list[str], *names: str) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _join_date(line: list[str], columns: int, date: int | None) -> list[str]:
    """Put the pieces of a date with a comma together again, so that the line has as many columns as the header."""
    extra = len(line) - columns
    if extra <= 0 or date is None:
        return line
    return [*line[:date], ",".join(line[date : date + extra + 1]), *line[date + extra + 1 :]]


def _read_descriptions(archive: zipfile.ZipFile) -> list[tuple[str, str]]:
    """File and series from the DICOM files themselves; files that are none are passed over."""
    import pydicom  # only for zips without manifest: it takes a while to import

    listed = []
    for name in archive.namelist():
        if name.endswith("/") or name.lower().startswith("manifest"):
            continue
        try:
            data = pydicom.dcmread(
                io.BytesIO(archive.read(name)), stop_before_pixels=True, specific_tags=["SeriesDescription"]
            )
        except pydicom.errors.InvalidDicomError:
            continue  # the zip may hold other files; a view without DICOM files is reported as missing
        listed.append((name, str(data.get("SeriesDescription", ""))))
    return listed
