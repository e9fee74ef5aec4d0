"""Published checkpoints: parity of what is imported, and files that mean harm."""

import json
import os
import pickle
from collections import OrderedDict, defaultdict, deque
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import filled
from models.published_file import write_published
from vita.models.alignment import TabularEncoder
from vita.models.image_encoder import ImageEncoder
from vita.models.import_published import main
from vita.models.restricted import read_tensors
from vita.models.segmenter import Segmenter
from vita.models.settings import ModelSettings
from vita.models.weights import load_part, load_segmenter, load_whole, read_part
from vita.runtime.errors import UserError

GOLDEN = Path(__file__).parent / "golden"


class Foreign:
    """A class of somebody else's code, as configurations in published files are."""

    def __init__(self) -> None:
        self.learning_rate = 1e-3


class Harm:
    """Runs a command where it is unpickled carelessly."""

    def __init__(self, function, argument) -> None:
        self.function, self.argument = function, argument

    def __reduce__(self):
        return self.function, (self.argument,)


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    with np.load(GOLDEN / "reference_state_dict.npz") as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays}


def _projectors() -> dict[str, Tensor]:
    shapes = {"layers.0.weight": (33, 33), "layers.0.bias": (33,), "layers.2.weight": (16, 33), "layers.2.bias": (16,)}
    return {
        f"projector_{kind}.{name}": torch.randn(shape)
        for kind in ("imaging", "tabular")
        for name, shape in shapes.items()
    }


def _save(path: Path, state: dict[str, Tensor], **more) -> Path:
    """A checkpoint as Lightning writes it."""
    torch.save({"epoch": 3, "global_step": 40, "state_dict": state, "optimizer_states": [], **more}, path)
    return path


def _import(tmp_path: Path, checkpoint: Path, *options: str) -> Path:
    main(["--checkpoint", str(checkpoint), "--output", str(tmp_path / "out"), "--heads", "3", *options])
    return tmp_path / "out"


def test_imported_weights_reproduce_the_published_outputs(tmp_path, state):
    more = {"hyper_parameters": Foreign(), "root": Path("x"), "scores": np.float64(0.5)}
    folder = _import(tmp_path, _save(tmp_path / "p.ckpt", state | _projectors(), **more))
    settings = ModelSettings.from_dict(json.loads((folder / "config.json").read_text())["model"])
    assert (settings.heads, settings.projection) == (3, 16)
    with np.load(GOLDEN / "reference_arrays.npz") as arrays:
        image, tokens, row, table = (
            torch.from_numpy(arrays[k]) for k in ("image", "tokens", "tabular_row", "tabular_tokens")
        )
    encoder, tabular = ImageEncoder(settings).eval(), TabularEncoder(settings, 3, 2, [3, 5]).eval()
    load_part(encoder, folder, "image_encoder", settings)
    load_part(tabular, folder, "tabular_encoder", settings)
    assert torch.allclose(encoder(image), tokens, atol=1e-5, rtol=0)
    assert torch.allclose(tabular(row[:, :3], row[:, 3:].long()), table, atol=1e-5, rtol=0)
    assert read_part(folder, "table_projector")["2.weight"].shape == (16, 33)


