"""Values that a run can use but that probably do not do what they were written for; each is a warning."""

from collections.abc import Iterator
from typing import Any

from vita.check.findings import Finding, warning
from vita.plan.systems import stage_settings, tasks_of
from vita.training.stage3 import MODELS


def doubtful_findings(config: dict[str, Any]) -> Iterator[Finding]:
    """Warnings about a warm-up longer than its training, seeds that add nothing, and nnU-Net on a network's masks."""
    for name, stage in _stages(config):
        if stage["warmup_epochs"] > stage["epochs"]:
            yield warning(
                f"config: the 'warmup_epochs' of {name} are {stage['warmup_epochs']:g}, but its 'epochs' only "
                f"{stage['epochs']}, so that its learning rate still rises when it ends; lower the first"
            )
    if config["seed"] in config["seeds"]:
        yield warning(
            f"config: 'seeds' names {config['seed']}, which is 'seed' itself and adds nothing; name additional ones"
        )
    if config["images"]["masks"]["source"] == "model" and tasks_of(config, "nnunet"):
        yield warning(
            "config: 'systems.nnunet.tasks' names segmentation, but 'images.masks.source' is model, so that nnU-Net "
            "would only learn what the network draws; set the first to []"
        )


def _stages(config: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each training's settings, by words for it; of a task that several systems train in the same way, once."""
    yield "'stage1'", config["stage1"]
    if config["products"] != "all":
        return
    yield "'stage2'", config["stage2"]
    seen: set[tuple[str, float, int]] = set()
    for system in config["systems"]:
        for task in tasks_of(config, system) if system in MODELS else []:
            stage, group = stage_settings(config, task, system), task.partition("_")[0]
            group = "diseases" if group == "disease" else task
            key = (group, stage["warmup_epochs"], stage["epochs"])
            if key not in seen:
                seen.add(key)
                yield f"{group} ('stage3', system {system})", stage
