"""What a job requests, from the block `resources` of the config, by the names of Snakemake and its SLURM plugin."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vita.config.typed import Configuration, Job, Resources
from vita.runtime.machine import available_cores, snakemake_threads

Requested = int | str | Callable[..., int]  # a function is asked when the job starts
_OVERHEAD_MB = 350  # beside the job's own memory, a cluster's job holds two processes of Snakemake, 150 MB each


@dataclass(frozen=True, eq=False)
class JobResources:
    """Resources of rules.

    Attributes:
        config: the whole configuration.
        on_cluster: whether jobs go to a cluster (--jobs) rather than to this machine (--cores).
        offered: the number given to --cores; None on a cluster.
        devices: GPUs of this machine, as CUDA names them.
    """

    config: Configuration
    on_cluster: bool
    offered: int | None
    devices: list[str]

    @property
    def _places(self) -> Resources:
        return self.config["resources"]

    def row(self, rule: str) -> Job:
        """A rule's row of the table, completed from its defaults."""
        return {**self._places["default"], **self._places["rules"].get(rule, {})}

    def cpus(self, rule: str) -> int:
        """Snakemake's threads of a rule: its CPUs, or this machine's share of --cores for them."""
        wanted: int = self.row(rule)["cpus"]
        return wanted if self.on_cluster else snakemake_threads(wanted, self.offered, available_cores())

    def gpus(self, rule: str) -> int:
        """GPUs of a rule: the table's number if the config requires a GPU, or accepts one and there is one."""
        device = self.config["training"]["device"]
        wanted = device == "cuda" or (device == "auto" and self.devices)
        return self.row(rule)["gpus"] if wanted else 0

    def asked(self, rule: str) -> dict[str, Requested]:
        """Resources of a rule: memory, time, GPUs, and its place on a cluster."""
        wanted, places, devices = self.row(rule), self._places, self.gpus(rule)
        extra = _OVERHEAD_MB if self.on_cluster else 0
        found = {
            "slurm_partition": (devices and places["gpu_partition"]) or places["partition"],
            "slurm_account": places["account"],
            "constraint": places["constraint"],
            # even zero, since the rule's command names it whether there are GPUs or not
            "gpu": devices if wanted["gpus"] else None,
            "gpu_model": places["gpu_type"] if devices else None,
        }
        return {
            "mem_mb": growing(wanted["mem_mb"], wanted["mem_mb_per_gb"], places["max_mem_mb"], extra),
            "runtime": growing(wanted["runtime_min"], wanted["runtime_min_per_gb"], places["max_runtime_min"]),
        } | {name: value for name, value in found.items() if value is not None}

    def asked_by_training(self, rule: str) -> dict[str, Requested]:
        """Resources of training on all nodes: SLURM starts a task per node, and that the processes of its devices."""
        nodes, devices = self.config["training"]["nodes"], self.gpus(rule)
        cpus = self.cpus(rule) * max(1, devices)
        wanted: dict[str, Requested] = {"nodes": nodes, "devices": devices, "cpus_per_task": cpus}
        if nodes == 1:
            return self.asked(rule) | wanted
        # in the plugin's terms, `mpi` is a job of several tasks, which the rule's command starts; `gres` is per node,
        # where `gpu` would be a total
        wanted |= {"mpi": "srun", "tasks": nodes, "tasks_per_gpu": 0}
        if devices:
            wanted["gres"] = ":".join(["gpu", *filter(None, [self._places["gpu_type"]]), str(devices)])
        totals = ("gpu", "gpu_model")
        return {name: value for name, value in self.asked(rule).items() if name not in totals} | wanted

    def missing_nodes(self) -> Iterator[str]:
        """Reasons why trainings over several nodes would not start, reported before hours of other work."""
        nodes = self.config["training"]["nodes"]
        if nodes > 1 and not self.on_cluster:
            yield (
                f"config: 'training.nodes' is {nodes}, but this run is on one machine; start it "
                "with --profile workflow/profiles/slurm, or set it to 1"
            )


def growing(base: float, per_gb: float, most: int | None = None, extra: int = 0) -> Callable[..., int]:
    """An amount that grows with a job's input and doubles with each attempt, up to `most`.

    Returns:
        A function as Snakemake calls it for a resource, by the names of its parameters.
    """

    def amount(attempt: int, size_gb: float = 0) -> int:
        wanted: int = math.ceil(base + per_gb * size_gb) * 2 ** (attempt - 1) + extra
        return wanted if most is None else min(wanted, most)

    def sized(wildcards: object, input: list[str], attempt: int) -> int:
        # a missing file raises, and Snakemake asks again before the job starts
        return amount(attempt, sum(Path(path).stat().st_size for path in input) / 1e9)

    def constant(wildcards: object, attempt: int) -> int:
        return amount(attempt)

    return sized if per_gb else constant
