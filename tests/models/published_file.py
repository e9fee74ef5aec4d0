"""A checkpoint as the published code writes it: its names, its shapes, random values."""

from pathlib import Path

import torch
from torch import Tensor

from vita.models.settings import ModelSettings
from vita.models.tokens import image_positions, tabular_positions

NUMBERS, BINARY, CATEGORIES = 3, 2, (3, 5)


def _linear(name: str, outputs: int, inputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _block(name: str, width: int) -> dict[str, tuple[int, ...]]:
    shapes = _norm(f"{name}.norm1", width) | _norm(f"{name}.norm2", width)
    shapes |= _linear(f"{name}.attn.qkv", 3 * width, width) | _linear(f"{name}.attn.proj", width, width)
    return shapes | _linear(f"{name}.mlp.fc1", 4 * width, width) | _linear(f"{name}.mlp.fc2", width, 4 * width)


def published_shapes(sizes: ModelSettings) -> dict[str, tuple[int, ...]]:
    """Shapes of all weights of a published model of Stage II, the decoder of Stage I with it, by published names."""
    width, voxels = sizes.width, sizes.patch_voxels
    shapes: dict[str, tuple[int, ...]] = {
        "encoder_imaging.cls_token": (1, 1, width),
        "encoder_imaging.patch_embed.proj.weight": (width, 1, *sizes.patch),
        "encoder_imaging.patch_embed.proj.bias": (width,),
        "decoder_imaging.mask_token": (1, 1, width),
        "encoder_tabular.cls_token": (1, 1, width),
    }
    stacks = [("encoder_imaging.encoder", sizes.depth), ("decoder_imaging.decoder.network", sizes.decoder_depth)]
    for stack, depth in [*stacks, ("encoder_tabular.network", sizes.tabular_depth)]:
        for layer in range(depth):
            shapes |= _block(f"{stack}.{layer}", width)
    shapes |= _norm("encoder_imaging.encoder_norm", width) | _norm("decoder_imaging.decoder.norm", width)
    shapes |= _norm("encoder_tabular.norm", width) | _linear("decoder_imaging.decoder_embed", width, width)
    shapes |= _linear("decoder_imaging.recon_head", voxels, width)
    for feature in range(NUMBERS):
        shapes |= _linear(f"encoder_tabular.numerical_fe.{feature}", width, 1)
    shapes |= {f"encoder_tabular.single_c_fe.{feature}.weight": (2, width) for feature in range(BINARY)}
    shapes |= {f"encoder_tabular.multi_c_fe.{i}.weight": (classes, width) for i, classes in enumerate(CATEGORIES)}
    for kind in ("imaging", "tabular"):
        shapes |= _linear(f"projector_{kind}.layers.0", width, width)
        shapes |= _linear(f"projector_{kind}.layers.2", sizes.projection, width)
    return shapes


def write_published(path: Path, sizes: ModelSettings) -> dict[str, Tensor]:
    """Write a Lightning file, with an optimiser's state and hyperparameters as such files have; returns its weights."""
    generator = torch.Generator().manual_seed(5)
    state = {name: 0.05 * torch.randn(shape, generator=generator) for name, shape in published_shapes(sizes).items()}
    positions = image_positions(sizes)[None]
    features = NUMBERS + BINARY + len(CATEGORIES)
    fixed = {"encoder_imaging.enc_pos_embed": positions, "decoder_imaging.dec_pos_embed": positions}
    fixed["encoder_tabular.enc_pos_embed"] = tabular_positions(features, sizes.width)[None]
    torch.save(
        {
            "epoch": 3,
            "global_step": 40,
            "pytorch-lightning_version": "2.1.0",
            "state_dict": state | fixed,
            "optimizer_states": [{"state": {}, "param_groups": []}],
            "hyper_parameters": {"root": path.parent, "lr": 1e-3},
        },
        path,
    )
    return state
