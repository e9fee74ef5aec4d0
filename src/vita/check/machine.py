"""The machine before a run: disk, memory, GPUs, and packages that the configuration names."""

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from vita.check.duration import models_of, planned_trainings
from vita.check.findings import Finding, error, note, warning
from vita.config.typed import Configuration, Resources, Training
from vita.images.layout import PLANES
from vita.plan.systems import tasks_of
from vita.runtime.machine import available_cores, memory_mb, visible_gpus

_VOXEL_BYTES, _MASK_BYTES = 2, 1
_GB = 1e9
# a rule that trains, on a GPU if there is one
_TRAINING = ("train_stage1", "train_stage2", "train_stage3", "train_segmentation")
# what a job requests, and the cap on it
_CAPS: tuple[tuple[Literal["mem_mb", "runtime_min"], Literal["max_mem_mb", "max_runtime_min"]], ...] = (
    ("mem_mb", "max_mem_mb"),
    ("runtime_min", "max_runtime_min"),
)


def machine_findings(config: Configuration, people: int, masks: bool, cluster: bool, here: Path) -> Iterator[Finding]:
    """Findings about what the machine does not have for a run.

    Args:
        config: a whole configuration.
        people: participants with scans.
        masks: whether some of them have masks.
        cluster: jobs go to other machines with unknown memory and GPUs.
        here: the folder that the run writes `results` to.
    """
    yield from _disk(config, people, masks, here)
    if cluster:
        yield from _caps(config["resources"])
    else:
        yield from _memory(config)
        yield from _gpus(config)
        yield from _processes(config["training"])
    yield from _packages(config["training"])
    if tasks_of(config, "nnunet") and not Path(config["nnunet"]["environment"]).is_dir():
        yield note(
            f"nnU-Net's environment will be made in {config['nnunet']['environment']} ('nnunet.environment'), which "
            "needs a package index and about 6 GB"
        )


def shard_gb(config: Configuration, people: int, masks: bool) -> float:
    """Disk of all shards in GB: voxels as 16-bit numbers, masks as bytes."""
    size, frames = config["images"]["size"], config["images"]["frames"]
    voxels = len(PLANES) * frames * size * size
    needed: float = people * voxels * (_VOXEL_BYTES + (_MASK_BYTES if masks else 0)) / _GB
    return needed


def _disk(config: Configuration, people: int, masks: bool, here: Path) -> Iterator[Finding]:
    there = here / "results" / "images" / "shards"
    made = sum(path.stat().st_size for path in there.glob("*.npz")) / _GB
    needed, free = shard_gb(config, people, masks) - made, shutil.disk_usage(here).free / _GB
    if needed > free:
        yield error(
            f"{here}: shards of {people:,} participants take about {needed:,.1f} GB more, but the disk has "
            f"{free:,.1f} GB free; free some space, run in a folder on another disk (--directory), or lower "
            "'images.size' or "
            "'images.frames'",
            "scans",
        )


def _memory(config: Configuration) -> Iterator[Finding]:
    """A cache that fills the memory, and jobs that request more than there is."""
    there, places = memory_mb(), config["resources"]
    cache = config["training"]["cache_mb"]
    if cache > there:
        yield error(
            f"config: 'training.cache_mb' is {cache:,}, but this machine has {there:,.0f} MB of memory; lower it"
        )
    for rule in ("build_shard", *_TRAINING):
        wanted = (places["default"] | places["rules"].get(rule, {}))["mem_mb"]
        if wanted > there:
            yield warning(
                f"config: 'resources.rules.{rule}.mem_mb' is {wanted:,}, but this machine has {there:,.0f} MB of "
                "memory; lower 'stage1.batch' or the batch of another stage if a training runs out of it"
            )


def _gpus(config: Configuration) -> Iterator[Finding]:
    there, training = len(visible_gpus()), config["training"]
    if training["device"] == "cuda" and not there:
        yield error(
            "config: 'training.device' is cuda, but this machine has no NVIDIA GPU (or CUDA_VISIBLE_DEVICES hides it); "
            "set it to auto or cpu"
        )
    elif training["precision"] == "fp16" and training["device"] == "auto" and not there:
        yield error("config: 'training.precision' is fp16, which needs a GPU, and there is none; set it to 32 or bf16")
    if training["device"] == "cpu" or not there:
        return
    places = config["resources"]
    for rule in _TRAINING:
        wanted = (places["default"] | places["rules"].get(rule, {}))["gpus"]
        if wanted > there:
            yield error(
                f"config: 'resources.rules.{rule}.gpus' is {wanted}, but this machine has {there} GPUs; lower it"
            )


