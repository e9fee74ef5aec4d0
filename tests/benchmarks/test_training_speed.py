"""Speed of what feeds a training and of its steps; numbers are printed, floors are checked.

python -m pytest tests/benchmarks/test_training_speed.py -m benchmark -s
"""

import resource
import time

import pytest
import torch

from benchmarks.written import write
from vita.models.heads import Output, Regressor
from vita.models.image_encoder import ImageEncoder
from vita.models.mae import MaskedAutoencoder
from vita.models.masking import random_order
from vita.models.settings import ModelSettings
from vita.training.augment import Augmentation
from vita.training.memory import keep_freed_memory

pytestmark = pytest.mark.benchmark
SAMPLES_A_SECOND = 150  # that loading and augmentation must feed, 9 x 5 x 128 x 128 on two cores
BATCH, ROUNDS = 16, 6


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def rate(name: str, samples: int, action) -> float:
    """Samples a second and core, by the time that the processor spent; printed."""
    action()
    before, started = cpu_seconds(), time.perf_counter()
    for _ in range(ROUNDS):
        action()
    used, wall = cpu_seconds() - before, time.perf_counter() - started
    print(f"{name}: {samples * ROUNDS / used:.0f} samples/s and core ({samples * ROUNDS / wall:.0f} by the clock)")
    return samples * ROUNDS / used


def test_loading_and_augmentation_at_the_papers_size():
    keep_freed_memory()
    torch.set_num_threads(1)
    cache = torch.rand(64, 9, 5, 128, 128).half()
    augmentation, generator = Augmentation(), torch.Generator().manual_seed(0)

    def feed():
        rows = torch.randint(0, len(cache), (BATCH,), generator=generator)
        augmentation(cache[rows].float(), None, generator)

    found = 2 * rate("loading and augmentation, 128 x 128", BATCH, feed)
    write("loader_and_augmentation", [{"samples_per_s_on_2_cores": found, "wanted": SAMPLES_A_SECOND}])
    assert found >= SAMPLES_A_SECOND


@pytest.mark.parametrize("stage", ["stage1", "stage3"])
def test_steps_at_the_default_size(stage):
    keep_freed_memory()
    torch.set_num_threads(1)
    sizes, images = ModelSettings(), torch.rand(32, 9, 5, 64, 64)
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

    assert rate(f"{stage}, forward, backward, optimiser", len(images), step) > 0
