"""Heads, baselines and the segmenter."""

import pytest
import torch
from torch.nn import functional

import filled
from vita.models.alignment import Alignment, clip_loss
from vita.models.baselines import ResNet50
from vita.models.heads import Output, Regressor, output_slices, total_width
from vita.models.image_encoder import ImageEncoder
from vita.models.mae import MaskedAutoencoder
from vita.models.segmenter import (
    NOT_ANNOTATED,
    Segmenter,
    growth,
    largest_class,
    segmentation_loss,
    skip_layers,
)
from vita.models.settings import ModelSettings
from vita.models.tokens import random_order
from vita.runtime.errors import UserError

SIZES = {"size": 32, "patch": (5, 8, 8), "width": 33, "heads": 3, "depth": 2}
SMALL = filled.model(**SIZES, segmenter_hidden=72, segmenter_feature=8, segmenter_frames=0)
OUTPUTS = [Output("LVEDV", "numerical"), Output("smoker", "binary"), Output("diet", "categorical", 4)]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def test_columns_of_outputs():
    assert output_slices(OUTPUTS) == {"LVEDV": slice(0, 1), "smoker": slice(1, 2), "diet": slice(2, 6)}
    assert total_width(OUTPUTS) == 6


@pytest.mark.parametrize("pooling", ["mean", "flatten", "cls"])
def test_regressor_gives_all_outputs_and_reaches_every_weight(pooling):
    model = Regressor(SMALL, ImageEncoder(SMALL), OUTPUTS, pooling)
    raw = model(torch.rand(2, 9, 5, 32, 32))
    assert raw.shape == (2, 6)
    raw.square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize(
    ("pooling", "features"), [("mean", [4]), ("flatten", [1, 3, 5, 7]), ("cls", [100]), ("plane", [2, 6])]
)
def test_pooling_by_hand(pooling, features):
    """A class token of 100, and two tokens of each of two planes."""
    settings = ModelSettings.from_dict(SMALL.to_dict() | {"view_of_plane": [0, 1]})
    model = Regressor(settings, ImageEncoder(settings), OUTPUTS, pooling)
    assert model._pool(torch.tensor([[[100.0], [1], [3], [5], [7]]])).tolist() == [features]


def test_unknown_pooling():
    with pytest.raises(UserError, match="'pooling' is 'max'"):
        Regressor(SMALL, ImageEncoder(SMALL), OUTPUTS, "max")


def test_resnet_shares_the_interface():
    assert ResNet50(SMALL, OUTPUTS)(torch.rand(2, 9, 5, 32, 32)).shape == (2, 6)


def test_segmenter_has_the_shape_of_its_images():
    model = Segmenter(SMALL, ImageEncoder(SMALL)).eval()
    assert model(torch.rand(2, 9, 5, 32, 32)).shape == (2, 6, 9, 5, 32, 32)


def test_segmenter_decodes_several_temporal_patches():
    settings = ModelSettings.from_dict(SMALL.to_dict() | {"frames": 10, "view_of_plane": [0, 1]})
    assert Segmenter(settings, ImageEncoder(settings))(torch.rand(1, 2, 10, 32, 32)).shape == (1, 6, 2, 10, 32, 32)


@pytest.mark.parametrize(
    ("patch", "steps"),
    [
        ((5, 8, 8), ((1, 2, 2), (1, 2, 2), (5, 2, 2))),  # as published
        ((5, 12, 12), ((1, 2, 2), (1, 2, 2), (5, 3, 3))),
        ((1, 16, 16), ((1, 2, 2), (1, 2, 2), (1, 4, 4))),
        ((5, 6, 4), ((1, 2, 2), (1, 3, 2), (5, 1, 1))),
        ((5, 1, 7), ((1, 1, 7), (1, 1, 1), (5, 1, 1))),
    ],
)
def test_patches_grow_to_pixels_in_three_steps(patch, steps):
    assert growth(patch) == steps


