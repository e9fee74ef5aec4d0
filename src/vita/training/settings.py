"""Settings of a training: the blocks `training` and `stage` of the configuration, checked key by key."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeVar

from vita.config.blocks import check_complete, needed
from vita.models.settings import NOT_CONFIGURED, ModelSettings
from vita.runtime.errors import UserError

T = TypeVar("T", "TrainingSettings", "StageSettings")
Choices = Mapping[str, tuple[str, ...]]
Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True, kw_only=True)
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
    device: Device
    precision: Literal["32", "bf16", "fp16"]
    workers: int
    checkpoint_steps: int
    cache_mb: int
    devices: int = 1
    nodes: int
    compile: bool
    tensorboard: bool
    wandb: str
    keep_state_mb: int
    not_learning: Literal["warn", "stop", "ignore"]
    not_learning_after: float


@dataclass(frozen=True, kw_only=True)
class StageSettings:
    """What is learnt and how; each stage reads the keys that concern it, and has those of FOREIGN for the others.

    Attributes:
        epochs: passes over the training split.
        budget_s: seconds from which the epochs are set instead, see vita.training.budget; None for `epochs`.
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
        dp: for Stage III, noise, clip and delta of differential privacy, see vita.training.private; None without it.
    """

    epochs: int
    budget_s: float | None
    batch: int
    lr: float
    encoder_lr_scale: float
    warmup_epochs: float
    weight_decay: float
    optimizer: Literal["adamw", "adam", "muon"]
    clip: float
    patience: int
    select: Literal["loss", "metric"]
    augment: bool
    rotation_degrees: float
    contrast: float
    flip: bool
    autocontrast: bool
    schedule: Literal["cosine", "constant"]
    mask_ratio: float
    loss: str
    tau: float
    lam: float
    denominator: Literal["row", "equation3"]
    class_token: bool
    projector: Literal["plain", "batchnorm"]
    chunk: int
    pooling: Literal["mean", "flatten", "cls", "plane"]
    head: Literal["mlp", "ridge"]
    through: Sequence[str]
    sections: Literal["one", "cycle", "mixed"]
    rectify: bool
    imbalance: Literal["weights", "double", "focal", "sampling", "none"]
    probe_epochs: int
    dp: Mapping[str, float] | None


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
Stage = Literal["stage1", "stage2", "stage3"]
# What a stage has for keys that its block of the configuration does not have. It reads `encoder_lr_scale`, `patience`
# and `select`, which change nothing with these values, and none of the others.
_OF_ALIGNMENT = {"tau": 0.1, "lam": 0.5, "denominator": "row", "class_token": False, "projector": "plain", "chunk": 0}
_OF_PREDICTION = {"encoder_lr_scale": 1.0, "patience": 0, "pooling": "mean", "head": "mlp", "rectify": False}
_OF_PREDICTION |= {"imbalance": "weights", "probe_epochs": 0, "through": (), "dp": None}
FOREIGN: Mapping[Stage, Mapping[str, Any]] = {
    "stage1": _OF_ALIGNMENT | _OF_PREDICTION,
    "stage2": _OF_PREDICTION | {"select": "loss", "loss": ""},
    "stage3": _OF_ALIGNMENT | {"mask_ratio": 0.7},
}
_OF_MACHINE = {"threads", "devices"}  # set for a job, not in the configuration
_AT_LEAST_ONE = ("threads", "checkpoint_steps", "devices", "nodes", "epochs", "batch")


def without_budget(stage: Mapping[str, object]) -> dict[str, object]:
    """The part of a stage's settings that determines what it learns: a time budget or the epochs that it replaces, not
    both.
    """
    left_out = "budget_s" if stage["budget_s"] is None else "epochs"
    return {key: value for key, value in stage.items() if key != left_out}


def recorded_stage(config: Mapping[str, Any]) -> dict[str, Any]:
    """The whole block `stage` of a trained model from its config.json, completed by the keys that `without_budget`
    removes and by keys that are newer than the model.
    """
    return {"budget_s": None, "epochs": config.get("epochs", 1), "dp": None, **config["settings"]["stage"]}


def read_settings(stage: Stage, blocks: Mapping[str, Any]) -> Settings:
    """Check the blocks `seed`, `model`, `training` and `stage`.

    Args:
        stage: whose keys the block `stage` needs.
        blocks: all of them, as in config.yaml.

    Raises:
        UserError: a block is missing, or a key is unknown or missing or has a value that is not allowed.
    """
    for name in ("model", "stage"):
        if name not in blocks:
            raise UserError(f"--settings has no block '{name}'; give it as in config.yaml")
    check_complete("model", blocks["model"], _names(ModelSettings, NOT_CONFIGURED))
    check_complete("training", blocks.get("training", {}), _names(TrainingSettings, _OF_MACHINE))
    training = _block(TrainingSettings, "training", blocks["training"])
    renamed = {("lam" if key == "lambda" else key): value for key, value in blocks["stage"].items()}
    needs = _names(StageSettings, FOREIGN[stage])
    check_complete("stage", blocks["stage"], ["lambda" if key == "lam" else key for key in needs])
    own = _block(StageSettings, "stage", {**FOREIGN[stage], **renamed})
    processes = training.devices * training.nodes
    if own.batch % processes:
        raise UserError(
            f"config: the stage's 'batch' is {own.batch}, not a multiple of the {processes} devices that share it: "
            f"{training.devices} 'gpus' of 'resources.rules' on {training.nodes} 'training.nodes'; change one of them"
        )
    if own.projector == "batchnorm" and own.batch == processes:
        raise UserError(
            f"config: 'stage2.projector' is batchnorm, which needs two participants, but a 'stage2.batch' of "
            f"{own.batch} gives each of {processes} devices one; raise the batch, or set the projector to plain"
        )
    return Settings(int(needed(blocks, "seed")), blocks["model"], training, own)


def _names(kind: type[Any], apart: Collection[str]) -> list[str]:
    return [entry.name for entry in fields(kind) if entry.name not in apart]


def _block(kind: type[T], name: str, block: Mapping[str, Any]) -> T:
    known = {entry.name for entry in fields(kind)}
    if unknown := sorted(set(block) - known):
        raise UserError(f"config: unknown key '{name}.{unknown[0]}'; known here: {', '.join(sorted(known))}")
    settings = kind(**block)
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
    if key == "budget_s" and value == 0:
        raise UserError(f"config: '{where}' is 0; give seconds above 0, or null")
    if isinstance(value, int | float) and value < 0:
        raise UserError(f"config: '{where}' is {value}; it must not be negative")
