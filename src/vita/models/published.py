"""Translation of weights from the names in published checkpoints to this project's names.

This project's names start with the part: `image_encoder`, `decoder`, `tabular_encoder`, `image_projector`,
`table_projector`, and `segmenter` for the decoder of a segmentation model. Three things differ besides the names: the
patch embedding is a linear map here and a convolution there; numerical features and lookups are one tensor here and a
list of modules there; positions are not weights.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from vita.config.blocks import block as default_block
from vita.models.settings import LONG_AXIS, SHORT_AXIS, ModelSettings
from vita.runtime.errors import UserError

_BLOCK = r"\.(\d+)\.(?:attn\.|mlp\.)?(norm1|qkv|proj|norm2|fc1|fc2)\.(weight|bias)$"
_RULES: tuple[tuple[str, str], ...] = (
    (r"^encoder_imaging\.cls_token$", r"image_encoder.class_token"),
    (r"^encoder_imaging\.patch_embed\.proj\.(weight|bias)$", r"image_encoder.embed.\1"),
    (r"^encoder_imaging\.encoder" + _BLOCK, r"image_encoder.blocks.\1.\2.\3"),
    (r"^encoder_imaging\.encoder_norm\.(weight|bias)$", r"image_encoder.norm.\1"),
    (r"^decoder_imaging\.mask_token$", r"decoder.mask_token"),
    (r"^decoder_imaging\.decoder_embed\.(weight|bias)$", r"decoder.embed.\1"),
    (r"^decoder_imaging\.decoder\.network" + _BLOCK, r"decoder.blocks.\1.\2.\3"),
    (r"^decoder_imaging\.decoder\.norm\.(weight|bias)$", r"decoder.norm.\1"),
    (r"^decoder_imaging\.recon_head\.(weight|bias)$", r"decoder.head.\1"),
    (r"^(decoder_embed\.(?:weight|bias))$", r"segmenter.\1"),
    (r"^(decoder\.(?:encoder[123]|decoder[234]|out)\..+)$", r"segmenter.\1"),
    (r"^encoder_tabular\.cls_token$", r"tabular_encoder.class_token"),
    (r"^encoder_tabular\.network" + _BLOCK, r"tabular_encoder.blocks.\1.\2.\3"),
    (r"^encoder_tabular\.norm\.(weight|bias)$", r"tabular_encoder.norm.\1"),
)
POSITIONS = {
    "encoder_imaging.enc_pos_embed": "image_encoder",
    "decoder_imaging.dec_pos_embed": "decoder",
    "encoder_tabular.enc_pos_embed": "tabular_encoder",
}
_PROJECTOR = re.compile(r"^projector_(imaging|tabular)\.(.+)\.(weight|bias)$")
_FEATURE = re.compile(r"^encoder_tabular\.(numerical_fe|single_c_fe|multi_c_fe)\.(\d+)\.(weight|bias)$")
_PROJECTOR_LAYERS = (0, 2)  # linear maps of `alignment._projector`


def rename(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Convert published weights to this project's names and shapes.

    Returns:
        Weights by name, and the published names that have no place here (positions are not among them).
    """
    renamed: dict[str, Tensor] = {}
    features: dict[tuple[str, str], dict[int, Tensor]] = {}
    projectors: dict[str, dict[str, dict[str, Tensor]]] = {}
    left_over = []
    for name, value in state.items():
        if match := _FEATURE.match(name):
            features.setdefault((match[1], match[3]), {})[int(match[2])] = value
        elif match := _PROJECTOR.match(name):
            projectors.setdefault(match[1], {}).setdefault(match[2], {})[match[3]] = value
        elif own := _own_name(name):
            renamed[own] = value.flatten(1) if own == "image_encoder.embed.weight" else value
        elif name not in POSITIONS:
            left_over.append(name)
    renamed |= _features(features)
    for kind, layers in projectors.items():
        weights, unplaced = _projector(kind, layers)
        renamed |= weights
        left_over += unplaced
    return renamed, sorted(left_over)


def _own_name(name: str) -> str | None:
    for pattern, own in _RULES:
        if re.match(pattern, name):
            return re.sub(pattern, own, name)
    return None


