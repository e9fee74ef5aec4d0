"""The same picture as another scanner, coil or position would show it: what the student of `adapting` sees.

The picture is turned, scaled and shifted, and its labels with it; then coils, contrast, sharpness and noise change.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from vita.contouring.pictures import robust_range

TURN_SD_DEGREES, SCALE, SHIFT = 20.0, 0.25, 0.15  # SD; largest log factor; largest share of half a side
COIL, COIL_CELLS = 0.5, 3  # log amplitude of a smooth field, and its number of nodes along each axis
SURFACE = 1.0  # log factor of what lies at the edges, near a coil
NOISE, GAMMA, COARSEST = 0.08, 0.5, 0.5  # largest SD; log factor; share of the pixels that are left


class Disguise:
    """A stream of random changes.

    Args:
        seed: of every choice.
    """

    def __init__(self, seed: int) -> None:
        self.random = torch.Generator().manual_seed(seed)

    def move(self, images_nhw: Tensor, labels_nchw: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures and their labels, moved in the same way; 0 where a pixel comes from outside the picture.

        Args:
            images_nhw: pictures.
            labels_nchw: any numbers, such as weights and probabilities.
        """
        count = len(images_nhw)
        angle = torch.randn(count, generator=self.random) * math.radians(TURN_SD_DEGREES)
        scale = self._uniform(-SCALE, SCALE, count).exp()
        shift = self._uniform(-SHIFT, SHIFT, count, 2)
        cos, sin = angle.cos() * scale, angle.sin() * scale
        matrix = torch.stack([torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1)], 1)
        together = torch.cat([images_nhw[:, None], labels_nchw], dim=1)
        grid = F.affine_grid(matrix, list(together.shape), align_corners=False)
        moved = F.grid_sample(together, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        return moved[:, 0], moved[:, 1:]

    def recolour(self, images_nhw: Tensor) -> Tensor:
        """Pictures in [0, 1] with other coils, contrast, sharpness and noise; in [0, 1]."""
        count, *size = images_nhw.shape
        cells = torch.randn(count, 1, COIL_CELLS, COIL_CELLS, generator=self.random)
        field = F.interpolate(cells, size, mode="bicubic", align_corners=True)[:, 0]
        rows, columns = torch.meshgrid(*[torch.linspace(-1, 1, side) for side in size], indexing="ij")
        near_coil = torch.maximum(rows.abs(), columns.abs()) ** 2 * self._uniform(-0.5, 1, count, 1, 1).clamp_min(0)
        shown = images_nhw * (self._uniform(0, COIL, count, 1, 1) * field + SURFACE * near_coil).exp()
        shown = torch.stack([self._coarsened(one) for one in shown])
        noise = self._uniform(0, NOISE, count, 1, 1) * torch.randn(shown.shape, generator=self.random)
        return robust_range(shown + noise) ** self._uniform(-GAMMA, GAMMA, count, 1, 1).exp()

    def _coarsened(self, image_hw: Tensor) -> Tensor:
        """With a half chance, of larger pixels."""
        part = float(self._uniform(COARSEST, 2 - COARSEST, 1))
        if part >= 1:
            return image_hw
        coarse = [max(round(side * part), 1) for side in image_hw.shape]
        small = F.interpolate(image_hw[None, None], coarse, mode="area")
        return F.interpolate(small, image_hw.shape, mode="bilinear", align_corners=False)[0, 0]

    def _uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=self.random)
