"""Epochs from a budget of time: a few steps are tried and timed, and undone, before the first one that counts.

A training with `budget_s` has as many whole epochs as fit into that time at the speed of its machine. Their number is
set once, before the first step, and kept in the training's state and record: a resumed training goes on with it. The
trial leaves weights, optimiser and random numbers as they were, so that a training with a budget is, bit by bit, one
with that number as its `epochs`. The budget holds for steps and validation; reading samples into memory, closed-form
heads and predictions come on top.
"""

import copy
import itertools
import logging
import time
from collections.abc import Iterable, Iterator

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch.utils.data import DataLoader

from vita.runtime.errors import UserError
from vita.training.callbacks import copied
from vita.training.data import Batch
from vita.training.learner import Learner, learner_of

log = logging.getLogger(__name__)

_WARM_STEPS = 2  # the first steps allocate memory and choose kernels
_TIMED_STEPS = 8


class Budget(Callback):
    """Sets the number of epochs before the first step of a training that has a budget; does nothing for others.

    Args:
        key: of the budget in the configuration, for messages.
        validate: batches of the validation split.

    Attributes:
        train: batches of the training split, from the first step on; the loop sets them, since what a process gets of
            a batch is known once the trainer is there.
    """

    def __init__(self, key: str, validate: DataLoader[Batch]) -> None:
        self.key, self.validate = key, validate
        self.train: Iterable[Batch] = ()

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Time some steps and set the epochs of the trainer and of the training's progress.

        Raises:
            UserError: the budget is too small for one epoch.
        """
        learner = learner_of(module)
        budget_s = learner.settings.stage.budget_s
        if budget_s is None or learner.progress.epochs:
            return
        started = time.perf_counter()
        epoch_s = self._undone(trainer, learner)
        # all processes must have the same number
        epoch_s, spent_s = trainer.strategy.broadcast((epoch_s, time.perf_counter() - started))
        epochs = whole_epochs(self.key, budget_s, spent_s, epoch_s)
        learner.progress.epochs = trainer.fit_loop.max_epochs = epochs
        if trainer.is_global_zero:
            log.info("budget of %g s: %d epochs of about %.3g s (%s)", budget_s, epochs, epoch_s, self.key)

    def _undone(self, trainer: Trainer, learner: Learner) -> float:
        """Seconds per epoch, measured on steps whose effects are undone."""
        optimizer = trainer.optimizers[0]
        weights, state = copied(learner.model.state_dict()), copy.deepcopy(optimizer.state_dict())
        devices = [learner.device] if learner.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            epoch_s = learner.steps_per_epoch * self._step_s(trainer, learner, optimizer)
            epoch_s += len(self.validate) * self._validation_s(trainer, learner)
        learner.model.load_state_dict(weights)
        learner.model.train()
        optimizer.load_state_dict(state)
        return epoch_s

    def _step_s(self, trainer: Trainer, learner: Learner, optimizer: torch.optim.Optimizer) -> float:
        started = 0.0
        for index, batch in enumerate(itertools.islice(_endless(self.train), _WARM_STEPS + _TIMED_STEPS)):
            if index == _WARM_STEPS:
                started = _now(learner)
            loss = trainer.strategy.training_step(trainer.strategy.batch_to_device(batch), index)
            assert isinstance(loss, torch.Tensor)
            trainer.strategy.backward(loss, optimizer)
            learner.configure_gradient_clipping(optimizer, learner.settings.stage.clip)
            optimizer.step()
            optimizer.zero_grad()
        return (_now(learner) - started) / _TIMED_STEPS

    @torch.no_grad()
    def _validation_s(self, trainer: Trainer, learner: Learner) -> float:
        learner.model.eval()
        started = _now(learner)
        for index, batch in enumerate(itertools.islice(self.validate, _TIMED_STEPS)):
            trainer.strategy.validation_step(trainer.strategy.batch_to_device(batch), index)
        seconds = _now(learner) - started
        learner.forget()
        return seconds / min(_TIMED_STEPS, len(self.validate))


def whole_epochs(key: str, budget_s: float, spent_s: float, epoch_s: float) -> int:
    """How many epochs fit into a budget.

    Args:
        key: of the budget in the configuration.
        budget_s: seconds for everything.
        spent_s: seconds that the trial took.
        epoch_s: seconds of an epoch.

    Raises:
        UserError: not even one fits.
    """
    epochs = int((budget_s - spent_s) / epoch_s)
    if epochs < 1:
        raise UserError(
            f"config: '{key}' is {budget_s:g} s, but an epoch takes about {epoch_s:.3g} s here, and timing it took "
            f"{spent_s:.3g} s; set it to at least {1.2 * (spent_s + epoch_s):.2g}, or to null and give 'epochs'"
        )
    return epochs


def _endless(batches: Iterable[Batch]) -> Iterator[Batch]:
    """The batches over and over; a small split has fewer in an epoch than are timed."""
    while True:
        yield from batches


def _now(learner: Learner) -> float:
    """The time once the device has finished all queued work."""
    if learner.device.type == "cuda":
        torch.cuda.synchronize(learner.device)
    return time.perf_counter()
