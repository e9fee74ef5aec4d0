"""Finding new scans: a participant's folder, a folder of such folders, zips, or DICOM of any origin."""

import os
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from vita.images.folders import SCAN_SUFFIXES, ZIP_NAME, Found, find_participants, printable
from vita.images.header import ScanError, system_reason
from vita.images.layout import VIEWS
from vita.images.zips import MOST_FILES, open_zip
from vita.runtime.errors import UserError

_EXAMPLE = "sa=3,la_4ch=7"


@contextmanager
def new_scans(
    paths: Sequence[Path], instance: int, max_mb: float, series: Mapping[str, Sequence[str]] | None = None
) -> Iterator[list[Found]]:
    """Participants found at the paths, in the order of their folders' names; unpacked zips are deleted at the end.

    Args:
        paths: each a folder with sa.nii.gz and so on, a folder of such folders or of UK Biobank's zips, one of these
            zips (its other half is looked for beside it), a zip of such NIfTI files, or a folder or zip of DICOM files
            of any origin.
        instance: imaging visit of the zips to take from a folder.
        max_mb: most that a zip may take unpacked, in MB.
        series: of DICOM of any origin, the series that are a view, from `read_series`; others are told by geometry.

    Raises:
        UserError: nothing is there, nothing in it is a scan, or `series` is given and none is DICOM.
    """
    with TemporaryDirectory(prefix="vita-scan-") as scratch:
        found: dict[str, Found] = {}
        for number, path in enumerate(paths):
            if not path.is_dir() and not (path.is_file() and zipfile.is_zipfile(path)):
                raise UserError(f"--scan {path}: neither a folder nor a zip; name a folder of NIfTI files or a zip")
            try:
                if path.is_dir():
                    part = _of_folder(path, instance, max_mb, series or {})
                else:
                    part = _of_zip(path, Path(scratch) / str(number), max_mb, series or {})
            except ScanError as error:
                if len(paths) == 1:
                    raise UserError(f"--scan {path}: {error}") from error
                part = [Found(printable(path.resolve().name), reason=str(error))]
            for each in part:
                known = found.setdefault(each.folder, each)
                if known is not each:
                    _join(known, each)
        if series and not any(each.dicom or each.absent or each.reason for each in found.values()):
            raise UserError("--series is for DICOM files that are not UK Biobank's; --scan has none")
        yield [found[name] for name in sorted(found)]


def _join(known: Found, other: Found) -> None:
    """Combine what two of the paths hold under one name, such as UK Biobank's two zips. Two scans are never
    combined.
    """
    pairs = [(known.files, other.files), (known.zips, other.zips)]
    same = all(
        os.path.realpath(own[name]) == os.path.realpath(more[name])
        for own, more in pairs
        for name in own.keys() & more.keys()
    )
    if not same or (known.dicom and other.dicom and known.dicom != other.dicom):
        known.reason = "two of --scan hold a scan of this name, which may be two people's; predict each by itself"
        return
    known.files |= other.files
    known.zips |= other.zips
    known.dicom |= other.dicom
    known.absent |= other.absent
    known.reason = known.reason or other.reason


def read_series(text: str) -> dict[str, list[str]]:
    """Series by view, from `sa=3,la_4ch=7`: numbers or UIDs; 3+4+5 or 3-14 where a series holds one slice each.

    Raises:
        UserError: no such list.
    """
    found: dict[str, list[str]] = {}
    for part in text.split(","):
        view, _, names = part.strip().partition("=")
        if view not in VIEWS or not names:
            raise UserError(
                f"--series {text}: {part.strip()!r} is not VIEW=SERIES, as in {_EXAMPLE}; views are {', '.join(VIEWS)}"
            )
        for name in names.split("+"):
            first, dash, last = name.strip().partition("-")
            if dash and not (first.isdecimal() and last.isdecimal() and int(first) <= int(last) < int(first) + 1000):
                raise UserError(f"--series {text}: {name.strip()!r} is not a range of numbers, such as 3-14")
            numbers = map(str, range(int(first), int(last) + 1)) if dash else [first]
            found.setdefault(view, []).extend(numbers)
    every = Counter(name for names in found.values() for name in names)
    if twice := [name for name, count in every.items() if count > 1]:
        raise UserError(f"--series {text}: {twice[0]} is named twice; a series belongs to one view")
    return found


