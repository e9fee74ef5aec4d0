"""Settings of a training: the blocks `training` and `stage` of the configuration, checked key by key."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeVar

from vita.models.settings import NOT_CONFIGURED, ModelSettings
from vita.runtime.errors import UserError

T = TypeVar("T", "TrainingSettings", "StageSettings")
Choices = Mapping[str, tuple[str, ...]]
Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class TrainingSettings:
    """How to compute; nothing here changes what is learnt, except for rounding (which `precision` decides).

    Attributes:
        threads: CPU threads.
        device: auto uses a GPU if there is one.
        precision: 32, or mixed precision with bf16 or with fp16, which only a GPU computes.
        workers: processes that read samples which do not fit `cache_mb`; 0 reads in the training process.
        checkpoint_steps: number of optimiser steps between resumable states.
        cache_mb: samples are kept in memory up to this size.
        devices: devices of a node; `nodes`: nodes.
        compile: torch.compile the model.
        tensorboard: write TensorBoard events if the package is installed.
        wandb: project name for Weights & Biases; empty for none.
        not_learning: what to do if a training is no better than an answer that ignores the images: warn, stop (at the
            first check) or ignore it.
        not_learning_after: share of the epochs after which this is checked; it is checked once more at the end.
        keep_state_mb: the state of a finished training is kept, to train on later, up to this size; a larger one is
            deleted when all outputs of the job are written.
    """

    threads: int = 1
    device: Device = "auto"
    precision: Literal["32", "bf16", "fp16"] = "32"
    workers: int = 0
    checkpoint_steps: int = 100
    cache_mb: int = 1500
    devices: int = 1
    nodes: int = 1
    compile: bool = False
    tensorboard: bool = True
    wandb: str = ""
    keep_state_mb: int = 100
    not_learning: Literal["warn", "stop", "ignore"] = "warn"
    not_learning_after: float = 0.3


@dataclass(frozen=True)
class StageSettings:
    """What is learnt and how; each stage reads the keys that concern it.

    Attributes:
        epochs: passes over the training split.
        batch: number of participants in a step, over all devices.
        lr: peak learning rate.
        encoder_lr_scale: learning rate of a pretrained encoder as a factor on `lr`.
        warmup_epochs: epochs of linear warm-up, fractions allowed.
        schedule: cosine, which falls to 0 after the warm-up, or constant.
        clip: gradients are scaled to at most this norm; 0 for no clipping.
        patience: epochs without a better validation loss before stopping; 0 never stops early.
        select: loss or metric: what chooses the weights on validation; for Stage II it is always the loss.
        rotation_degrees, contrast, flip, autocontrast: augmentation, see vita.training.augment.
        mask_ratio: share of image patches that are masked (Stages I and II).
        loss: for Stage I masked or all; for numbers in Stage III mse, l1 or huber on standardised targets; for
            segmentation dice_ce or dice.
        class_token: for Stage II, whether the class token is among the tokens whose mean is projected.
        projector: for Stage II plain or batchnorm, see vita.models.alignment.
        chunk: for Stage II, number of participants that a forward pass holds in memory (gradient caching); 0 for the
            whole batch.
        rectify: for Stage III, whether a ReLU after the standardised output keeps numbers from falling below 0 in their
            unit.
        probe_epochs: for Stage III, epochs of the head alone on features of the pretrained encoder, before fine-tuning.
        head: for Stage III mlp, or ridge: one layer that starts from the closed-form fit to the encoder's features.
        through: for Stage III and a head of one layer, tasks through whose numbers its classes may be reached; see
            vita.training.closed_form.
        sections: one, cycle or mixed, see vita.training.sections.
    """

    epochs: int
    batch: int
    lr: float
    encoder_lr_scale: float = 1.0
    warmup_epochs: float = 0.0
    weight_decay: float = 1e-4
    optimizer: Literal["adamw", "adam", "muon"] = "adamw"
    clip: float = 1.0
    patience: int = 0
    select: Literal["loss", "metric"] = "loss"
    augment: bool = False
    rotation_degrees: float = 15.0
    contrast: float = 0.2
    flip: bool = True
    autocontrast: bool = False
    schedule: Literal["cosine", "constant"] = "cosine"
    mask_ratio: float = 0.7
    loss: str = ""
    tau: float = 0.1
    lam: float = 0.5
    denominator: Literal["row", "equation3"] = "row"
    class_token: bool = False
    projector: Literal["plain", "batchnorm"] = "plain"
    chunk: int = 0
    pooling: Literal["mean", "flatten", "cls", "plane"] = "mean"
    head: Literal["mlp", "ridge"] = "mlp"
    through: Sequence[str] = ()
    sections: Literal["one", "cycle", "mixed"] = "one"
    rectify: bool = False
    imbalance: Literal["weights", "double", "focal", "sampling", "none"] = "weights"
    probe_epochs: int = 0


@dataclass(frozen=True)
class Settings:
    """All that a stage's `--settings` holds."""

    seed: int
    model: Mapping[str, Any]
    training: TrainingSettings
    stage: StageSettings


