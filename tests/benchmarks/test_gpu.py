"""Stage I at the paper's size on a GPU, in bfloat16: use of the device, and whether the data loader keeps up.

python -m pytest tests/benchmarks/test_gpu.py -m benchmark -s
"""

import itertools
import time
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks.stage1_step import MASK_RATIO, PAPER, step_flops
from benchmarks.written import write
from training import toy
from vita.images.build_shard import SCHEMA
from vita.images.shard_writer import ShardWriter, write_table
from vita.images.shards import ShardReader
from vita.models.mae import MaskedAutoencoder
from vita.models.masking import kept_count, random_order
from vita.training.augment import Augmentation
from vita.training.batches import TrainingBatches, TrainingOrder
from vita.training.data import Batch, Samples, read_split

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
    """Noise in a shard of the paper's size, read as it is needed."""
    folder = tmp_path_factory.mktemp("shards")
    shape, generator, rows = (9, FRAMES, PAPER.size, PAPER.size), np.random.default_rng(0), []
    with ShardWriter(folder / "00000.npz") as writer:
        for row in range(PARTICIPANTS):
            record = toy.shard_row(toy.FIRST_EID + row, row) | {"has_masks": False}
            rows.append(record | writer.add(row, generator.integers(0, 240, shape).astype(np.int16), None))
    write_table(rows, SCHEMA, folder / "00000.parquet", {})
    eids = toy.FIRST_EID + np.arange(PARTICIPANTS)
    pd.DataFrame({"eid": eids, "split": "train"}).to_parquet(folder / "split.parquet")
    reader, split = ShardReader([folder / "00000.npz"]), read_split(folder / "split.parquet")
    return Samples(reader, split, ["train"], "fit", PAPER, cache_mb=0)


def endless(samples: Samples) -> Iterator[Batch]:
    """Training batches of one epoch after another."""
    order = TrainingOrder(len(samples), BATCH, seed=1)
    for epoch in itertools.count():
        yield from TrainingBatches(samples, order, lambda epoch=epoch: epoch * order.steps, WORKERS)


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
    loaded = samples_a_second(endless(samples))
    use = fixed * step_flops(PAPER, 1) / H100_BF16_FLOPS
    row = {"gpu": torch.cuda.get_device_name(), "batch": BATCH, "fixed_per_s": fixed, "loaded_per_s": loaded}
    write("stage1_gpu", [row | {"use_of_h100_bf16": use, "peak_gb": torch.cuda.max_memory_allocated() / 1e9}])
    assert loaded >= (1 - SLOWER_WITH_LOADER) * fixed
