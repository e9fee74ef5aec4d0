import pandas as pd
import polars as pl
import pytest
import torch

from training import toy
from vita.cohort.split_table import read_split, split_hash
from vita.images.shards import ShardReader
from vita.models.settings import SAMPLINGS, ModelSettings
from vita.runtime.errors import UserError
from vita.training.batches import TrainingBatches, TrainingOrder, in_order, mixed_seed
from vita.training.data import Samples
from vita.training.sections import even_frames

MODEL = ModelSettings.from_dict(toy.MODEL)


def samples(cohort, names, purpose="fit", **options):
    return Samples(ShardReader(cohort.shards), read_split(cohort.split), names, purpose, MODEL, **options)


def test_frames_are_even_and_start_at_end_diastole():
    assert even_frames(50, 5, "cycle") == [0, 10, 20, 30, 40]
    assert even_frames(20, 5, "cycle") == [0, 4, 8, 12, 16]
    assert even_frames(50, 5, "ends") == [0, 12, 24, 37, 49]
    assert even_frames(20, 1, "ends") == [0]
    for sampling in SAMPLINGS:
        assert even_frames(5, 5, sampling) == [0, 1, 2, 3, 4]
    with pytest.raises(UserError, match=r"4 frames.*images.frames.*model.frames.*5"):
        even_frames(4, 5, "cycle")


def test_training_refuses_the_test_split(cohort):
    with pytest.raises(UserError, match="test split"):
        samples(cohort, ["train", "test"])
    assert len(samples(cohort, ["test"], "predict")) == 8


def test_splits_do_not_overlap(cohort):
    parts = [set(samples(cohort, [name], "predict").eids) for name in ("train", "val", "test")]
    assert not parts[0] & parts[1]
    assert not (parts[0] | parts[1]) & parts[2]


def test_cached_and_read_samples_are_equal(cohort):
    for first, second in zip(
        in_order(samples(cohort, ["val"], masks=True), 3),
        in_order(samples(cohort, ["val"], masks=True, cache_mb=0), 3),
        strict=True,
    ):
        assert torch.equal(first["images"], second["images"])
        assert torch.equal(first["masks"], second["masks"])
        assert first["images"].shape[1:] == (9, 5, 16, 16)
        assert first["masks"].dtype == torch.uint8


def test_workers_give_the_same(cohort):
    own = samples(cohort, ["train"], cache_mb=0)
    order = TrainingOrder(len(own), 8, seed=3)
    both = [list(TrainingBatches(own, order, lambda: 1, workers)) for workers in (0, 2)]
    assert len(both[0]) == order.steps - 1
    for first, second in zip(*both, strict=True):
        assert torch.equal(first["images"], second["images"])


def test_an_epoch_has_everybody_at_most_once_and_goes_on_in_the_middle():
    order = TrainingOrder(30, 7, seed=1)
    rows = [row for batch in order.epoch(2) for row in batch]
    assert order.steps == 4
    assert len(set(rows)) == len(rows) == 28
    assert order.epoch(2) == TrainingOrder(30, 7, seed=1).epoch(2)
    assert order.epoch(2) != order.epoch(3)


def test_ranks_share_a_batch(cohort):
    own = samples(cohort, ["train"])
    own.add("row", torch.arange(len(own)))
    order = TrainingOrder(len(own), 8, seed=3)
    parts = [list(TrainingBatches(own, order, lambda: 0, 0, rank, 2)) for rank in (0, 1)]
    for step, batch in enumerate(order.epoch(0)):
        assert sorted(batch) == sorted(parts[0][step]["row"].tolist() + parts[1][step]["row"].tolist())


def test_balanced_sampling_draws_by_weight():
    order = TrainingOrder(100, 100, seed=1, weights=torch.tensor([0.0] * 50 + [1.0] * 50))
    assert min(row for batch in order.epoch(0) for row in batch) >= 50


def test_a_batch_larger_than_the_split_names_both():
    with pytest.raises(UserError, match=r"'stage2\.batch' is 64.*'split\.val'.*30"):
        TrainingOrder(30, 64, seed=1, key="stage2.batch")


def test_participants_without_images_are_counted_not_named(cohort, tmp_path):
    table = pd.read_parquet(cohort.split)
    extra = pd.concat([table, pd.DataFrame({"eid": [1234567], "split": ["train"]})])
    extra.to_parquet(tmp_path / "split.parquet")
    with pytest.raises(UserError, match="1 of 33") as error:
        Samples(ShardReader(cohort.shards), read_split(tmp_path / "split.parquet"), ["train"], "fit", MODEL)
    assert "1234567" not in str(error.value)


def test_the_split_that_training_reads_has_the_files_hash(cohort):
    split, table = read_split(cohort.split), pl.read_parquet(cohort.split)
    assert split_hash(split.index, split) == split_hash(table["eid"], table["split"])


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"eid": [1, 1], "split": ["train", "val"]}, "repeats 1"),
        ({"eid": [1]}, "split"),
        ({"eid": [1], "split": ["x"]}, "'x'"),
    ],
)
def test_bad_splits(tmp_path, table, words):
    pd.DataFrame(table).to_parquet(tmp_path / "split.parquet")
    with pytest.raises(UserError, match=words):
        read_split(tmp_path / "split.parquet")


def test_seeds_of_neighbours_differ():
    """Numbers are kept apart: 1 and 23 are not 12 and 3."""
    numbers = [(1, 23), (12, 3), (123,), (1, 2, 3), (3, 2, 1), (1, 24)]
    seeds = {mixed_seed(*each) for each in numbers}
    assert len(seeds) == len(numbers)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert mixed_seed(1, 23) == mixed_seed(1, 23)
