"""The learning rate as one total function of the step."""

import math


def learning_rate_factor(step: int, steps_per_epoch: int, epochs: float, warmup_epochs: float) -> float:
    """Share of the peak learning rate: linear warm-up by fractional epoch, then half a cosine to zero.

    Args:
        step: optimiser step, from 0; steps beyond the end get the end's value.
        steps_per_epoch: optimiser steps in a pass over the training split.
        epochs: passes over the training split.
        warmup_epochs: of these, how many warm up; may be a fraction, and is cut to `epochs`.

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
