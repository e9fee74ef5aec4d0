"""Stage I at the paper's size on a GPU, in bfloat16: use of the device, and whether the data loader keeps up.

python -m pytest tests/benchmarks/test_gpu.py -m benchmark -s
"""

import itertools
import time
from collections.abc import Iterator

import pytest
import torch

from benchmarks.feeding import endless, samples_of, write_shard
from benchmarks.stage1_step import MASK_RATIO, PAPER, step_flops
from benchmarks.written import write
from vita.models.mae import MaskedAutoencoder
from vita.models.tokens import kept_count, random_order
from vita.training.augment import Augmentation
from vita.training.data import Batch, Samples

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is there"),
]
BATCH, STEPS, WARM_UP = 32, 20, 5
H100_BF16_FLOPS = 989e12  # dense, NVIDIA's data sheet; the use of another device is told against the same number
PARTICIPANTS, FRAMES, WORKERS = 256, 10, 6
SLOWER_WITH_LOADER = 0.05


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    folder = tmp_path_factory.mktemp("shards")
    write_shard(folder, PARTICIPANTS, FRAMES)
    return samples_of(folder, cache_mb=0)


def samples_a_second(batches: Iterator[Batch]) -> float:
    """Rate of training steps: augmentation, forward, backward, AdamW."""
    torch.manual_seed(0)
    device, keep = torch.device("cuda"), kept_count(PAPER.tokens, MASK_RATIO)
    model, augmentation = MaskedAutoencoder(PAPER).to(device), Augmentation()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    generator = torch.Generator().manual_seed(0)
    for step, batch in enumerate(itertools.islice(batches, WARM_UP + STEPS)):
        if step == WARM_UP:
            torch.cuda.synchronize()
            started = time.perf_counter()
        images, _ = augmentation(batch["images"].to(device, non_blocking=True), None, generator)
        optimiser.zero_grad()
        with torch.autocast("cuda", torch.bfloat16):
            loss = model(images, random_order(BATCH, PAPER.tokens, generator), keep).loss
        loss.backward()
        optimiser.step()
    torch.cuda.synchronize()
    return BATCH * STEPS / (time.perf_counter() - started)


def test_use_of_the_device_and_the_loader(samples: Samples) -> None:
    fixed = samples_a_second(itertools.repeat(samples[list(range(BATCH))]))
    loaded = samples_a_second(endless(samples, BATCH, WORKERS))
    use = fixed * step_flops(PAPER, 1) / H100_BF16_FLOPS
    row = {"gpu": torch.cuda.get_device_name(), "batch": BATCH, "fixed_per_s": fixed, "loaded_per_s": loaded}
    write("stage1_gpu", [row | {"use_of_h100_bf16": use, "peak_gb": torch.cuda.max_memory_allocated() / 1e9}])
    assert loaded >= (1 - SLOWER_WITH_LOADER) * fixed
