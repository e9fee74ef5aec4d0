"""Stage III segmentation: the published decoder, a three-dimensional UNETR over the encoder's tokens, or this project's
own for single frames; and their losses.

A loss is Dice with cross-entropy over the batch, or the published one, Dice alone for each plane.
"""

from typing import Literal, cast

import torch
import torch.nn.functional as F
from monai.networks.blocks.dynunet_block import UnetOutBlock, UnetResBlock, get_conv_layer
from monai.networks.blocks.unetr_block import UnetrBasicBlock, UnetrUpBlock
from torch import Tensor, nn

from vita.mask_classes import NOT_ANNOTATED
from vita.models.frame_decoder import FrameDecoder
from vita.models.image_encoder import ImageEncoder
from vita.models.settings import ModelSettings

CLASSES = 6  # background, LV cavity, LV wall, RV cavity, left atrium, right atrium
Step = tuple[int, int, int]  # upsampling factors in (time, row, column)
_NORM = "instance"  # without affine parameters
Loss = Literal["dice_ce", "dice"]


class Segmenter(nn.Module):
    """An image encoder with the published decoder or, if `segmenter_frames` is not 0, with a `FrameDecoder`.

    In the published decoder, planes are channels, and convolutions run over (time, row, column). A linear map takes
    every token to `segmenter_hidden / planes` channels. The tokens of all planes at the same place are concatenated (by
    channel, and by plane within a channel), which gives a volume of `segmenter_hidden` channels over (time patch, row
    patch, column patch) for the decoder.

    Args:
        settings: sizes; `segmenter_hidden` channels of the token volume, `segmenter_feature` at full resolution.
        encoder: from scratch, from Stage I or from Stage II.
        classes: structures and the background.
    """

    def __init__(self, settings: ModelSettings, encoder: ImageEncoder, classes: int = CLASSES) -> None:
        super().__init__()
        self.settings, self.encoder, self.classes = settings, encoder, classes
        if settings.segmenter_frames:
            self.frame_decoder = FrameDecoder(settings, classes)
            return
        hidden, planes = settings.segmenter_hidden, settings.planes
        self.decoder_embed = nn.Linear(settings.width, hidden // planes)
        steps = growth(settings.patch)
        self.decoder = Unetr(planes, hidden, settings.segmenter_feature, classes * planes, steps)

    def forward(self, images_bsthw: Tensor, frames_k: Tensor | None = None) -> Tensor:
        """Segment all planes.

        Args:
            images_bsthw: (batch, plane, time, height, width) in [0, 1].
            frames_k: places in time of the frames to segment; None for all. The published decoder draws all of them
                together, so that this saves nothing there.

        Returns:
            (batch, classes, plane, frames segmented, height, width) logits.
        """
        if self.settings.segmenter_frames:
            found: Tensor = self.frame_decoder(images_bsthw, self.encoder(images_bsthw), frames_k)
            return found
        inputs, tokens = self.encoder.layers(images_bsthw)
        early, late = skip_layers(len(inputs))
        volumes = [self._volume(each) for each in (inputs[early], inputs[late], tokens)]
        logits: Tensor = self.decoder(images_bsthw, *volumes)
        found = logits.view(len(logits), self.classes, self.settings.planes, *logits.shape[2:])
        return found if frames_k is None else found[:, :, :, frames_k]

    def _volume(self, tokens_bnd: Tensor) -> Tensor:
        """Tokens (batch, 1 + patches, width) as a volume (batch, hidden, time patch, row patch, column patch)."""
        channels: Tensor = self.decoder_embed(tokens_bnd[:, 1:])
        grid = channels.view(len(channels), *self.settings.grid, -1)  # (batch, plane, time, row, column, channel)
        return grid.permute(0, 5, 1, 2, 3, 4).flatten(1, 2)


class Unetr(nn.Module):
    """Decoder from three volumes of tokens and the raw image to logits; its parts are named as in the published
    weights.

    Args:
        planes: channels of the image.
        hidden: channels of a volume of tokens.
        feature: channels at full resolution; they double with each of two coarser levels.
        outputs: channels of the result.
        steps: upsampling factors: from half-way to full resolution, to half-way, and from the grid of patches.
    """

    def __init__(self, planes: int, hidden: int, feature: int, outputs: int, steps: tuple[Step, Step, Step]) -> None:
        super().__init__()
        fine, middle, coarse = steps
        self.encoder1 = UnetrBasicBlock(3, planes, feature, 3, 1, _NORM, res_block=True)
        self.encoder2 = _Grow(hidden, 2 * feature, [middle, coarse])
        self.encoder3 = _Grow(hidden, 4 * feature, [coarse])
        self.decoder4 = UnetrUpBlock(3, hidden, 4 * feature, 3, coarse, _NORM, res_block=True)
        self.decoder3 = UnetrUpBlock(3, 4 * feature, 2 * feature, 3, middle, _NORM, res_block=True)
        self.decoder2 = UnetrUpBlock(3, 2 * feature, feature, 3, fine, _NORM, res_block=True)
        self.out = UnetOutBlock(3, feature, outputs)

    def forward(self, image: Tensor, early: Tensor, late: Tensor, last: Tensor) -> Tensor:
        """Decode (batch, channel, time, row, column) tensors: the image, and tokens from three depths."""
        features = self.decoder4(last, self.encoder3(late))
        features = self.decoder3(features, self.encoder2(early))
        return cast(Tensor, self.out(self.decoder2(features, self.encoder1(image))))


class _Grow(nn.Module):
    """MONAI's `UnetrPrUpBlock` with a separate upsampling factor for each step."""

    def __init__(self, inputs: int, outputs: int, steps: list[Step]) -> None:
        super().__init__()
        self.transp_conv_init = _transposed(inputs, outputs, steps[0])
        self.blocks = nn.ModuleList(
            nn.Sequential(_transposed(outputs, outputs, step), UnetResBlock(3, outputs, outputs, 3, 1, _NORM))
            for step in steps[1:]
        )

    def forward(self, volume: Tensor) -> Tensor:
        """(batch, inputs, time, row, column) to (batch, outputs, ...), enlarged by the product of the steps."""
        volume = self.transp_conv_init(volume)
        for block in self.blocks:
            volume = block(volume)
        return volume


def _transposed(inputs: int, outputs: int, step: Step) -> nn.Module:
    layer = get_conv_layer(3, inputs, outputs, kernel_size=step, stride=step, conv_only=True, is_transposed=True)
    return cast(nn.Module, layer)


def growth(patch: Step) -> tuple[Step, Step, Step]:
    """Factors by which a patch is upsampled to pixels in three steps, finest first; time is upsampled in the coarsest,
    as published.

    (5, 8, 8) gives (1, 2, 2), (1, 2, 2), (5, 2, 2); a larger patch is upsampled more in the coarsest step.
    """
    time, rows, columns = patch
    fine, middle, coarse = zip(_three_factors(rows), _three_factors(columns), strict=True)
    return (1, *fine), (1, *middle), (time, *coarse)


def _three_factors(extent: int) -> tuple[int, int, int]:
    """Two of the smallest prime factors, and the rest."""
    first = _smallest_factor(extent)
    second = _smallest_factor(extent // first)
    return first, second, extent // first // second


def _smallest_factor(number: int) -> int:
    return next((factor for factor in range(2, number + 1) if number % factor == 0), 1)


def skip_layers(depth: int) -> tuple[int, int]:
    """Blocks of the encoder whose inputs go to the decoder: 2 and 4 of 6 (counted from 0), as published."""
    return depth // 3, 2 * depth // 3


def segmentation_loss(
    logits_bcsthw: Tensor,
    target_bsthw: Tensor,
    kind: Loss = "dice_ce",
    smooth: float = 1.0,
) -> Tensor:
    """The loss of a batch; voxels without annotation are left out.

    "dice_ce" is cross-entropy plus soft Dice loss. Dice sums over the batch and all planes, so that a structure has no
    weight in a plane that does not show it, and averages over the structures (without the background) that the batch
    shows.

    "dice" is soft Dice loss alone, computed for each plane separately and averaged over planes and the structures that
    each shows.

    Args:
        logits_bcsthw: (batch, classes, plane, time, height, width).
        target_bsthw: (batch, plane, time, height, width) classes, 255 where there is no annotation.
        kind: which loss, "dice_ce" or "dice".
        smooth: added to the numerator and the denominator of the Dice fraction.

    Returns:
        () the loss; 0 with gradients if nothing is annotated.
    """
    # One plane at a time: tensors of a few MB stay in the caches and need no new pages from the system.
    planes = zip(logits_bcsthw.unbind(2), target_bsthw.unbind(1), strict=True)
    totals = [torch.stack(values) for values in zip(*(_totals(*plane) for plane in planes), strict=True)]
    cross_entropy, overlap, predicted, present = totals if kind == "dice" else [part.sum(dim=0) for part in totals]
    if kind == "dice":
        return _dice_loss(overlap, predicted, present, smooth)
    mean = cross_entropy.sum() / present.sum().clamp(min=1)
    return mean + _dice_loss(overlap, predicted, present, smooth)


@torch.no_grad()
def largest_class(logits_bcsthw: Tensor) -> Tensor:
    """The class with the largest logit, the first of several.

    Torch's `argmax` over this dimension takes six times as long on a CPU, since a voxel's logits lie far apart.

    Args:
        logits_bcsthw: (batch, classes, plane, time, height, width).

    Returns:
        (batch, plane, time, height, width) uint8.
    """
    largest, *others = logits_bcsthw.unbind(1)
    found = torch.zeros(largest.shape, dtype=torch.uint8, device=largest.device)
    for number, logits in enumerate(others, 1):
        found.masked_fill_(logits > largest, number)
        largest = torch.maximum(largest, logits)
    return found


def _dice_loss(overlap: Tensor, predicted: Tensor, present: Tensor, smooth: float) -> Tensor:
    """Mean of 1 - Dice over all (..., class) that are present, without the background."""
    dice = (2 * overlap + smooth) / (predicted + present + smooth)
    shown = F.pad((present[..., 1:] > 0).to(dice), (1, 0))
    return ((1 - dice) * shown).sum() / shown.sum().clamp(min=1)


def _totals(logits_bcthw: Tensor, target_bthw: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Sums over the annotated voxels of a plane.

    Returns:
        For each class: the cross-entropy of its voxels, the probability on its voxels, the probability on all voxels,
        and the number of its voxels.
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
