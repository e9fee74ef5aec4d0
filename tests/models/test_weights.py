import json

import pytest
import torch
from safetensors.torch import save_file

import filled
from vita.models.alignment import Alignment
from vita.models.image_encoder import ImageEncoder
from vita.models.mae import MaskedAutoencoder
from vita.models.settings import ModelSettings
from vita.models.weights import load_part, read_part
from vita.runtime.errors import UserError

SMALL = filled.model(size=32, patch=(5, 8, 8), width=33, heads=3, depth=2, projection=16)


def _write(folder, model, settings=SMALL):
    folder.mkdir(exist_ok=True)
    save_file(model.state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"model": settings.to_dict()}))
    return folder


def test_the_image_encoder_of_every_stage_is_found(tmp_path):
    for name, model in (("stage1", MaskedAutoencoder(SMALL)), ("stage2", Alignment(SMALL, 2, 1, [3]))):
        folder, encoder = _write(tmp_path / name, model), ImageEncoder(SMALL)
        load_part(encoder, folder, "image_encoder", SMALL)
        source = getattr(model, "encoder", None) or model.image_encoder
        pairs = zip(encoder.parameters(), source.parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)


def test_another_size_names_key_and_both_values(tmp_path):
    folder = _write(tmp_path / "m", MaskedAutoencoder(SMALL))
    wide = ModelSettings.from_dict(SMALL.to_dict() | {"width": 57})
    with pytest.raises(UserError, match=r"'model\.width' is 57 in the configuration, 33 in the weights"):
        load_part(ImageEncoder(wide), folder, "image_encoder", wide)


def test_a_missing_layer_is_named(tmp_path):
    folder = _write(tmp_path / "m", MaskedAutoencoder(SMALL))
    deep = ModelSettings.from_dict(SMALL.to_dict() | {"depth": 3})
    with pytest.raises(UserError, match=r"blocks\.2\.norm1\.weight is missing.*'model\.depth' is 3.*2 in the weights"):
        load_part(ImageEncoder(deep), folder, "image_encoder", deep)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"heads": 11}, r"'model\.heads' is 11 in the configuration, 3 in the weights"),
        ({"positions": "interleaved"}, r"'model\.positions' is interleaved in the configuration, block in the weights"),
        ({"patch": [5, 16, 4]}, r"'model\.patch' is \[5, 16, 4\] in the configuration, \[5, 8, 8\] in the weights"),
    ],
)
def test_weights_that_fit_but_mean_something_else(tmp_path, change, words):
    folder = _write(tmp_path / "m", MaskedAutoencoder(SMALL))
    other = ModelSettings.from_dict(SMALL.to_dict() | change)
    with pytest.raises(UserError, match=words):
        load_part(ImageEncoder(other), folder, "image_encoder", other)


def test_a_stage_may_see_more_frames_than_the_one_it_starts_from(tmp_path):
    """Times of the first patch keep their positions, so tokens that see nothing else are the same."""
    short = MaskedAutoencoder(SMALL)
    longer = ModelSettings.from_dict(SMALL.to_dict() | {"frames": 10})
    encoder = ImageEncoder(longer)
    load_part(encoder, _write(tmp_path / "m", short), "image_encoder", longer)
    images = torch.rand(1, 9, 10, 32, 32)
    places = torch.arange(longer.tokens).view(longer.grid)[:, 0].reshape(1, -1)  # patches of the first five frames
    assert torch.allclose(encoder(images, places), short.encoder(images[:, :, :5]), atol=1e-5)
    assert encoder(images).shape == (1, 1 + 2 * SMALL.tokens, 33)


def test_unreadable_folders(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_part(tmp_path, "image_encoder")
    (tmp_path / "model.safetensors").write_bytes(b"garbage")
    with pytest.raises(UserError, match="not a readable safetensors file"):
        read_part(tmp_path, "image_encoder")
    with pytest.raises(UserError, match="no weights of the part 'tabular_encoder'"):
        read_part(_write(tmp_path / "m", MaskedAutoencoder(SMALL)), "tabular_encoder")
