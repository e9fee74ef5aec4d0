"""The training loop of all stages, on Lightning's Trainer.

A step's randomness (order, masks, augmentation, dropout) is a function of seed and step, so that a resumed training
takes the steps that an uninterrupted one would have taken.
"""

import logging
import warnings
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor, nn

from vita.training import checkpoint, records
from vita.training.augment import Augmentation
from vita.training.callbacks import KeepState, ShowProgress
from vita.training.checkpoint import Identity, Progress
from vita.training.data import Batch, Samples, TrainingBatches, TrainingOrder, in_order, mixed_seed
from vita.training.device import device_of
from vita.training.schedule import learning_rate_factor
from vita.training.settings import Settings

log = logging.getLogger(__name__)

_PRECISION = {"32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}
_TRAIN, _VALIDATE = 1, 2  # streams of random numbers


class Learner(LightningModule):
    """A model with its losses; stages fill in three methods.

    Args:
        model: what is trained and written.
        settings: of the stage.
    """

    def __init__(self, model: nn.Module, settings: Settings) -> None:
        super().__init__()
        self.model, self.settings, self.progress = model, settings, Progress()
        self.steps_per_epoch = 1
        self.metrics: dict[str, float] = {}
        self._values: list[dict[str, Tensor]] = []
        stage = settings.stage
        self.augmentation = Augmentation(stage.rotation_degrees, stage.contrast, stage.flip) if stage.augment else None

    @abstractmethod
    def training_loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Loss () of a batch; random numbers come from `generator`, which is on the CPU."""

    @abstractmethod
    def validation_values(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """What `summary` needs of a batch, each tensor with participants first."""

    @abstractmethod
    def summary(self, values: dict[str, Tensor]) -> dict[str, float]:
        """Metrics of the whole validation split; `val_loss` selects the weights."""

    def warm_start(self, train: Samples) -> None:
        """What is done once, before the first step; nothing unless a stage has something to do."""

    def parameter_groups(self) -> list[tuple[float, nn.Module]]:
        """Parts of the model with their factor on the learning rate."""
        return [(1.0, self.model)]

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Augment and compute the loss."""
        seed = mixed_seed(self.settings.seed, _TRAIN, self.progress.step, self.global_rank)
        torch.manual_seed(seed)  # for dropout
        generator = torch.Generator().manual_seed(seed)
        if self.augmentation is not None:
            images, masks = self.augmentation(batch["images"], batch.get("masks"), generator)
            batch = batch | {"images": images} | ({} if masks is None else {"masks": masks})
        return self.training_loss(batch, generator)

    def validation_step(self, batch: Batch, index: int) -> None:
        """Collect what the summary needs."""
        generator = torch.Generator().manual_seed(mixed_seed(self.settings.seed, _VALIDATE, index))
        self._values.append(self.validation_values(batch, generator))

    def on_validation_epoch_end(self) -> None:
        """Metrics over the whole split; every rank sees all of it and gets the same."""
        self.metrics = self.summary({key: torch.cat([v[key] for v in self._values]) for key in self._values[0]})
        self._values.clear()

    def learning_rate(self) -> float:
        """Learning rate of the step to come."""
        stage = self.settings.stage
        factor = learning_rate_factor(self.progress.step, self.steps_per_epoch, stage.epochs, stage.warmup_epochs)
        return stage.lr * factor

    def on_train_batch_start(self, batch: Batch, index: int) -> None:
        """Set the learning rate."""
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = self.learning_rate() * group["scale"]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW or Adam; vectors (norms, biases, class tokens) are not decayed."""
        stage, groups, seen = self.settings.stage, [], set()
        for scale, module in self.parameter_groups():
            fresh = [p for p in module.parameters() if id(p) not in seen and p.requires_grad]
            seen.update(map(id, fresh))
            for decay, flat in ((stage.weight_decay, False), (0.0, True)):
                chosen = [p for p in fresh if (max(p.shape, default=1) == p.numel()) == flat]
                if chosen:
                    groups.append({"params": chosen, "weight_decay": decay, "scale": scale})
        kind = torch.optim.AdamW if stage.optimizer == "adamw" else torch.optim.Adam
        return kind(groups, lr=stage.lr, fused=True)


@dataclass(frozen=True)
class Fitted:
    """What a training gave; the learner's model has the best weights.

    Attributes:
        progress: with history and best epoch.
        identity: configuration and digests of code and data.
        resumed_at: step at which this process began.
    """

    progress: Progress
    identity: Identity
    resumed_at: int


def fit(
    learner: Learner,
    train: Samples,
    validate: Samples,
    folder: Path,
    identity: Identity,
    weights: Tensor | None = None,
) -> Fitted:
    """Train, or go on, or take what is finished already; leaves the best weights in the learner's model.

    Args:
        learner: with a fresh model.
        train: the training split, opened to fit.
        validate: the validation split, opened to fit.
        folder: the model's folder; state lies under checkpoints/.
        identity: what must agree for a state to be taken up.
        weights: (participants,) of weighted sampling.

    Raises:
        UserError: the batch is larger than the split, the state is of another configuration, or the loss is not finite.
    """
    assert train.purpose == validate.purpose == "fit"
    assert not set(train.eids.tolist()) & set(validate.eids.tolist())
    settings = learner.settings
    path = folder / "checkpoints" / checkpoint.STATE_FILE
    order = TrainingOrder(len(train), settings.stage.batch, settings.seed, weights)
    learner.steps_per_epoch = order.steps
    state = checkpoint.fitting_state(path, identity)
    keeper = KeepState(path, identity, settings.training.checkpoint_steps, state)
    if state is not None:
        learner.model.load_state_dict(state.weights)
        learner.progress = state.progress
    resumed_at = learner.progress.step
    if state is None or not checkpoint.is_complete(state, identity):
        _run(learner, keeper, train, validate, order, folder)
    else:
        log.info("already trained with this configuration: taking its weights")
    if rank_zero_only.rank:
        raise SystemExit(0)  # the first process predicts and writes
    learner.model.load_state_dict(learner.progress.best_weights)
    learner.model.eval()
    return Fitted(learner.progress, identity, resumed_at)


def _run(
    learner: Learner, keeper: KeepState, train: Samples, validate: Samples, order: TrainingOrder, folder: Path
) -> None:
    settings, training = learner.settings, learner.settings.training
    learner.progress.finished = False
    left = settings.stage.epochs - learner.progress.step // order.steps
    if learner.progress.step:
        log.info("going on after step %d", learner.progress.step)
    else:
        learner.warm_start(train)
    if training.compile:
        learner.model.compile()
    trainer = _trainer(settings, max(left, 0), folder, [keeper, ShowProgress()])
    ranks, rank = trainer.world_size, trainer.global_rank
    batches = TrainingBatches(train, order, lambda: learner.progress.step, training.workers, rank, ranks)
    if left > 0:
        trainer.fit(learner, batches, in_order(validate, settings.stage.batch, training.workers))
    learner.progress.finished = True


def _quiet() -> None:
    """Keep Lightning's advice and its use of deprecated torch functions out of the log; its warnings stay."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*GPU available but not used.*")


def _trainer(settings: Settings, epochs: int, folder: Path, callbacks: list[Any]) -> Trainer:
    training, device = settings.training, device_of(settings.training)
    _quiet()
    several = training.devices * training.nodes > 1
    return Trainer(
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=training.devices,
        num_nodes=training.nodes,
        strategy="ddp" if several else "auto",
        precision=_PRECISION[training.precision],
        max_epochs=epochs,
        gradient_clip_val=settings.stage.clip or None,
        logger=records.loggers(training, folder / "checkpoints") or False,
        callbacks=callbacks,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        default_root_dir=folder / "checkpoints",
    )
