"""How weights are changed: the learning rate as a function of the step, and the optimiser with its groups."""

import math
from collections.abc import Iterable

import torch
from torch import nn

from vita.training.settings import StageSettings


def learning_rate_factor(step: int, steps_per_epoch: int, epochs: float, warmup_epochs: float) -> float:
    """Share of the peak learning rate: linear warm-up by fractional epoch, then half a cosine to zero.

    Args:
        step: optimiser step, from 0; steps beyond the end get the end's value.
        steps_per_epoch: optimiser steps in a pass over the training split.
        epochs: passes over the training split.
        warmup_epochs: how many of these warm up; may be a fraction, and is at most `epochs`.

    Returns:
        In [0, 1], taken in the middle of the step, so that neither the first nor the last step is lost.
    """
    epoch = min(max((step + 0.5) / steps_per_epoch, 0.0), float(epochs))
    warmup = min(warmup_epochs, epochs)
    if epoch < warmup:
        return epoch / warmup
    if warmup >= epochs:
        return 1.0
    return 0.5 * (1.0 + math.cos(math.pi * (epoch - warmup) / (epochs - warmup)))


def make_optimizer(
    parts: Iterable[tuple[float, nn.Module]], stage: StageSettings, fused: bool
) -> torch.optim.Optimizer:
    """AdamW or Adam; vectors (norms, biases, class tokens) are not decayed.

    Args:
        parts: modules with their factor on the learning rate, which each group stores as `scale`. A parameter belongs
            to the first module that has it.
        stage: optimiser, learning rate and weight decay.
        fused: whether one kernel updates all parameters. With the gradient scaler of fp16 it must not: a fused
            optimiser takes the scale off the gradients itself, after they have been clipped.
    """
    groups = []
    seen: set[int] = set()
    for scale, module in parts:
        fresh = [p for p in module.parameters() if id(p) not in seen and p.requires_grad]
        seen.update(map(id, fresh))
        for decay, flat in ((stage.weight_decay, False), (0.0, True)):
            if chosen := [p for p in fresh if is_flat(p) == flat]:
                groups.append({"params": chosen, "weight_decay": decay, "scale": scale})
    kind = torch.optim.AdamW if stage.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, lr=stage.lr, fused=fused)


def is_flat(parameter: nn.Parameter) -> bool:
    """Whether a parameter is a vector: at most one of its axes is longer than 1."""
    return max(parameter.shape, default=1) == parameter.numel()
