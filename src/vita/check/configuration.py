"""Values that the schema allows but that no run can use, or that probably do not do what they were written for.

The first are errors, and are reported while Snakemake reads the workflow; the others are warnings of `vita check`.
"""

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from vita.check.findings import Finding, error, warning
from vita.check.masks import adapt_findings
from vita.check.phantom import phantom_findings
from vita.cohort.features import inputs, load_features
from vita.cohort.settings import LabelSettings
from vita.config.typed import Configuration, FineTuning, Input, Stage1, Stage2, Training
from vita.names import REGRESSION_TASKS
from vita.plan.systems import stage_settings, tasks_of
from vita.runtime.errors import UserError
from vita.training.stage3 import MODELS

FIRST_SCAN = date(2000, 1, 1)  # earlier days are typing errors, in other cohorts than UK Biobank too
# systems with a mask decoder; nnU-Net is a separate system
SEGMENTING = ("vit", "mae", "vita", "nnunet")


def contradictions(config: Configuration, resources: Path) -> list[Finding]:
    """Errors: values that are impossible whatever the data. A run stops at the first, so no warning belongs here.

    Args:
        config: a whole configuration that its schema allows.
        resources: folder of features.tsv.
    """
    return [
        *_not_finite(config),
        *_exclude(config["tabular"]["exclude"], resources / "features.tsv"),
        *_tasks(config),
        *_follow_up(config),
        *_source(config["input"]),
        *_precision(config["training"]),
        *phantom_findings(config),
        *adapt_findings(config),
    ]


def _not_finite(value: Any, where: str = "") -> Iterator[Finding]:
    """Numbers that are not finite: YAML reads `.nan` and `.inf`, and no limit in a schema refuses the first."""
    parts: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        parts = value.items()
    elif isinstance(value, list):
        parts = enumerate(value)
    elif isinstance(value, float) and not math.isfinite(value):
        yield error(f"config: '{where}' is {value}, which is not a finite number; write one, such as 1.0e-3")
    for key, part in parts:
        yield from _not_finite(part, f"{where}.{key}" if where else str(key))


def _exclude(exclude: Any, features: Path) -> Iterator[Finding]:
    """Names of features and groups that are kept out of Stage II but do not exist."""
    own = inputs(load_features(features))
    known = sorted({each.name for each in own} | {each.group for each in own})
    lists = exclude if isinstance(exclude, Mapping) else {"": exclude}
    for task, names in lists.items():
        key = f"tabular.exclude.{task}" if task else "tabular.exclude"
        for name in names:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"groups are {', '.join(_groups(own))}"
                yield error(f"config: '{key}' names {name}, which is no input feature or group of {features}; {hint}")
        if all({each.name, each.group} & set(names) for each in own):
            yield error(f"config: '{key}' leaves no feature to align images with; remove something from the list")


def _groups(features: Iterable[Any]) -> list[str]:
    return sorted({each.group for each in features})


def _tasks(config: Configuration) -> Iterator[Finding]:
    """Tasks for which a system cannot be run."""
    for system in config["systems"]:
        tasks = tasks_of(config, system)
        if "segmentation" in tasks and system not in SEGMENTING and not config["systems"][system].get("view"):
            yield error(
                f"config: 'systems.{system}.tasks' names segmentation, which {system} cannot do; leave it out there "
                f"({', '.join(SEGMENTING)} can)"
            )
        others = [task for task in tasks if task not in (*REGRESSION_TASKS, "segmentation")]
        if system == "mean_guess" and others:
            yield error(
                f"config: 'systems.mean_guess.tasks' names {others[0]}, but a mean can only predict numbers; keep "
                f"only {', '.join(REGRESSION_TASKS)}"
            )


def _follow_up(config: Configuration) -> Iterator[Finding]:
    labels = config["labels"]
    try:
        end = LabelSettings.read(config).follow_up_end
    except UserError as mistake:
        yield error(str(mistake))
    else:
        days = end.values() if isinstance(end, Mapping) else [end]
        for day in dict.fromkeys(day for day in days if day and not FIRST_SCAN <= day <= date.today()):
            yield error(
                f"config: 'labels.follow_up_end' is {day}, which is "
                f"{'before any participant was scanned' if day < FIRST_SCAN else 'in the future'}; write the last day "
                "that the hospital records cover"
            )
    if labels["incident_years"] is not None and labels["timing"] != "incident":
        yield error(
            f"config: 'labels.incident_years' is {labels['incident_years']}, but 'labels.timing' is "
            f"{labels['timing']}, which has no follow-up; set the first to null or the second to incident"
        )


def _source(source: Input) -> Iterator[Finding]:
    """Files that a run on the phantom would ignore."""
    files = {"tables": source["tables"], "scans": source["scans"], "withdrawals": source["withdrawals"]}
    named = [key for key, value in files.items() if value]
    if source["source"] == "phantom" and named:
        yield error(
            f"config: 'input.{named[0]}' is set, but 'input.source' is phantom, which reads no files; set the "
            "second to files, or take the first out"
        )


def _precision(training: Training) -> Iterator[Finding]:
    if training["precision"] == "fp16" and training["device"] == "cpu":
        yield error(
            "config: 'training.precision' is fp16, which needs a GPU, but 'training.device' is cpu; set the first to "
            "32 or bf16"
        )


def doubtful_findings(config: Configuration) -> Iterator[Finding]:
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


def _stages(config: Configuration) -> Iterator[tuple[str, Stage1 | Stage2 | FineTuning]]:
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
