"""A segmentation decoder that draws each frame from its own image: a small U-Net over (row, column), with the same
weights for all planes and frames, and the encoder's tokens as the context of the whole heart.

The published decoder (see vita.models.segmenter) sees a frame only together with its neighbours. This one cannot draw a
beat on a still heart, learns from every plane and frame as an image of its own, and costs less.
"""

import torch
import torch.nn.functional as F
from monai.networks.blocks.dynunet_block import UnetBasicBlock, UnetUpBlock
from torch import Tensor, nn

from vita.models.settings import ModelSettings

DRAWN_FRAMES = 1  # of a heart in a training step: further ones are much alike and cost as much as another heart

_FINE = 2  # most convolutions see squares with this many pixels per side as channels
_PIXEL = 8  # channels at full resolution
_PLANE = 4  # numbers that are learnt about each plane
_NORM = "instance"  # without affine parameters
_MIDDLE = 0.5  # of rows and of columns: the heart without the fat near a coil, which may be ten times as bright
_BRIGHTEST = 3.0  # standard deviations
_TINY = 1e-3  # of intensities in [0, 1]: a plane that is black stays 0
_AT_ONCE = 20  # images decoded together on a CPU, whose caches hold tensors of a few MB


class FrameDecoder(nn.Module):
    """From images and tokens to logits.

    A U-Net runs at a half, a quarter and an eighth of the resolution. The image is standardised by the middle of each
    plane over all its frames, so that neither brightness nor contrast matters, nor how bright the fat is. At the
    coarsest level, the tokens at the same place are added as further channels. Two convolutions at full resolution
    follow, which also see the image itself: the wall of a heart is only two or three pixels thick.

    Args:
        settings: sizes; `segmenter_frames` channels at half the resolution, which double with each coarser level.
        classes: structures and the background.
    """

    def __init__(self, settings: ModelSettings, classes: int) -> None:
        super().__init__()
        self.grid = settings.grid
        fine, squares = settings.segmenter_frames, _FINE**2
        middle, coarse = 2 * fine, 4 * fine
        self.plane = nn.Parameter(torch.randn(settings.planes, _PLANE) / 2)
        self.context = nn.Linear(settings.width, middle)
        self.fine = UnetBasicBlock(2, squares + _PLANE, fine, 3, 1, _NORM)
        self.middle = UnetBasicBlock(2, fine, middle, 3, 1, _NORM)
        self.coarse = UnetBasicBlock(2, 2 * middle, coarse, 3, 1, _NORM)
        self.to_middle = UnetUpBlock(2, coarse, middle, 3, 1, 2, _NORM)
        self.to_fine = UnetUpBlock(2, middle, fine, 3, 1, 2, _NORM)
        self.to_pixels = nn.Conv2d(fine, squares * _PIXEL, 1)
        self.pixel = nn.Conv2d(_PIXEL + 1, _PIXEL, 3, padding=1)
        self.out = nn.Conv2d(_PIXEL, classes, 3, padding=1)

    def forward(self, images_bsthw: Tensor, tokens_bnd: Tensor, frames_k: Tensor | None = None) -> Tensor:
        """Decode.

        Args:
            images_bsthw: (batch, plane, time, height, width) in [0, 1].
            tokens_bnd: (batch, 1 + patches, width), class token first.
            frames_k: places in time of the frames to draw; None for all.

        Returns:
            (batch, classes, plane, frames drawn, height, width) logits.
        """
        time = images_bsthw.shape[2]
        frames = torch.arange(time, device=images_bsthw.device) if frames_k is None else frames_k
        channels: Tensor = self.context(tokens_bnd[:, 1:])
        grid = channels.view(len(channels), *self.grid, -1)  # (batch, plane, time patch, row, column, channel)
        around = grid[:, :, frames * grid.shape[2] // time].permute(0, 1, 2, 5, 3, 4)
        images = standardised(images_bsthw)[:, :, frames]
        plane = self.plane[:, None].expand(*images.shape[:3], -1)
        parts = [part.flatten(0, 2) for part in (images[:, :, :, None], around, plane)]
        at_once = _AT_ONCE if images.device.type == "cpu" else len(parts[0])
        chunks = zip(*(torch.split(part, at_once) for part in parts), strict=True)
        found = torch.cat([self._decode(*chunk) for chunk in chunks])
        return found.view(*images.shape[:3], *found.shape[1:]).permute(0, 3, 1, 2, 4, 5)

    def _decode(self, images_n1hw: Tensor, context_ndrc: Tensor, plane_np: Tensor) -> Tensor:
        """Logits (image, classes, height, width) of single images."""
        squares = F.pixel_unshuffle(images_n1hw, _FINE)
        about = plane_np[..., None, None].expand(-1, -1, *squares.shape[2:])
        fine = self.fine(torch.cat([squares, about], dim=1))
        middle = self.middle(F.avg_pool2d(fine, 2))
        coarse = F.avg_pool2d(middle, 2)
        around = F.interpolate(context_ndrc, coarse.shape[2:], mode="bilinear")
        coarse = self.coarse(torch.cat([coarse, around], dim=1))
        found = self.to_pixels(self.to_fine(self.to_middle(coarse, middle), fine))
        pixels = torch.cat([F.leaky_relu(F.pixel_shuffle(found, _FINE)), images_n1hw], dim=1)
        logits: Tensor = self.out(F.leaky_relu(self.pixel(pixels)))
        return logits


def standardised(images_bsthw: Tensor) -> Tensor:
    """Images less the mean of the middle of each plane over all its frames, in its standard deviations, up to 3."""
    height, width = images_bsthw.shape[-2:]
    top, left = round(height * (1 - _MIDDLE) / 2), round(width * (1 - _MIDDLE) / 2)
    middle = images_bsthw[..., top : height - top, left : width - left]
    spread, mean = torch.std_mean(middle, dim=(2, 3, 4), keepdim=True)
    return ((images_bsthw - mean) / (spread + _TINY)).clamp(-_BRIGHTEST, _BRIGHTEST)
