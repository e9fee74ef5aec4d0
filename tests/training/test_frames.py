"""Frames of segmentation: how they are drawn in training, and that every frame gets a mask."""

import itertools
import random
from collections import Counter

import numpy as np
import pytest
import torch

from training import toy
from vita.cohort.split_table import read_split
from vita.images.shards import ShardReader
from vita.models.settings import ModelSettings
from vita.runtime.errors import UserError
from vita.training import stage3
from vita.training.augment import Intensities
from vita.training.data import Samples
from vita.training.sections import draw_frames, even_frames, sections_of
from vita.training.segmentation import cycle_masks, extreme_frames


def kind_of(frames: list[int], available: int) -> str:
    steps = {(second - first) % available for first, second in itertools.pairwise(frames)}
    for name, step in (("still", 0), ("start", 4), ("reversed", available - 4)):
        if steps == {step}:
            return name
    assert frames == sorted(set(frames))
    return "irregular"


def test_shares_of_the_draws() -> None:
    chance = random.Random(0)
    drawn = [draw_frames(20, 5, "cycle", chance) for _ in range(20_000)]
    shares = {name: count / len(drawn) for name, count in Counter(kind_of(each, 20) for each in drawn).items()}
    assert shares == pytest.approx({"start": 0.5, "still": 0.2, "irregular": 0.2, "reversed": 0.1}, abs=0.02)
    first = np.bincount([each[0] for each in drawn if kind_of(each, 20) == "start"], minlength=20) / 10_000
    assert first == pytest.approx(1 / 20, abs=0.01)  # no frame is the first more often than another


@pytest.fixture
def drawn(cohort) -> Samples:
    return samples_of_masks(cohort)


def samples_of_masks(cohort, **options) -> Samples:
    reader, split = ShardReader(cohort.shards), read_split(cohort.split)
    sizes = ModelSettings.from_dict(toy.MODEL)
    return Samples(reader, split, ["train"], "fit", sizes, masks=True, choice="masks", **options)


def test_masks_go_with_the_drawn_frames(drawn) -> None:
    batch = drawn[[(row, 7 * row) for row in range(6)]]
    assert not torch.equal(batch["images"], drawn[[(row, 7 * row + 1) for row in range(6)]]["images"])
    known = batch["masks"] != 255
    inside = batch["images"][known & (batch["masks"] == 1)]
    assert inside.min() > 0.6 > batch["images"][known & (batch["masks"] == 0)].max()


def test_read_as_they_are_needed_they_are_the_same(drawn, cohort) -> None:
    lazy = samples_of_masks(cohort, cache_mb=0)
    for name, tensor in drawn[[(3, 401), (1, 2), (7, 90)]].items():
        assert torch.equal(tensor, lazy[[(3, 401), (1, 2), (7, 90)]][name])


def test_training_takes_any_draw_and_validation_the_first() -> None:
    sections = sections_of(20, 5, "cycle", "masks")
    assert len(sections.every) == 500
    assert {kind_of(frames, 20) for frames in sections.in_turn} == {"start", "still", "irregular", "reversed"}
    places = sections.draw(5000, torch.Generator().manual_seed(0))
    kinds = Counter(kind_of(sections.every[place], 20) for place in places.tolist())
    assert kinds["still"] / 5000 == pytest.approx(0.2, abs=0.05)
    assert len(set(places.tolist())) > 490


def test_intensities_move_a_little_and_stay_in_range() -> None:
    images = torch.rand(4, 9, 5, 16, 16, generator=torch.Generator().manual_seed(1))
    changed = Intensities()(images, torch.Generator().manual_seed(2))
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert 0.005 < (changed - images).abs().mean() < 0.15
    assert torch.equal(Intensities(0, 0, 0, 0)(images, torch.Generator()), images)
    dark = 0.1 * images
    noise = [
        float((Intensities(0, 0, 0)(each, torch.Generator().manual_seed(2)) - each).std()) for each in (images, dark)
    ]
    assert noise[1] == pytest.approx(0.1 * noise[0], rel=0.1)  # dark hearts get as little more
    order = torch.corrcoef(torch.stack([images[0].flatten(), changed[0].flatten()]))[0, 1]
    assert order > 0.95


class Bright(torch.nn.Module):
    """Stands for a segmenter that sees the image: the LV is where it is bright."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        assert images.shape[2] == 5
        return torch.stack([1 - images, images], dim=1)


def test_every_frame_has_the_mask_of_its_own_image() -> None:
    images = torch.rand(1, 9, 12, 8, 8, generator=torch.Generator().manual_seed(3))
    passes = [[(frame + shift) % 12 for frame in even_frames(12, 5, "cycle")] for shift in (0, -1, 1)]
    assert {frame for each in passes for frame in each} == set(range(12))
    masks = cycle_masks(Bright(), images, passes)
    assert np.array_equal(masks, (images[0] > 0.5).numpy())


def test_ed_and_es_are_found_in_the_curve() -> None:
    masks = np.zeros((9, 6, 8, 8), np.uint8)
    for frame, size in enumerate([4, 3, 2, 3, 5, 4]):
        masks[3:, frame, :size, :size] = 1
    masks[2, 0] = 1  # the long axis says otherwise, and does not count
    assert extreme_frames(masks) == (4, 2)
    assert extreme_frames(masks[:3]) == (0, 0)  # of one view, all its planes
    assert extreme_frames(np.zeros_like(masks)) == (0, 0)


@pytest.mark.parametrize(("view", "planes"), [("sa", range(3, 9)), ("la", range(3))])
def test_a_single_view_leaves_the_other_empty(cohort, tmp_path, view, planes) -> None:
    model = {"view_of_plane": [0 if view == "la" else 1] * len(planes)}
    stage3.main(cohort.stage3("segmentation", f"vita_{view}", tmp_path, epochs=8, lr=1e-2, model=model))
    with np.load(tmp_path / "masks.npz") as masks:
        truth, prediction = masks["truth"], masks["prediction"]
        assert masks["still_prediction"].shape == (8, 2, 9, 5, 16, 16)
    assert truth.shape == prediction.shape == (8, 9, 10, 16, 16)
    others = [plane for plane in range(9) if plane not in planes]
    assert (truth[:, others] == 255).all()
    assert not prediction[:, others].any()
    assert (prediction[:, list(planes)] == 1).any()


def test_training_without_a_single_mask_stops_with_the_remedy(cohort, tmp_path, monkeypatch) -> None:
    read = ShardReader.__init__

    def without(self, paths):
        read(self, paths)
        self.table["has_masks"] = False

    monkeypatch.setattr(ShardReader, "__init__", without)
    with pytest.raises(UserError, match=r"nobody in the split train has a reference mask.*images\.masks"):
        stage3.main(cohort.stage3("segmentation", "vit", tmp_path))
    assert not (tmp_path / "model.safetensors").exists()


class Counting(torch.nn.Module):
    """Stands for a segmenter that draws the number of the pass everywhere."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        classes = torch.arange(len(images))[:, None, None, None, None].expand(-1, *images.shape[1:])
        return torch.nn.functional.one_hot(classes, 3).movedim(-1, 1).float()


def test_a_frame_has_the_mask_of_the_first_pass_that_takes_it() -> None:
    masks = cycle_masks(Counting(), torch.zeros(1, 1, 4, 2, 2), [[0, 2], [1, 2], [2, 3]])
    assert masks[0, :, 0, 0].tolist() == [0, 1, 0, 2]
