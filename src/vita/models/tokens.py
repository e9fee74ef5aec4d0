"""Tokens: cine images cut into patches and put together again, fixed positions, and which patches an encoder sees."""

import torch
from torch import Tensor

from vita.models.settings import ModelSettings
from vita.runtime.errors import UserError

_ROUNDING = 1e-6  # 10 * (1 - 0.9) is a little less than 1 in floating point
_WAVELENGTH = 10_000.0  # as in "Attention is all you need" and in equation (B.1)


def kept_count(patches: int, ratio: float) -> int:
    """Number of patches that stay visible: patches * (1 - ratio) rounded down, at least one.

    Raises:
        UserError: the ratio is not in [0, 1).
    """
    if not 0 <= ratio < 1:
        raise UserError(f"config: 'mask_ratio' is {ratio}; it must be at least 0 and below 1")
    return max(1, int(patches * (1 - ratio) + _ROUNDING))


def random_order(batch: int, patches: int, generator: torch.Generator | None = None) -> Tensor:
    """An independent random order of the patches for each sample, on the generator's device (the CPU without a
    generator).

    Returns:
        (batch, patches) indices; the first `kept_count` of a row are visible, the rest are masked.
    """
    device = generator.device if generator is not None else torch.device("cpu")
    return torch.rand(batch, patches, generator=generator, device=device).argsort(dim=1)


def take(tokens_bnd: Tensor, index_bk: Tensor) -> Tensor:
    """Pick tokens by index: (batch, n, d) and (batch, k) give (batch, k, d)."""
    return tokens_bnd.gather(1, index_bk[..., None].expand(-1, -1, tokens_bnd.shape[-1]))


def masked_patches(order_bn: Tensor, keep: int) -> Tensor:
    """True where a patch is masked, in the patches' own places: (batch, n) from an order of that shape."""
    hidden = torch.ones_like(order_bn, dtype=torch.bool)
    return hidden.scatter(1, order_bn[:, :keep], False)


def patchify(images_bsthw: Tensor, patch: tuple[int, int, int]) -> Tensor:
    """Cut images into patches.

    Args:
        images_bsthw: (batch, plane, time, height, width); time, height and width are multiples of the patch.
        patch: patch extent (frames, rows, columns).

    Returns:
        (batch, patches, voxels); patches in the order (plane, time, row, column), voxels (time, row, column).
    """
    batch, planes, *extents = images_bsthw.shape
    (t, y, x), (frames, rows, columns) = patch, extents
    split = images_bsthw.reshape(batch, planes, frames // t, t, rows // y, y, columns // x, x)
    return split.permute(0, 1, 2, 4, 6, 3, 5, 7).reshape(batch, -1, t * y * x)


def unpatchify(patches_bnv: Tensor, grid: tuple[int, int, int, int], patch: tuple[int, int, int]) -> Tensor:
    """Put patches back together: the inverse of `patchify`.

    Args:
        patches_bnv: (batch, patches, voxels).
        grid: number of patches along (plane, time, row, column).
        patch: patch extent (frames, rows, columns).

    Returns:
        (batch, plane, time, height, width).
    """
    (s, nt, ny, nx), (t, y, x) = grid, patch
    split = patches_bnv.reshape(-1, s, nt, ny, nx, t, y, x)
    return split.permute(0, 1, 2, 5, 3, 6, 4, 7).reshape(-1, s, nt * t, ny * y, nx * x)


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
