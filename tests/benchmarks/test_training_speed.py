"""Speed of what feeds a training and of its steps; numbers are printed, floors are checked.

python -m pytest tests/benchmarks/test_training_speed.py -m benchmark -s
"""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch

import filled
from benchmarks.feeding import endless, samples_of, write_shard
from benchmarks.written import write
from vita.models.heads import Output, Regressor
from vita.models.image_encoder import ImageEncoder
from vita.models.mae import MaskedAutoencoder
from vita.models.tokens import random_order
from vita.training.augment import Augmentation
from vita.training.device import keep_freed_memory

pytestmark = pytest.mark.benchmark
SAMPLES_A_SECOND = 150  # that loading and augmentation must feed, 9 x 5 x 128 x 128 on two cores
BATCH, ROUNDS, PARTICIPANTS = 16, 6, 256


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@dataclass(frozen=True)
class Rate:
    """Samples a second: of a core, by the time that the processor spent in this process, and by the clock."""

    of_a_core: float
    by_the_clock: float


def rate(name: str, samples: int, action: Callable[[], object], rounds: int = ROUNDS) -> Rate:
    """How fast an action does its samples, after one that does not count; printed."""
    action()
    before, started = cpu_seconds(), time.perf_counter()
    for _ in range(rounds):
        action()
    used, wall = cpu_seconds() - before, time.perf_counter() - started
    found = Rate(samples * rounds / used, samples * rounds / wall)
    print(f"{name}: {found.of_a_core:.0f} samples/s and core ({found.by_the_clock:.0f} by the clock)")
    return found


def test_loading_and_augmentation_at_the_papers_size(tmp_path):
    """From a written shard, which the page cache holds (it was just written), and from memory; by two cores."""
    keep_freed_memory()
    torch.set_num_threads(1)
    write_shard(tmp_path, PARTICIPANTS, frames=5)
    augmentation, generator = Augmentation(), torch.Generator().manual_seed(0)

    def feeding(source: str, cache_mb: int, workers: int) -> Rate:
        batches = endless(samples_of(tmp_path, cache_mb), BATCH, workers)
        rounds = 2 * PARTICIPANTS // BATCH
        return rate(source, BATCH, lambda: augmentation(next(batches)["images"], None, generator), rounds)

    shard, memory = feeding("shard", 0, 0), feeding("memory", 1500, 0)
    worker = feeding("shard, read by one worker while this process augments", 0, 1)
    row = {"shard_per_s_on_2_cores": 2 * shard.of_a_core, "memory_per_s_on_2_cores": 2 * memory.of_a_core}
    row |= {"shard_per_s_with_1_worker_by_clock": worker.by_the_clock, "wanted": SAMPLES_A_SECOND}
    write("loader_and_augmentation", [row])
    assert min(2 * shard.of_a_core, 2 * memory.of_a_core) >= SAMPLES_A_SECOND


@pytest.mark.parametrize("stage", ["stage1", "stage3"])
def test_steps_at_the_default_size(stage):
    keep_freed_memory()
    torch.set_num_threads(1)
    sizes, images = filled.model(), torch.rand(32, 9, 5, 48, 48)
    mae = MaskedAutoencoder(sizes)
    regressor = Regressor(sizes, ImageEncoder(sizes), [Output(str(number), "numerical") for number in range(10)])
    model = mae if stage == "stage1" else regressor
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)

    def step():
        optimizer.zero_grad()
        loss = (
            mae(images, random_order(32, sizes.tokens), 43).loss
            if stage == "stage1"
            else regressor(images).square().mean()
        )
        loss.backward()
        optimizer.step()

    assert rate(f"{stage}, forward, backward, optimiser", len(images), step).of_a_core > 0
