"""Fixed positions of image patches and of table features.

Published weights were trained with blocks: channel 0 is the view, then one block each for (slice within its view,
time, row, column), and within a block all sines come before all cosines. Equation (B.1) of the paper alternates sines
and cosines (`interleaved`). `4d` is the paper's ablation without the view: channel 0 stays zero, so the first long-axis
and the first short-axis slice share a position.
"""

import torch
from torch import Tensor

from vita.models.settings import ModelSettings

_WAVELENGTH = 10_000.0  # as in "Attention is all you need" and in equation (B.1)


def sines_and_cosines(index: Tensor, width: int, interleaved: bool = False) -> Tensor:
    """Encode integer positions.

    Args:
        index: (n,) positions.
        width: number of channels, even.
        interleaved: alternate sines and cosines, instead of all sines followed by all cosines.

    Returns:
        (n, width), float64.
    """
    half = width // 2
    frequency = _WAVELENGTH ** (-torch.arange(half, dtype=torch.float64) / half)
    angle = index.to(torch.float64)[:, None] * frequency
    if interleaved:
        return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)
    return torch.cat([angle.sin(), angle.cos()], dim=1)


def slice_in_view(view_of_plane: tuple[int, ...]) -> list[int]:
    """Index of each plane among the planes of its view: 0, 1, 2 for long axis, then again from 0."""
    return [view_of_plane[:plane].count(view) for plane, view in enumerate(view_of_plane)]


def image_positions(settings: ModelSettings) -> Tensor:
    """Positions of the class token (zero) and of all patches.

    Returns:
        (1 + patches, width), float32.
    """
    axes = [torch.arange(count) for count in settings.grid]
    plane, *rest = (axis.flatten() for axis in torch.meshgrid(*axes, indexing="ij"))
    slices = torch.tensor(slice_in_view(settings.view_of_plane))[plane]
    view = torch.tensor(settings.view_of_plane, dtype=torch.float64)[plane]
    if settings.positions == "4d":
        view = torch.zeros_like(view)
    block, interleaved = (settings.width - 1) // 4, settings.positions == "interleaved"
    coded = [sines_and_cosines(index, block, interleaved) for index in (slices, *rest)]
    return _after_class_token(torch.cat([view[:, None], *coded], dim=1))


def tabular_positions(features: int, width: int) -> Tensor:
    """Positions of the class token (zero) and of the features.

    As in the published weights, a block of the next even width is computed and then cut to the width.

    Returns:
        (1 + features, width), float32.
    """
    return _after_class_token(sines_and_cosines(torch.arange(features), width + width % 2)[:, :width])


def _after_class_token(positions: Tensor) -> Tensor:
    return torch.cat([torch.zeros(1, positions.shape[1], dtype=positions.dtype), positions]).to(torch.float32)
