"""Progress of a training, on a terminal and in a log file."""

import logging
import sys
import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from tqdm import tqdm

from vita.training.learner import learner_of

log = logging.getLogger(__name__)
# digest: shows only


class ShowProgress(Callback):
    """On a terminal a progress bar of steps; in a log file one line per epoch, without control characters."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None
        self._started = 0.0
        self._first = 0

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Open the bar at the current step."""
        learner = learner_of(module)
        self._started, self._first = time.perf_counter(), learner.progress.step
        if trainer.is_global_zero and sys.stderr.isatty():
            total = learner.epochs * learner.steps_per_epoch
            self._bar = tqdm(total=total, initial=self._first, unit="step", dynamic_ncols=True)

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """Advance the bar."""
        if self._bar is not None:
            self._bar.update(1)

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Show the epoch's losses and metrics."""
        learner = learner_of(module)
        row = learner.progress.history[-1]
        text = ", ".join(f"{k} {v:.4g}" for k, v in row.items() if k not in ("epoch", "step", "seconds"))
        if self._bar is not None:
            self._bar.set_postfix_str(text)
        elif trainer.is_global_zero:
            epoch, epochs = int(row["epoch"]), learner.epochs
            done = max(learner.progress.step - self._first, 1)
            seconds = time.perf_counter() - self._started
            left = seconds / done * (epochs * learner.steps_per_epoch - learner.progress.step)
            log.info("epoch %d/%d, %.0f s left: %s", epoch, epochs, left, text)

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()
