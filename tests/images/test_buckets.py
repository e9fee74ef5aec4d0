"""Fingerprints of the files behind each shard: whatever happens to one participant's files changes one shard."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from vita.images.buckets import UNREADABLE, fingerprints
from vita.images.folders import bucket

SHARDS = 16
ZIPPED, FOLDED = 1000011, 1000025


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Two zips of each of forty participants, and a folder of NIfTI files of another."""
    for eid in range(1000100, 1000140):
        write_zips(tmp_path / "scans", eid)
    write_zips(tmp_path / "scans", ZIPPED)
    folder = tmp_path / "scans" / str(FOLDED)
    folder.mkdir()
    for view in ("sa", "la_2ch"):
        (folder / f"{view}.nii.gz").write_bytes(b"scan")
    return tmp_path / "scans"


def write_zips(scans: Path, eid: int) -> None:
    for field, view in ((20208, "Long axis"), (20209, "Short axis")):
        folder = scans / view / str(eid)[:2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{eid}_{field}_2_0.zip").touch()


def zipped(scans: Path) -> Path:
    return scans / "Short axis" / "10" / f"{ZIPPED}_20209_2_0.zip"


CHANGES: dict[str, tuple[int, Callable[[Path], object]]] = {
    "zips come": (1000012, lambda scans: write_zips(scans, 1000012)),
    "a zip goes": (ZIPPED, lambda scans: zipped(scans).unlink()),
    "a zip is written again": (ZIPPED, lambda scans: os.utime(zipped(scans), ns=(0, 1))),
    "a zip of another size": (ZIPPED, lambda scans: zipped(scans).write_bytes(b"more")),
    "a file comes": (FOLDED, lambda scans: (scans / str(FOLDED) / "la_3ch.nii.gz").touch()),
    "a folder goes": (FOLDED, lambda scans: shutil.rmtree(scans / str(FOLDED))),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_one_participant_changes_one_shard(name: str, scans: Path) -> None:
    before = fingerprints(scans, None, 2, SHARDS)
    assert fingerprints(scans, None, 2, SHARDS) == before
    eid, change = CHANGES[name]
    change(scans)
    after = fingerprints(scans, None, 2, SHARDS)
    changed = [number for number in range(SHARDS + 1) if before[number] != after[number]]
    assert changed == [bucket(eid, SHARDS), SHARDS]


def test_a_withdrawal_changes_one_shard(scans: Path, tmp_path: Path) -> None:
    before = fingerprints(scans, None, 2, SHARDS)
    (tmp_path / "withdrawn.csv").write_text(f"{ZIPPED}\n")
    after = fingerprints(scans, tmp_path / "withdrawn.csv", 2, SHARDS)
    assert [number for number in range(SHARDS) if before[number] != after[number]] == [bucket(ZIPPED, SHARDS)]


def test_another_visits_zips_and_other_files_do_not_count(scans: Path) -> None:
    before = fingerprints(scans, None, 2, SHARDS)
    for name in (f"{ZIPPED}_20209_3_0.zip", f"{ZIPPED}_20213_2_0.zip", "notes.txt"):
        (zipped(scans).parent / name).touch()
    assert fingerprints(scans, None, 2, SHARDS) == before


def test_a_folder_that_is_not_there_is_told_by_the_rules(tmp_path: Path) -> None:
    assert fingerprints(tmp_path / "nowhere", None, 2, 2) == [UNREADABLE] * 3
