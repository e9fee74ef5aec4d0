"""The training of the network that draws masks, and its Dice on pictures of hearts that it did not learn on."""

import copy
import logging
import math
import time
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import torch
from monai.losses.dice import DiceCELoss
from torch import Tensor

from vita.contouring.network import Contours
from vita.contouring.pictures import CLASSES
from vita.contouring.resuming import Part, Resumable
from vita.images.layout import STRUCTURES

log = logging.getLogger(__name__)

LR, WARM_UP, WEIGHT_DECAY = 2e-3, 50, 1e-4
FALLING, LAST = 0.6, 0.02  # part of the steps after which the rate falls by a cosine, and to which share
ON_LR, ON_FALLING = 1e-3, 0.1  # of a training that goes on from weights
DECAY = 0.995  # of the mean over weights, a step
LOGGED_STEPS, KEPT_STEPS = 100, 500


class Stream(Part, Protocol):
    """Pictures, views and classes in batches, of one world (`Pictures`) or of several (`Mixture`), and where it is."""

    def batches(self, size: int, steps: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """So many batches of this size."""


def fit(
    pictures: Stream,
    steps: int,
    batch: int,
    seed: int,
    keep: Callable[[Contours, int], None] | None = None,
    start: Contours | None = None,
    resumable: Resumable | None = None,
) -> Contours:
    """Train a network for a number of steps, each on new pictures; its weights are means over the last few hundred
    steps.

    Args:
        pictures: to learn from.
        steps: batches.
        batch: pictures in each.
        seed: of the first weights.
        keep: is given the network, and how many steps it has had, every KEPT_STEPS.
        start: weights to go on from, with a lower rate; left as they are.
        resumable: state to go on from and to save.
    """
    torch.manual_seed(seed)
    model = (copy.deepcopy(start) if start else Contours()).train()
    highest, falling = (ON_LR, ON_FALLING) if start else (LR, FALLING)
    mean = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=highest, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(step, steps, falling))
    criterion = DiceCELoss(include_background=False, softmax=True, to_onehot_y=True, batch=True)
    parts: dict[str, Part] = {
        "model": model,
        "mean": mean,
        "optimizer": optimizer,
        "schedule": schedule,
        "pictures": pictures,
    }
    numbers = resumable.steps(steps, parts) if resumable else range(1, steps + 1)
    started, losses = time.perf_counter(), []
    for step, (images, views, classes) in zip(numbers, pictures.batches(batch, steps), strict=False):
        loss = criterion(model(images, views), classes[:, None])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step >= WARM_UP:
            approach(mean, model, 1.0 if step == WARM_UP else 1 - DECAY)
        losses.append(loss.item())
        if step % LOGGED_STEPS == 0 or step == steps:
            seconds = time.perf_counter() - started
            log.info("step %d of %d: loss %.3f, %.0f s", step, steps, np.mean(losses[-LOGGED_STEPS:]), seconds)
        if keep and step % KEPT_STEPS == 0:
            keep(mean, step)
    return (mean if steps >= WARM_UP else model).eval()


def rate(step: int, steps: int, falling: float = FALLING) -> float:
    """The share of the highest learning rate: a short rise, a plateau, and a cosine down to LAST."""
    down = min(max((step / max(steps, 1) - falling) / (1 - falling), 0.0), 1.0)
    return min(1.0, (step + 1) / WARM_UP) * (LAST + (1 - LAST) * 0.5 * (1 + math.cos(math.pi * down)))


def approach(mean: Contours, model: Contours, share: float) -> None:
    """Move the weights of `mean` by this share of the way to those of `model`."""
    with torch.no_grad():
        for kept, new in zip(mean.parameters(), model.parameters(), strict=True):
            kept.lerp_(new, share)


def judge(model: Contours, pictures: Stream, batches: int, batch: int) -> dict[str, float]:
    """Dice of each structure over all pictures together, by its name."""
    both, either = torch.zeros(CLASSES), torch.zeros(CLASSES)
    with torch.inference_mode():
        for images, views, classes in pictures.batches(batch, batches):
            drawn = model(images, views).argmax(dim=1)
            both += _counts(drawn[drawn == classes])
            either += _counts(drawn) + _counts(classes)
    return {name: float(2 * both[number] / either[number]) for name, number in STRUCTURES.items() if either[number]}


def _counts(classes: Tensor) -> Tensor:
    return torch.bincount(classes.flatten(), minlength=CLASSES).float()
