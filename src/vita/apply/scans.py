"""Which new scans there are: a participant's folder, a folder of them, or zips."""

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from vita.images.folders import SCAN_SUFFIXES, ZIP_NAME, Found, find_participants
from vita.images.header import ScanError
from vita.images.layout import VIEWS
from vita.images.zips import open_zip
from vita.runtime.errors import UserError


@contextmanager
def new_scans(paths: Sequence[Path], instance: int, max_mb: float) -> Iterator[list[Found]]:
    """Participants found at the paths, in the order of their folders' names; unpacked zips vanish at the end.

    Args:
        paths: each a folder with sa.nii.gz and so on, a folder of such folders or of UK Biobank's zips, one of these
            zips (its other half is looked for beside it), or a zip of such NIfTI files.
        instance: imaging visit of the zips to take from a folder.
        max_mb: most that a zip may take unpacked, in MB.

    Raises:
        UserError: nothing is there, or nothing in it is a scan.
    """
    with TemporaryDirectory(prefix="vita-scan-") as scratch:
        found: dict[str, Found] = {}
        for number, path in enumerate(paths):
            if path.is_dir():
                part = _of_folder(path, instance)
            elif path.is_file() and zipfile.is_zipfile(path):
                part = _of_zip(path, Path(scratch) / str(number), max_mb)
            else:
                raise UserError(f"--scan {path}: no folder and no zip; name a folder of NIfTI files or a zip")
            for each in part:
                known = found.setdefault(each.folder, each)
                known.files |= each.files
                known.zips |= each.zips
        yield [found[name] for name in sorted(found)]


def _of_folder(path: Path, instance: int) -> list[Found]:
    files = {entry.name: str(entry) for entry in path.iterdir() if entry.name.endswith(SCAN_SUFFIXES)}
    if any(name.startswith(f"{view}.") for name in files for view in VIEWS):
        return [Found(path.resolve().name, files=files)]
    found = list(find_participants(path, set(), instance).values())
    if not found:
        raise UserError(f"--scan {path}: no scan found; expected sa.nii.gz and so on, folders of these, or zips")
    return found


def _of_zip(path: Path, scratch: Path, max_mb: float) -> list[Found]:
    """UK Biobank's zip and its other half, or the NIfTI files of a zip, unpacked."""
    if match := ZIP_NAME.fullmatch(path.name):
        visit = [path, *path.parent.glob(f"{match[1]}_2020[89]_{match[3]}_0.zip")]
        fields = {named[2]: str(each) for each in visit if (named := ZIP_NAME.fullmatch(each.name))}
        return [Found(match[1], zips=fields)]
    files: dict[str, str] = {}
    wanted = {f"{view}{suffix}" for view in VIEWS for suffix in SCAN_SUFFIXES}
    scratch.mkdir()
    try:
        with open_zip(str(path), max_mb) as archive:
            for member in archive.infolist():
                name = PurePosixPath(member.filename).name
                if name in wanted and name in files:
                    raise UserError(f"--scan {path}: {name} is in it twice; give a zip of one participant")
                if name in wanted:
                    files[name] = str(scratch / name)
                    Path(files[name]).write_bytes(archive.read(member))
    except ScanError as error:
        raise UserError(f"--scan {path}: {error}") from error
    if not files:
        raise UserError(f"--scan {path}: neither UK Biobank's cine zip nor one of NIfTI files (sa.nii.gz and so on)")
    return [Found(path.stem, files=files)]
