"""Weights in files: read parts of a model from a folder's `model.safetensors`, with errors that name what differs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from vita.models.config_file import CONFIG as CONFIG
from vita.models.config_file import WEIGHTS as WEIGHTS
from vita.models.settings import ModelSettings
from vita.runtime.errors import UserError

ABSENT = "there is none"
# A masked autoencoder and a Stage III model call their image encoder `encoder`, an alignment `image_encoder`.
_PREFIXES = {"image_encoder": ("image_encoder.", "encoder.")}
# Sizes that determine the shapes of weights; an error names them where weights do not fit.
_SHAPING = (
    *("patch", "width", "depth", "decoder_depth", "tabular_depth", "projection", "head_width"),
    *("segmenter_hidden", "segmenter_feature", "segmenter_frames"),
)
_OF_SEGMENTER = ("decoder", "frame_decoder")  # how the names of a segmentation's decoder begin
# Settings that no shape reveals, but that change what the same weights compute.
_MEANING = ("patch", "heads", "positions")


def read_part(folder: Path, part: str) -> dict[str, Tensor]:
    """Weights of a part of a model, on the CPU.

    Args:
        folder: holds a `model.safetensors` of any stage of this project, or one written by `import_published`.
        part: `image_encoder`, `decoder`, `tabular_encoder`, `image_projector` or `table_projector`.

    Returns:
        Weights by their names within the part.

    Raises:
        UserError: the file is missing, is not a safetensors file, or does not have this part.
    """
    path = folder / WEIGHTS
    if not path.is_file():
        raise UserError(f"{path}: no such file; give a folder with a trained model, or one that import_published wrote")
    try:
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
            for prefix in _PREFIXES.get(part, (f"{part}.",)):
                if chosen := [name for name in names if name.startswith(prefix)]:
                    return {name.removeprefix(prefix): file.get_tensor(name) for name in chosen}
    except SafetensorError as error:
        raise UserError(
            f"{path}: not a readable safetensors file ({error}); train or import the model again"
        ) from error
    raise UserError(f"{path}: holds no weights of the part '{part}'; give a folder of a model that has it")


def load_part(module: nn.Module, folder: Path, part: str, settings: ModelSettings) -> None:
    """Fill a module with the weights of a part of a trained model, all of them.

    Args:
        module: the part, built with `settings`.
        folder: holds `model.safetensors` and, if known, the sizes in `config.json`.
        part: as in `read_part`.
        settings: sizes that the module was built with, which errors name.

    Raises:
        UserError: weights are missing or left over, have another shape, or belong to a model with other heads or
            positions.
    """
    weights, own = read_part(folder, part), module.state_dict()
    if problems := differences(own, weights):
        sizes = _other_sizes(folder, settings, _SHAPING) or [f"compare {', '.join(f'model.{k}' for k in _SHAPING)}"]
        raise UserError(f"{folder / WEIGHTS}: weights of '{part}' do not fit: {_few(problems)}; {'; '.join(sizes)}")
    if other := _other_sizes(folder, settings, _MEANING):
        raise UserError(f"{folder / WEIGHTS}: weights of '{part}' mean something else here: {'; '.join(other)}")
    module.load_state_dict(weights)


def load_if_fits(
    module: nn.Module, folder: Path, part: str, settings: ModelSettings, same: Sequence[str] = ()
) -> str | None:
    """Fill a module with a part of a trained model if the folder has it and it fits.

    Args:
        module: the part, built with `settings`.
        folder: as in `load_part`.
        part: as in `read_part`.
        settings: sizes that the module was built with.
        same: settings that must agree although they do not affect any shape.

    Returns:
        None if the module was filled, otherwise the reason why not.
    """
    with safe_open(folder / WEIGHTS, framework="pt") as file:
        if not any(name.startswith(f"{part}.") for name in file.keys()):  # noqa: SIM118  # not a mapping
            return ABSENT
    weights = read_part(folder, part)
    if problems := differences(module.state_dict(), weights) or _other_sizes(folder, settings, same):
        return _few(problems)
    module.load_state_dict(weights)
    return None


def load_segmenter(model: nn.Module, folder: Path) -> bool:
    """Fill a segmenter's decoder from a folder that holds a segmentation model; return False if it holds another kind
    of model.

    Raises:
        UserError: the folder's decoder has other sizes.
    """
    path = folder / WEIGHTS
    weights = {name: value for name, value in load_file(path).items() if name.startswith(_OF_SEGMENTER)}
    if not {"decoder_embed.weight", "frame_decoder.context.weight"} & set(weights):
        return False
    own = {name: value for name, value in model.state_dict().items() if name.startswith(_OF_SEGMENTER)}
    if problems := differences(own, weights):
        raise UserError(
            f"{path}: the weights of its segmentation decoder do not fit: {_few(problems)}; set "
            "'model.segmenter_frames', 'model.segmenter_hidden' and 'model.segmenter_feature' as in its config.json "
            "(a published one has 'model.segmenter_frames' 0), or train it again if they are already the same"
        )
    model.load_state_dict(weights, strict=False)
    return True


def load_whole(model: nn.Module, folder: Path) -> None:
    """Fill a model with all weights of a folder's `model.safetensors`.

    Raises:
        UserError: the file is missing or unreadable, or weights are missing, left over or of another shape.
    """
    path = folder / WEIGHTS
    if not path.is_file():
        raise UserError(f"{path}: no such file; train the model that should be there")
    try:
        weights = load_file(path)
    except SafetensorError as error:
        raise UserError(f"{path}: not a readable safetensors file ({error}); train the model again") from error
    if problems := differences(model.state_dict(), weights):
        raise UserError(f"{path}: weights do not fit the sizes in config.json: {_few(problems)}; train the model again")
    model.load_state_dict(weights)


def differences(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> list[str]:
    """Reasons why given weights cannot fill a module's own: one entry for each weight that does not fit."""
    missing = [f"{name} is missing" for name in own if name not in given]
    left_over = [f"{name} is left over" for name in given if name not in own]
    shapes = [
        f"{name} is {tuple(given[name].shape)}, not {tuple(own[name].shape)}"
        for name in own
        if name in given and given[name].shape != own[name].shape
    ]
    return shapes + missing + left_over


def _few(problems: list[str], most: int = 3) -> str:
    more = f" and {len(problems) - most} more" if len(problems) > most else ""
    return ", ".join(problems[:most]) + more


def _other_sizes(folder: Path, settings: ModelSettings, keys: Sequence[str]) -> list[str]:
    """Sizes in which the folder's model and the settings differ, by configuration key.

    The number of frames is not compared: positions in time are computed for as many patches as there are, so that a
    stage may use more or fewer frames than the one that it starts from.
    """
    path = folder / CONFIG
    if not path.is_file():
        return []
    block = json.loads(path.read_text(encoding="utf-8")).get("model", {})
    own = settings.to_dict()
    return [
        f"'model.{key}' is {own[key]} in the configuration, {block[key]} in the weights"
        for key in keys
        if key in block and block[key] != own[key]
    ]
