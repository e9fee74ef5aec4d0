"""What feeds benchmarks of the paper's size: shards of noise, read as a training reads its own."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.stage1_step import PAPER
from training import toy
from vita.cohort.split_table import read_split
from vita.images.build_shard import SCHEMA
from vita.images.shards import ShardReader, ShardWriter, write_table
from vita.training.batches import TrainingBatches, TrainingOrder
from vita.training.data import Batch, Samples


def write_shard(folder: Path, participants: int, frames: int) -> None:
    """A shard of noise, 9 planes x `frames` x 128 x 128 of 16 bits, and a split that has all of it in train."""
    shape, generator, rows = (9, frames, PAPER.size, PAPER.size), np.random.default_rng(0), []
    with ShardWriter(folder / "00000.npz") as writer:
        for row in range(participants):
            record = toy.shard_row(toy.FIRST_EID + row, row) | {"has_masks": False}
            rows.append(record | writer.add(row, generator.integers(0, 240, shape).astype(np.int16), None))
    write_table(rows, SCHEMA, folder / "00000.parquet", {})
    eids = toy.FIRST_EID + np.arange(participants)
    pd.DataFrame({"eid": eids, "split": "train"}).to_parquet(folder / "split.parquet")


def samples_of(folder: Path, cache_mb: int) -> Samples:
    """Samples as a stage opens them: read from the shard as they are needed, unless they fit `cache_mb`."""
    reader, split = ShardReader([folder / "00000.npz"]), read_split(folder / "split.parquet")
    return Samples(reader, split, ["train"], "fit", PAPER, cache_mb)


def endless(samples: Samples, batch: int, workers: int) -> Iterator[Batch]:
    """Training batches of one epoch after another."""
    order = TrainingOrder(len(samples), batch, seed=1)
    for epoch in itertools.count():
        yield from TrainingBatches(samples, order, lambda epoch=epoch: epoch * order.steps, workers)
