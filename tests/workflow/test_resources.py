"""What jobs ask for comes from one table of the config; GPUs bound what runs side by side."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from vita.names import EXTENSION_TABLES
from vita.runtime.machine import memory_mb
from workflow.test_dry_runs import ROOT, snakemake

pytestmark = [pytest.mark.workflow, pytest.mark.thorough]


def dry(folder: Path, *config: str) -> str:
    run = snakemake(folder, "-n", "--verbose", "--printshellcmds", "--config", *config)
    assert run.returncode == 0, run.stderr
    return run.stdout + run.stderr


ROWS = yaml.safe_load((ROOT / "config.yaml").read_text())["resources"]["rules"]
# rules that share another's row
SHARED = {
    "make_acquisition_table": "make_table",
    "measure_any_part_phenotypes": "measure_any_part",
    "predict_cohort_masks": "predict_cohort",
    "train_few_labels": "train_stage3",
    "make_alignment_table": "make_ablation_table",
    **{f"make_{table}_table": "make_table" for table in EXTENSION_TABLES.values()},
    "write_page": "report",
}


def row_of(rule: str) -> str:
    """The row of the table that a rule should ask for."""
    for family in ("draw", "fit_controls"):
        if rule.startswith(f"{family}_"):
            return family
    return SHARED.get(rule, rule)


# Snakemake, which also prints what its log says of each job: rule, threads and resources.
TOLD = """
import json, sys
from snakemake.cli import main
from snakemake.logging import logger

def tell(record):
    if hasattr(record, "rule_name"):
        amounts = {key: value for key, value in record.resources.items() if isinstance(value, int)}
        print("job", json.dumps({"rule": record.rule_name, "threads": record.threads} | amounts), file=sys.stderr)
    return True

logger.addFilter(tell)
main(sys.argv[1:])
"""


def _jobs(folder: Path, config: dict[str, object], *targets: str) -> list[dict[str, int | str]]:
    """What a dry run for a cluster asks for, job by job."""
    (folder / "own.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-c", TOLD, "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder), "-n"]
    command += ["--executor", "slurm", "--jobs", "9", "--cores", "2000", "--configfile", str(folder / "own.yaml")]
    run = subprocess.run([*command, "--", *targets], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    jobs = [json.loads(line[4:]) for line in run.stderr.splitlines() if line.startswith("job ")]
    return [job for job in jobs if job["rule"] != "all"]


def test_each_row_is_of_a_rule_and_each_rule_asks_for_its_own(tmp_path: Path) -> None:
    """Told apart by a number of minutes and of CPUs that no other row has: a rule that types its own has neither."""
    number = {row: 1001 + place for place, row in enumerate(ROWS)}
    rows = {
        row: {"runtime_min": own, "runtime_min_per_gb": 0, "mem_mb": 2 * own, "mem_mb_per_gb": 0, "cpus": own}
        for row, own in number.items()
    }
    ablations = {"run": True, "taus": [0.2], "frames": [5, 10]}
    systems = {"vit": {"individual": True, "tasks": ["la_phenotypes"]}, "nnunet": {"tasks": ["segmentation"]}}
    config = {"resources": {"rules": rows}, "ablations": ablations, "systems": systems, "seeds": [7]}
    config["images"] = {"masks": {"source": "model", "adapt": {"steps": 10}}}
    jobs = _jobs(tmp_path, config, "all", "update_readme")
    trained = tmp_path / "trained" / "sa_phenotypes" / "vita" / "model.safetensors"
    trained.parent.mkdir(parents=True)
    trained.touch()
    jobs += _jobs(tmp_path, {"resources": {"rules": rows}, "apply": {"models": str(tmp_path / "trained")}}, "all")
    for job in jobs:
        own = number[row_of(str(job["rule"]))]
        # a cluster's job holds Snakemake too, in 350 MB
        assert (job["threads"], job["runtime"], job["mem_mb"]) == (own, own, 2 * own + 350), job["rule"]
    assert {row_of(str(job["rule"])) for job in jobs} == set(ROWS)


def test_a_gpu_is_asked_for_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    planned = dry(tmp_path, "seed=1")
    assert "python -m vita.runtime.gpus --count 1 -- python -m vita.training.stage1" in planned
    assert "--count 1 -- python -m vita.phantom" not in planned
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    planned = dry(tmp_path, "seed=1")
    assert "python -m vita.runtime.gpus --count 0 -- python -m vita.training.stage1" in planned
    assert "vita.runtime.gpus --count 1" not in planned


def test_a_training_over_nodes_is_started_on_each_and_nothing_else_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    rules = {"train_stage1": {"gpus": 4}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"training": {"nodes": 2}, "resources": {"rules": rules}}))
    cluster = ("-n", "-p", "--executor", "slurm", "--jobs", "9")
    run = snakemake(tmp_path, *cluster, "--configfile", str(tmp_path / "own.yaml"))
    assert run.returncode == 0, run.stderr
    commands = re.findall(r"(?m)^Shell command: (.* -m vita\.\S+)", re.sub(r" --(?!count|\s).*", "", run.stdout))
    over = {command for command in commands if "vita.runtime.nodes" in command}
    launcher = "python -m vita.runtime.nodes --count 2 -- python -m vita.runtime.gpus --count"
    assert {command for command in over if "stage1" in command} == {f"{launcher} 4 -- python -m vita.training.stage1"}
    assert {command.rpartition(".")[2] for command in over} == {"stage1", "stage2", "stage3"}
    assert not any("vita.training.stage" in command for command in set(commands) - over)


def test_the_cluster_groups_rules_that_exist(tmp_path: Path) -> None:
    profile = yaml.safe_load((ROOT / "workflow" / "profiles" / "slurm" / "config.v9+.yaml").read_text())
    grouped = {entry.split("=")[0] for entry in profile["groups"]}
    listed = snakemake(tmp_path, "--list-rules").stdout.split()
    assert grouped <= set(listed)
    groups = {entry.split("=")[1] for entry in profile["groups"]}
    assert {entry.split("=")[0] for entry in profile["group-components"]} <= groups


@pytest.mark.parametrize(
    ("given", "memory", "gpus"), [([], None, 2), (["--resources", "mem_mb=4321", "gpu=1"], 4321, 1)]
)
def test_jobs_side_by_side_fit_into_this_machines_memory_and_gpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[str], memory: int | None, gpus: int
) -> None:
    """What the machine has, unless the command line names less."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    run = snakemake(tmp_path, *given, "--", "results/config.json")
    assert run.returncode == 0, run.stderr
    told = run.stdout + run.stderr
    offered = {
        name: re.search(rf"Provided resources:.*\b{name}=(?:Resource\(\"{name}\", )?(\d+)", told)
        for name in ("mem_mb", "gpu")
    }
    assert all(offered.values()), told
    numbers = {name: int(found[1]) for name, found in offered.items()}
    assert numbers == {"mem_mb": memory or int(memory_mb()), "gpu": gpus}


def test_memory_is_that_of_this_machine() -> None:
    meminfo = Path("/proc/meminfo").read_text(encoding="ascii")
    kibibytes = int(re.search(r"MemTotal:\s+(\d+) kB", meminfo)[1])
    assert 1000 < memory_mb() <= 1.024e-3 * kibibytes * 1.001
