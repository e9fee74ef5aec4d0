"""From a predictor's raw outputs to numbers in their units and probabilities, without anything of the training loop."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from vita.models.heads import Output, output_slices
from vita.training.task import Statistics, class_weights


def odds_shifts(statistics: Sequence[Statistics], imbalance: str) -> list[Tensor]:
    """What the handling of rare classes added to the log odds of each class, a tensor per target; 0 where nothing.

    Args:
        statistics: of the task's targets.
        imbalance: the stage's setting: weights and (for a single target) sampling shift the odds.
    """
    shares = [known.shares for known in statistics]
    balanced = imbalance == "weights" or (imbalance == "sampling" and len(shares) == 1)
    return [class_weights(share).log() if share and balanced else torch.zeros(1) for share in shares]


def in_units(
    raw_bo: Tensor,
    outputs: Sequence[Output],
    statistics: Sequence[Statistics],
    shifts: Sequence[Tensor],
    rectify: bool = False,
) -> list[Tensor]:
    """Numbers in their units, and probabilities: (batch,) a target, or (batch, classes) for categorical ones.

    Class weights, and balanced sampling, shift the odds of a class by its weight; the shift is taken back, so that
    probabilities are those at the training prevalence (Elkan, 2001). With `rectify` no number is below 0.
    """
    slices, found = output_slices(outputs), []
    for output, known, shift in zip(outputs, statistics, shifts, strict=True):
        raw = raw_bo[:, slices[output.name]].double()
        if output.kind == "numerical":
            number = raw[:, 0] * known.std + known.mean
            found.append(number.relu() if rectify else number)
            continue
        logits = F.pad(raw, (1, 0)) if output.kind == "binary" else raw
        probability = (logits - shift.to(raw)).softmax(dim=1)
        found.append(probability[:, 1] if output.kind == "binary" else probability)
    return found
