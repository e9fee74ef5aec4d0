"""Cutting cine images into patches of time, rows and columns, and back."""

from torch import Tensor


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
