"""Systems of the configuration: their tasks, and their settings of Stage III."""

from typing import Any

# keys of a stage that shape its network: they move to the block `model` of its settings
_OF_MODEL = ("frames", "checkpointing")
# the view of systems that are named after it; None means both
NAMED_VIEWS = {"vita": None, "vita_sa": "sa", "vita_la": "la"}
DISEASES = ("cad", "stroke", "hypertension", "infarct", "diabetes", "high_blood_pressure")


def tasks_of(config: dict[str, Any], system: str) -> list[str]:
    """The tasks of a system, with `diseases` spelt out as its six tasks."""
    tasks: list[str] = []
    for task in config["systems"].get(system, {}).get("tasks", []):
        tasks.extend([f"disease_{name}" for name in DISEASES] if task == "diseases" else [task])
    return tasks


def stage_settings(config: dict[str, Any], task: str, system: str) -> dict[str, Any]:
    """Stage III settings of a task for a system: defaults, then the task's, then the system's."""
    tasks = config["stage3"]["tasks"]
    group = "diseases" if task.startswith("disease_") else task
    layers = [
        config["stage3"]["defaults"],
        tasks.get(group, {}),
        tasks.get(task, {}),
        config["systems"][system].get("stage", {}),
    ]
    return {key: value for layer in layers for key, value in layer.items()}


def training_blocks(config: dict[str, Any], stage: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The blocks `model` and `stage` of a training's settings.

    Args:
        config: the whole configuration.
        stage: `stage1`, `stage2`, or what `stage_settings` gives; its own number of frames replaces that of `model`.
    """
    own = {key: stage[key] for key in _OF_MODEL if stage.get(key) is not None}
    rest = {key: value for key, value in stage.items() if key not in ("init", "start", *_OF_MODEL)}
    return {"model": config["model"] | {"size": config["images"]["size"]} | own, "stage": rest}
