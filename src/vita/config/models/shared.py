"""Keys that all trainings share, with the text that describes them; each stage has defaults of its own."""

from typing import Annotated, Literal

from pydantic import Field

from vita.config.models.kinds import Count, Fraction, NotNegative, Positive, Rate, unit

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
    Field(description="adamw | adam | muon (for matrices, with AdamW for the rest)"),
]
Clip = Annotated[NotNegative, Field(description="largest norm of the gradients; 0 switches clipping off")]
Checkpointing = Annotated[
    bool,
    Field(
        description="gradient checkpointing: layers are recomputed in the backward pass, which saves memory and costs "
        "time"
    ),
]
