"""The models that a run trains, grouped by what they cost, and how many participants they learn from."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vita import names
from vita.cohort.split import held_out
from vita.config.typed import Configuration
from vita.plan.plan import Plan
from vita.plan.trainings import Model


@dataclass(frozen=True)
class Training:
    """Models that are trained in the same way.

    Attributes:
        step: as the table of costs names it.
        kind: stage1, stage2, predictor, resnet50 or segmenter.
        models: how many.
        outputs: targets that each of them has.
        model, stage: blocks of its settings.
        share: part of training and validation that it sees.
    """

    step: str
    kind: str
    models: int
    outputs: int
    model: dict[str, Any]
    stage: dict[str, Any]
    share: float = 1.0


def trainings(config: Configuration, resources: Path) -> list[Training]:
    """Everything that a run trains, by system, except nnU-Net, which plans its size itself.

    Args:
        config: a whole configuration.
        resources: folder of targets.tsv and features.tsv.
    """
    plan = Plan.from_config(config, resources)
    order = ["", *plan.systems.names]
    found: list[Training] = []
    for model in sorted(plan.trainings.models, key=lambda model: order.index(model.system)):
        if model.kind == "nnunet":
            continue
        own = _training(model)
        if found and replace(found[-1], models=1) == own:
            own = replace(own, models=found.pop().models + 1)
        found.append(own)
    return [*found, *_of_few_labels(plan)]


def _of_few_labels(plan: Plan) -> Iterator[Training]:
    """Trainings with a part of the labels, which the extension of that name adds."""
    task = names.FEW_LABELS_TASK
    for system in plan.products.extensions.few_labels_systems:
        blocks, outputs = plan.trainings.stage3(task, system), len(plan.systems.targets_of(task))
        for percent in names.LABEL_PERCENTS[:-1]:
            own = Training(f"Few labels, {system}", "predictor", 1, outputs, blocks["model"], blocks["stage"])
            yield replace(own, share=percent / 100)


def _training(model: Model) -> Training:
    step, kind = {
        "stage1": ("Stage I", "stage1"),
        "stage2": ("Stage II", "stage2"),
        "stage3": (f"Stage III, {model.system}", "resnet50" if model.system == "resnet50" else "predictor"),
        "segmentation": (f"Segmentation, {model.system}", "segmenter"),
    }[model.kind]
    return Training(step, kind, 1, model.outputs, model.blocks["model"], model.blocks["stage"])


def split_sizes(config: Configuration, participants: int) -> dict[str, int]:
    """Numbers of participants in train, val and test according to the block `split`, if all participants are usable;
    and `labelled`, how many of train have labels.
    """
    block, labelled = config["split"], labelled_people(config, participants)
    test, val = (int(size if size >= 1 else size * labelled) for size in (block["test"], block["val"]))
    if max(block["test"], block["val"]) >= 1 or block["held_out"]:
        val = max(val, int(held_out(block) * labelled) - test)
    learnt = labelled - test - val
    return {"train": participants - test - val, "labelled": learnt, "val": val, "test": test}


def labelled_people(config: Configuration, participants: int) -> int:
    """How many of the participants have labels: all, unless the phantom cohort has a labelled part."""
    phantom = config["input"]["source"] == "phantom"
    return max(round(config["phantom"]["labelled"] * participants), 1) if phantom else participants
