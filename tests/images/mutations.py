"""Folders of scans changed at random, in the ways in which scanners, archives and people change them."""

import gzip
import os
import random
import shutil
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from pydicom.dataset import Dataset

from images import any_dicom, dicom_scans, tag_mutations
from images.enhanced import enhanced
from images.vendors import philips, siemens

EID = 1000011
SHORT, LONG = f"{EID}_20209_2_0.zip", f"{EID}_20208_2_0.zip"
NAMES = ["sa.nii.gz", "la_2ch.nii", "seg_sa.nii.gz", "1000011", ".hidden", "sa.nii.gz.part", "é\udce9", "a b", "x.csv"]
SWAPS = [("1.3", "./1.3"), ("b3", "b3s"), ("LAX_2Ch", "LAX"), (",", ";"), ("MR", '"'), ("a", "é")]
CODES = ("utf-8", "utf-16", "latin-1")
BYTES = (0, 45, 57, 92)  # zero, minus, 9, backslash


def any_file(folder: Path, chance: random.Random) -> Path | None:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return chance.choice(files) if files else None


def rename(folder: Path, chance: random.Random) -> None:
    if path := any_file(folder, chance):
        place = path.with_name(chance.choice(NAMES))
        if not place.is_dir():  # from an earlier change
            path.rename(place)


def link(folder: Path, chance: random.Random) -> None:
    """A link to itself, to the folder above, to nothing, or to another file; in the place of a file, or new."""
    path = any_file(folder, chance)
    place = path if path is not None and chance.random() < 0.5 else folder / chance.choice(NAMES)
    target = chance.choice([place.name, "..", "/nowhere", ".", str(path)])
    if place.is_file() or place.is_symlink():
        place.unlink()
    if not place.exists():
        place.symlink_to(target)


def special(folder: Path, chance: random.Random) -> None:
    """A pipe, a folder, or an empty file in the place of a file."""
    if path := any_file(folder, chance):
        path.unlink()
        chance.choice([os.mkfifo, os.mkdir, Path.touch])(path)


def nifti_header(folder: Path, chance: random.Random) -> None:
    """Other bytes in a NIfTI header, packed again so that gzip's checksum is right."""
    files = sorted(path for path in folder.rglob("*.nii*") if path.is_file())
    if not files:
        return
    path = chance.choice(files)
    try:
        data = bytearray(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, zlib.error):
        data = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 8)):
        if data:
            data[chance.randrange(min(len(data), 352))] = chance.choice([0, 1, 127, 128, 255, chance.randrange(256)])
    path.write_bytes(gzip.compress(bytes(data), 1) if chance.random() < 0.8 else bytes(data))


def damage(folder: Path, chance: random.Random) -> None:
    """Other bytes anywhere in a file, a shorter file, or a longer one."""
    if path := any_file(folder, chance):
        data = bytearray(path.read_bytes())
        for _ in range(chance.randint(1, 20)):
            if data:
                data[chance.randrange(len(data))] = chance.randrange(256)
        end = chance.choice([len(data), chance.randrange(len(data) + 1)])
        path.write_bytes(bytes(data[:end]) + chance.choice([b"", b"\0" * 100, bytes(data[:50])]))


def manifest(folder: Path, chance: random.Random) -> None:
    """A manifest with odd line ends, quotes, names, columns or bytes."""

    def change(files: dict[str, bytes]) -> None:
        name = next((name for name in files if name.startswith("manifest")), "manifest.csv")
        text = files.get(name, b"").decode("utf-8", errors="replace")
        lines = text.split("\n")
        place = chance.randrange(len(lines))
        lines[place] = chance.choice(['"' + lines[place], lines[place] * 2, "", "x" * 200_000, '"' * 5, ",,,,,,,,,"])
        text = chance.choice(["\n", "\r", "\r\n", "\0\n", "\n\n"]).join(lines)
        old, new = chance.choice(SWAPS)
        files[name] = chance.choice([text, text.replace(old, new)]).encode(chance.choice(CODES), "replace")

    rezip(folder, chance, change)


def series(folder: Path, chance: random.Random) -> None:
    """Files of a zip gone, there twice, or with other bytes in the DICOM header."""

    def change(files: dict[str, bytes]) -> None:
        names = sorted(name for name in files if not name.startswith("manifest"))
        for _ in range(chance.randint(1, 12)):
            name = chance.choice(names) if names else ""
            if name not in files:
                continue
            what = chance.choice(["gone", "twice", "bytes", "bytes", "text"])
            if what == "gone":
                del files[name]
            elif what == "twice":
                files[f"again/{name}"] = files[name]
            elif what == "text":
                files[name] = b"no DICOM"
            else:
                data = bytearray(files[name])
                for _ in range(chance.randint(1, 6)):
                    data[chance.randrange(min(len(data), 1100))] = chance.choice([*BYTES, chance.randrange(256)])
                files[name] = bytes(data)

    rezip(folder, chance, change)


