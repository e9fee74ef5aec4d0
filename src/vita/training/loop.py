"""The training loop of all stages, on Lightning's Trainer: train, resume, or reuse a finished training."""

import gc
import logging
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch import Trainer
from torch import Tensor

from vita.runtime.state import Identity
from vita.training import checkpoint, records
from vita.training.batches import TrainingBatches, TrainingOrder, in_order
from vita.training.budget import Budget
from vita.training.callbacks import KeepState, copied
from vita.training.checkpoint import Progress
from vita.training.data import Samples
from vita.training.device import check_nodes, device_of
from vita.training.learner import Learner
from vita.training.private import PoissonOrder
from vita.training.settings import Settings
from vita.training.show import ShowProgress
from vita.training.watchdog import Watchdog

log = logging.getLogger(__name__)

# key of the batch size by stage; in Stage III, a task or a system may have a separate one
_BATCH_KEY = {"stage1": "stage1.batch", "stage2": "stage2.batch", "stage3": "stage3.defaults.batch"}
# key of the time from which epochs are set; a task or a system may have a separate one
_BUDGET_KEY = {"stage1": "stage1.budget_s", "stage2": "stage2.budget_s", "stage3": "stage3.defaults.budget_s"}
# the printed name of a stage and the key of its learning rate
_WATCHED = {
    "stage1": ("Stage I", "stage1.lr"),
    "stage2": ("Stage II", "stage2.lr"),
    "stage3": ("Stage III", "stage3.defaults.lr"),
}
_PRECISION: dict[str, Literal["32-true", "bf16-mixed", "16-mixed"]] = {
    "32": "32-true",
    "bf16": "bf16-mixed",
    "fp16": "16-mixed",
}


@dataclass(frozen=True)
class Fitted:
    """The result of a training; the learner's model holds the best weights.

    Attributes:
        progress: progress, with the history and the best epoch.
        identity: configuration and digests of code and data.
        state: file of the training's state, which is kept until all outputs are written.
    """

    progress: Progress
    identity: Identity
    state: Path


def fit(
    learner: Learner,
    train: Samples,
    validate: Samples,
    folder: Path,
    identity: Identity,
    weights: Tensor | None = None,
) -> Fitted:
    """Train, resume, or reuse a finished training; leaves the best weights in the learner's model.

    Args:
        learner: with a fresh model.
        train: the training split, opened for fitting.
        validate: the validation split, opened for fitting.
        folder: the model's folder; resumable state is in its checkpoints/.
        identity: what must agree for a state to be resumed.
        weights: (participants,) weights of weighted sampling.

    Raises:
        UserError: the batch is larger than the split, the state belongs to another configuration, the loss is not
            finite, or the number of nodes requested differs from what this process knows of.
    """
    check_nodes(learner.settings.training)
    assert train.purpose == validate.purpose == "fit"
    assert not set(train.eids.tolist()) & set(validate.eids.tolist())
    settings = learner.settings
    path = folder / "checkpoints" / checkpoint.STATE_FILE
    batch_key = _BATCH_KEY[identity["name"]]
    if settings.stage.dp:
        order: TrainingOrder = PoissonOrder(len(train), settings.stage.batch, batch_key)
    else:
        order = TrainingOrder(len(train), settings.stage.batch, settings.seed, weights, batch_key)
    learner.steps_per_epoch = order.steps
    state = checkpoint.fitting_state(path, identity)
    keeper = KeepState(path, identity, settings.training.checkpoint_steps, state)
    if state is not None:
        learner.model.load_state_dict(state.weights)
        learner.progress = state.progress
    if state is None or not checkpoint.is_complete(state, identity):
        _run(learner, keeper, train, validate, order, folder)
        _release(learner)
    else:
        log.info("already trained with this configuration: using its weights")
    if getattr(rank_zero_only, "rank", 0) or os.environ.get("NODE_RANK", "0") != "0":
        raise SystemExit(0)  # only the first process, on the first node, predicts and writes
    learner.model.load_state_dict(learner.progress.best_weights)
    learner.model.eval()
    return Fitted(learner.progress, identity, path)


def _run(
    learner: Learner, keeper: KeepState, train: Samples, validate: Samples, order: TrainingOrder, folder: Path
) -> None:
    settings, training = learner.settings, learner.settings.training
    learner.progress.finished = False
    timed = settings.stage.budget_s is not None and not learner.progress.epochs
    left = -1 if timed else max(learner.epochs - learner.progress.step // order.steps, 0)  # -1: without an end so far
    if learner.progress.step:
        log.info("resuming after step %d", learner.progress.step)
    else:
        chosen = learner.warm_start(train, validate)
        if chosen:
            _choose_start(learner, validate)
    if training.compile:
        learner.model.compile()
    watchdog = Watchdog(*_WATCHED[keeper.identity["name"]])
    validation = in_order(validate, settings.stage.batch, training.workers)
    budget = Budget(_BUDGET_KEY[keeper.identity["name"]], validation)
    trainer = _trainer(settings, left, folder, [budget, keeper, watchdog, ShowProgress()])
    ranks, rank = trainer.world_size, trainer.global_rank
    batches = TrainingBatches(train, order, lambda: learner.progress.step, training.workers, rank, ranks)
    budget.train = batches
    if left:
        trainer.fit(learner, batches, validation)
    learner.progress.finished = True


def _release(learner: Learner) -> None:
    """Drop Lightning's trainer, which holds the samples of the training, so that the caller can free their memory."""
    learner.trainer = None
    gc.collect()  # its parts refer to each other


@torch.no_grad()
def _choose_start(learner: Learner, validate: Samples) -> None:
    """Count the weights before the first step as the best so far, so that an epoch has to improve on them."""
    device, progress, training = device_of(learner.settings.training), learner.progress, learner.settings.training
    learner.to(device).eval()
    for index, batch in enumerate(in_order(validate, learner.settings.stage.batch, training.workers)):
        learner.validation_step({name: tensor.to(device) for name, tensor in batch.items()}, index)
    learner.on_validation_epoch_end()
    learner.train()
    progress.best_loss, progress.best_judged, progress.best_epoch = learner.metrics["val_loss"], learner.judged, 0
    progress.best_weights = copied(learner.model.state_dict())
    log.info("before the first epoch: validation loss %.4f", progress.best_loss)


def _quiet() -> None:
    """Keep Lightning's tips and its deprecation messages from torch out of the log; its other warnings stay."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message="Full backward hook is firing.*")  # of opacus, as it should
    warnings.filterwarnings("ignore", message=".*GPU available but not used.*")
    warnings.filterwarnings("ignore", message=".*`srun` command is available.*")


def _trainer(settings: Settings, epochs: int, folder: Path, callbacks: list[Any]) -> Trainer:
    training, device = settings.training, device_of(settings.training)
    _quiet()
    several = training.devices * training.nodes > 1
    return Trainer(
        # the node's process starts the processes of its other devices itself, also in a SLURM job, where Lightning
        # would otherwise wait for tasks that srun never started
        plugins=[LightningEnvironment()],
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=training.devices,
        num_nodes=training.nodes,
        strategy="ddp" if several else "auto",
        precision=_PRECISION[training.precision],
        max_epochs=epochs,
        # with differential privacy, the gradient of each participant is clipped instead
        gradient_clip_val=None if settings.stage.dp else settings.stage.clip or None,
        logger=records.loggers(training, folder / "checkpoints") or False,
        callbacks=callbacks,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        default_root_dir=folder / "checkpoints",
    )
