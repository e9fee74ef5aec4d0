"""The block of the configuration about systems, and the systems of the default run."""

from typing import Annotated, Any, Literal

from vita.config.models.finetuning import FineTuning
from vita.config.models.kinds import Absent, Block, Needs, Task, Unique

SystemName = Literal[
    "mean_guess",
    "demographics",
    "brightness",
    "random_encoder",
    "probe_mae",
    "probe_vita",
    "resnet50",
    "vit",
    "mae",
    "vita",
    "vita_sa",
    "vita_la",
    "nnunet",
]


class System(Block):
    """A system and the tasks for which it is run."""

    init: Literal[None, "stage1", "stage2"] = None
    """the model from which Stage III starts"""
    view: Literal[None, "sa", "la"] = None
    """the only view that the system sees, in every stage, so that it does not start from weights that saw the other"""
    individual: bool = False
    """train one model for each target of a task, instead of one for all targets"""
    tasks: Unique[Task]
    """tasks for which it is run"""
    stage: FineTuning | Absent = None
    """settings of Stage III for this system"""


Systems = Annotated[dict[SystemName, System], Needs("vita")]
SYSTEMS: Any = {  # of the default run, of each system the keys that it gives
    "mean_guess": {"tasks": ["sa_phenotypes", "la_phenotypes", "physiological"]},
    "demographics": {"tasks": ["sa_phenotypes", "la_phenotypes", "diseases"]},
    "brightness": {"tasks": ["sa_phenotypes", "la_phenotypes", "diseases"]},
    "random_encoder": {"tasks": ["sa_phenotypes", "la_phenotypes", "diseases"]},
    "probe_mae": {"init": "stage1", "tasks": ["sa_phenotypes", "la_phenotypes", "diseases"]},
    "probe_vita": {"init": "stage2", "tasks": ["sa_phenotypes", "la_phenotypes", "diseases"]},
    "resnet50": {
        "init": None,
        "tasks": ["sa_phenotypes", "la_phenotypes", "physiological", "diseases"],
        "stage": {"epochs": 4, "batch": 16, "lr": 0.0005, "optimizer": "adamw"},
    },
    "vit": {"init": None, "tasks": ["sa_phenotypes", "la_phenotypes", "segmentation"]},
    "mae": {"init": "stage1", "tasks": ["sa_phenotypes", "la_phenotypes", "segmentation"]},
    "vita": {
        "init": "stage2",
        "tasks": [
            "sa_phenotypes",
            "la_phenotypes",
            "physiological",
            "binary_features",
            "categorical_features",
            "diseases",
            "segmentation",
        ],
    },
    "vita_sa": {"init": "stage2", "view": "sa", "tasks": ["sa_phenotypes", "segmentation"]},
    "vita_la": {"init": "stage2", "view": "la", "tasks": ["la_phenotypes", "segmentation"]},
}
