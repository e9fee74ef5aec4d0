"""Stage III segmentation: a U-Net-like decoder over the image encoder, for every plane and frame at once."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from monai.networks.blocks.dynunet_block import UnetBasicBlock, UnetOutBlock
from monai.networks.blocks.unetr_block import UnetrUpBlock
from torch import Tensor, nn

from vita.errors import UserError
from vita.models.image_encoder import ImageEncoder
from vita.models.settings import ModelSettings

CLASSES = 6  # background, LV cavity, LV wall, RV cavity, left atrium, right atrium
NOT_ANNOTATED = 255
_WIDEST = 8  # channels grow with depth up to this many times the first width
_NORM = ("instance", {"affine": True})


class Segmenter(nn.Module):
    """UNETR in two dimensions: the frames of a plane are channels, planes pass through the decoder side by side.

    Level i has the resolution of the image halved i times; the last one is the grid of patches. A level's skip
    connection adds features of the raw image to tokens of an encoder layer, enlarged to the level.

    Args:
        settings: sizes; `segmenter_width` is the number of channels at full resolution.
        encoder: from scratch, from Stage I or from Stage II.
        classes: structures with the background.

    Raises:
        UserError: patches whose rows and columns are not the same power of two, from 2 on.
    """

    def __init__(self, settings: ModelSettings, encoder: ImageEncoder, classes: int = CLASSES) -> None:
        super().__init__()
        self.settings, self.encoder, self.classes = settings, encoder, classes
        levels = _levels(settings)
        widths = [settings.segmenter_width * min(2**level, _WIDEST) for level in range(levels + 1)]
        self.image_path = nn.ModuleList(
            _block(
                settings.frames if level == 0 else widths[level - 1], widths[level], 1 if level == 0 else 2
            )
            for level in range(levels)
        )
        channels = settings.grid[1] * settings.width
        self.layer_of_level = [_spread(level, levels, settings.depth) for level in range(1, levels + 1)]
        self.token_path = nn.ModuleList(
            nn.ConvTranspose2d(
                channels, widths[level], kernel_size=2 ** (levels - level), stride=2 ** (levels - level)
            )
            for level in range(1, levels + 1)
        )
        self.up_path = nn.ModuleList(
            UnetrUpBlock(2, widths[level + 1], widths[level], 3, 2, _NORM) for level in range(levels)
        )
        self.out = UnetOutBlock(2, widths[0], settings.frames * classes)

    def forward(self, images_bsthw: Tensor, planes: Sequence[int] | None = None) -> Tensor:
        """Segment planes.

        Args:
            images_bsthw: (batch, plane, time, height, width) in [0, 1].
            planes: segment only these planes (the encoder sees all of them): cheaper training steps.

        Returns:
            (batch, classes, plane, time, height, width) logits.
        """
        chosen = list(range(self.settings.planes)) if planes is None else list(planes)
        layers = self.encoder.layers(images_bsthw)
        skips, features = [], images_bsthw[:, chosen].flatten(0, 1)  # (batch * plane, time, height, width)
        for block in self.image_path:
            features = block(features)
            skips.append(features)
        from_tokens = [
            enlarge(self._map(layers[layer], chosen))
            for enlarge, layer in zip(self.token_path, self.layer_of_level, strict=True)
        ]
        features = from_tokens[-1]
        for level in reversed(range(len(skips))):
            skip = skips[level] + from_tokens[level - 1] if level else skips[level]
            features = self.up_path[level](features, skip)
        logits = self.out(features).unflatten(1, (self.classes, self.settings.frames))
        return logits.unflatten(0, (len(images_bsthw), len(chosen))).transpose(1, 2)

    def _map(self, tokens_bnd: Tensor, planes: list[int]) -> Tensor:
        """Patch tokens of some planes as feature maps (batch * plane, time patch * width, row, column)."""
        grid = tokens_bnd[:, 1:].unflatten(1, self.settings.grid)[:, planes]
        return grid.permute(0, 1, 2, 5, 3, 4).flatten(2, 3).flatten(0, 1)


def _levels(settings: ModelSettings) -> int:
    """How often a patch can be halved until it is a pixel."""
    _, rows, columns = settings.patch
    if rows != columns or rows < 2 or rows & (rows - 1):
        raise UserError(
            f"config: 'model.patch' is {list(settings.patch)}; segmentation needs as many rows as columns, "
            f"a power of two from 2 on, not {rows} and {columns}"
        )
    return rows.bit_length() - 1


def _spread(level: int, levels: int, depth: int) -> int:
    """Encoder layer of a level: the last for the coarsest, earlier ones evenly for the finer."""
    return max(0, round(level * depth / levels) - 1)


def _block(inputs: int, outputs: int, stride: int) -> nn.Module:
    return UnetBasicBlock(2, inputs, outputs, 3, stride, _NORM)


def segmentation_loss(logits_bcsthw: Tensor, target_bsthw: Tensor, smooth: float = 1.0) -> Tensor:
    """Mean of cross-entropy and soft Dice loss; voxels without annotation count in neither.

    Dice sums over the batch, so that a structure which a plane does not show weighs nothing, and averages over the
    structures (background aside) that the batch shows.

    Args:
        logits_bcsthw: (batch, classes, plane, time, height, width).
        target_bsthw: (batch, plane, time, height, width) classes, 255 where there is no annotation.
        smooth: added to both sides of the Dice fraction.

    Returns:
        () cross-entropy plus Dice loss; 0 with gradients if nothing is annotated.
    """
    classes = logits_bcsthw.shape[1]
    log_probability = (
        logits_bcsthw.float().transpose(1, 2).flatten(0, 1).log_softmax(dim=1)
    )  # (b * s, c, t, h, w)
    target = target_bsthw.flatten(0, 1).long()
    annotated = target != NOT_ANNOTATED
    target = target.where(annotated, 0)
    of_target = log_probability.gather(1, target[:, None])[:, 0]
    known, kind = of_target[annotated], target[annotated]
    cross_entropy = -known.sum() / max(len(known), 1)
    predicted = (log_probability.exp() * annotated[:, None]).transpose(0, 1).flatten(1).sum(dim=1)
    overlap = torch.zeros_like(predicted).index_add(0, kind, known.exp())
    present = torch.bincount(kind, minlength=classes).to(predicted)
    dice = (2 * overlap + smooth) / (predicted + present + smooth)
    shown = F.pad((present[1:] > 0).to(dice), (1, 0))
    return cross_entropy + ((1 - dice) * shown).sum() / shown.sum().clamp(min=1)