def test_an_imported_segmentation_is_a_model_of_stage_iii(tmp_path):
    with np.load(GOLDEN / "segmentation_state_dict.npz") as arrays:
        published = {key: torch.from_numpy(arrays[key]) for key in arrays}
    folder = _import(tmp_path, _save(tmp_path / "p.ckpt", published))
    settings = ModelSettings.from_dict(json.loads((folder / "config.json").read_text())["model"])
    with np.load(GOLDEN / "segmentation_arrays.npz") as arrays:
        image, logits = torch.from_numpy(arrays["image"]), torch.from_numpy(arrays["logits"])
    whole, started = (Segmenter(settings, ImageEncoder(settings)).eval() for _ in range(2))
    load_whole(whole, folder)  # as `vita predict` does
    load_part(started.encoder, folder, "image_encoder", settings)  # as Stage III starts
    assert load_segmenter(started, folder)
    for model in (whole, started):
        assert torch.allclose(model(image), logits, atol=1e-5, rtol=0)
    other = ModelSettings.from_dict(settings.to_dict() | {"segmenter_feature": 8})
    with pytest.raises(UserError, match=r"decoder do not fit.*segmenter_feature"):
        load_segmenter(Segmenter(other, ImageEncoder(other)), folder)
    framewise = ModelSettings.from_dict(settings.to_dict() | {"segmenter_frames": 4})
    with pytest.raises(UserError, match=r"decoder do not fit.*'model.segmenter_frames' 0"):
        load_segmenter(Segmenter(framewise, ImageEncoder(framewise)), folder)


OTHER_DECODERS = ({"segmenter_frames": 0}, {"segmenter_frames": 6}, {"view_of_plane": [0] * 3})


def test_a_decoder_for_single_frames_starts_from_its_own_folder(tmp_path):
    own = filled.model(size=32, patch=(5, 8, 8), width=33, heads=3, depth=1, segmenter_frames=4)
    trained, started = (Segmenter(own, ImageEncoder(own)) for _ in range(2))
    save_file(trained.state_dict(), tmp_path / "model.safetensors")
    assert load_segmenter(started, tmp_path)
    assert torch.equal(started.frame_decoder.out.weight, trained.frame_decoder.out.weight)
    assert torch.equal(started.frame_decoder.plane, trained.frame_decoder.plane)
    published, wider, fewer = (ModelSettings.from_dict(own.to_dict() | other) for other in OTHER_DECODERS)
    for settings in (published, wider, fewer):
        with pytest.raises(UserError, match=r"decoder do not fit.*'model.segmenter_frames'.*config.json"):
            load_segmenter(Segmenter(settings, ImageEncoder(settings)), tmp_path)


def test_other_models_have_no_segmentation_decoder_to_start_from(tmp_path, state):
    folder = _import(tmp_path, _save(tmp_path / "p.ckpt", state))
    settings = ModelSettings.from_dict(json.loads((folder / "config.json").read_text())["model"])
    assert not load_segmenter(Segmenter(settings, ImageEncoder(settings)), folder)


def test_missing_weights_are_listed_and_refused_unless_allowed(tmp_path, state):
    del state["encoder_imaging.encoder.1.mlp.fc2.bias"]
    checkpoint = _save(tmp_path / "p.ckpt", state)
    state["encoder_imaging.encoder.1.mlp.fc2.bias"] = torch.zeros(33)
    with pytest.raises(UserError, match=r"missing: image_encoder\.blocks\.1\.fc2\.bias.*--allow-missing"):
        _import(tmp_path, checkpoint)
    assert not (tmp_path / "out" / "model.safetensors").exists()
    assert "blocks.1.fc2.bias" not in read_part(_import(tmp_path, checkpoint, "--allow-missing"), "image_encoder")


def test_left_over_weights_are_listed_and_refused_unless_allowed(tmp_path, state):
    checkpoint = _save(tmp_path / "p.ckpt", state | {"momentum_encoder.weight": torch.ones(2)})
    with pytest.raises(UserError, match=r"left over: momentum_encoder\.weight.*--allow-left-over"):
        _import(tmp_path, checkpoint)
    assert read_part(_import(tmp_path, checkpoint, "--allow-left-over"), "decoder")


def test_other_positions_are_refused(tmp_path, state):
    other = state | {"encoder_imaging.enc_pos_embed": state["encoder_imaging.enc_pos_embed"] + 0.1}
    with pytest.raises(UserError, match=r"enc_pos_embed|view_of_plane"):
        _import(tmp_path, _save(tmp_path / "p.ckpt", other))


