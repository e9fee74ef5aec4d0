"""The blocks of the configuration about Stages I and II, and the keys that all stages share.

A key that several stages have is described once, by its type; each stage gives it a default of its own.
"""

from typing import Annotated, Literal

from pydantic import Field

from vita.config.models.kinds import Block, Count, Fraction, NotNegative, Number, Positive, Rate, Share, unit

Epochs = Annotated[Count, Field(description="passes over the training split")]
BudgetS = Annotated[
    Positive | None,
    unit("s"),
    Field(
        description="time from which the epochs are set once, by the speed of this machine, in place of `epochs`; "
        "null: `epochs`"
    ),
]
Batch = Annotated[Count, Field(description="participants per step")]
LearningRate = Annotated[Rate, Field(description="peak learning rate")]
WarmupEpochs = Annotated[NotNegative, Field(description="epochs during which the learning rate rises")]
WeightDecay = Annotated[NotNegative, Field(description="weight decay of AdamW")]
Frames = Annotated[Count | None, Field(description="frames per sample; null: model.frames")]
Sections = Annotated[
    Literal["one", "cycle", "mixed"],
    Field(
        description="frames of a sample: one: always the same section of the cycle (the paper) | cycle: in training "
        "any of the sections that cover the cycle, in prediction the mean over all of them | mixed: as cycle, but half "
        "of the training samples are consecutive frames"
    ),
]
Schedule = Annotated[
    Literal["cosine", "constant"],
    Field(description="learning rate after the warm-up: cosine (falls to 0) | constant"),
]
Select = Annotated[
    Literal["loss", "metric"],
    Field(
        description="the weights with the best loss | metric (PSNR, absolute error, AUC or Dice) on validation are kept"
    ),
]
Augment = Annotated[bool, Field(description="random rotation, flips and contrast in training")]
RotationDegrees = Annotated[
    float, Field(ge=0, le=180), unit("degrees"), Field(description="for augment: largest rotation")
]
Contrast = Annotated[Fraction, Field(description="for augment: largest relative change of contrast around the mean")]
Flip = Annotated[bool, Field(description="for augment: mirror rows and columns")]
Autocontrast = Annotated[bool, Field(description="for augment: stretch each frame to [0, 1], half of the time")]
Optimizer = Annotated[
    Literal["adamw", "adam", "muon"],
    Field(description="adamw | adam | muon (for matrices, in segmentation for convolutions, with AdamW for the rest)"),
]
Clip = Annotated[NotNegative, Field(description="largest norm of the gradients; 0 switches clipping off")]
Checkpointing = Annotated[
    bool,
    Field(
        description="gradient checkpointing: layers are recomputed in the backward pass, which saves memory and costs "
        "time"
    ),
]


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
