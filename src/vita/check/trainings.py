"""Trainings before a run: sizes of the split and of batches, starting weights, and differential privacy.

Batches must fit the number of participants. Folders of weights must exist, be readable, and have the required sizes.
Some settings rule out differential privacy, which also needs an additional package.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from vita.check.findings import Finding, error
from vita.config.typed import Configuration
from vita.costs.trainings import labelled_people, split_sizes
from vita.plan.systems import stage_settings, tasks_of
from vita.training.stage3 import MODELS

# parts that a stage needs from its starting folder, by the beginning of their weights' names
_NEEDED = {"stage1": ("image_encoder.", "encoder."), "stage2": ("image_encoder.", "encoder.")}
_NEEDED["stage3"] = _NEEDED["stage2"]
_SIZES: tuple[Literal["patch", "width", "depth", "heads", "positions"], ...] = (
    "patch",
    "width",
    "depth",
    "heads",
    "positions",
)
_TINY = 10  # participants; in a cohort up to this size, a part of one person is taken as intended


def weight_findings(config: Configuration) -> Iterator[Finding]:
    """Findings about `stage1.init`, `stage2.init` and `stage3.init`."""
    starts = {
        "stage1": config["stage1"]["init"],
        "stage2": config["stage2"]["init"],
        "stage3": config["stage3"]["init"],
    }
    for stage, prefixes in _NEEDED.items():
        if folder := starts[stage]:
            yield from _of_folder(config, f"{stage}.init", Path(folder), prefixes)


def applied_findings(config: Configuration) -> Iterator[Finding]:
    """Findings about `apply.models`, the models of another run."""
    folder = config["apply"]["models"]
    if folder and not (Path(folder) / "decisions.json").is_file():
        yield error(
            f"config: 'apply.models' names {folder}, in which there is no decisions.json; name results/models of a "
            "finished run, or set it to null to train models here"
        )


def _of_folder(config: Configuration, key: str, folder: Path, prefixes: tuple[str, ...]) -> Iterator[Finding]:
    from safetensors import SafetensorError, safe_open

    path = folder / "model.safetensors"
    if not path.is_file():
        yield error(
            f"config: '{key}' names {folder}, in which there is no model.safetensors; name a folder that a training or "
            "`python -m vita.models.import_published` wrote, or set it to null"
        )
        return
    try:
        with safe_open(path, framework="np") as file:
            names = list(file.keys())
    except (SafetensorError, OSError) as failure:
        yield error(
            f"config: '{key}' names {folder}, whose model.safetensors cannot be read ({failure}); copy or import it "
            "again, or set the key to null"
        )
        return
    if not any(name.startswith(prefixes) for name in names):
        yield error(
            f"config: '{key}' names {folder}, whose model.safetensors holds no image encoder; name a folder of Stage I "
            "or II, or set it to null"
        )
        return
    yield from _sizes(config, key, folder)


def _sizes(config: Configuration, key: str, folder: Path) -> Iterator[Finding]:
    """Sizes in which the folder's model differs from the configuration."""
    path = folder / "config.json"
    if not path.is_file():
        return
    try:
        theirs = json.loads(path.read_text(encoding="utf-8")).get("model", {})
    except (ValueError, AttributeError):
        yield error(f"config: '{key}' names {folder}, whose config.json is damaged; copy or import it again")
        return
    for name in _SIZES:
        if name in theirs and theirs[name] != config["model"][name]:
            yield error(
                f"config: '{key}' names {folder}, whose weights have '{name}' {json.dumps(theirs[name])}, but "
                f"'model.{name}' is {json.dumps(config['model'][name])}; set it to theirs, or name other weights"
            )


def split_findings(config: Configuration, people: int) -> Iterator[Finding]:
    """Check that the split leaves somebody in each part, and that every batch can be filled.

    A part of exactly one person is refused in all but the smallest cohorts, since 1 may be meant as a share of all.

    Args:
        config: a whole configuration.
        people: largest number of usable participants.
    """
    everybody, people = people, labelled_people(config, people)
    parts = {"val": config["split"]["val"], "test": config["split"]["test"]}
    wanted = {name: part if part >= 1 else part * people for name, part in parts.items()}
    largest = max(wanted, key=lambda name: wanted[name])
    if sum(wanted.values()) >= people:
        yield error(
            f"config: 'split.{largest}' is {parts[largest]:g}, but there are {people:,} participants, which leaves "
            "nobody to train on; lower it, or give a fraction below 1"
        )
        return
    uses = {"val": "trainings stop by their validation loss"}
    if config["products"] == "all":
        uses["test"] = "every number of the tables is measured on it"
    for name, use in uses.items():
        if wanted[name] < 1 or (parts[name] == 1 and people > _TINY):
            yield error(
                f"config: 'split.{name}' is {parts[name]:g}, which is {int(wanted[name]) or 'none'} of {people:,} "
                f"participants; {use}, so raise it, or give a fraction below 1"
            )
    sizes = split_sizes(config, everybody)
    for key, batch in _batches(config).items():
        train = sizes["train" if key.startswith(("stage1.", "stage2.")) else "labelled"]
        if batch > train:
            yield error(
                f"config: '{key}' is {batch}, but 'split' leaves {train:,} participants to train on; lower it",
                "training",
            )


def _batches(config: Configuration) -> dict[str, int]:
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


def private_findings(config: Configuration) -> Iterator[Finding]:
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


def _of_training(config: Configuration, task: str, system: str) -> Iterator[str]:
    stage = stage_settings(config, task, system)
    if not stage["dp"]:
        return
    # torch comes with it: every start of a run would wait for that
    from vita.training.private import INSTALL, available, conflicts

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


def _place(config: Configuration, task: str, system: str, key: str) -> str:
    """The key that decides a setting of a training: of the system, the task, its group, or the defaults."""
    if key in config["systems"][system].get("stage", {}):
        return f"systems.{system}.stage.{key}"
    tasks = config["stage3"]["tasks"]
    for name in (task, "diseases" if task.startswith("disease_") else task):
        if key in tasks.get(name, {}):
            return f"stage3.tasks.{name}.{key}"
    return f"stage3.defaults.{key}"
