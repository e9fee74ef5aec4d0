"""The models that a configuration trains, with their settings and how many participants each learns from."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vita.cohort.split import held_out
from vita.config.systems import stage_settings, tasks_of, training_blocks
from vita.plan.ablations import alignments, pretrained, seen, variants
from vita.tabular.leakage import suffix
from vita.tabular.targets import read_targets
from vita.training.stage3 import MODELS


@dataclass(frozen=True)
class Training:
    """Models that are trained alike.

    Attributes:
        step: as the table of costs names it.
        kind: stage1, stage2, predictor, resnet50 or segmenter.
        models: how many.
        outputs: targets that each of them has.
        model, stage: blocks of its settings.
    """

    step: str
    kind: str
    models: int
    outputs: int
    model: dict[str, Any]
    stage: dict[str, Any]


def trainings(config: dict[str, Any], targets: Path) -> list[Training]:
    """Everything that a run trains, but for nnU-Net, whose plan is its own.

    Args:
        config: a whole configuration.
        targets: targets.tsv.
    """
    return [*_stage1(config), *_stage2(config), *_stage3(config, targets)]


def _stage1(config: dict[str, Any]) -> Iterator[Training]:
    for variant in variants(config).values():
        blocks = training_blocks(config, config["stage1"] | variant.stage)
        yield Training("Stage I", "stage1", 1, 0, blocks["model"] | variant.model, blocks["stage"])


def _stage2(config: dict[str, Any]) -> Iterator[Training]:
    own = variants(config)
    names = {pretrained(None): pretrained(None)}
    for name, system in config["systems"].items():
        if system.get("init") == "stage2":
            start = pretrained(system.get("view"))
            names |= {start + suffix(config["tabular"]["exclude"], task): start for task in tasks_of(config, name)}
    changes = [(own[start].model, {}) for start in names.values()]
    changes += [({}, variant.stage) for name, variant in alignments(config).items() if name != pretrained(None)]
    for model, stage in changes:
        blocks = training_blocks(config, config["stage2"] | stage)
        yield Training("Stage II", "stage2", 1, 0, blocks["model"] | model, blocks["stage"])


def _stage3(config: dict[str, Any], targets: Path) -> Iterator[Training]:
    for name, system in config["systems"].items():
        for task in tasks_of(config, name) if name in MODELS else []:
            blocks = training_blocks(config, stage_settings(config, task, name))
            model = blocks["model"] | seen(system.get("view"))
            if task == "segmentation":
                yield Training(f"Segmentation, {name}", "segmenter", 1, 0, model, blocks["stage"])
                continue
            count = len(read_targets(targets, task))
            models, outputs = (count, 1) if system.get("individual") else (1, count)
            kind = "resnet50" if name == "resnet50" else "predictor"
            yield Training(f"Stage III, {name}", kind, models, outputs, model, blocks["stage"])


def split_sizes(config: dict[str, Any], participants: int) -> dict[str, int]:
    """Participants of train, val and test, as the block `split` wants them of so many who are all usable."""
    block = config["split"]
    test, val = (int(size if size >= 1 else size * participants) for size in (block["test"], block["val"]))
    if max(block["test"], block["val"]) >= 1 or block["held_out"]:
        val = max(val, int(held_out(block) * participants) - test)
    return {"train": participants - test - val, "val": val, "test": test}
