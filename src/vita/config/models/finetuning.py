"""The block of the configuration about Stage III, a model per task."""

from typing import Annotated, Any, Literal

from pydantic import Field

from vita.config.models.kinds import Block, Count, Needs, Number, NumberTask, Positive, Task, Unique
from vita.config.models.stages import (
    Augment,
    Autocontrast,
    Batch,
    BudgetS,
    Checkpointing,
    Clip,
    Contrast,
    Epochs,
    Flip,
    LearningRate,
    Optimizer,
    RotationDegrees,
    Schedule,
    Sections,
    Select,
    WarmupEpochs,
    WeightDecay,
)


class FineTuning(Block):
    """Settings of one model of Stage III; where they are a task's or a system's, only the keys that are given count."""

    epochs: Epochs = 16
    budget_s: BudgetS = None
    batch: Batch = 8
    lr: LearningRate = 1e-3
    encoder_lr_scale: Annotated[float, Field(ge=0, le=10)] = 1.0
    """learning rate of a pretrained encoder, as a factor on lr"""
    warmup_epochs: WarmupEpochs = 0.5
    weight_decay: WeightDecay = 1e-4
    patience: Count = 16
    """epochs without a better validation loss before training stops"""
    frames: Count | None = None
    """frames per sample; null: model.frames, whatever earlier stages used"""
    pooling: Literal["mean", "flatten", "cls", "plane"] = "plane"
    """pooling of the image tokens for the head: mean | flatten | cls | plane (one mean per plane)"""
    head: Literal["mlp", "ridge"] = "ridge"
    """mlp: two layers with random initial weights | ridge: one layer that starts from the closed-form fit to the
    encoder's features; epochs count only if they improve validation"""
    through: Unique[NumberTask] = []
    """for the closed-form fit of classes: tasks through whose numbers they may be reached (features to numbers,
    numbers to class), if that is better on validation; those that no system is run for are left out"""
    start: NumberTask | None = None
    """the encoder starts from the same system's model of this task, if there is one from the same Stage II; null: from
    the system's `init`"""
    sections: Sections = "cycle"
    schedule: Schedule = "cosine"
    select: Select = "loss"
    rectify: bool = False
    """numbers are never below 0 in their unit (a ReLU after the head, as in the published code)"""
    imbalance: Literal["weights", "double", "focal", "sampling", "none"] = "weights"
    """rare classes: weights (from training prevalence) | double (positives count twice) | focal | sampling | none"""
    augment: Augment = True
    rotation_degrees: RotationDegrees = 15
    contrast: Contrast = 0.2
    flip: Flip = False
    autocontrast: Autocontrast = False
    optimizer: Optimizer = "muon"
    clip: Clip = 1.0
    checkpointing: Checkpointing = False
    loss: Literal["mse", "l1", "huber", "dice_ce", "dice"] = "mse"
    """standardised numbers: mse | l1 | huber; segmentation: dice_ce | dice (only Dice, per plane, as in the published
    code)"""
    probe_epochs: Number = 0
    """epochs of the head alone on features of a pretrained encoder, before fine-tuning"""
    dp: Annotated[
        dict[Literal["noise", "clip", "delta"], Positive] | None,
        Needs("noise", "clip", "delta"),
    ] = None
    """differential privacy (DP-SGD): {noise: 1.0, clip: 1.0, delta: 1.0e-5}; noise as a multiple of clip, the largest
    norm of a participant's gradient; needs opacus, head: mlp and optimizer: adamw (guide release.md)"""


TASKS: Any = {  # of the default run, of each task the keys that it gives
    "physiological": {"epochs": 4},
    "binary_features": {"epochs": 3, "head": "mlp"},
    "categorical_features": {"epochs": 3, "head": "mlp"},
    "diseases": {
        "epochs": 2,
        "lr": 2e-4,
        "encoder_lr_scale": 0.3,
        "through": ["sa_phenotypes", "la_phenotypes"],
        "start": "sa_phenotypes",
    },
    "segmentation": {
        "epochs": 5,
        "batch": 1,
        "lr": 8e-3,
        "encoder_lr_scale": 0.1,
        "loss": "dice_ce",
        "augment": False,
    },
}


class Stage3(Block):
    """A model per task."""

    init: str | None = None
    """the same, instead of Stage II for the systems that start from it"""
    defaults: FineTuning = Field(default_factory=FineTuning)
    tasks: dict[Task, FineTuning] = Field(default=TASKS)
    """settings of single tasks, by name"""
