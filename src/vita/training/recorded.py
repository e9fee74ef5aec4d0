"""What a trained model's config.json holds, as typed dictionaries, for what reads models after their training.

Models of earlier versions do not have the newer keys. nnU-Net's file, which `vita.nnunet.results` writes, has the
common keys.
"""

from pathlib import Path
from typing import Literal, TypedDict, cast

from vita.config.typed import Network
from vita.models.config_file import read_config


class OfTarget(TypedDict):
    """Statistics of a target in training: mean and standard deviation of a number, shares of classes."""

    kind: Literal["numerical", "binary", "categorical"]
    mean: float
    std: float
    shares: list[float]


class Calibration(TypedDict, total=False):
    """A line of `vita.training.calibration`; one of several classes has an intercept for each."""

    slope: float
    intercept: float
    intercepts: list[float]


class Privacy(TypedDict):
    """What differential privacy was spent on a model."""

    epsilon: float
    delta: float
    noise: float
    clip: float


class Stage(TypedDict, total=False):
    """Keys of the block `stage` that predictions depend on."""

    sections: Literal["one", "cycle", "mixed"]
    imbalance: Literal["weights", "double", "focal", "sampling", "none"]
    pooling: Literal["mean", "flatten", "cls", "plane"]
    head: Literal["mlp", "ridge"]
    rectify: bool


class Sizes(Network, total=False):
    """The block `model`, with what `vita.models.settings.ModelSettings` adds to the configuration's."""

    size: int
    checkpointing: bool
    decoder_heads: int
    dropout: float
    view_of_plane: list[int]


class Learned(TypedDict):
    """What determined the weights, apart from data and code."""

    seed: int
    precision: str
    model: Sizes
    stage: Stage


class Recorded(TypedDict, total=False):
    """config.json."""

    name: Literal["stage1", "stage2", "stage3"]
    task: str
    system: str
    settings: Learned
    data: dict[str, str]
    code: str
    model: Sizes
    training: dict[str, object]
    split_hash: str
    seed: int
    parameters: int
    participants: dict[str, int]
    best_epoch: int
    best_val_loss: float
    trivial_val_loss: float | None
    learned: bool
    steps: int
    seconds: float
    epochs: int
    versions: dict[str, str]
    git_commit: str | None
    hardware: dict[str, object]
    peak_memory_mb: int
    targets: dict[str, OfTarget]
    calibration: dict[str, Calibration]
    thresholds: dict[str, float]
    privacy: Privacy


def read_recorded(folder: Path) -> Recorded:
    """The config.json of a trained model's folder; raises as `vita.models.config_file.read_config`."""
    return cast(Recorded, read_config(folder))
