# The plan of this run, and what binds it to Snakemake: paths, wildcards, this machine. What follows from the configuration
# alone is in src/vita/plan.
import json
import shlex
from functools import cache

from vita import names
from vita.names import ABLATION_TABLES, ALIGNMENT_TABLE, CONTROLS, FRAMES_TABLE, REGRESSION_TASKS
from vita.plan import arguments
from vita.plan.arguments import options
from vita.plan.extensions import NUMBERS
from vita.plan.plan import Plan
from vita.plan.resources import JobResources
from vita.plan.variants import SEED_PATTERN, further_seeds, seed_place
from vita.runtime.claim import VARIABLE
from vita.runtime.digest import code_digest
from vita.runtime.machine import memory_mb, visible_gpus

# relative where the run is in the clone: rules then name the same files wherever the clone lies
CLONE = Path() if Path.cwd().samefile(HERE) else HERE
RESOURCES = CLONE / "workflow" / "resources"
ENVIRONMENT = str(HERE / "envs" / "vita.yaml")
FEATURES = str(RESOURCES / "features.tsv")
TARGETS = str(RESOURCES / "targets.tsv")
ICD10 = str(RESOURCES / "icd10.tsv")
NOTHING = "(?!)"  # a wildcard's constraint that nothing meets; an empty one is met by everything

PLAN = Plan.from_config(config, RESOURCES)
INPUTS, SYSTEMS, TRAININGS, PRODUCTS = PLAN.inputs, PLAN.systems, PLAN.trainings, PLAN.products
EXTENSIONS = PRODUCTS.extensions
settings, shards = PLAN.settings, INPUTS.shards
# trained models applied to this cohort, where nothing is trained
MODELS_FOLDER = config["apply"]["models"]
APPLIED = {"apply": config["apply"]} if MODELS_FOLDER else {}
for absent in INPUTS.absent if workflow.is_main_process else ():
    logger.warning(
        f"{absent}: named in the configuration's block input, and there is no such file yet"
    )

# the package runs from this clone in every environment (conda, a cluster's node); a job knows which run it belongs to
RUN = Path.cwd().resolve()
shell.prefix(
    f"export PYTHONPATH={shlex.quote(str(HERE / 'src'))} {VARIABLE}={shlex.quote(str(RUN))}; "
)

# a job on a cluster's node is no main process
ON_CLUSTER = not workflow.is_main_process or workflow.resource_settings.nodes is not None
DEVICES = visible_gpus()
JOBS = JobResources(config, ON_CLUSTER, workflow.resource_settings.cores, DEVICES)
cpus, asked, asked_by_training = JOBS.cpus, JOBS.asked, JOBS.asked_by_training
missing_nodes = JOBS.missing_nodes
if DEVICES and not ON_CLUSTER and workflow.global_resources.get("gpu").value is None:
    workflow.register_resource("gpu", len(DEVICES))
# no more jobs side by side than fit into the memory, however many cores there are; a job that requests more runs alone
if not ON_CLUSTER and workflow.global_resources.get("mem_mb").value is None:
    workflow.register_resource("mem_mb", int(memory_mb()))


@cache
def shard_fingerprints():
    from vita.images.buckets import fingerprints  # imports a library for headers

    instance = config["cohort"]["instance"]
    return fingerprints(INPUTS.scans, INPUTS.withdrawals, instance, len(INPUTS.shard_numbers))


@cache
def segmenter_weights():
    from vita.contouring.delivered import WEIGHTS
    from vita.runtime.fingerprint import of_file

    return of_file(WEIGHTS)


def scan_files(wildcards):
    """Fingerprint of a shard's scans, or of all: a change reruns the rule. A cluster's jobs need not look again."""
    if INPUTS.phantom or not INPUTS.scans or not workflow.is_main_process:
        return ""
    return shard_fingerprints()[int(wildcards.shard) if "shard" in wildcards.keys() else -1]


def attacked_files(wildcards, name):
    return [f"results/models/{folder}/{name}" for folder in PRODUCTS.attacked()[wildcards.part]]


def stage1_settings(wildcards):
    return TRAININGS.stage1(wildcards.variant)


def stage2_settings(wildcards):
    return TRAININGS.stage2(wildcards.variant)


def stage3_settings(wildcards):
    return TRAININGS.stage3(getattr(wildcards, "task", "segmentation"), wildcards.model)


def repeat_of(wildcards):
    """The place of a further seed; nothing where a rule, or this job of it, has the run's own."""
    return getattr(wildcards, "repeat", "")


def stage1_start(wildcards):
    return TRAININGS.stage1_start(wildcards.variant)


def stage2_start(wildcards):
    return TRAININGS.stage2_start(wildcards.variant, repeat_of(wildcards))


def stage3_start(wildcards):
    task = getattr(wildcards, "task", "segmentation")
    return TRAININGS.stage3_start(task, wildcards.model, repeat_of(wildcards))


def probe_start(wildcards):
    return TRAININGS.probe_start(wildcards.model, wildcards.without)


def weights(start):
    return lambda wildcards: arguments.weights(start(wildcards))


def init_argument(start):
    return lambda wildcards: arguments.init(start(wildcards))


def learning(blocks):
    return lambda wildcards: TRAININGS.meaning(blocks(wildcards), repeat_of(wildcards))


def computing(rule, blocks):
    """All settings of a training. What Snakemake derives from `threads` reruns nothing: where a model is trained,
    by how many CPUs, and how often its state is kept changes nothing that it learns."""
    machine = JOBS.row(rule)["cpus"], max(1, JOBS.gpus(rule))
    return lambda wildcards, threads: TRAININGS.settings(
        blocks(wildcards), *machine, repeat_of(wildcards)
    )


def device_of(rule):
    """The device that draws masks. A rule gives it as a function of `threads`, so that a GPU that comes or goes, or a
    submitting machine without one, draws no masks anew."""
    return "cuda" if JOBS.gpus(rule) else "cpu"


def target_argument(wildcards):
    name = wildcards.target.removeprefix("-")
    targets = SYSTEMS.targets_of(wildcards.task) if name else {}
    return f"--target {shlex.quote(targets[name])}" if name else ""


def nnunet_python(wildcards, threads):
    """Python of nnU-Net's environment; like all that Snakemake derives from `threads`, it reruns nothing."""
    return f"{NNUNET_PLACE}/bin/python"


# which files of models a prediction follows from
def trained_files(wildcards):
    task = getattr(wildcards, "task", "segmentation")
    return sorted(map(str, Path(MODELS_FOLDER).glob(f"{task}/*/model.safetensors")))


def baselines_of(wildcards, task):
    """Systems to test against: the run's own seed is tested, further seeds only show how far training alone varies."""
    return [] if wildcards.repeat else SYSTEMS.compared(task, wildcards.model)


def baseline_predictions(wildcards):
    return expand(
        "results/predictions/{task}/{system}.parquet",
        task=wildcards.task,
        system=baselines_of(wildcards, wildcards.task),
    )


def baseline_participants(wildcards):
    return expand(
        "results/metrics/segmentation/{system}_participants.parquet",
        system=baselines_of(wildcards, "segmentation"),
    )


def baselines_argument(wildcards, input):
    return f"--baselines {' '.join(input.baselines)}" if input.baselines else ""


wildcard_constraints:
    shard=r"\d{5}",
    batch=r"\d+",
    repeat=SEED_PATTERN,
    task="|".join(SYSTEMS.tasks),
    model=r"[a-z0-9_]+",
    variant=r"[a-z0-9_]+",
    without=r"|_without_[a-z0-9_]+",
