"""Stage III segmentation: a U-Net-like decoder over the image encoder, for every plane and frame at once."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from monai.networks.blocks import Convolution
from torch import Tensor, nn

from vita.models.image_encoder import ImageEncoder
from vita.models.settings import ModelSettings
from vita.runtime.errors import UserError

CLASSES = 6  # background, LV cavity, LV wall, RV cavity, left atrium, right atrium
NOT_ANNOTATED = 255
_WIDEST = 4  # channels grow with depth up to this many times the first width
FRAME_CHANNELS = 8  # of what a single frame shows; 4 are cheaper and find ejection fractions less well
_TINY = 1e-6
_NORM = ("instance", {"affine": True})


class Segmenter(nn.Module):
    """A light UNETR in two dimensions: the frames of a plane are channels, planes pass side by side.

    From level to level the image shrinks by a factor of the patch's size (8 = 2 x 2 x 2, 12 = 2 x 2 x 3), so that the
    last level is the grid of patches. On the way up a level adds what comes from below, features of the raw image, and
    tokens of an encoder layer enlarged to the level. A last convolution looks at each frame of the raw image by itself,
    with the same weights: without it the few channels that all frames share let a frame copy its neighbours.

    Args:
        settings: sizes; `segmenter_width` is the number of channels at full resolution.
        encoder: from scratch, from Stage I or from Stage II.
        classes: structures with the background.

    Raises:
        UserError: patches whose rows and columns are not the same product of twos and threes.
    """

    def __init__(self, settings: ModelSettings, encoder: ImageEncoder, classes: int = CLASSES) -> None:
        super().__init__()
        self.settings, self.encoder, self.classes = settings, encoder, classes
        factors = _factors(settings)
        levels = len(factors)
        widths = [settings.segmenter_width * min(2**level, _WIDEST) for level in range(levels + 1)]
        self.image_path = nn.ModuleList([_block(settings.frames, widths[0])])
        self.image_path.extend(_block(widths[i - 1], widths[i], stride=factors[i - 1]) for i in range(1, levels))
        channels = settings.grid[1] * settings.width
        self.layer_of_level = [_spread(level, levels, settings.depth) for level in range(1, levels + 1)]
        self.token_path = nn.ModuleList(
            _enlarge(channels, widths[level], math.prod(factors[level:])) for level in range(1, levels + 1)
        )
        self.up_path = nn.ModuleList(_enlarge(widths[i + 1], widths[i], factors[i]) for i in range(levels))
        self.join_path = nn.ModuleList(_block(width, width) for width in widths[:-1])
        self.out = nn.Conv2d(widths[0], classes * settings.frames, kernel_size=1)
        self.frame_path = nn.Conv2d(1, FRAME_CHANNELS, kernel_size=3, padding=1)
        self.frame_share = nn.Conv2d(widths[0], FRAME_CHANNELS * settings.frames, kernel_size=1)
        self.frame_out = nn.Conv2d(FRAME_CHANNELS, classes, kernel_size=1)

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
        features = from_tokens.pop()
        for level in reversed(range(len(skips))):
            features = self.up_path[level](features) + skips[level]
            if level:
                features = features + from_tokens[level - 1]
            features = self.join_path[level](features)
        together = self.out(features).unflatten(1, (self.settings.frames, self.classes))
        logits = together + self._by_frame(features, images_bsthw[:, chosen].flatten(0, 1))
        return logits.unflatten(0, (len(images_bsthw), len(chosen))).permute(0, 3, 1, 2, 4, 5)

    def _by_frame(self, features_nchw: Tensor, planes_nthw: Tensor) -> Tensor:
        """What each frame's own pixels add to the logits: (batch * plane, time, classes, height, width)."""
        frames = self.settings.frames
        shared = self.frame_share(features_nchw).unflatten(1, (frames, FRAME_CHANNELS)).flatten(0, 1)
        own = self.frame_path(planes_nthw.flatten(0, 1)[:, None])
        return self.frame_out(F.leaky_relu(shared + own)).unflatten(0, (-1, frames))

    def _map(self, tokens_bnd: Tensor, planes: list[int]) -> Tensor:
        """Patch tokens of some planes as feature maps (batch * plane, time patch * width, row, column)."""
        grid = tokens_bnd[:, 1:].unflatten(1, self.settings.grid)[:, planes]
        return grid.permute(0, 1, 2, 5, 3, 4).flatten(2, 3).flatten(0, 1)


