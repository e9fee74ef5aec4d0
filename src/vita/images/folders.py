"""The places of scans: folders of NIfTI files, UK Biobank's zips, and the numbers of their participants."""

import hashlib
import logging
import os
import re
from collections.abc import Set
from dataclasses import dataclass, field
from pathlib import Path

from vita.images.header import system_reason
from vita.runtime.errors import UserError

log = logging.getLogger(__name__)

# Bulk fields of UK Biobank: long-axis and short-axis cines; then the imaging visit.
ZIP_NAME = re.compile(r"(\d+)_(20208|20209)_(\d)_0\.zip", re.IGNORECASE)
SCAN_SUFFIXES = (".nii.gz", ".nii")
# On UK Biobank's platform zips lie under <view>/<first two digits of the eid>/.
DEEPEST_FOLDER = 3
# A folder whose name is an id of UK Biobank holds this participant's scans only.
EID_DIGITS = 7


# Numbers of the frames that count, from 1, by the DICOM file that they are in; enhanced files hold several.
Frames = dict[str, list[int]]


@dataclass
class Found:
    """Files of a participant.

    Attributes:
        folder: name of the folder or zip that named the participant.
        files: paths of NIfTI files by name.
        zips: paths of zips by UK Biobank field, "20208" (long axis) or "20209" (short axis).
        dicom: DICOM files of other origin, and which of their frames, by the view that they are.
        absent: why a view is not among them, by view.
        reason: why the folder could not be listed.
    """

    folder: str
    files: dict[str, str] = field(default_factory=dict)
    zips: dict[str, str] = field(default_factory=dict)
    dicom: dict[str, Frames] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    reason: str | None = None


def participant_number(folder: str) -> int:
    """The eid of a folder: its name if that is a number, or else a 13-digit number made from the name."""
    if folder.isascii() and folder.isdigit() and len(folder) < 13:
        return int(folder)
    return 10**12 + int.from_bytes(hashlib.blake2b(folder.encode("utf-8", "surrogateescape"), digest_size=5).digest())


def printable(name: str) -> str:
    """A folder's name as tables can hold it; bytes that are no UTF-8 become question marks."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\ufffd", "?")


def bucket(eid: int, shards: int) -> int:
    """The shard of a participant: an integer hash (the finaliser of MurmurHash3, Appleby 2011), modulo `shards`."""
    mask = 2**64 - 1
    value = eid & mask
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        value = ((value ^ (value >> 33)) * factor) & mask
    return (value ^ (value >> 33)) % shards


def find_participants(
    scans: Path, withdrawn: Set[int], instance: int, shard: int = 0, shards: int = 1
) -> dict[int, Found]:
    """Find participants under a folder, each folder listed once, without those who withdrew.

    Args:
        scans: folder of folders with NIfTI files, or of zips at most three folders deep, or both.
        withdrawn: ids to leave out.
        instance: imaging visit of the zips to take.
        shard, shards: only participants of this shard of so many; folders named by the id of another are not listed.

    Returns:
        Participants by number, in order.

    Raises:
        UserError: the folder cannot be read.
    """
    found: dict[int, Found] = {}
    try:
        entries = list(os.scandir(scans))
    except OSError as error:
        raise UserError(f"{scans}: the folder of scans cannot be read ({error.strerror}); set input.scans") from error
    root = os.path.realpath(scans)
    _sort_in(entries, found, instance)
    for entry in entries:
        name = entry.name
        other = len(name) == EID_DIGITS and name.isdecimal() and bucket(participant_number(name), shards) != shard
        if name.startswith(".") or other:
            continue
        try:
            is_folder = entry.is_dir()
        except OSError as error:  # a link to itself, or into a folder that may not be read
            found.setdefault(participant_number(name), Found(printable(name))).reason = system_reason(error)
            continue
        if is_folder and not (entry.is_symlink() and _holds(entry.path, root)):
            _look_into(entry, found, instance, 1, root)
    wanted = {eid for eid in found if bucket(eid, shards) == shard}
    log.info("%d participants found, %d left out: consent withdrawn", len(wanted), len(wanted & withdrawn))
    return {eid: found[eid] for eid in sorted(wanted - withdrawn)}


def _look_into(folder: os.DirEntry[str], found: dict[int, Found], instance: int, depth: int, root: str) -> None:
    """List a folder: a participant's if it holds NIfTI files or its name is an id, or else one of zips or folders."""
    eid = participant_number(folder.name)
    try:
        entries = list(os.scandir(folder.path))
    except OSError as error:
        found.setdefault(eid, Found(printable(folder.name))).reason = system_reason(error)
        return
    if printable(folder.name) != folder.name:  # tables could not hold the paths of its content either
        found.setdefault(eid, Found(printable(folder.name))).reason = "the folder's name is no UTF-8; rename it"
        return
    files = {entry.name: entry.path for entry in entries if entry.name.endswith(SCAN_SUFFIXES)}
    zips = _sort_in(entries, found, instance)
    inner = [entry for entry in entries if not entry.name.startswith(".") and _is_folder(entry, root)]
    if files or (folder.name.isdigit() and not zips and not inner):
        known = found.setdefault(eid, Found(folder.name))
        if known.files:
            known.reason = "two folders stand for this participant; keep one of them"
        known.files = files
    elif depth < DEEPEST_FOLDER:
        for entry in inner:
            _look_into(entry, found, instance, depth + 1, root)


def _is_folder(entry: os.DirEntry[str], root: str) -> bool:
    """Whether there is a folder to look into; a link does not count if it leads nowhere or to something that is listed
    anyway.

    Args:
        entry: within a participant's folder or deeper.
        root: real path of the folder of scans.
    """
    try:
        found = entry.is_dir()
    except OSError as error:
        log.warning("a link in a folder of scans is ignored: %s", system_reason(error))
        return False
    return found and not (entry.is_symlink() and _within_or_around(entry.path, root))


def _holds(link: str, root: str) -> bool:
    """Whether a link leads to the folder of scans, or to one around it."""
    target = os.path.realpath(link)
    return os.path.commonpath([target, root]) == target


def _within_or_around(link: str, root: str) -> bool:
    """Whether a link leads into the folder of scans, or to a folder that holds it: what is there is found twice."""
    target = os.path.realpath(link)
    return os.path.commonpath([target, root]) in (target, root)


def _sort_in(entries: list[os.DirEntry[str]], found: dict[int, Found], instance: int) -> int:
    """Assign zips to their participants; return the number of zips of any field and visit."""
    for entry in entries:
        match = ZIP_NAME.fullmatch(entry.name)
        if match and int(match[3]) == instance:
            _add_zip(found.setdefault(int(match[1]), Found(match[1])), match[2], entry.path)
    return sum(entry.name.lower().endswith(".zip") for entry in entries)


def _add_zip(known: Found, bulk_field: str, path: str) -> None:
    """Add a zip. Of two, the one in the participant's own folder counts: the other was put elsewhere by mistake."""
    other = known.zips.setdefault(bulk_field, path)
    if other == path:
        return
    own = [each for each in (other, path) if os.path.basename(os.path.dirname(each)) == known.folder]  # noqa: PTH119, PTH120
    if len(own) == 1:
        known.zips[bulk_field] = own[0]
    else:
        known.reason = f"two zips of field {bulk_field} stand for this participant; keep one of them"