def _processes(training: Training) -> Iterator[Finding]:
    """Nodes and workers that one machine does not have."""
    if training["nodes"] > 1 and "SLURM_JOB_ID" not in os.environ:
        yield error(
            f"config: 'training.nodes' is {training['nodes']}, but this run is on one machine; start it with --profile "
            "workflow/profiles/slurm, or set the key to 1",
            "training",
        )
    if training["workers"] > (cores := available_cores()):
        yield warning(
            f"config: 'training.workers' is {training['workers']}, but this machine has {cores} cores; lower it"
        )


def _caps(places: Resources) -> Iterator[Finding]:
    """A cap on requests below what some rule asks for at first."""
    for key, cap in _CAPS:
        rows = {rule: (places["default"] | row)[key] for rule, row in places["rules"].items()}
        largest = places[cap]
        above = [rule for rule, wanted in rows.items() if largest and wanted > largest]
        if above:
            most = max(above, key=lambda rule: rows[rule])
            yield warning(
                f"config: 'resources.{cap}' is {largest:,}, but {len(above)} of the rules "
                f"{'asks' if len(above) == 1 else 'ask'} for more (most: {most}, {rows[most]:,}); such jobs get "
                "only the cap, and may fail for it"
            )


def _packages(training: Training) -> Iterator[Finding]:
    if training["wandb"] and not importlib.util.find_spec("wandb"):
        yield error(
            f"config: 'training.wandb' is {training['wandb']}, but wandb is not installed; pip install wandb, or set "
            "it to ''"
        )


def written_findings(config: Configuration) -> Iterator[Finding]:
    """`results` itself, and folders beside it that the run writes to."""
    if Path("results").exists() and not Path("results").is_dir():
        yield error(f"{Path('results').absolute()} is a file; move it away, or run in another folder (--directory)")
    if folder := config["images"]["write_nifti"]:
        above = next(path for path in (Path(folder), *Path(folder).absolute().parents) if path.exists())
        if not above.is_dir() or not os.access(above, os.W_OK):
            yield error(
                f"config: 'images.write_nifti' names {folder}, which cannot be written; name another folder", "scans"
            )


def limit_findings(config: Configuration, longest_h: float) -> Iterator[Finding]:
    """Time limits of a cluster's jobs against the longest training.

    Args:
        config: a whole configuration.
        longest_h: hours that the longest training takes.
    """
    places = config["resources"]
    asked = max((places["default"] | places["rules"].get(rule, {}))["runtime_min"] for rule in _TRAINING)
    most = places["max_runtime_min"]
    limit = min(asked, most) if most else asked
    if longest_h * 60 > limit:
        yield warning(
            f"the longest training takes about {longest_h:,.1f} h, a job {limit / 60:,.1f} h at first "
            "('resources.rules', 'resources.max_runtime_min'); it resumes after each time limit, in as many "
            "attempts as the profile's `retries` allows"
        )


def plan_findings(config: Configuration, people: int, resources: Path) -> Iterator[Finding]:
    """Notes on what will be trained, and on what will not be made and why."""
    models = models_of(planned_trainings(config, resources))
    counts = ", ".join(f"{name} {count}" for name, count in models.items())
    yield note(f"{sum(models.values())} models will be trained on {people:,} participants: {counts}")
    if config["products"] == "scans":
        yield note("'products' is scans: only shards, phenotypes and Stage I, without tables and Stages II and III")
        return
    idle = [name for name in config["systems"] if not tasks_of(config, name)]
    if idle:
        yield note(f"not run, since their 'tasks' are empty: {', '.join(idle)}")
    if not config["ablations"]["run"]:
        yield note("'ablations.run' is false: Tables A.5 and A.6 and the rows of Figure B.9 will be left out")
