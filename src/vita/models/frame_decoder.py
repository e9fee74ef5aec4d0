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

_FINE = 2  # squares with this many pixels per side become channels, so that no convolution runs at full resolution
_PLANE = 4  # numbers that are learnt about each plane
_NORM = "instance"  # without affine parameters
_TINY = 1e-3  # of intensities in [0, 1]: a plane that is black stays 0


class FrameDecoder(nn.Module):
    """From images and tokens to logits.

    Convolutions run at a half, a quarter and an eighth of the resolution. The image is standardised for each plane over
    all its frames, so that neither brightness nor contrast matters. At the coarsest level, the tokens at the same place
    are added as further channels.

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
        self.out = nn.Conv2d(fine, squares * classes, 1)

    def forward(self, images_bsthw: Tensor, tokens_bnd: Tensor) -> Tensor:
        """Decode.

        Args:
            images_bsthw: (batch, plane, time, height, width) in [0, 1].
            tokens_bnd: (batch, 1 + patches, width), class token first.

        Returns:
            (batch, classes, plane, time, height, width) logits.
        """
        channels: Tensor = self.context(tokens_bnd[:, 1:])
        grid = channels.view(len(channels), *self.grid, -1)  # (batch, plane, time patch, row, column, channel)
        planes = zip(standardised(images_bsthw).unbind(1), grid.unbind(1), self.plane, strict=True)
        # One plane at a time: tensors of a few MB stay in the caches.
        return torch.stack([self._decode(*plane) for plane in planes], dim=2)

    def _decode(self, images_bthw: Tensor, context_btrcd: Tensor, plane_p: Tensor) -> Tensor:
        """Logits (batch, classes, time, height, width) of a plane."""
        batch, time = images_bthw.shape[:2]
        squares = F.pixel_unshuffle(images_bthw.flatten(0, 1)[:, None], _FINE)
        about = plane_p[:, None, None].expand(len(squares), -1, *squares.shape[2:])
        fine = self.fine(torch.cat([squares, about], dim=1))
        middle = self.middle(F.avg_pool2d(fine, 2))
        coarse = F.avg_pool2d(middle, 2)
        each = context_btrcd.permute(0, 1, 4, 2, 3).repeat_interleave(time // context_btrcd.shape[1], dim=1)
        around = F.interpolate(each.flatten(0, 1), coarse.shape[2:], mode="bilinear")
        coarse = self.coarse(torch.cat([coarse, around], dim=1))
        found = F.pixel_shuffle(self.out(self.to_fine(self.to_middle(coarse, middle), fine)), _FINE)
        logits: Tensor = found.view(batch, time, *found.shape[1:]).transpose(1, 2)
        return logits


def standardised(images_bsthw: Tensor) -> Tensor:
    """Images with mean 0 and standard deviation 1 over all frames of a plane."""
    spread, mean = torch.std_mean(images_bsthw, dim=(2, 3, 4), keepdim=True)
    return (images_bsthw - mean) / (spread + _TINY)
