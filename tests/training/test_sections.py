"""Sections of the cycle: which frames, drawn how, the same after a resume, and averaged in predictions."""

import numpy as np
import pytest
import torch

from training import toy
from vita.runtime.errors import UserError
from vita.training import batches
from vita.training.batches import TrainingBatches, TrainingOrder, in_order
from vita.training.sections import sections_of, wrapped_sections
from vita.training.session import open_session


def test_ten_sections_go_around_the_cycle():
    """Of 50 frames without overlap, of 20 with it, of 7 as many as frames; the last goes on to the first frames."""
    assert np.concatenate(wrapped_sections(50, 5)).tolist() == list(range(50))
    found = wrapped_sections(20, 5)
    assert [section[0] for section in found] == list(range(0, 20, 2))
    assert found[:2] == [[0, 1, 2, 3, 4], [2, 3, 4, 5, 6]]
    assert found[-2:] == [[16, 17, 18, 19, 0], [18, 19, 0, 1, 2]]
    assert len(wrapped_sections(7, 5)) == 7
    with pytest.raises(UserError, match="a section has 5"):
        wrapped_sections(4, 5)


def test_one_section_is_the_papers():
    assert sections_of(50, 5, "cycle", "one").every == [[0, 10, 20, 30, 40]]
    assert sections_of(50, 5, "ends", "one").every == [[0, 12, 24, 37, 49]]


def test_even_sections_hold_every_frame_once():
    found = sections_of(20, 5, "cycle", "cycle")
    assert found.in_turn == [[0, 4, 8, 12, 16], [1, 5, 9, 13, 17], [2, 6, 10, 14, 18], [3, 7, 11, 15, 19]]
    assert found.every == found.in_turn


def test_mixed_sections_are_drawn_half_from_runs_which_go_over_the_end():
    found = sections_of(10, 4, "cycle", "mixed")
    assert len(found.in_turn) == 2
    assert found.every[2:] == [[(start + step) % 10 for step in range(4)] for start in range(10)]
    drawn = found.draw(4000, torch.Generator().manual_seed(1))
    counts = np.bincount(drawn.numpy(), minlength=12)
    assert counts[:2].sum() == pytest.approx(2000, abs=130)  # 4 standard deviations
    assert counts[:2] == pytest.approx(1000, abs=115)
    assert counts[2:] == pytest.approx(200, abs=60)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> toy.Toy:
    return toy.make(tmp_path_factory.mktemp("sections"))


@pytest.mark.parametrize("cache_mb", [0, 1500])
def test_batches_hold_the_frames_of_their_sections(cohort, cache_mb):
    session = open_session("stage1", cohort.shards, cohort.split, toy.blocks({"cache_mb": cache_mb}, sections="mixed"))
    samples = session.samples(["train"])
    last = len(samples.sections.every) - 1
    batch = samples[[(3, 0), (2, last)]]["images"]
    for image, row, section in ((batch[0], 3, 0), (batch[1], 2, last)):
        frames = samples.sections.every[section]
        whole = samples.reader.voxels(int(samples.eids[row]), range(10))
        assert image.numpy() == pytest.approx(whole[:, frames], abs=1e-3)
    assert samples.sections.every[last] == [9, 0, 1, 2, 3]


def test_a_resumed_epoch_draws_the_same_sections(cohort):
    session = open_session("stage1", cohort.shards, cohort.split, toy.blocks(sections="mixed"))
    samples = session.samples(["train"])
    order = TrainingOrder(len(samples), 8, seed=3)
    whole = list(TrainingBatches(samples, order, lambda: order.steps))
    resumed = list(TrainingBatches(samples, order, lambda: order.steps + 1))
    assert all(torch.equal(a["images"], b["images"]) for a, b in zip(whole[1:], resumed, strict=True))
    other = list(TrainingBatches(samples, order, lambda: 0))
    assert not torch.equal(whole[0]["images"], other[0]["images"])


def test_each_epoch_draws_other_sections(cohort, monkeypatch):
    session = open_session("stage1", cohort.shards, cohort.split, toy.blocks(sections="mixed"))
    samples = session.samples(["train"])
    order = TrainingOrder(len(samples), 8, seed=3)
    monkeypatch.setattr(batches, "loader", lambda samples, pairs, workers: pairs)
    drawn = [
        [
            section
            for batch in TrainingBatches(samples, order, lambda epoch=epoch: epoch * order.steps)
            for _, section in batch
        ]
        for epoch in (0, 0, 1)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


def test_validation_takes_the_sections_in_turn(cohort):
    session = open_session("stage1", cohort.shards, cohort.split, toy.blocks(sections="cycle"))
    samples = session.samples(["val"])
    batch = next(iter(in_order(samples, 2)))["images"]
    whole = samples.reader.voxels(int(samples.eids[1]), range(10))
    assert batch[1].numpy() == pytest.approx(whole[:, [1, 3, 5, 7, 9]], abs=1e-3)
