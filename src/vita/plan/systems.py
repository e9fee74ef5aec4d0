"""Which system is run for which task, what its models predict, and what it is compared with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, cast

from vita.config.typed import Configuration, FineTuning
from vita.names import CONTROLS, PROBES, REGRESSION_TASKS
from vita.tabular.targets import read_sources, read_targets
from vita.training.stage3 import MODELS

Blocks = dict[str, dict[str, object]]  # of a training's settings, by name
# keys of a stage that shape its network: they move to the block `model` of its settings
_OF_MODEL = ("frames", "checkpointing")
# the view of systems that are named after it; None means both
NAMED_VIEWS: dict[str, Literal["sa", "la"] | None] = {"vita": None, "vita_sa": "sa", "vita_la": "la"}
DISEASES = ("cad", "stroke", "hypertension", "infarct", "diabetes", "high_blood_pressure")


@dataclass(frozen=True, eq=False)
class Systems:
    """Systems and tasks of a configuration.

    Attributes:
        config: the whole configuration.
        targets: targets.tsv.
    """

    config: Configuration
    targets: Path
    _targets: dict[str, dict[str, str]] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def names(self) -> list[str]:
        """Systems in the order of the config."""
        return list(self.config["systems"])

    @cached_property
    def tasks(self) -> list[str]:
        """Tasks that some system is run for, sorted."""
        return sorted({task for system in self.names for task in self.tasks_of(system)})

    @cached_property
    def classification(self) -> list[str]:
        """The tasks among these whose targets are classes."""
        return [task for task in self.tasks if task not in REGRESSION_TASKS and task != "segmentation"]

    @cached_property
    def several(self) -> list[str]:
        """The tasks among these that have several targets."""
        return [task for task in self.tasks if not task.startswith(("disease_", "segmentation"))]

    @cached_property
    def trained(self) -> list[str]:
        """Systems that Stage III trains."""
        return [system for system in self.names if system in MODELS]

    @cached_property
    def individual(self) -> list[str]:
        """Trained systems that learn a model for each target; a disease's task has one target anyway."""
        return [system for system in self.trained if self.config["systems"][system].get("individual")]

    @cached_property
    def baselines(self) -> list[str]:
        """Systems that ViTa is tested against; ViTa with a single view is not a baseline."""
        return [system for system in self.names if system not in (*NAMED_VIEWS, *PROBES)]

    @cached_property
    def _sources(self) -> dict[str, list[str]]:
        return read_sources(self.targets)

    def tasks_of(self, system: str) -> list[str]:
        """Tasks that a system is run for."""
        return tasks_of(self.config, system)

    def run_for(self, task: str) -> list[str]:
        """Systems that are run for a task, in the order of the config."""
        return [system for system in self.names if task in self.tasks_of(system)]

    def controls_of(self, task: str) -> list[str]:
        """Controls that are run for a task."""
        return [system for system in self.run_for(task) if system in CONTROLS]

    def compared(self, task: str, system: str) -> list[str]:
        """Systems that a system is tested against: baselines for ViTa, none for the others."""
        return [other for other in self.run_for(task) if system == "vita" and other in self.baselines]

    def view_of(self, system: str) -> str | None:
        """The one view that a system sees; None for both."""
        view: str | None = self.config["systems"][system].get("view")
        return view

    def start_of(self, system: str) -> str | None:
        """The stage whose weights a system starts from; None for none."""
        stage: str | None = self.config["systems"][system].get("init")
        return stage

    def tables_of(self, task: str) -> dict[str, str]:
        """The tables that hold a task's targets, by kind; a disease reads only its own labels."""
        disease = task.removeprefix("disease_")
        paths = {
            "fields": "results/cohort/fields.parquet",
            "phenotypes": "results/images/phenotypes.parquet",
            "labels": f"results/cohort/labels/{disease}.parquet",
        }
        return {source: paths[source] for source in self._sources[task]}

    def targets_of(self, task: str) -> dict[str, str]:
        """Targets of a task by the names of their files."""
        if task not in self._targets:
            names = [target.name for target in read_targets(self.targets, task)]
            self._targets[task] = {name.replace(" ", "_"): name for name in names}
        return self._targets[task]

    def models_of(self, task: str, system: str) -> list[str]:
        """Names of the folders and files of a system's models for a task: one, or one per target."""
        if system in self.individual and task in self.several:
            return [f"{system}-{name}" for name in self.targets_of(task)]
        return [system]

    def predictions(self, system: str, *tasks: str) -> list[str]:
        """Predictions of a system for those of these tasks that it is run for."""
        run = [task for task in self.tasks_of(system) if task in tasks]
        return [f"results/predictions/{task}/{system}.parquet" for task in run]


def tasks_of(config: Configuration, system: str) -> list[str]:
    """The tasks of a system, with `diseases` spelt out as its six tasks."""
    tasks: list[str] = []
    for task in config["systems"].get(system, {}).get("tasks", []):
        tasks.extend([f"disease_{name}" for name in DISEASES] if task == "diseases" else [task])
    return tasks


def stage_settings(config: Configuration, task: str, system: str) -> FineTuning:
    """Stage III settings of a task for a system: defaults, then the task's, then the system's."""
    tasks = config["stage3"]["tasks"]
    group = "diseases" if task.startswith("disease_") else task
    layers: list[FineTuning] = [
        config["stage3"]["defaults"],
        tasks.get(group, {}),
        tasks.get(task, {}),
        config["systems"][system].get("stage", {}),
    ]
    return cast(FineTuning, {key: value for layer in layers for key, value in layer.items()})


def training_blocks(config: Configuration, stage: Mapping[str, object]) -> Blocks:
    """The blocks `model` and `stage` of a training's settings.

    Args:
        config: the whole configuration.
        stage: `stage1`, `stage2`, or what `stage_settings` gives; its own number of frames replaces that of `model`.
    """
    own = {key: stage[key] for key in _OF_MODEL if stage.get(key) is not None}
    rest = {key: value for key, value in stage.items() if key not in ("init", "start", *_OF_MODEL)}
    return {"model": {**config["model"], "size": config["images"]["size"], **own}, "stage": rest}
