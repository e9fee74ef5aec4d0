"""Augmentation of whole batches: rotation, flips and contrast are the same for all planes and frames of a heart."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from vita.mask_classes import NOT_ANNOTATED


class Augmentation:
    """Random rotation, flips and contrast, drawn per participant.

    Args:
        rotation_degrees: angles are drawn uniformly between minus and plus this.
        contrast: intensities are stretched around their mean by a factor uniform in 1 plus or minus this.
        flip: mirror rows and columns, each with probability 0.5.
        autocontrast: with probability 0.5, stretch each frame of each plane to the range from 0 to 1.
    """

    def __init__(
        self, rotation_degrees: float = 15.0, contrast: float = 0.2, flip: bool = True, autocontrast: bool = False
    ) -> None:
        self.rotation_degrees, self.contrast, self.flip = rotation_degrees, contrast, flip
        self.autocontrast = autocontrast

    def __call__(
        self, images_bsthw: Tensor, masks_bsthw: Tensor | None, generator: torch.Generator
    ) -> tuple[Tensor, Tensor | None]:
        """Augment images and transform masks with them.

        Args:
            images_bsthw: (batch, plane, time, height, width) in [0, 1].
            masks_bsthw: classes of the same shape, or None.
            generator: on the CPU, so that the numbers do not depend on the device.

        Returns:
            Images in [0, 1] and masks. Where the rotation brings in what was outside the crop, images are black and
            masks are not annotated (255).
        """
        maps = self._maps(len(images_bsthw), generator).to(images_bsthw.device)
        factor = 1 + self.contrast * (2 * torch.rand(len(images_bsthw), generator=generator) - 1)
        flat = images_bsthw.flatten(1, 2)
        grid = F.affine_grid(maps, [len(flat), 1, *flat.shape[2:]], align_corners=False)
        moved = F.grid_sample(flat, grid.to(flat.dtype), mode="bilinear", align_corners=False)
        images = self._stretch(moved, factor.to(flat)).view_as(images_bsthw)
        if self.autocontrast:
            chosen = torch.rand(len(images), generator=generator) < 0.5
            images = torch.where(chosen.to(images.device)[:, None, None, None, None], full_range(images), images)
        return images, None if masks_bsthw is None else move_masks(masks_bsthw, grid)

    def _maps(self, batch: int, generator: torch.Generator) -> Tensor:
        """(batch, 2, 3) affine maps from a place in the result to its place in the input."""
        angle = math.radians(self.rotation_degrees) * (2 * torch.rand(batch, generator=generator) - 1)
        sign = torch.ones(batch, 2)
        if self.flip:
            sign -= 2 * (torch.rand(batch, 2, generator=generator) < 0.5).float()
        cos, sin, zero = angle.cos(), angle.sin(), torch.zeros(batch)
        rotation = torch.stack([torch.stack([cos, -sin, zero], 1), torch.stack([sin, cos, zero], 1)], 1)
        return rotation * sign[..., None]

    @staticmethod
    def _stretch(images_bchw: Tensor, factor_b: Tensor) -> Tensor:
        mean = images_bchw.mean(dim=(1, 2, 3))
        shift = mean * (1 - factor_b)
        return images_bchw.mul(factor_b[:, None, None, None]).add_(shift[:, None, None, None]).clamp_(0, 1)


def full_range(images_bsthw: Tensor) -> Tensor:
    """Stretch each frame of each plane to [0, 1]; a frame without contrast stays as it is."""
    low, high = images_bsthw.amin(dim=(-2, -1), keepdim=True), images_bsthw.amax(dim=(-2, -1), keepdim=True)
    return torch.where(high > low, (images_bsthw - low) / (high - low).clamp(min=1e-12), images_bsthw)


class Intensities:
    """Mild changes of brightness, drawn per participant; except for the noise, they are the same for all frames of a
    heart.

    Args:
        gamma: standard deviation of the logarithm of the exponent.
        gain: standard deviation of the logarithm of the factor.
        field: standard deviation of the logarithm of a smooth field over each plane, like that of the coils.
        noise: largest standard deviation of noise, as a share of the plane's mean intensity: a heart may have a tenth
            of the range or half of it.
    """

    def __init__(self, gamma: float = 0.15, gain: float = 0.08, field: float = 0.08, noise: float = 0.15) -> None:
        self.gamma, self.gain, self.field, self.noise = gamma, gain, field, noise

    def __call__(self, images_bsthw: Tensor, generator: torch.Generator) -> Tensor:
        """Return changed images (batch, plane, time, height, width) in [0, 1]; `generator` is on the CPU."""
        batch, planes, *_, height, width = images_bsthw.shape
        gamma = (self.gamma * torch.randn(batch, 1, 1, 1, 1, generator=generator)).exp()
        gain = self.gain * torch.randn(batch, 1, 1, 1, 1, generator=generator)
        coarse = self.field * torch.randn(batch, planes, 3, 3, generator=generator)
        smooth = F.interpolate(coarse, (height, width), mode="bicubic", align_corners=True)[:, :, None]
        scale = self.noise * torch.rand(batch, 1, 1, 1, 1, generator=generator)
        noise = torch.randn(images_bsthw.shape, generator=generator) * scale
        on = images_bsthw.device
        noise = noise.to(on) * images_bsthw.mean(dim=(2, 3, 4), keepdim=True)
        changed = images_bsthw.clamp(0, 1) ** gamma.to(on) * (gain + smooth).exp().to(on) + noise
        return changed.clamp_(0, 1)


def move_masks(masks_bsthw: Tensor, grid_bhw2: Tensor) -> Tensor:
    """Classes at the places of a sampling grid, taken from the nearest pixel; 255 outside the image."""
    # grid_sample pads with 0, so classes are shifted until 0 means "not annotated"
    shifted = masks_bsthw.flatten(1, 2).float() - NOT_ANNOTATED
    moved = F.grid_sample(shifted, grid_bhw2.float(), mode="nearest", align_corners=False)
    return (moved + NOT_ANNOTATED).round().to(masks_bsthw.dtype).view_as(masks_bsthw)
