"""Parity with the arrays of the published model, to 1e-5."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vita.models.alignment import TabularEncoder, clip_loss
from vita.models.image_encoder import ImageEncoder
from vita.models.mae import MaskedAutoencoder
from vita.models.published import rename, settings_of
from vita.models.segmenter import Segmenter
from vita.models.settings import ModelSettings
from vita.models.tokens import image_positions, kept_count, patchify, tabular_positions, unpatchify

GOLDEN = Path(__file__).parent / "golden"
TOLERANCE = {"atol": 1e-5, "rtol": 0}


def _load(name: str) -> dict[str, Tensor]:
    with np.load(GOLDEN / name) as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays}


@pytest.fixture(scope="module")
def arrays() -> dict[str, Tensor]:
    return _load("reference_arrays.npz")


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return _load("reference_state_dict.npz")


@pytest.fixture(scope="module")
def settings(state) -> ModelSettings:
    return settings_of(state, heads=3)


def _fill(module: nn.Module, state: dict[str, Tensor], parts: dict[str, str]) -> nn.Module:
    """Load published weights, all of them, into a module; `parts` maps the project's parts to its attributes."""
    renamed, left_over = rename(state)
    assert left_over == []
    own = {
        to + name.removeprefix(of): value
        for name, value in renamed.items()
        for of, to in parts.items()
        if name.startswith(of)
    }
    module.load_state_dict(own, strict=True)
    return module.eval()


def test_sizes_are_read_off_the_weights(settings):
    assert (settings.planes, settings.frames, settings.size, settings.patch) == (9, 5, 32, (5, 8, 8))
    assert (settings.width, settings.depth, settings.decoder_depth, settings.tabular_depth) == (33, 2, 1, 2)


def test_positions(state, settings):
    assert torch.allclose(image_positions(settings), state["encoder_imaging.enc_pos_embed"][0], **TOLERANCE)
    assert torch.allclose(image_positions(settings), state["decoder_imaging.dec_pos_embed"][0], **TOLERANCE)
    assert torch.allclose(tabular_positions(7, 33), state["encoder_tabular.enc_pos_embed"][0], **TOLERANCE)


def test_patches(arrays, settings):
    patches = patchify(arrays["image"], settings.patch)
    assert torch.equal(patches, arrays["patches"])
    assert torch.equal(unpatchify(patches, settings.grid, settings.patch), arrays["image"])


@torch.inference_mode()
def test_image_encoder(arrays, state, settings):
    encoder = _fill(ImageEncoder(settings), state, {"image_encoder.": ""})
    assert torch.allclose(encoder(arrays["image"]), arrays["tokens"], **TOLERANCE)
    assert torch.allclose(encoder.layers(arrays["image"])[1], arrays["tokens"], **TOLERANCE)
    keep = kept_count(settings.tokens, 0.7)
    masked = encoder(arrays["image"], arrays["ids_shuffle"], keep)
    assert torch.allclose(masked, arrays["masked_tokens"], **TOLERANCE)


@torch.inference_mode()
def test_reconstruction(arrays, state, settings):
    model = _fill(MaskedAutoencoder(settings), state, {"image_encoder.": "encoder.", "decoder.": "decoder."})
    keep = kept_count(settings.tokens, 0.7)
    output = model(arrays["image"], arrays["ids_shuffle"], keep)
    assert torch.allclose(output.reconstruction, arrays["reconstruction"], **TOLERANCE)
    assert output.masked.sum(dim=1).tolist() == [settings.tokens - keep] * 2
    error = (arrays["reconstruction"] - arrays["patches"]).square().mean(dim=2)
    assert torch.allclose(output.loss, error[output.masked].mean(), **TOLERANCE)


@torch.inference_mode()
def test_tabular_encoder(arrays, state, settings):
    encoder = _fill(TabularEncoder(settings, 3, 2, [3, 5]), state, {"tabular_encoder.": ""})
    row = arrays["tabular_row"]
    assert torch.allclose(encoder(row[:, :3], row[:, 3:].long()), arrays["tabular_tokens"], **TOLERANCE)


@pytest.mark.parametrize(("denominator", "key"), [("row", "clip_loss"), ("equation3", "clip_loss_equation3_mean")])
def test_contrastive_loss(arrays, denominator, key):
    loss = clip_loss(arrays["clip_image"], arrays["clip_table"], 0.1, 0.5, denominator)
    assert torch.allclose(loss, arrays[key], **TOLERANCE)


@torch.inference_mode()
def test_segmentation():
    golden, state = _load("segmentation_arrays.npz"), _load("segmentation_state_dict.npz")
    sizes = settings_of(state, heads=3)
    assert (sizes.depth, sizes.segmenter_hidden, sizes.segmenter_feature) == (6, 72, 4)
    segmenter = _fill(Segmenter(sizes, ImageEncoder(sizes)), state, {"image_encoder.": "encoder.", "segmenter.": ""})
    assert torch.allclose(segmenter.encoder(golden["image"]), golden["tokens"], **TOLERANCE)
    assert torch.allclose(segmenter(golden["image"]), golden["logits"], **TOLERANCE)


def test_published_names_of_the_decoder():
    state = _load("segmentation_state_dict.npz")
    sizes = settings_of(state, heads=3)
    own = Segmenter(sizes, ImageEncoder(sizes)).state_dict()
    published = {name: tuple(value.shape) for name, value in state.items() if name.startswith("decoder")}
    assert {name: tuple(value.shape) for name, value in own.items() if name.startswith("decoder")} == published
