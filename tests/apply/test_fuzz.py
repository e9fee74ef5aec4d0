"""Folders changed at random go through index, shard and `vita predict --seg`; what they hold costs that participant at
most.

The folders are NIfTI files, UK Biobank's zips, DICOM of any origin, and enhanced DICOM as several scanners write it.
Each lies beside a sound one: in the shard alone, in `vita predict` among fifty. The sound one must stay as it is. Some
in the normal suite; more than 5,000 with `-m faults`, whose counts go to the log (`--log-level=INFO`).
"""

import itertools
import logging
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pydicom
import pytest

import filled
from images import mutations, scans
from training import toy
from vita.apply import page
from vita.apply import predict as predicting
from vita.images.build_shard import build
from vita.images.index import COLUMNS, index_shard

log = logging.getLogger(__name__)

SOUND = 1000025
SECONDS = 10.0
WAITING_S = 300  # of wall time, on a machine that others use too
TOGETHER = 50
FRAMES = 7
DRAWN = 10  # every so many pages have their picture, which takes longer than all else and depends on no file
BLOCK = {"frames": toy.FRAMES, "size": toy.SIZE, "max_file_mb": 20, "quality": {"pixel_mm": None}}
SETTINGS = filled.images(**BLOCK)
PREDICTED = "predictions.csv"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    scans.write_participant(folder / "participant", frames=FRAMES, size=(14, 12), slices=6)
    return mutations.source(folder, folder / "participant")


@pytest.fixture(scope="module")
def expected(models: Path, template: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Predictions for the sound participant alone."""
    out = tmp_path_factory.mktemp("alone")
    predicting.predict(models, [template / "participant"], out, device="cpu", seg=True)
    return pd.read_csv(out / "scan_0001" / PREDICTED)


@pytest.fixture(autouse=True)
def few_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    draw, calls = page.drawing, itertools.count()
    monkeypatch.setattr(page, "drawing", lambda *args: "" if next(calls) % DRAWN else draw(*args))


@contextmanager
def no_waiting(what: str) -> Iterator[None]:
    """Fail where nothing happens for long, as on a pipe that nobody writes to."""

    def stop(*_: object) -> None:
        raise AssertionError(f"{what}: no end after {WAITING_S} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(WAITING_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def outcome(template: Path, work: Path, seed: int) -> str:
    """What became of one changed folder in index and shard. Any other end fails the test.

    The folder stays, under a name of its own.
    """
    cohort = work / "scans"
    done = mutations.mutate(template, cohort / str(mutations.EID), random.Random(seed))
    shutil.copytree(template / "participant", cohort / str(SOUND))
    started = time.process_time()
    with no_waiting(f"{seed} {done}"):
        rows = index_shard(cohort, SETTINGS, set())
        pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS).to_parquet(work / "index.parquet")
        records = {row["eid"]: row for row in build(rows, SETTINGS, work / "00000.npz")}
    assert time.process_time() - started < SECONDS, (seed, done)
    assert records[SOUND]["usable"], (seed, done, records[SOUND])
    shutil.rmtree(cohort / str(SOUND))
    ours = records.get(mutations.EID)
    assert ours is None or ours["usable"] or ours["reason"], (seed, done)
    if ours is None or done[0] in mutations.OF_ANY_ORIGIN:
        return f"{done[0]}: not in the shard"
    return f"{done[0]}: {'in the shard' if ours['usable'] else 'refused'}"


def predicted(models: Path, cohort: Path, out: Path, expected: pd.DataFrame) -> Counter:
    """`vita predict --seg` of all folders in `cohort`, with the sound one among them."""
    people = len(list(cohort.iterdir()))
    started = time.process_time()
    with no_waiting(f"predict {cohort}"):
        predicting.predict(models, [cohort], out, device="cpu", seg=True)
    assert time.process_time() - started < SECONDS * people
    table = pd.read_csv(out / predicting.LIST, dtype=str).set_index("folder")
    sound = table.loc[str(SOUND)]
    assert pd.isna(sound["refused"])
    pd.testing.assert_frame_equal(pd.read_csv(out / sound["scan"] / PREDICTED), expected, rtol=1e-3)
    counts: Counter = Counter()
    for row in table.itertuples():
        assert (out / row.scan / PREDICTED).is_file() == (row.refused != row.refused)
        counts["predict: refused" if row.refused == row.refused else "predict: used"] += row.Index != str(SOUND)
        for seg in (out / row.scan).glob("masks/*.dcm"):
            counts["DICOM SEG"] += 1
            check_seg(seg, str(row.notes))
    return counts


def check_seg(path: Path, notes: str) -> None:
    """It holds as many voxels as the NIfTI mask; no more where a frame stands for a missing one as well."""
    views = path.name.removesuffix(".dcm").rsplit("_0", 1)[0]
    parts = sorted(path.parent.glob(f"{views}*.dcm"))
    voxels = sum(int(np.count_nonzero(pydicom.dcmread(part).pixel_array)) for part in parts)
    mask = np.count_nonzero(np.asarray(nibabel.load(path.parent / f"{views}.nii.gz").dataobj))
    assert voxels == mask or ("missing" in notes and 0 < voxels < mask), (path, voxels, mask, notes)


def another_person(folder: Path, cohort: Path, eid: int) -> None:
    """Put a changed folder into the cohort, as that of another participant."""
    for archive in folder.glob(f"{mutations.EID}_*"):
        archive.rename(archive.with_name(archive.name.replace(str(mutations.EID), str(eid))))
    folder.rename(cohort / str(eid))


def run(models: Path, template: Path, work: Path, expected: pd.DataFrame, seeds: range) -> Counter:
    counts: Counter = Counter()
    for start in seeds[::TOGETHER]:
        cohort = work / f"cohort_{start}"
        shutil.copytree(template / "participant", cohort / str(SOUND))
        for seed in range(start, min(start + TOGETHER, seeds.stop)):
            place = work / str(seed)
            counts[outcome(template, place, seed)] += 1
            for left in (place / "scans").iterdir():
                another_person(left, cohort, 2_000_000 + seed)
            shutil.rmtree(place)
        counts += predicted(models, cohort, work / f"out_{start}", expected)
        shutil.rmtree(work / f"out_{start}")
        shutil.rmtree(cohort)
    log.info("%d changed folders: %s", len(seeds), dict(sorted(counts.items())))
    return counts


def test_some_changed_folders(models: Path, template: Path, tmp_path: Path, expected: pd.DataFrame) -> None:
    counts = run(models, template, tmp_path, expected, range(60))
    assert counts["nifti: in the shard"] > 3
    assert counts["zips: refused"] > 3
    assert min(counts["predict: used"], counts["predict: refused"], counts["DICOM SEG"]) > 12


@pytest.mark.faults
@pytest.mark.parametrize("first", range(1000, 6200, 200))
def test_many_changed_folders(models: Path, template: Path, tmp_path: Path, expected: pd.DataFrame, first: int) -> None:
    counts = run(models, template, tmp_path, expected, range(first, first + 200))
    assert sum(count for name, count in counts.items() if name.split(":")[0] in mutations.FITTING) == 200
