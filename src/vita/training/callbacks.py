"""What happens around the steps: saving state, handling signals and choosing the best weights."""

import logging
import math
import signal
import time
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from vita.runtime.errors import UserError
from vita.runtime.state import Asked, Identity
from vita.training.checkpoint import State, save_state
from vita.training.learner import Learner, learner_of

log = logging.getLogger(__name__)

_GPU_CHECK_STEPS = 20  # reading the loss has to wait for the GPU


class KeepState(Callback):
    """Saves state every n steps and on SIGTERM and SIGUSR1, keeps the best weights, stops early.

    SIGTERM saves and ends the process with code 143; SIGUSR1 (SLURM's warning before the time limit) saves and
    continues. Within an epoch, state is saved after a step; at its end, after validation.

    Args:
        path: of the state.
        identity: stored with it.
        every: steps between states.
        state: state to continue from; its optimiser is restored.
    """

    def __init__(self, path: Path, identity: Identity, every: int, state: State | None) -> None:
        self.path, self.identity, self.every, self.state = path, identity, every, state
        self.saved_at = state.progress.step if state else 0
        self._asked = Asked()
        self._started = 0.0
        self._loss: torch.Tensor | None = None

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Restore the optimiser and handle signals from now on (the Trainer restores the previous handlers).

        Raises:
            UserError: this process and the first one continue from different steps.
        """
        learner = learner_of(module)
        step = learner.progress.step
        if step != (first := trainer.strategy.broadcast(step)):
            raise UserError(
                f"{self.path}: this process reads a state of step {step}, the first one a state of step {first}; all "
                "nodes of a training must see the same files"
            )
        if self.state is not None:
            learner.progress.stale = 0 if self.state.progress.finished else learner.progress.stale
            trainer.optimizers[0].load_state_dict(self.state.optimizer)
            trainer.precision_plugin.load_state_dict(self.state.precision)
            self.state = None
        self._asked.listen()
        self._started = time.perf_counter()

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """Count the step, check the loss, and save if it is time."""
        learner = learner_of(module)
        progress, loss = learner.progress, outputs["loss"].detach()
        self._loss = loss if self._loss is None else self._loss + loss
        progress.step += 1
        progress.loss_steps += 1
        epoch_ends = progress.step % learner.steps_per_epoch == 0
        if loss.device.type == "cpu" or epoch_ends or self._due(progress.step) or index % _GPU_CHECK_STEPS == 0:
            self._read_loss(learner)
        if not epoch_ends:
            self._save_if_due(trainer, learner)

    def _read_loss(self, learner: Learner) -> None:
        """Add the losses since the last check to the epoch's sum.

        Raises:
            UserError: the sum is not finite.
        """
        progress = learner.progress
        value, self._loss = (0.0 if self._loss is None else float(self._loss)), None
        if not math.isfinite(value):
            kept = f"the last good state, of step {self.saved_at}, is kept in {self.path}" if self.saved_at else ""
            raise UserError(
                f"the training loss is {value} at step {progress.step} (epoch "
                f"{1 + (progress.step - 1) // learner.steps_per_epoch}); {kept or 'no state was saved yet'}; "
                "lower the stage's lr or use precision 32, and delete the state to train from scratch"
            )
        progress.loss_sum += value

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """After validation: add the epoch's row, keep the best weights, and stop early when patience runs out."""
        learner = learner_of(module)
        progress, metrics = learner.progress, learner.metrics
        epoch = progress.step // learner.steps_per_epoch
        # all ranks make the same decision
        learner.metrics, learner.judged = metrics, judged = trainer.strategy.broadcast((metrics, learner.judged))
        mean_loss = torch.tensor(progress.loss_sum / max(progress.loss_steps, 1), device=learner.device)
        self._count_seconds(learner)
        row = {
            "epoch": epoch,
            "step": progress.step,
            "learning_rate": trainer.optimizers[0].param_groups[-1]["lr"],
            "train_loss": float(trainer.strategy.reduce(mean_loss, reduce_op="mean")),
            "seconds": progress.seconds,
        }
        progress.history.append(row | metrics)
        progress.loss_sum, progress.loss_steps, progress.stale = 0.0, 0, progress.stale + 1
        if judged < progress.best_judged:
            progress.best_judged, progress.best_loss = judged, metrics["val_loss"]
            progress.best_epoch, progress.stale = epoch, 0
            progress.best_weights = copied(learner.model.state_dict())
        if trainer.logger is not None:
            trainer.logger.log_metrics({k: v for k, v in progress.history[-1].items() if k != "step"}, progress.step)
        patience = learner.settings.stage.patience
        if patience and progress.stale >= patience:
            log.info("the validation loss has not improved for %d epochs: stopping", patience)
            trainer.should_stop = True
        self._save_if_due(trainer, learner)

    def _count_seconds(self, learner: Learner) -> None:
        now = time.perf_counter()
        learner.progress.seconds += now - self._started
        self._started = now

    def _due(self, step: int) -> bool:
        return step - self.saved_at >= self.every or self._asked.by is not None

    def _save_if_due(self, trainer: Trainer, learner: Learner) -> None:
        if trainer.world_size > 1:  # a signal to one process counts for all
            for number in (signal.SIGUSR1, signal.SIGTERM):
                if trainer.strategy.reduce_boolean_decision(self._asked.by == number, all=False):
                    self._asked.by = number
        if self._due(learner.progress.step):
            self._save(trainer, learner)
        self._asked.answered(learner.progress.step)

    def _save(self, trainer: Trainer, learner: Learner) -> None:
        weights = learner.model.state_dict()
        if not all(bool(torch.isfinite(tensor).all()) for tensor in weights.values()):
            raise UserError(
                f"weights are not finite after step {learner.progress.step}; lower the stage's lr or use precision 32"
            )
        self._count_seconds(learner)
        self.saved_at = learner.progress.step
        if trainer.is_global_zero:
            save_state(self.path, self._state(trainer, learner))

    def _state(self, trainer: Trainer, learner: Learner) -> State:
        optimizer, precision = trainer.optimizers[0].state_dict(), trainer.precision_plugin.state_dict()
        return State(self.identity, learner.progress, learner.model.state_dict(), optimizer, precision)

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Save the final state, since later parts of the job may fail and more epochs may be added later."""
        learner = learner_of(module)
        learner.progress.finished = True
        if not learner.progress.best_weights:
            raise UserError("the validation loss was never finite; lower the stage's lr or use precision 32")
        if trainer.is_global_zero:
            save_state(self.path, self._state(trainer, learner))


def copied(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A copy of the weights on the CPU, which further training does not change."""
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in weights.items()}
