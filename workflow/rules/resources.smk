# What a job asks for, from the one table `resources` of the config: by Snakemake's names and its SLURM plugin's.
import math
import os

from vita.runtime.machine import available_cores, snakemake_threads, visible_gpus

PLACES = config["resources"]
# a cluster is asked for jobs (--jobs), a machine for cores; a job on a node is no main process
ON_CLUSTER = not workflow.is_main_process or workflow.resource_settings.nodes is not None
# beside the job's own memory, a cluster's job holds two processes of Snakemake, about 150 MB each
OVERHEAD_MB = 350 if ON_CLUSTER else 0
DEVICES = visible_gpus()


def row(rule):
    """A rule's row of the table, filled up from its defaults."""
    return PLACES["default"] | PLACES["rules"].get(rule, {})


def cpus(rule):
    """Snakemake threads of a rule: its CPUs, or this machine's share of `--cores` for them."""
    if ON_CLUSTER:
        return row(rule)["cpus"]
    offered = workflow.resource_settings.cores
    return snakemake_threads(row(rule)["cpus"], offered, available_cores())


def gpus(rule):
    """GPUs of a rule: the table's where the config wants a GPU, or takes one that is there."""
    device = config["training"]["device"]
    wanted = device == "cuda" or (device == "auto" and DEVICES)
    return row(rule)["gpus"] if wanted else 0


def growing(base, per_gb, most=None, extra=0):
    """An amount that grows with a job's input and doubles with each attempt, to `most` at the most."""

    def amount(attempt, size_gb=0):
        wanted = math.ceil(base + per_gb * size_gb) * 2 ** (attempt - 1) + extra
        return wanted if most is None else min(wanted, most)

    def sized(wildcards, input, attempt):
        # a file that is not there yet raises, and Snakemake asks again before the job starts
        return amount(attempt, sum(os.path.getsize(str(path)) for path in input) / 1e9)

    return sized if per_gb else lambda wildcards, attempt: amount(attempt)


def asked(rule):
    """Resources of a rule: memory, time, GPUs, and where on a cluster."""
    wanted = row(rule)
    devices = gpus(rule)
    places = {
        "slurm_partition": (devices and PLACES["gpu_partition"]) or PLACES["partition"],
        "slurm_account": PLACES["account"],
        "constraint": PLACES["constraint"],
        # zero too: the rule's command names it, so that it is the same with and without GPUs
        "gpu": devices if wanted["gpus"] else None,
        "gpu_model": PLACES["gpu_type"] if devices else None,
    }
    return {
        "mem_mb": growing(
            wanted["mem_mb"], wanted["mem_mb_per_gb"], PLACES["max_mem_mb"], OVERHEAD_MB
        ),
        "runtime": growing(
            wanted["runtime_min"], wanted["runtime_min_per_gb"], PLACES["max_runtime_min"]
        ),
    } | {name: value for name, value in places.items() if value is not None}


def missing_nodes():
    """What keeps trainings over several nodes from starting: told before the hours of work ahead of them."""
    if config["training"]["nodes"] > 1 and not ON_CLUSTER:
        yield (
            f"config: 'training.nodes' is {config['training']['nodes']}, but this run is on one machine; start it "
            "with --profile workflow/profiles/slurm, or set it to 1"
        )


def asked_by_training(rule):
    """Resources of training, on all nodes: SLURM starts one task a node, and that the processes of its devices."""
    nodes, devices = config["training"]["nodes"], gpus(rule)
    wanted = {"nodes": nodes, "devices": devices, "cpus_per_task": cpus(rule) * max(1, devices)}
    if nodes == 1:
        return asked(rule) | wanted
    # by the plugin's names: `mpi` is a job of several tasks, which the rule's command starts; `gres` is what each node
    # has, where `gpu` would be a total
    wanted |= {"mpi": "srun", "tasks": nodes, "tasks_per_gpu": 0}
    if devices:
        wanted["gres"] = ":".join(["gpu", *filter(None, [PLACES["gpu_type"]]), str(devices)])
    totals = ("gpu", "gpu_model")
    return {name: value for name, value in asked(rule).items() if name not in totals} | wanted


if DEVICES and not ON_CLUSTER and workflow.global_resources.get("gpu").value is None:
    workflow.register_resource("gpu", len(DEVICES))
