"""Speed and memory of the image steps on files of UK Biobank's size; run with `pytest -m benchmark -s`.

Times are CPU times of this process, so that other work on the machine matters little.
"""

import gzip
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from isal import igzip, isal_zlib

import filled
from benchmarks.written import write
from images import scans
from vita.images import build_shard, index
from vita.images.buckets import fingerprints
from vita.images.settings import ImageSettings
from vita.images.shards import ShardReader

pytestmark = pytest.mark.benchmark
BLOCK = {"frames": 50, "size": 128}
PEOPLE = 2
TIMES = 50


def best(action: Callable[[], object], repeats: int = 5) -> float:
    """Shortest CPU time in s."""
    times = []
    for _ in range(repeats):
        started = time.process_time()
        action()
        times.append(time.process_time() - started)
    return min(times)


def side_by_side(*actions: Callable[[], object], repeats: int = 7) -> list[float]:
    """Shortest CPU time in s of each action, taking turns, so that a busy machine slows all alike."""
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(repeats):
        for action, taken in zip(actions, times, strict=True):
            taken.append(best(action, 1))
    return [min(taken) for taken in times]


def decompress(path: Path) -> bytes:
    """As fast as ISA-L can: into memory of the right size, which gzip's last four bytes give."""
    raw = path.read_bytes()
    return isal_zlib.decompress(raw, wbits=31, bufsize=int.from_bytes(raw[-4:], "little") + 1)


def build_once(rows: list[dict[str, Any]], settings: ImageSettings, path: Path) -> float:
    """CPU time in s of the process that builds a shard."""
    return best(lambda: build_shard.build(rows, settings, path), 3)


def repeat(action: Callable[[], object]) -> None:
    """For actions that are too short to time."""
    for _ in range(TIMES):
        action()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Short axis 208 x 187 x 11 x 50 and three long-axis views 208 x 187 x 50, int16 with noise, and all masks."""
    root = tmp_path_factory.mktemp("ukb")
    noise = np.random.default_rng(0)
    for person in range(PEOPLE):
        target = root / str(1000011 + person)
        target.mkdir()
        for view in ("sa", "la_2ch", "la_3ch", "la_4ch"):
            matrix, image, mask = scans.heart(view, (208, 187, 11 if view == "sa" else 1), 50)
            image = np.abs(image + noise.normal(0, 12, image.shape)).astype(np.int16)
            scans.write(target / f"{view}.nii.gz", image, matrix)
            if view != "la_3ch":
                scans.write(target / f"seg_{view}.nii.gz", mask, matrix)
            if view == "la_4ch":
                five = sum(label * np.roll(mask == 1, 30 * (label - 3), axis=0) for label in range(1, 6))
                scans.write(target / f"seg4_{view}.nii.gz", np.minimum(five, 5).astype(np.uint8), matrix)
    return root


@pytest.fixture(scope="module")
def built(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("shard")
    settings = filled.images(**BLOCK)
    return out, index.index_shard(folder, settings, set()), settings


def test_nifti_to_shard_at_the_speed_of_decompression(folder, built):
    out, table, settings = built
    files = sorted(folder.glob("*/*.gz"))
    reference, ours = side_by_side(
        lambda: [decompress(file) for file in files],
        lambda: build_shard.build(table, settings, out / "00000.npz"),
    )
    size = (out / "00000.npz").stat().st_size / 1e6 / PEOPLE
    row = {"shard_s": ours / PEOPLE, "isal_s": reference / PEOPLE, "ratio": ours / reference, "shard_mb": size}
    write("shard", [row])
    assert ours <= 1.6 * reference
    assert size <= 16


def test_two_workers_side_by_side_are_no_slower(built):
    """Linear in cores: a worker takes the same CPU time whether another one works or not."""
    out, table, settings = built
    paths = [out / "first.npz", out / "second.npz"]
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        alone = pool.submit(build_once, table, settings, paths[0]).result()
        together = max(pool.map(build_once, [table] * 2, [settings] * 2, paths))
    print(f"\none worker {alone * 1e3:.0f} ms, each of two {together * 1e3:.0f} ms", end=" ")
    print(f"({2 * alone / together:.2f} times as fast)")
    assert together <= 1.25 * alone


def test_memory_of_a_worker(folder, built):
    """The peak of the worker's own memory; `ru_maxrss` of a child would count its parent's too."""
    out, _, _ = built
    command = ["--scans", str(folder), "--shard", "0", "--shards", "1", "--voxels", str(out / "00001.npz")]
    command += ["--settings", filled.argument(images={"instance": 2, **BLOCK}), "--table", str(out / "00001.parquet")]
    code = f"from vita.images.build_shard import main; main({command!r}); print(open('/proc/self/status').read())"
    status = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    print(f"\nbuild_shard: {peak:.0f} MB at most")
    assert peak < 1000


def test_five_frames_from_a_warm_shard(folder, built, tmp_path):
    settings = filled.argument(images={"instance": 2, **BLOCK})
    path = tmp_path / "00000.npz"
    where = ["--scans", str(folder), "--shard", "0", "--shards", "1", "--settings", settings]
    build_shard.main([*where, "--voxels", str(path), "--table", str(path.with_suffix(".parquet"))])
    reader = ShardReader([path])
    eid = int(reader.table["eid"].iloc[0])
    np.savez(tmp_path / "whole.npz", image=reader.voxels(eid, range(50)))
    frames = [0, 10, 20, 30, 40]
    ours = best(lambda: repeat(lambda: reader.voxels(eid, frames))) / TIMES
    stored = best(lambda: repeat(lambda: reader.stored(eid)[:, frames])) / TIMES
    whole = best(lambda: np.load(tmp_path / "whole.npz")["image"])
    print(
        f"\n5 frames: {ours * 1e3:.2f} ms as float32, {stored * 1e3:.2f} ms as stored; numpy.load {whole * 1e3:.1f} ms"
    )
    assert whole > 20 * ours


def test_index_of_the_whole_cohort(tmp_path):
    """4,200 participants, a tenth of UK Biobank's; the time grows linearly."""
    people = 4200
    small = np.zeros((4, 3, 6, 2), np.int16)
    scans.write(tmp_path / "sa.nii.gz", small, scans.planes("sa", small.shape[:3]))
    scans.write(tmp_path / "la.nii.gz", small[:, :, :1], scans.planes("la_2ch", (4, 3, 1)))
    stack, long_axis = (gzip.decompress((tmp_path / f"{name}.nii.gz").read_bytes()) for name in ("sa", "la"))
    for person in range(people):
        folder = tmp_path / "scans" / str(1000000 + person)
        folder.mkdir(parents=True)
        for view in ("sa", "la_2ch", "la_3ch", "la_4ch", "seg_sa", "seg_la_2ch", "seg_la_4ch"):
            (folder / f"{view}.nii.gz").write_bytes(igzip.compress(stack if "sa" in view else long_axis, 0))
    settings = filled.images(**{"frames": 2, "size": 16})
    seconds = best(lambda: index.build_index(tmp_path / "scans", settings, set()), 1)
    write("index", [{"index_s": seconds / people, "of_42000_s": seconds / people * 42_000}])
    assert seconds / people * 42_000 < 60
    planning = best(lambda: fingerprints(tmp_path / "scans", None, 2, 420), 1)
    print(f"files looked at for every plan: {planning / people * 42_000:.1f} s for 42,000 participants")
    assert planning / people * 42_000 < 20