def _harmful(tmp_path: Path, name: str) -> tuple[Path, Path]:
    """A checkpoint that makes a file where it is unpickled carelessly, and that file."""
    marker = tmp_path / "harmed"
    command, code = f"touch {marker}", f"open({str(marker)!r}, 'w').close()"
    harm = {
        "system": Harm(os.system, command),
        "eval": Harm(eval, code),
        "exec": Harm(exec, code),
        "loads": Harm(pickle.loads, pickle.dumps(Harm(os.system, command))),
    }[name]
    return _save(tmp_path / "evil.ckpt", {"a": torch.ones(2)}, hyper_parameters=harm), marker


@pytest.mark.parametrize("name", ["eval", "exec", "loads"])
def test_harmful_objects_are_skipped(tmp_path, name):
    path, marker = _harmful(tmp_path, name)
    assert read_tensors(path)["a"].tolist() == [1, 1]
    assert not marker.exists()
    torch.load(path, weights_only=False)
    assert marker.exists()  # the file does mean harm


def test_system_calls_are_refused(tmp_path):
    path, marker = _harmful(tmp_path, "system")
    with pytest.raises(UserError, match="without running code"):
        read_tensors(path)
    assert not marker.exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", pickle.dumps({"a": 1})])
def test_files_that_are_no_checkpoints(tmp_path, content):
    path = tmp_path / "bad.ckpt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"bad\.ckpt"):
        read_tensors(path)


def test_no_file(tmp_path):
    with pytest.raises(UserError, match=r"none\.ckpt: no such checkpoint"):
        read_tensors(tmp_path / "none.ckpt")


def test_a_checkpoint_of_another_model(tmp_path):
    with pytest.raises(UserError, match=r"encoder_imaging\.patch_embed"):
        _import(tmp_path, _save(tmp_path / "p.ckpt", {"backbone.weight": torch.ones(2, 2)}))


class AttributeDict(dict):
    """As Lightning keeps hyperparameters: a dictionary whose keys are attributes."""


HARMLESS = {
    "attributes": AttributeDict(lr=1e-3, nested=AttributeDict(depth=6)),
    "defaults": defaultdict(list, {"losses": [1.0, 2.0]}),
    "queue": deque([1.0, 2.0], maxlen=3),
    "one element": deque([AttributeDict(one=1)]),
    "several": [Foreign(), deque([Foreign()]), AttributeDict(a=Foreign()), OrderedDict(a=AttributeDict(b=2))],
}


@pytest.mark.parametrize("name", list(HARMLESS))
def test_hyperparameters_in_containers_are_skipped(tmp_path, name):
    path = _save(tmp_path / "p.ckpt", {"a": torch.ones(2)}, hyper_parameters=HARMLESS[name])
    assert read_tensors(path)["a"].tolist() == [1, 1]


def test_the_reason_of_a_refusal_is_said(tmp_path):
    path, _ = _harmful(tmp_path, "system")
    with pytest.raises(UserError, match=r"without running code from the file \((?!Weights only load failed).*system"):
        read_tensors(path)


@pytest.mark.parametrize("form", ["normalised", "without biases"])
def test_projectors_of_another_form_are_left_out_without_a_flag(tmp_path, caplog, form):
    sizes = filled.model(size=16, patch=[5, 8, 8], width=33, heads=3, depth=1)
    state = write_published(tmp_path / "whole.ckpt", sizes)
    whole = torch.load(tmp_path / "whole.ckpt", weights_only=False)["state_dict"]
    if form == "normalised":
        whole |= {f"projector_imaging.layers.1.{part}": torch.ones(33) for part in ("weight", "bias", "running_mean")}
    else:
        del whole["projector_imaging.layers.0.bias"]
    folder = _import(tmp_path, _save(tmp_path / "p.ckpt", whole))
    assert "projector_imaging.* is not two linear maps" in caplog.text
    with pytest.raises(UserError, match="image_projector"):
        read_part(folder, "image_projector")
    table = read_part(folder, "table_projector")["0.weight"]
    assert torch.equal(table, state["projector_tabular.layers.0.weight"])