def _factors(settings: ModelSettings) -> list[int]:
    """How a patch shrinks to a pixel, level by level: twos first, then threes."""
    _, rows, columns = settings.patch
    factors, left = [], rows
    for factor in (2, 3):
        while left % factor == 0:
            factors.append(factor)
            left //= factor
    if rows != columns or left > 1 or not factors:
        raise UserError(
            f"config: 'model.patch' is {list(settings.patch)}; segmentation needs as many rows as columns, "
            f"a product of twos and threes (4, 6, 8, 12, 16), not {rows} and {columns}"
        )
    return factors


def _spread(level: int, levels: int, depth: int) -> int:
    """Encoder layer of a level: the last for the coarsest, earlier ones evenly for the finer."""
    return max(0, round(level * depth / levels) - 1)


def _block(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
    """A 3 x 3 convolution, normalisation and activation."""
    return Convolution(2, inputs, outputs, strides=stride, kernel_size=3, act="LEAKYRELU", norm=_NORM)


def _enlarge(inputs: int, outputs: int, factor: int) -> nn.Module:
    """A transposed convolution whose stride is its kernel, as a product and a shuffle: much faster on a CPU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs * factor**2, kernel_size=1), nn.PixelShuffle(factor))


def choose_planes(target_bsthw: Tensor, count: int, generator: torch.Generator | None = None) -> list[int]:
    """Random annotated planes for a cheaper training step; all planes if fewer are annotated.

    Args:
        target_bsthw: (batch, plane, time, height, width) classes, 255 where there is no annotation.
        count: number of planes wanted.
        generator: for the choice, on the CPU.

    Returns:
        Plane indices in their own order, to be given to `Segmenter.forward` and to be taken from the target.
    """
    annotated = (target_bsthw != NOT_ANNOTATED).any(dim=(0, 2, 3, 4)).nonzero()[:, 0].cpu()
    order = torch.randperm(len(annotated), generator=generator)[:count]
    return sorted(annotated[order].tolist()) or list(range(target_bsthw.shape[1]))


def segmentation_loss(logits_bcsthw: Tensor, target_bsthw: Tensor, smooth: float = 1.0) -> Tensor:
    """Weighted cross-entropy plus soft Dice loss; voxels without annotation count in neither.

    Cross-entropy weighs a class by one over the square root of its share of the batch: unweighted, the background
    (nine tenths of all voxels) keeps rarer structures at zero for the first hundreds of steps.
    Dice sums over the batch, so that a structure which a plane does not show weighs nothing, and averages over the
    structures (background aside) that the batch shows.

    Args:
        logits_bcsthw: (batch, classes, plane, time, height, width).
        target_bsthw: (batch, plane, time, height, width) classes, 255 where there is no annotation.
        smooth: added to both sides of the Dice fraction.

    Returns:
        () weighted cross-entropy plus Dice loss; 0 with gradients if nothing is annotated.
    """
    # Plane by plane: tensors of a few MB stay in caches and need no fresh pages from the system.
    planes = zip(logits_bcsthw.unbind(2), target_bsthw.unbind(1), strict=True)
    totals = [torch.stack(values).sum(dim=0) for values in zip(*(_totals(*plane) for plane in planes), strict=True)]
    cross_entropy, overlap, predicted, present = totals
    dice = (2 * overlap + smooth) / (predicted + present + smooth)
    shown = F.pad((present[1:] > 0).to(dice), (1, 0))
    dice_loss = ((1 - dice) * shown).sum() / shown.sum().clamp(min=1)
    weight = present.clamp(min=1).rsqrt() * (present > 0)
    return (weight * cross_entropy).sum() / (weight * present).sum().clamp(min=_TINY) + dice_loss


def _totals(logits_bcthw: Tensor, target_bthw: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Sums over the annotated voxels of a plane.

    Returns:
        Per class: cross-entropy of its voxels, probability on its voxels, probability on all voxels, and the number
        of its voxels.
    """
    annotated = target_bthw != NOT_ANNOTATED
    target = target_bthw.long().where(annotated, 0)
    log_probability = logits_bcthw.float().log_softmax(dim=1)
    of_target = log_probability.gather(1, target[:, None])[:, 0]
    predicted = (log_probability.exp() * annotated[:, None]).sum(dim=(0, 2, 3, 4))
    empty, kind = torch.zeros_like(predicted), target.flatten()
    overlap = empty.index_add(0, kind, (of_target.exp() * annotated).flatten())
    present = empty.index_add(0, kind, annotated.flatten().to(predicted))
    cross_entropy = empty.index_add(0, kind, -(of_target * annotated).flatten())
    return cross_entropy, overlap, predicted, present
