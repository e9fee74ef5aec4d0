"""Segmentation losses: Dice with cross-entropy over the batch, or the published loss, Dice alone for each plane."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from vita.mask_classes import NOT_ANNOTATED

Loss = Literal["dice_ce", "dice"]
_TINY = 1e-6


def segmentation_loss(
    logits_bcsthw: Tensor, target_bsthw: Tensor, kind: Loss = "dice_ce", smooth: float = 1.0
) -> Tensor:
    """The loss of a batch; voxels without annotation are left out.

    "dice_ce" is weighted cross-entropy plus soft Dice loss. Cross-entropy weighs a class by one over the square root of
    its share of the batch: without weights, the background (nine tenths of all voxels) keeps rarer structures at zero
    for the first few hundred steps. Dice sums over the batch and all planes, so that a structure has no weight in a
    plane that does not show it, and averages over the structures (without the background) that the batch shows.

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
    weight = present.clamp(min=1).rsqrt() * (present > 0)
    weighted = (weight * cross_entropy).sum() / (weight * present).sum().clamp(min=_TINY)
    return weighted + _dice_loss(overlap, predicted, present, smooth)


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
