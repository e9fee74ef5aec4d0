"""A Stage III task as arrays: standardised numbers, classes, weights from the training prevalence, and the way back
to units.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from vita.models.heads import Output, output_slices
from vita.runtime.errors import UserError
from vita.tabular.targets import Target
from vita.training.data import People, Samples

_DOUBLE = 2.0  # weight of positives in the published code
_MAX_WEIGHT = 50.0  # a class with a handful of participants must not drown the rest


@dataclass(frozen=True)
class Statistics:
    """Statistics of a target in the training split.

    Attributes:
        mean: of numbers, in the target's unit.
        std: of numbers, in the target's unit; 1 where they do not vary.
        shares: (classes,) of the known participants; empty for numbers.
    """

    mean: float = 0.0
    std: float = 1.0
    shares: tuple[float, ...] = ()


@dataclass(frozen=True)
class Task:
    """Targets with their statistics.

    Attributes:
        targets: targets in order, without those that have no known value in training.
        truth: one column per target, indexed by eid, in the target's unit; NaN where unknown.
        statistics: of each target.
    """

    targets: tuple[Target, ...]
    truth: pd.DataFrame
    statistics: tuple[Statistics, ...]

    @property
    def outputs(self) -> list[Output]:
        """The outputs of a predictor of this task."""
        return [Output(t.name, t.kind, max(t.classes, 1)) for t in self.targets]  # type: ignore[arg-type]

    def add_to(self, samples: Samples) -> None:
        """Add `targets` (participants, targets) to the batches: standardised numbers, class indices, NaN if unknown."""
        values = self.truth.reindex(samples.eids).to_numpy(np.float64, copy=True)
        for column, (target, known) in enumerate(zip(self.targets, self.statistics, strict=True)):
            if target.kind == "numerical":
                values[:, column] = (values[:, column] - known.mean) / known.std
        samples.add("targets", torch.from_numpy(values.astype(np.float32)))

    def record(self) -> dict[str, dict[str, object]]:
        """Statistics by target, for config.json."""
        return {t.name: {"kind": t.kind, **vars(s)} for t, s in zip(self.targets, self.statistics, strict=True)}


def make_task(values: pd.DataFrame, targets: Sequence[Target], train: People) -> Task:
    """Statistics from the training split.

    Raises:
        UserError: no target has a known value in the training split, or the only target has a single class there.
    """
    known = values.reindex(train.eids)
    kept = [target for target in targets if known[target.name].notna().any()]
    if not kept:
        raise UserError(
            f"none of the targets ({', '.join(target.name for target in targets)}) is known for anybody in the "
            "training split; see labels and phenotypes"
        )
    statistics = tuple(_statistics(known[target.name].dropna().to_numpy(float), target) for target in kept)
    return Task(tuple(kept), values[[target.name for target in kept]], statistics)


def _statistics(values: np.ndarray, target: Target) -> Statistics:
    if target.kind == "numerical":
        std = float(values.std())
        return Statistics(float(values.mean()), std if std > 0 else 1.0)
    classes = 2 if target.kind == "binary" else target.classes
    counts = np.bincount(values.astype(int), minlength=classes)
    return Statistics(shares=tuple((counts / counts.sum()).tolist()))


def class_weights(shares: Sequence[float]) -> Tensor:
    """(classes,) weights, relative to the most frequent class and capped, that make all classes count equally."""
    share = torch.tensor(shares, dtype=torch.float32)
    return (share.max() / share.clamp(min=share.max() / _MAX_WEIGHT)).clamp(max=_MAX_WEIGHT)


def loss_weights(shares: Sequence[float], imbalance: str) -> Tensor:
    """(classes,) weights in the loss: `class_weights`, or 1 and 2 for a binary target ("double"), or all 1."""
    if imbalance == "weights" and shares:
        return class_weights(shares)
    if imbalance == "double" and len(shares) == 2:
        return torch.tensor([1.0, _DOUBLE])
    return torch.ones(max(len(shares), 1))


def sampling_weights(task: Task, train: Samples) -> Tensor | None:
    """(participants,) weights of balanced sampling over the task's single class target; None for other tasks."""
    if len(task.targets) != 1 or task.targets[0].kind == "numerical":
        return None
    values = task.truth.iloc[:, 0].reindex(train.eids)
    weights = class_weights(task.statistics[0].shares).numpy()
    return torch.from_numpy(np.where(values.isna(), 0.0, weights[values.fillna(0).astype(int)]))


def mean_weight(shares: Sequence[float], weights: Tensor) -> float:
    """The mean weight of a participant, by which a weighted loss is divided in addition to the number of participants.

    Dividing by the weights of the current batch, as torch does, would give the rare class less than its weight, since a
    batch with one of its few participants would be divided by a larger number.
    """
    return float((torch.tensor(shares, dtype=torch.float64) * weights.double()).sum())


def odds_shifts(statistics: Sequence[Statistics], imbalance: str) -> list[Tensor]:
    """What the handling of rare classes adds to the log odds of each class: one tensor per target, 0 without any
    handling.

    Args:
        statistics: statistics of the task's targets.
        imbalance: the stage's setting: weights in the loss and (for a single target) sampling shift the odds.
    """
    shares = [known.shares for known in statistics]
    as_weights = "weights" if imbalance == "sampling" and len(shares) == 1 else imbalance
    return [loss_weights(share, as_weights).log() if share else torch.zeros(1) for share in shares]


def in_units(
    raw_bo: Tensor,
    outputs: Sequence[Output],
    statistics: Sequence[Statistics],
    shifts: Sequence[Tensor],
    rectify: bool = False,
) -> list[Tensor]:
    """Numbers in their units, and probabilities: (batch,) per target, or (batch, classes) for categorical targets.

    Class weights, and balanced sampling, shift the odds of a class by its weight; the shift is removed, so that
    probabilities hold for the training prevalence (Elkan, 2001). With `rectify` no number is below 0.
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
