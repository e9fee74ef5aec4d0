"""Trainings with differential privacy before a run: settings that exclude it, and the package that it needs."""

from collections.abc import Iterator
from typing import Any

from vita.check.findings import Finding, error
from vita.plan.systems import stage_settings, tasks_of
from vita.training.private import INSTALL, available, conflicts
from vita.training.stage3 import MODELS


def private_findings(config: dict[str, Any]) -> Iterator[Finding]:
    """Findings about `dp` of Stage III, each once, with both keys.

    Args:
        config: a whole configuration.
    """
    found: dict[str, None] = {}
    for system in config["systems"] if config["products"] == "all" else ():
        for task in tasks_of(config, system) if system in MODELS else ():
            found |= dict.fromkeys(_of_training(config, task, system))
    for message in found:
        yield error(message, "training")


def _of_training(config: dict[str, Any], task: str, system: str) -> Iterator[str]:
    stage = stage_settings(config, task, system)
    if not stage["dp"]:
        return
    place = _place(config, task, system, "dp")
    if system == "resnet50":
        yield (
            f"config: '{place}' is set, but resnet50 has batch norm, which mixes the participants of a batch; set "
            "'systems.resnet50.stage.dp' to null, or take the system out"
        )
        return
    if task == "segmentation":
        yield (
            f"config: '{place}' is set, but segmentation has no such training; set 'stage3.tasks.segmentation.dp' to "
            "null"
        )
        return
    for key, words in conflicts(stage, config["training"]):
        where = key if key.startswith("training.") else _place(config, task, system, key)
        yield f"config: '{place}' is set, but '{where}' {words}, or set the first to null"
    gpus = config["resources"]["rules"].get("train_stage3", {}).get("gpus", 0)
    if gpus > 1:
        yield (
            f"config: '{place}' is set, but 'resources.rules.train_stage3.gpus' is {gpus}, and noise is drawn in one "
            "process; set the second to 1, or the first to null"
        )
    if not available():
        yield f"config: '{place}' needs opacus, which is missing; {INSTALL}, or set it to null"


def _place(config: dict[str, Any], task: str, system: str, key: str) -> str:
    """The key that decides a setting of a training: of the system, the task, its group, or the defaults."""
    if key in config["systems"][system].get("stage", {}):
        return f"systems.{system}.stage.{key}"
    tasks = config["stage3"]["tasks"]
    for name in (task, "diseases" if task.startswith("disease_") else task):
        if key in tasks.get(name, {}):
            return f"stage3.tasks.{name}.{key}"
    return f"stage3.defaults.{key}"