@pytest.mark.parametrize("patch", [[5, 6, 12], [5, 9, 9], [5, 36, 4]])
def test_segmenter_decodes_other_patches(patch):
    settings = ModelSettings.from_dict(SMALL.to_dict() | {"size": 36, "patch": patch})
    assert Segmenter(settings, ImageEncoder(settings))(torch.rand(1, 9, 5, 36, 36)).shape == (1, 6, 9, 5, 36, 36)


def test_skip_connections_come_from_the_inputs_of_blocks_two_and_four_of_six():
    assert [skip_layers(depth) for depth in (6, 3, 1)] == [(2, 4), (1, 2), (0, 0)]


@pytest.mark.parametrize("frames", [0, 4])
def test_segmenter_learns_a_bright_square(frames):
    model = _frame_model(segmenter_frames=frames).train()
    images, target = torch.rand(2, 9, 5, 32, 32) * 0.3, torch.zeros(2, 9, 5, 32, 32, dtype=torch.uint8)
    images[..., 8:20, 8:20] += 0.6
    target[..., 8:20, 8:20] = 1
    optimiser = torch.optim.AdamW(model.parameters(), 1e-2)
    for _ in range(40):
        optimiser.zero_grad()
        segmentation_loss(model(images), target).backward()
        optimiser.step()
    assert all(parameter.grad is not None for parameter in model.parameters())
    found, wanted = model(images).argmax(dim=1) == 1, target == 1
    assert 2 * (found & wanted).sum() / (found.sum() + wanted.sum()) > 0.95


def _frame_model(**own) -> Segmenter:
    settings = ModelSettings.from_dict(SMALL.to_dict() | {"segmenter_frames": 4} | own)
    return Segmenter(settings, ImageEncoder(settings)).eval()


@pytest.mark.parametrize("views", [[0] * 3 + [1] * 6, [0] * 3])
def test_frame_decoder_has_the_shape_of_its_images(views):
    model = _frame_model(frames=10, view_of_plane=views)
    assert model(torch.rand(2, len(views), 10, 32, 32)).shape == (2, 6, len(views), 10, 32, 32)


def test_frame_decoder_replaces_the_published_one():
    published, own = (set(model.state_dict()) for model in (Segmenter(SMALL, ImageEncoder(SMALL)), _frame_model()))
    assert {name.split(".")[0] for name in published} == {"encoder", "decoder_embed", "decoder"}
    assert {name.split(".")[0] for name in own} == {"encoder", "frame_decoder"}


@torch.inference_mode()
def test_frame_decoder_draws_a_frame_from_its_own_image():
    model, images = _frame_model(), torch.rand(1, 9, 5, 32, 32)
    tokens = model.encoder(images)
    before = model.frame_decoder(images, tokens)
    images[:, 4, 3] = images[:, 4, 3].flip(-1)  # the mean and the spread of the plane stay
    changed = (model.frame_decoder(images, tokens) - before).abs().amax(dim=(0, 1, 4, 5)) > 1e-4
    assert changed.nonzero().tolist() == [[4, 3]]


@torch.inference_mode()
def test_frame_decoder_draws_a_still_heart_still_and_sees_the_tokens():
    model, images = _frame_model(), torch.rand(1, 9, 1, 32, 32).expand(-1, -1, 5, -1, -1)
    tokens = model.encoder(images)
    logits = model.frame_decoder(images, tokens)
    assert torch.allclose(logits, logits[:, :, :, :1].expand_as(logits), atol=1e-4)
    assert (model.frame_decoder(images, tokens.flip(1)) - logits).abs().max() > 1e-3


@torch.inference_mode()
def test_frame_decoder_does_not_look_at_brightness_or_contrast():
    model, images = _frame_model(), torch.rand(1, 9, 5, 32, 32)
    tokens = model.encoder(images)
    dim = model.frame_decoder(0.1 + 0.5 * images, tokens)
    assert torch.allclose(dim, model.frame_decoder(images, tokens), atol=0.05)
    black = model.frame_decoder(torch.zeros_like(images), tokens)
    assert black.isfinite().all()