def _of_folder(path: Path, instance: int, max_mb: float, series: Mapping[str, Sequence[str]]) -> list[Found]:
    try:
        files = {entry.name: str(entry) for entry in path.iterdir() if entry.name.endswith(SCAN_SUFFIXES)}
    except OSError as error:
        raise ScanError(system_reason(error)) from error
    if any(name.startswith(f"{view}.") for name in files for view in VIEWS):
        return [Found(printable(path.resolve().name), files=files)]
    named = {each.folder: each for each in find_participants(path, set(), instance).values()}
    several = any(each.files or each.zips for each in named.values())
    people, inside = _of_dicom(path, printable(path.resolve().name), max_mb, series, several)
    # A folder whose name is a number usually belongs to a participant, but a DICOM export also makes such folders.
    named = {name: each for name, each in named.items() if each.files or each.zips or name not in inside}
    named = {each.folder: each for each in people} | named
    if not named:
        expected = "expected sa.nii.gz and so on, folders of these, zips, or DICOM files"
        raise ScanError(f"no scan found; {expected}")
    return list(named.values())


def _of_dicom(
    path: Path, name: str, max_mb: float, series: Mapping[str, Sequence[str]], several: bool = False
) -> tuple[list[Found], set[str]]:
    """A scan for each study of the DICOM files in a folder, by the name of the folder within that holds it whole.

    Several studies that share their folders count as one scan, which is refused. A single study has the name of the
    whole folder, unless there are scans of other kinds (`several`). Beside the scans, the names of all folders within
    that DICOM files lie in.
    """
    from vita.images.dicom_studies import Study, studies_in, too_large  # pydicom takes a while to import
    from vita.images.dicom_views import views_of

    studies = studies_in(path, max_mb)
    several = several or len(studies) > 1
    by_name: dict[str, list[Study]] = {}
    for study in studies:
        by_name.setdefault(printable(study.place[0]) if several and study.place else name, []).append(study)
    found = []
    for folder, group in by_name.items():
        one = Found(folder)
        try:
            if len(group) > 1:
                raise ScanError(
                    f"one folder holds DICOM files of {len(group)} studies; give each study a separate folder"
                )
            if too_large(group[0], max_mb):
                raise ScanError(
                    f"the study has more than {MOST_FILES} DICOM files, or more than images.max_file_mb ({max_mb:g} MB)"
                )
            one.dicom, one.absent = views_of(group[0], series)
        except ScanError as error:
            one.reason = str(error)
        found.append(one)
    return found, {printable(folder) for study in studies for folder in study.folders}


def _of_zip(path: Path, scratch: Path, max_mb: float, series: Mapping[str, Sequence[str]]) -> list[Found]:
    """UK Biobank's zip and its other half, or the NIfTI or DICOM files of a zip, unpacked."""
    if match := ZIP_NAME.fullmatch(path.name):
        visit = [path, *path.parent.glob(f"{match[1]}_2020[89]_{match[3]}_0.zip")]
        fields = {named[2]: str(each) for each in visit if (named := ZIP_NAME.fullmatch(each.name))}
        return [Found(match[1], zips=fields)]
    files: dict[str, str] = {}
    wanted = {f"{view}{suffix}" for view in VIEWS for suffix in SCAN_SUFFIXES}
    scratch.mkdir()
    with open_zip(str(path), max_mb) as archive:
        for member in archive.infolist():
            name = PurePosixPath(member.filename).name
            if name in wanted and name in files:
                raise ScanError(f"{name} is in it twice; give a zip of one participant")
            if name in wanted:
                files[name] = str(scratch / name)
                Path(files[name]).write_bytes(archive.read(member))
        if not files:
            for number, member in enumerate(archive.infolist()):
                (scratch / f"{number}.dcm").write_bytes(archive.read(member))
    if files:
        return [Found(printable(path.stem), files=files)]
    if found := _of_dicom(scratch, printable(path.stem), max_mb, series)[0]:
        return found
    raise ScanError("neither UK Biobank's cine zip nor one of NIfTI files (sa.nii.gz and so on) or DICOM files")
