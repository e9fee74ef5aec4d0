"""Folders changed at random go through index, shard and predict; what they hold costs that participant at most.

Each folder lies beside a sound one, which must stay as it is. Some in the normal suite; 5,000 with
`-m faults`, whose counts go to the log.
"""

import logging
import random
import shutil
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

import filled
from images import mutations, scans
from training import toy
from vita.apply import predict as predicting
from vita.apply.reading import read_scan
from vita.apply.scans import new_scans
from vita.images.build_shard import build
from vita.images.header import ScanError
from vita.images.index import COLUMNS, index_shard
from vita.runtime.errors import UserError

log = logging.getLogger(__name__)

SOUND = 1000025
SECONDS = 10.0
BLOCK = {"frames": toy.FRAMES, "size": toy.SIZE, "max_file_mb": 20, "quality": {"pixel_mm": None}}
SETTINGS = filled.images(**BLOCK)
SEEN = {"pixel_mm": [3.0, 3.0]}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    scans.write_participant(folder / "participant", frames=toy.FRAMES + 1, size=(14, 12), slices=6)
    return mutations.source(folder, folder / "participant")


def outcome(template: Path, work: Path, seed: int) -> str:
    """What became of one changed folder: used, refused or gone. Any other end fails the test."""
    chance = random.Random(seed)
    cohort = work / "scans"
    done = mutations.mutate(template, cohort / str(mutations.EID), chance)
    shutil.copytree(template / "participant", cohort / str(SOUND))
    started = time.process_time()
    try:
        rows = index_shard(cohort, SETTINGS, set())
        pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS).to_parquet(work / "index.parquet")
        records = {row["eid"]: row for row in build(rows, SETTINGS, work / "00000.npz")}
        assert records[SOUND]["usable"], (seed, done, records[SOUND])
        predicted = _read_for_predict(cohort / str(mutations.EID))
    except (ScanError, UserError) as error:
        raise AssertionError(f"folder {seed} ({done}) cost more than itself: {error}") from error
    assert time.process_time() - started < SECONDS, (seed, done)
    ours = records.get(mutations.EID)
    assert ours is None or ours["usable"] or ours["reason"], (seed, done)
    if ours is None:
        return "gone"
    return "used" if ours["usable"] and predicted else "used in part" if ours["usable"] or predicted else "refused"


def _read_for_predict(folder: Path) -> bool:
    """Whether `vita predict` reads the folder; models do not see it, since what they get has one shape."""
    try:
        with new_scans([folder], 2, SETTINGS.max_file_mb) as found:
            for each in found:
                cine = read_scan(each, SETTINGS, SEEN, toy.FRAMES).cine_sthw
                assert cine.shape == (9, toy.FRAMES, toy.SIZE, toy.SIZE)
    except (ScanError, UserError):
        return False
    return True


def run(template: Path, work: Path, seeds: range) -> Counter:
    counts: Counter = Counter()
    for seed in seeds:
        place = work / str(seed)
        counts[outcome(template, place, seed)] += 1
        shutil.rmtree(place)
    log.info("%d changed folders: %s", len(seeds), dict(counts))
    return counts


def test_some_changed_folders(template: Path, tmp_path: Path) -> None:
    counts = run(template, tmp_path, range(120))
    assert counts["used"] > 20
    assert counts["refused"] > 20


@pytest.mark.faults
@pytest.mark.parametrize("first", range(1000, 6000, 500))
def test_many_changed_folders(template: Path, tmp_path: Path, first: int) -> None:
    assert sum(run(template, tmp_path, range(first, first + 500)).values()) == 500


def test_changed_folders_beside_a_sound_one_by_command(models: Path, template: Path, tmp_path: Path) -> None:
    """The whole command: the sound participant gets its predictions, whatever lies beside it."""
    cohort = tmp_path / "scans"
    shutil.copytree(template / "participant", cohort / str(SOUND))
    for seed in range(12):
        mutations.mutate(template, tmp_path / "one", random.Random(seed))
        (tmp_path / "one").rename(cohort / str(2000000 + seed))
    arguments = ["--model", str(models), "--scan", str(cohort), "--out", str(tmp_path / "out"), "--device", "cpu"]
    predicting.main(arguments)
    table = pd.read_csv(tmp_path / "out" / predicting.LIST).set_index("folder")
    name = table.loc[SOUND, "scan"]
    assert pd.isna(table.loc[SOUND, "refused"])
    assert (tmp_path / "out" / name / "predictions.csv").is_file()