def rezip(folder: Path, chance: random.Random, change: Callable[[dict[str, bytes]], None]) -> None:
    """Change the members of one of the zips; one that is no zip any more stays."""
    zips = sorted(path for path in folder.rglob("*.zip") if path.is_file() and zipfile.is_zipfile(path))
    if not zips:
        return
    path = chance.choice(zips)
    try:
        with zipfile.ZipFile(path) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # an earlier change has damaged it, which is a case of its own
        return
    change(files)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def loose(folder: Path, chance: random.Random) -> None:
    """DICOM files that are in no zip: gone, there twice, elsewhere, or with odd tags, one or all of a series."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and _is_dicom(path)]
    if not files:
        return
    first = chance.choice(files)
    group = [path for path in files if path.parent == first.parent]
    chosen = chance.choice([[first], chance.sample(group, min(len(group), 5)), group])
    what = chance.choice(["gone", "twice", "moved", "tags", "tags", "tags", "tags"])
    tag, seed = chance.choice(tag_mutations.TAGS), chance.random()
    for path in chosen:
        if what == "gone":
            path.unlink()
        elif what == "twice":
            shutil.copy(path, path.with_name(f"{path.name}_copy"))
        elif what == "moved":
            (folder / "other").mkdir(exist_ok=True)
            path.rename(folder / "other" / path.name)
        else:  # all in the same way
            path.write_bytes(tag_mutations.change(path.read_bytes(), random.Random(seed), tag))


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def tags_in_zip(folder: Path, chance: random.Random) -> None:
    """Odd tags of some files of a zip."""

    def change(files: dict[str, bytes]) -> None:
        names = sorted(name for name in files if not name.startswith("manifest"))
        tag, seed = chance.choice(tag_mutations.TAGS), chance.random()
        for name in chance.sample(names, chance.choice([1, 5, len(names)])) if len(names) > 5 else names:
            files[name] = tag_mutations.change(files[name], random.Random(seed), tag)

    rezip(folder, chance, change)


# What says something about a folder's files; others leave it as it is.
FITTING = {
    "nifti": (rename, link, special, nifti_header, nifti_header, damage),
    "zips": (rename, link, special, damage, manifest, series, tags_in_zip),
    "classic": (rename, link, special, damage, loose, loose, loose),
    "enhanced": (rename, link, special, damage, loose, loose, loose),
    "vendors": (rename, link, special, damage, loose, loose, loose),
}
OF_ANY_ORIGIN = ("classic", "enhanced", "vendors")
STUDY = "1.2.826.0.1.3680043.9.3811.1"


def source(folder: Path, participant: Path) -> Path:
    """A folder that holds a participant's scan in each of the ways of FITTING, with the same UIDs every time."""
    with mock.patch("pydicom.uid.secrets.randbelow", random.Random(0).randrange):
        return _source(folder, participant)


def _source(folder: Path, participant: Path) -> Path:
    shutil.copytree(participant, folder / "nifti" / str(EID))
    dicom_scans.write_zips(folder / "zips" / str(EID), EID, participant, "manifest.csv", study=STUDY)
    any_dicom.write(folder / "classic" / str(EID), any_dicom.localisers(Dataset(), STUDY, 1))
    for number, view in enumerate(("la_4ch", "la_2ch", "la_3ch", "sa"), 3):
        files = any_dicom.files_of(participant, view, STUDY, number)
        any_dicom.write(folder / "classic" / str(EID), files)
        any_dicom.write(folder / "enhanced" / str(EID), [enhanced(files)])
    long_axis = [any_dicom.files_of(participant, view, STUDY, 3) for view in ("la_4ch", "la_2ch", "la_3ch")]
    stack = any_dicom.files_of(participant, "sa", STUDY, 6)
    slices = [stack[first : first + len(stack) // 6] for first in range(0, len(stack), len(stack) // 6)]
    any_dicom.write(folder / "vendors" / str(EID), [philips(long_axis), *map(siemens, slices)])
    return folder


def mutate(template: Path, place: Path, chance: random.Random) -> list[str]:
    """Copy one of the folders of `source` to `place` and change it; returns what was done.

    Each copy of DICOM files is a study of its own, as two people's are.
    """
    kind = chance.choice(sorted(FITTING))
    shutil.copytree(template / kind / str(EID), place)
    done = [kind]
    for _ in range(chance.choice([1, 1, 2, 3])):
        change = chance.choice(FITTING[kind])
        change(place, chance)
        done.append(change.__name__)
    if kind in OF_ANY_ORIGIN:
        _own_study(place, chance)
    return done


def _own_study(place: Path, chance: random.Random) -> None:
    """Another StudyInstanceUID of the same length, where the file still has the one of `source`."""
    own = f"{STUDY[:-11]}.{chance.randrange(10**9, 10**10)}".encode()
    for path in sorted(place.rglob("*")):
        if path.is_file() and not path.is_symlink():
            path.write_bytes(path.read_bytes().replace(STUDY.encode(), own))
