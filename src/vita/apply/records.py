"""What decisions.json holds, and the predictions of a scan, as typed dictionaries."""

from typing import Literal, TypeAlias, TypedDict

from vita.config.typed import Images, Phenotypes
from vita.training.recorded import Calibration

Kind: TypeAlias = Literal["numerical", "binary", "categorical"]
Weights: TypeAlias = "list[float] | list[Weights]"


class Known(TypedDict):
    """A distribution of what is typical, `typical.Typical`, with its arrays as lists."""

    mean: list[float]
    spread: list[float]
    directions: list[list[float]]
    variances: list[float]
    rest: float
    limit: float


class Group(TypedDict):
    """Views that one network of `ways` tells apart, and its weights by name."""

    views: list[str]
    weights: dict[str, Weights]


class Upright(TypedDict, total=False):
    """What recognises turned and exchanged views; empty where too few participants have any of them."""

    groups: list[Group]
    limit: float


class TypicalScans(TypedDict, total=False):
    """What is typical of a scan, by kind; empty where there are too few participants."""

    intensity: Known
    geometry: Known
    appearance: Known
    upright: Upright


class Errors(TypedDict, total=False):
    """Errors of a target in the training run; those that too few participants would decide are left out.

    `error_mean` and `error_sd` are of truth minus prediction on validation, the others are on test.
    """

    test_mae: float
    error_mean: float
    error_sd: float
    test_auc: float
    test_accuracy: float


class _Named(TypedDict):
    title: str
    unit: str
    kind: Kind
    decimals: int


class TargetDecision(_Named, Errors, total=False):
    """What is stored of a target; thresholds are of binary targets, classes and their meanings of several classes."""

    threshold: float
    calibration: Calibration
    classes: list[int]
    meanings: list[str | None]


class TaskDecision(TypedDict, total=False):
    """What is stored of a task: its targets, or of segmentation the structures annotated on each plane.

    `config` is the digest of the model's config.json.
    """

    config: str
    targets: dict[str, TargetDecision]
    annotated: dict[str, list[str]]


class OfSplit(TypedDict):
    """The seed of the split, and the share of people who were certainly in its test split."""

    seed: int
    tested: float


class Decisions(TypedDict):
    """decisions.json."""

    version: int
    system: str
    images: Images
    phenotypes: Phenotypes
    seen: dict[str, list[float]]
    split: OfSplit
    typical: TypicalScans
    tasks: dict[str, TaskDecision]


Prediction = TypedDict(
    "Prediction",
    {
        "target": str,
        "title": str,
        "kind": Kind,
        "unit": str,
        "test_mae": float,
        "error_mean": float,
        "error_sd": float,
        "test_auc": float,
        "test_accuracy": float,
        "value": float,
        "training_mean": float,
        "training_sd": float,
        "low": float,
        "high": float,
        "uncalibrated": float,
        "threshold": float,
        "positive": bool | None,
        "class": int | None,
        "meaning": str | None,
        "measured": float,
        "doubt": str | None,
        "own_doubt": str | None,
        "withheld": bool,
    },
    total=False,
)
