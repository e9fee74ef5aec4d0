"""Resumable state of a stage's training: what it holds, and when a training may continue from it."""

import logging
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from vita.runtime.state import Identity, differences, goes_on, read, shown, unusable, write

log = logging.getLogger(__name__)

STATE_FILE = "state.pt"
# May differ between a state and the run that continues from it.
_MAY_CHANGE = ("settings.stage.epochs", "settings.stage.patience", "settings.model.checkpointing", "code")
_MB = 1e6


@dataclass
class Progress:
    """How far a training has come. Randomness is a function of seed and step, so no generator's state is needed.

    Attributes:
        step: optimiser steps done.
        loss_sum: sum of the training losses of the current epoch, over `loss_steps` steps.
        stale: number of epochs since the best validation loss.
        history: a row per finished epoch.
        best_loss: validation loss of `best_weights`, which are those after `best_epoch` epochs.
        best_judged: the lowest value so far of what selects the weights: the loss, or minus a metric.
        finished: whether the training is complete.
        epochs: set once from a budget of time, see vita.training.budget; 0 without one.
    """

    step: int = 0
    loss_sum: float = 0.0
    loss_steps: int = 0
    seconds: float = 0.0
    stale: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best_loss: float = float("inf")
    best_judged: float = float("inf")
    best_epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    finished: bool = False
    epochs: int = 0


@dataclass
class State:
    """The content of a state file: plain numbers, text and tensors, readable with `weights_only=True`."""

    identity: Identity
    progress: Progress
    weights: dict[str, Tensor]
    optimizer: dict[str, Any]
    precision: dict[str, Any]


def save_state(path: Path, state: State) -> None:
    """Write a state; a reader sees the old file or the new one, never an incomplete one."""
    record = {
        "progress": vars(state.progress),
        "weights": state.weights,
        "optimizer": state.optimizer,
        "precision": state.precision,
    }
    write(path, state.identity, record)


def load_state(path: Path) -> State | None:
    """Read a state; None if there is none.

    Raises:
        UserError: the file exists but cannot be read.
    """
    found = read(path)
    if found is None:
        return None
    identity, record = found
    try:
        progress = record.pop("progress")
        progress.setdefault("best_judged", progress["best_loss"])  # for states from versions without this choice
        return State(identity=identity, progress=Progress(**progress), **record)
    except (KeyError, TypeError, AttributeError) as error:
        raise unusable(path) from error


def fitting_state(path: Path, identity: Identity) -> State | None:
    """The state to continue from.

    A finished training of another configuration is replaced. An unfinished one may be hours of work, so a run with
    another configuration, or with fewer epochs than are already done, is refused. Otherwise a changed number of epochs
    continues under the schedule of the new number. Other data, as after a withdrawal, is not the user's choice: then an
    unfinished state, which has seen the old data, is deleted.

    Raises:
        UserError: the state is unfinished and belongs to another configuration; the message names the first key and
            both values.
    """
    state = load_state(path)
    if state is None:
        return None
    changed = {key: both for key, both in differences(state.identity, identity).items() if key not in _MAY_CHANGE}
    if not state.progress.finished:
        if len(state.progress.history) > _epochs(identity):
            changed["settings.stage.epochs"] = (_epochs(state.identity), _epochs(identity))
        return state if goes_on(path, changed) else None
    code_changed = state.identity.get("code") != identity.get("code")
    if changed or code_changed or _epochs(identity) < _epochs(state.identity):
        key, (old, new) = next(iter((changed or differences(state.identity, identity)).items()))
        log.info("the finished training here had %s %s, now %s: training from scratch", key, shown(old), shown(new))
        return None
    return state


def is_complete(state: State, identity: Identity) -> bool:
    """Whether the state is that of a finished training with exactly this configuration."""
    return state.progress.finished and not differences(state.identity, identity)


def release_state(path: Path, keep_mb: float) -> None:
    """Delete the state of a job whose outputs are all on disk, unless it is small enough to keep for further training.

    Nothing else deletes the state of a finished training: if a job fails in its predictions or runs out of disk space
    before its last output is written, it only has to be started again.
    """
    size_mb = path.stat().st_size / _MB if path.is_file() else 0.0
    if size_mb > keep_mb:
        log.info(
            "all outputs are written: the state of %.0f MB is deleted (training.keep_state_mb: %g)", size_mb, keep_mb
        )
        path.unlink(missing_ok=True)


def _epochs(identity: Identity) -> float:
    """Epochs that the configuration gives; a training with a budget of time sets its own."""
    epochs: float = identity["settings"]["stage"].get("epochs", math.inf)
    return epochs
