"""Detection of a training that has not learned: its validation loss stays at that of an answer that ignores the images.

A collapsed training has a finite loss, so nothing else notices it. Every row of history.csv holds the loss of that
answer beside the validation loss; after part of the epochs, and again at the end, a training that is not below it is
reported.
"""

import logging
import math

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from vita.runtime.errors import UserError
from vita.training.checkpoint import Progress
from vita.training.learner import TRIVIAL, Learner, learner_of

log = logging.getLogger(__name__)

_MARGIN = 0.02  # a loss within this share of the trivial one means that nothing substantial was learned


def trivial_loss(progress: Progress) -> float | None:
    """Validation loss of the answer that ignores the images; None for a training that knows none."""
    return progress.history[-1].get(TRIVIAL) if progress.history else None


def has_learned(progress: Progress) -> bool:
    """Whether the best validation loss is below that of the trivial answer."""
    trivial = trivial_loss(progress)
    return trivial is None or progress.best_loss < trivial - _MARGIN * abs(trivial)


class Watchdog(Callback):
    """Warns, or stops the training, when it has not learned.

    Args:
        name: name of the training, such as "Stage I".
        lr_key: key of its learning rate in the configuration.
    """

    def __init__(self, name: str, lr_key: str) -> None:
        self.name, self.lr_key = name, lr_key
        self._looked = False

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Check once, after part of the epochs, or in a resumed training at the first end of an epoch after that.

        Raises:
            UserError: nothing was learned, and `training.not_learning` is stop.
        """
        learner = learner_of(module)
        training, epochs = learner.settings.training, learner.epochs
        due = max(1, math.ceil(training.not_learning_after * epochs))
        if self._looked or not due <= len(learner.progress.history) < epochs:
            return
        self._looked = True
        if message := self._complaint(learner):
            if training.not_learning == "stop":
                raise UserError(f"{message}; with 'training.not_learning: warn' it would continue")
            self._say(trainer, message)

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Check once more at the end of the training."""
        if message := self._complaint(learner_of(module)):
            self._say(trainer, message)

    def _complaint(self, learner: Learner) -> str | None:
        progress, epochs = learner.progress, learner.epochs
        if learner.settings.training.not_learning == "ignore" or has_learned(progress):
            return None
        done = f"{len(progress.history)} of {epochs} epochs"
        return (
            f"{self.name} has not learned after {done}: validation loss {progress.best_loss:.4g}, "
            f"{learner.trivial_name} {trivial_loss(progress):.4g}; lower '{self.lr_key}' if the "
            "loss never fell, or train for longer"
        )

    def _say(self, trainer: Trainer, message: str) -> None:
        if trainer.is_global_zero:
            log.warning(message)
