# Paths, settings and sizes that several rules share.
import json
import shlex
from functools import cache

from vita.plan.ablations import alignments, variants
from vita.runtime.claim import VARIABLE
from vita.config.systems import tasks_of
from vita.runtime.digest import code_digest
from vita import names

# relative where the run is in the clone: rules then name the same files wherever the clone lies
CLONE = Path() if Path.cwd().samefile(HERE) else HERE
RESOURCES = CLONE / "workflow" / "resources"

# the package runs from this clone in every environment: of conda, of a cluster's node; a job tells whose it is
RUN = Path.cwd().resolve()
shell.prefix(
    f"export PYTHONPATH={shlex.quote(str(HERE / 'src'))} {VARIABLE}={shlex.quote(str(RUN))}; "
)


def settings(**blocks):
    """Config blocks for a module's --settings, quoted for the shell; a change in them reruns the rule."""
    return shlex.quote(json.dumps({"seed": config["seed"], **blocks}, sort_keys=True))


def existing(paths):
    """Those of the user's own files that are there: a dry run works without data, the module names what lacks."""
    return [path for path in paths if Path(path).exists()]


def options(files):
    """Files by the name of the option that takes each, as arguments."""
    return " ".join(f"--{name} {shlex.quote(path)}" for name, path in files.items())


def named(files):
    """Files by name as `name=file` arguments."""
    return " ".join(shlex.quote(f"{name}={path}") for name, path in files.items())


def shards(suffix):
    return expand("results/images/shards/{shard}.{suffix}", shard=SHARDS, suffix=suffix)


@cache
def shard_fingerprints():
    from vita.images.buckets import fingerprints  # imports a library for headers

    return fingerprints(SCANS, WITHDRAWALS, IMAGES["instance"], len(SHARDS))


def scan_files(wildcards):
    """Fingerprint of a shard's scans, or of all: a change reruns the rule. A cluster's jobs need not look again."""
    if PHANTOM or not SCANS or not workflow.is_main_process:
        return ""
    return shard_fingerprints()[int(wildcards.shard) if "shard" in wildcards.keys() else -1]


ENVIRONMENT = str(HERE / "envs" / "vita.yaml")
IMAGES = config["images"] | {"instance": config["cohort"]["instance"]}
PHANTOM = config["input"]["source"] == "phantom"
TABLES = ["results/phantom/table.csv"] if PHANTOM else config["input"]["tables"]
SCANS = "results/phantom/scans" if PHANTOM else config["input"]["scans"]
WITHDRAWALS = "results/phantom/withdrawals.csv" if PHANTOM else config["input"]["withdrawals"]
WITHDRAWALS_INPUT = existing([WITHDRAWALS]) if WITHDRAWALS and not PHANTOM else WITHDRAWALS or []
WITHDRAWALS_ARGUMENT = f"--withdrawals {shlex.quote(WITHDRAWALS)}" if WITHDRAWALS else ""
PHENOTYPES_FROM_FIELDS = config["phenotypes"]["source"] == "fields"
SHARDS = [f"{number:05d}" for number in range(config["images"]["shard_count"])]
SYSTEMS = list(config["systems"])
ALL_TASKS = sorted({task for system in SYSTEMS for task in tasks_of(config, system)})
VARIANTS = variants(config)
ALIGNMENTS = alignments(config)
EXCLUDE = config["tabular"]["exclude"]
FEATURES = str(RESOURCES / "features.tsv")
TARGETS = str(RESOURCES / "targets.tsv")
ICD10 = str(RESOURCES / "icd10.tsv")


wildcard_constraints:
    shard=r"\d{5}",
    batch=r"\d+",
    task="|".join(ALL_TASKS),
    model=r"[a-z0-9_]+",
    variant=r"[a-z0-9_]+",
    without=r"|_without_[a-z0-9_]+",