def test_largest_class_is_the_first_of_the_largest():
    logits = torch.randn(2, 6, 9, 5, 8, 8).round()  # many are equal
    found = largest_class(logits)
    assert found.dtype == torch.uint8
    assert found.tolist() == logits.numpy().argmax(axis=1).tolist()
    assert not largest_class(torch.zeros(1, 6, 9, 5, 2, 2)).any()


def test_segmentation_loss_is_cross_entropy_plus_dice():
    logits, target = torch.randn(2, 3, 2, 1, 4, 4), torch.randint(0, 3, (2, 2, 1, 4, 4))
    probability, truth = logits.softmax(dim=1), functional.one_hot(target, 3).movedim(-1, 1)
    overlap, sizes = (t.sum(dim=(0, 2, 3, 4, 5)) for t in (probability * truth, probability + truth))
    dice = 1 - ((2 * overlap + 1) / (sizes + 1))[1:]
    expected = functional.cross_entropy(logits, target) + dice.mean()
    assert torch.allclose(segmentation_loss(logits, target), expected, atol=1e-6)


def test_published_loss_is_dice_of_each_plane():
    logits, target = torch.randn(2, 3, 2, 1, 4, 4), torch.randint(0, 3, (2, 2, 1, 4, 4))
    target[:, 1][target[:, 1] == 2] = 0  # the second plane does not show class 2
    probability, truth = logits.softmax(dim=1), functional.one_hot(target, 3).movedim(-1, 1)
    overlap, sizes = (t.sum(dim=(0, 3, 4, 5)) for t in (probability * truth, probability + truth))  # (class, plane)
    dice = 1 - (2 * overlap + 1) / (sizes + 1)
    expected = (dice[1, 0] + dice[2, 0] + dice[1, 1]) / 3
    assert torch.allclose(segmentation_loss(logits, target, "dice"), expected, atol=1e-6)


def test_voxels_without_annotation_weigh_nothing():
    logits = torch.randn(1, 3, 2, 1, 4, 4, requires_grad=True)
    target = torch.randint(0, 3, (1, 2, 1, 4, 4))
    target[:, 1] = NOT_ANNOTATED
    loss = segmentation_loss(logits, target)
    assert torch.allclose(loss, segmentation_loss(logits[:, :, :1], target[:, :1]))
    loss.backward()
    assert not logits.grad[:, :, 1].any()
    assert logits.grad[:, :, 0].any()


def test_nothing_annotated_gives_zero():
    logits = torch.randn(1, 3, 1, 1, 4, 4, requires_grad=True)
    loss = segmentation_loss(logits, torch.full((1, 1, 1, 4, 4), NOT_ANNOTATED))
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()


def test_networks_run_in_mixed_precision():
    images, target = torch.rand(2, 9, 5, 32, 32), torch.zeros(2, 9, 5, 32, 32, dtype=torch.uint8)
    mae, alignment = MaskedAutoencoder(SMALL), Alignment(SMALL, 2, 1, [3])
    segmenter, regressor = Segmenter(SMALL, ImageEncoder(SMALL)), Regressor(SMALL, ImageEncoder(SMALL), OUTPUTS)
    framewise = _frame_model().train()
    numbers, classes = torch.randn(2, 2), torch.zeros(2, 2, dtype=torch.long)
    with torch.autocast("cpu", torch.bfloat16):
        losses = [
            mae(images, random_order(2, 144), 43).loss,
            clip_loss(*alignment(images, numbers, classes), 0.1, 0.5),
            segmentation_loss(segmenter(images), target),
            segmentation_loss(framewise(images), target),
            regressor(images).float().square().mean(),
        ]
    sum(losses).backward()
    assert all(loss.dtype == torch.float32 for loss in losses)
    for model in (mae, alignment, segmenter, framewise, regressor):
        assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
