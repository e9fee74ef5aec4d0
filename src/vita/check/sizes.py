"""Sizes of the split and of batches against the number of participants."""

from collections.abc import Iterator
from typing import Any

from vita.check.findings import Finding, error
from vita.costs.trainings import split_sizes
from vita.plan.systems import stage_settings, tasks_of
from vita.training.stage3 import MODELS


def split_findings(config: dict[str, Any], people: int) -> Iterator[Finding]:
    """Check that the split leaves somebody in each part, and that every batch can be filled.

    Args:
        config: a whole configuration.
        people: largest number of usable participants.
    """
    split = config["split"]
    wanted = {name: share if share >= 1 else share * people for name, share in split.items() if name in ("val", "test")}
    largest = max(wanted, key=lambda name: wanted[name])
    if sum(wanted.values()) >= people:
        yield error(
            f"config: 'split.{largest}' is {split[largest]:g}, but there are {people:,} participants, which leaves "
            "nobody to train on; lower it, or give a fraction below 1"
        )
        return
    if wanted["val"] < 1:
        yield error(
            f"config: 'split.val' is {split['val']:g}, which is none of {people:,} participants; trainings stop "
            "by their validation loss, so raise it"
        )
    train = split_sizes(config, people)["train"]
    for key, batch in _batches(config).items():
        if batch > train:
            yield error(
                f"config: '{key}' is {batch}, but 'split' leaves {train:,} participants to train on; lower it",
                "training",
            )


def _batches(config: dict[str, Any]) -> dict[str, int]:
    """Batch size of every training of the run, by its key."""
    found = {"stage1.batch": config["stage1"]["batch"]}
    if config["products"] != "all":
        return found
    found["stage2.batch"] = config["stage2"]["batch"]
    for name, system in config["systems"].items():
        for task in tasks_of(config, name) if name in MODELS else []:
            group = "diseases" if task.startswith("disease_") else task
            key = next(
                (
                    f"stage3.tasks.{each}"
                    for each in (task, group)
                    if "batch" in config["stage3"]["tasks"].get(each, {})
                ),
                "stage3.defaults",
            )
            if "batch" in system.get("stage", {}):
                key = f"systems.{name}.stage"
            found[f"{key}.batch"] = stage_settings(config, task, name)["batch"]
    return found
