"""The blocks of the configuration about Stages I and II, and the keys that all stages share."""

from typing import Annotated, Literal

from pydantic import Field

from vita.config.models.kinds import Block, Fraction, Number, Share
from vita.config.models.shared import (
    Augment,
    Autocontrast,
    Batch,
    BudgetS,
    Checkpointing,
    Clip,
    Contrast,
    Epochs,
    Flip,
    Frames,
    LearningRate,
    Optimizer,
    RotationDegrees,
    Schedule,
    Sections,
    Select,
    WarmupEpochs,
    WeightDecay,
)


class Stage1(Block):
    """The masked autoencoder for images."""

    init: str | None = None
    """folder with weights of image encoder and decoder to start from, as import_published writes it"""
    epochs: Epochs = 25
    budget_s: BudgetS = None
    batch: Batch = 16
    lr: LearningRate = 1e-3
    warmup_epochs: WarmupEpochs = 2
    weight_decay: WeightDecay = 1e-4
    frames: Frames = None
    sections: Sections = "mixed"
    mask_ratio: Fraction = 0.7
    """share of patches that are masked"""
    loss: Literal["masked", "all"] = "masked"
    """pixel loss over masked patches | all patches"""
    schedule: Schedule = "cosine"
    select: Select = "loss"
    augment: Augment = False
    rotation_degrees: RotationDegrees = 15
    contrast: Contrast = 0.2
    flip: Flip = True
    autocontrast: Autocontrast = False
    optimizer: Optimizer = "muon"
    clip: Clip = 1.0
    checkpointing: Checkpointing = False


class Stage2(Block):
    """The alignment of images and table."""

    init: str | None = None
    """the same, instead of this run's Stage I; a folder of Stage II also gives the tabular encoder and projectors"""
    epochs: Epochs = 10
    budget_s: BudgetS = None
    batch: Annotated[Batch, Field(ge=2)] = 64
    lr: LearningRate = 1e-3
    warmup_epochs: WarmupEpochs = 2
    weight_decay: WeightDecay = 1e-4
    frames: Frames = None
    sections: Sections = "mixed"
    mask_ratio: Fraction = 0.5
    """share of image patches that are masked"""
    tau: Annotated[float, Field(gt=0, le=10)] = 0.1
    """temperature of the contrastive loss"""
    lam: Share = Field(default=0.5, alias="lambda")
    """weight of image-to-table against table-to-image in the loss"""
    denominator: Literal["row", "equation3"] = "row"
    """row (published code) | equation3 (as printed)"""
    class_token: bool = False
    """pool the class token with the other tokens (published code)"""
    projector: Literal["plain", "batchnorm"] = "plain"
    """two linear maps: plain | batchnorm, normalised over the batch (published code)"""
    chunk: Number = 0
    """number of participants that a forward pass holds in memory; 0: the whole batch"""
    schedule: Schedule = "cosine"
    augment: Augment = True
    rotation_degrees: RotationDegrees = 15
    contrast: Contrast = 0.2
    flip: Flip = False
    autocontrast: Autocontrast = False
    optimizer: Optimizer = "muon"
    clip: Clip = 1.0
    checkpointing: Checkpointing = False
