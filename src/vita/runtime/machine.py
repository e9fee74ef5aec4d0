"""What this machine has for jobs: cores (so that `--cores 8` on two is no slower than `--cores 2`), memory, GPUs."""

import math
import os
from pathlib import Path


def available_cores() -> int:
    """CPU cores that this process may use (affinity, as SLURM and taskset set it)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_mb() -> float:
    """Memory in MB of this machine, or of its control group if that is less."""
    import psutil  # start-up

    total = psutil.virtual_memory().total
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        limit = Path(name)
        if limit.is_file() and (text := limit.read_text().strip()).isdigit():
            total = min(total, int(text))
    return float(total) / 1e6


def snakemake_threads(wanted: int, offered: int | None, available: int) -> int:
    """Snakemake's `threads` for a job that computes on `wanted` cores.

    Snakemake hands out `offered` cores (`--cores`), which may be more than the machine has. A job then claims
    a larger part of them, so that no more jobs run side by side than there are cores.

    Args:
        wanted: cores that the job computes on.
        offered: the number given to `--cores`; None if jobs go to a cluster.
        available: cores of this machine.

    Returns:
        `wanted` on a cluster or if the machine has the offered cores, otherwise scaled up.
    """
    if offered is None or offered <= available:
        return wanted
    return math.ceil(wanted * offered / available)


def visible_gpus(devices: Path = Path("/dev")) -> list[str]:
    """GPUs that this process may use, as CUDA names them; quick, since it asks no driver.

    Args:
        devices: where the driver's device files are.

    Returns:
        The entries of CUDA_VISIBLE_DEVICES if that is set, otherwise a number for each of NVIDIA's device files. None
        in a job of SLURM that did not get any, since those of the node belong to other jobs.
    """
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip() and name.strip() != "-1"]
    if "SLURM_JOB_ID" in os.environ:
        return []
    return [str(number) for number, _ in enumerate(devices.glob("nvidia[0-9]*"))]
