"""How long masks of one participant take, of UK Biobank's size; run with `pytest -m benchmark -s`.

Times are CPU times of this process on one thread, so that other work on the machine matters little; two cores draw two
participants in that time.
"""

import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import filled
from benchmarks.written import write
from contouring import hearts
from vita.contouring import make_masks
from vita.contouring.network import load
from vita.images.index import index_shard
from vita.phantom.people import draw_people
from vita.phantom.scans import make_batch

MOST_S = 16.0  # 8 s on two cores
SIZE = replace(hearts.SETTINGS, frames=50, sa_slices=12, rows=208, columns=168, pixel_mm=1.8)
pytestmark = pytest.mark.benchmark


def test_a_participant_takes_at_most_eight_seconds_on_two_cores(tmp_path: Path) -> None:
    make_batch(draw_people(SIZE).head(1), SIZE, tmp_path / "scans")
    for mask in (tmp_path / "scans").rglob("seg*"):
        mask.unlink()
    settings = filled.images(masks={"source": "model"})
    index = index_shard(tmp_path / "scans", settings, frozenset())
    network, threads = load(), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        started = time.process_time()
        rows = make_masks.make(index, settings, tmp_path / "masks", network)
        seconds = time.process_time() - started
    finally:
        torch.set_num_threads(threads)
    assert all(row["score"] > 0.5 for row in rows)
    write("masks", [{"frames": SIZE.frames, "slices": SIZE.sa_slices, "cpu_s": seconds}])
    assert seconds <= MOST_S