_CHOICES: Choices = {
    "training.device": ("auto", "cpu", "cuda"),
    "training.precision": ("32", "bf16", "fp16"),
    "training.not_learning": ("warn", "stop", "ignore"),
    "stage.optimizer": ("adamw", "adam", "muon"),
    "stage.denominator": ("row", "equation3"),
    "stage.pooling": ("mean", "flatten", "cls", "plane"),
    "stage.head": ("mlp", "ridge"),
    "stage.sections": ("one", "cycle", "mixed"),
    "stage.imbalance": ("weights", "double", "focal", "sampling", "none"),
    "stage.schedule": ("cosine", "constant"),
    "stage.select": ("loss", "metric"),
    "stage.projector": ("plain", "batchnorm"),
    "stage.loss": ("", "masked", "all", "mse", "l1", "huber", "dice_ce", "dice"),
}
_OF_MACHINE = {"threads", "devices"}  # set for a job, not in the configuration
_AT_LEAST_ONE = ("threads", "checkpoint_steps", "devices", "nodes", "epochs", "batch")


def read_settings(blocks: Mapping[str, Any]) -> Settings:
    """Check the blocks `seed`, `model`, `training` and `stage`.

    Raises:
        UserError: a block is missing, or a key is unknown or missing or has a value that is not allowed.
    """
    for name in ("model", "stage"):
        if name not in blocks:
            raise UserError(f"--settings has no block '{name}'; give it as in config.yaml")
    _check_complete("model", blocks["model"], ModelSettings, NOT_CONFIGURED)
    _check_complete("training", blocks.get("training", {}), TrainingSettings, _OF_MACHINE)
    training = _block(TrainingSettings, "training", blocks["training"])
    renamed = {("lam" if key == "lambda" else key): value for key, value in blocks["stage"].items()}
    stage = _block(StageSettings, "stage", renamed)
    processes = training.devices * training.nodes
    if stage.batch % processes:
        raise UserError(
            f"config: the stage's 'batch' is {stage.batch}, not a multiple of the {processes} devices that share it: "
            f"{training.devices} 'gpus' of 'resources.rules' on {training.nodes} 'training.nodes'; change one of them"
        )
    if stage.projector == "batchnorm" and stage.batch == processes:
        raise UserError(
            f"config: 'stage2.projector' is batchnorm, which needs two participants, but a 'stage2.batch' of "
            f"{stage.batch} gives each of {processes} devices one; raise the batch, or set the projector to plain"
        )
    return Settings(int(blocks.get("seed", 0)), blocks["model"], training, stage)


def _check_complete(name: str, block: Mapping[str, Any], kind: type[Any], optional: set[str]) -> None:
    """Check that no key is missing, since a default would silently give another model or another training."""
    for entry in fields(kind):
        if entry.name not in block and entry.name not in optional:
            raise UserError(f"--settings has no '{name}.{entry.name}'; give the whole block as in config.yaml")


def _block(kind: type[T], name: str, block: Mapping[str, Any]) -> T:
    known = {entry.name for entry in fields(kind)}
    if unknown := sorted(set(block) - known):
        raise UserError(f"config: unknown key '{name}.{unknown[0]}'; known here: {', '.join(sorted(known))}")
    try:
        settings = kind(**block)
    except TypeError as error:
        raise UserError(f"config: block '{name}' is incomplete: {error}") from error
    for key, value in asdict(settings).items():
        _check(f"{name}.{key}", key, value)
    return settings


def _check(where: str, key: str, value: Any) -> None:
    if where in _CHOICES and value not in _CHOICES[where]:
        raise UserError(f"config: '{where}' is {value!r}; choose one of {', '.join(filter(None, _CHOICES[where]))}")
    if key in _AT_LEAST_ONE and value < 1:
        raise UserError(f"config: '{where}' is {value}; it must be at least 1")
    if key == "lr" and not 0 < value <= 1:
        raise UserError(f"config: '{where}' is {value}; it must be above 0 and at most 1")
    if isinstance(value, int | float) and value < 0:
        raise UserError(f"config: '{where}' is {value}; it must not be negative")