def _features(features: Mapping[tuple[str, str], Mapping[int, Tensor]]) -> dict[str, Tensor]:
    """Join the embeddings of single features: linear maps are stacked, lookup tables are concatenated by rows."""
    joined = {}
    for published, own in (("weight", "scale"), ("bias", "shift")):
        if group := features.get(("numerical_fe", published)):
            joined[f"tabular_encoder.{own}"] = torch.stack([group[index].flatten() for index in sorted(group)])
    lookups = [features.get((group, "weight"), {}) for group in ("single_c_fe", "multi_c_fe")]
    if rows := [group[index] for group in lookups for index in sorted(group)]:
        joined["tabular_encoder.lookup.weight"] = torch.cat(rows)
    return joined


def _projector(kind: str, layers: Mapping[str, Mapping[str, Tensor]]) -> tuple[dict[str, Tensor], list[str]]:
    """A projector's two linear maps in their order; anything else it has (normalisation) has no place here."""
    own = "image_projector" if kind == "imaging" else "table_projector"
    linear = sorted(
        (name for name, part in layers.items() if part.get("weight", torch.empty(0)).ndim == 2), key=_natural
    )
    placed = dict(zip(linear, _PROJECTOR_LAYERS, strict=False))
    weights = {f"{own}.{i}.{p}": value for name, i in placed.items() for p, value in layers[name].items()}
    unplaced = [f"projector_{kind}.{name}.{p}" for name in layers if name not in placed for p in layers[name]]
    return weights, unplaced


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Sort key that puts layer 10 after layer 2."""
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in name.split(".")]


def settings_of(state: Mapping[str, Tensor], heads: int) -> ModelSettings:
    """Sizes of a published model, read off its weights and image positions; the default run's sizes for parts that it
    does not have.

    Args:
        state: published names and weights.
        heads: number of attention heads, which cannot be read off the weights (5 in the paper's models).

    Raises:
        UserError: the state has no image encoder, or its sizes do not fit together.
    """
    for name in ("encoder_imaging.patch_embed.proj.weight", "encoder_imaging.enc_pos_embed"):
        if name not in state:
            raise UserError(f"the checkpoint has no weight '{name}'; is it a published model of Stage I or II?")
    width, _channels, *patch = state["encoder_imaging.patch_embed.proj.weight"].shape
    positions = state["encoder_imaging.enc_pos_embed"].squeeze(0)[1:]
    block = (width - 1) // 4
    planes = torch.unique(positions[:, : 1 + block], dim=0)
    time, rows, _columns = (
        len(torch.unique(positions[:, 1 + i * block : 1 + (i + 1) * block], dim=0)) for i in (1, 2, 3)
    )
    long_axis = int((planes[:, 0] == LONG_AXIS).sum())
    sizes = {
        "frames": time * patch[0],
        "size": rows * patch[1],
        "patch": patch,
        "width": width,
        "heads": heads,
        "view_of_plane": [LONG_AXIS] * long_axis + [SHORT_AXIS] * (len(planes) - long_axis),
        "depth": _count(state, r"encoder_imaging\.encoder\.(\d+)\."),
        "decoder_depth": _count(state, r"decoder_imaging\.decoder\.network\.(\d+)\."),
        "tabular_depth": _count(state, r"encoder_tabular\.network\.(\d+)\."),
    }
    projector, _ = rename({name: value for name, value in state.items() if name.startswith("projector_")})
    if "image_projector.2.weight" in projector:
        sizes["projection"] = len(projector["image_projector.2.weight"])
    if "decoder_embed.weight" in state and "decoder.out.conv.conv.weight" in state:
        sizes["segmenter_hidden"] = len(state["decoder_embed.weight"]) * len(planes)
        sizes["segmenter_feature"] = state["decoder.out.conv.conv.weight"].shape[1]
    known = {key: value for key, value in sizes.items() if value}
    return ModelSettings.from_dict(default_block("model", {"checkpointing": False, "segmenter_frames": 0, **known}))


def _count(state: Mapping[str, Tensor], pattern: str) -> int:
    return len({match[1] for name in state if (match := re.match(pattern, name))})
