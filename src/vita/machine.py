"""How many cores a job may count on, so that `--cores 8` on two cores is no slower than `--cores 2`."""

import math
import os


def available_cores() -> int:
    """CPU cores that this process may use (affinity, as SLURM and taskset set it)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def snakemake_threads(wanted: int, offered: int | None, available: int) -> int:
    """Snakemake's `threads` for a job that computes on `wanted` cores.

    Snakemake hands out `offered` cores (`--cores`), which may be more than the machine has. A job then claims
    a larger part of them, so that no more jobs run side by side than there are cores.

    Args:
        wanted: cores that the job computes on.
        offered: the number given to `--cores`; None where jobs go to a cluster.
        available: cores of this machine.

    Returns:
        `wanted` on a cluster or where cores are no more than the machine's, otherwise scaled up.
    """
    if offered is None or offered <= available:
        return wanted
    return math.ceil(wanted * offered / available)
