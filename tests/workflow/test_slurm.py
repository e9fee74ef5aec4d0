"""The workflow on a real SLURM of one machine, which slurm/start.sh starts here: root, slurm-wlm and munge needed.

Two runs go side by side: the whole chain, and a small one whose training gets less time, and whose next rule gets less
memory, than they need; one more trains on two nodes, both of which are this machine. GPUs are pretended: the machine
that submits has one, so trainings ask for one.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import psutil
import pytest
import yaml

from cohort import world
from vita.config.blocks import block
from vita.training import stage1
from vita.training.settings import recorded_stage
from workflow.small import CONFIG, STAGE1, systems_alone
from workflow.test_dry_runs import ROOT

pytestmark = [pytest.mark.workflow, pytest.mark.slurm]
SCRIPTS = Path(__file__).parent / "slurm"
TOOLS = ("slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "munged")
PLACES = {"partition": "short", "gpu_partition": "gpu", "gpu_type": "toy", "constraint": "old"}
CHAIN = {
    "phantom": {"participants": 48},
    **{stage: {"epochs": 1} for stage in ("stage1", "stage2")},
    "stage3": {"defaults": {"epochs": 1}},
    "extensions": [],
    "systems": systems_alone(
        mean_guess=["sa_phenotypes", "la_phenotypes", "physiological"],
        vita=["sa_phenotypes", "la_phenotypes", "physiological", "disease_cad", "segmentation"],
    ),
    "resources": PLACES,
}
# two nodes and a GPU on each; without masks, which are drawn in each process, it is the same training as in one
BOTH = CONFIG | {
    "training": {"nodes": 2},
    "stage1": {"epochs": 3, "mask_ratio": 0},
    "resources": PLACES | {"gpu_partition": "both"},
}
# A training of four minutes gets one: its budget is measured on a machine that others use, and may last a third of it
# or three times as long. Torch alone needs more than what is left of 30 MB beside Snakemake.
LIMITED = CONFIG | {
    "stage1": {"budget_s": 240},
    "resources": PLACES
    | {
        "rules": {
            "train_stage1": {"runtime_min": 1, "runtime_min_per_gb": 0},
            "reconstruct": {"mem_mb": 30, "runtime_min_per_gb": 0},
        }
    },
}


# Snakemake, which asks SLURM about its jobs every three seconds: by itself it waits ten seconds longer after each time
# that none has ended, up to three minutes.
IMPATIENT = """
from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

RemoteExecutor.next_seconds_between_status_checks = property(lambda self: 3, lambda self, value: None)
main()
"""


@dataclass(frozen=True)
class Job:
    """A job as SLURM tells it: state, the workflow's comment on it, memory (MB), and all that `scontrol` prints."""

    number: str
    state: str
    comment: str
    memory_mb: int
    shown: str


@dataclass
class Run:
    """A run of the workflow through the profile, under way in `folder`."""

    folder: Path
    process: subprocess.Popen[str]

    def wait(self) -> int:
        return self.process.wait(timeout=1800)

    @property
    def text(self) -> str:
        return (self.folder / "log").read_text()

    def jobs(self) -> list[Job]:
        """Jobs of this run, in the order of submission."""
        records = subprocess.run(["scontrol", "show", "job", "-o"], capture_output=True, text=True, check=True)
        jobs = []
        for line in records.stdout.splitlines():
            if f"WorkDir={self.folder}" in line:
                number, state, comment = (
                    re.search(rf"{key}=(\S+)", line)[1] for key in ("JobId", "JobState", "Comment")
                )
                memory = re.search(r"MinMemoryNode=([\d.]+)([MG])", line)
                jobs.append(
                    Job(number, state, comment, round(float(memory[1]) * (1024 if memory[2] == "G" else 1)), line)
                )
        return jobs


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A SLURM that answers; it is stopped again if it was started here."""
    if os.geteuid() != 0:
        pytest.skip("only root can start a SLURM")
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        pytest.skip(f"no SLURM on this machine: {', '.join(missing)} not found (Debian: slurm-wlm, munge)")
    if subprocess.run(["squeue", "-h"], capture_output=True, check=False, timeout=60).returncode == 0:
        yield
        return
    folder = tmp_path_factory.mktemp("slurm")
    started = subprocess.run([SCRIPTS / "start.sh", folder], capture_output=True, text=True, check=False)
    if started.returncode:
        pytest.skip(f"no SLURM could be started: {started.stderr.strip()[-300:]}")
    yield
    subprocess.run([SCRIPTS / "stop.sh", folder], check=True)


def submit(folder: Path, config: dict, *targets: str, retries: int = 2) -> Run:
    """Start a run through the profile; what it prints goes to `log` in its folder."""
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-c", IMPATIENT, "--snakefile", ROOT / "Snakefile", "--directory", folder]
    command += ["--profile", ROOT / "workflow" / "profiles" / "slurm", "--retries", str(retries)]
    command += ["--slurm-status-command", "squeue", "--slurm-no-account"]
    command += ["--latency-wait", "20"]
    command += ["--configfile", ROOT / "workflow" / "presets" / "smoke.yaml", folder / "config.yaml", "--", *targets]
    # the machine that submits has a GPU; which one a job gets is for SLURM to say
    surroundings = os.environ | {"CUDA_VISIBLE_DEVICES": "7"}
    with (folder / "log").open("w") as log:
        return Run(folder, subprocess.Popen(command, stdout=log, stderr=log, env=surroundings, cwd=folder))


@pytest.fixture(scope="module")
def limited(slurm: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("limited")
    run = submit(folder, LIMITED, "results/predictions/reconstruction/vita.parquet", retries=3)
    yield run
    end(run)


@pytest.fixture(scope="module")
def chain(limited: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The whole chain, beside the other run."""
    run = submit(tmp_path_factory.mktemp("chain"), CHAIN)
    yield run
    end(run)


@pytest.fixture(scope="module")
def both(slurm: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    run = submit(tmp_path_factory.mktemp("both"), BOTH, STAGE1, retries=0)
    yield run
    end(run)


def end(run: Run) -> None:
    if run.process.poll() is None:
        run.process.kill()
        run.process.wait()
        subprocess.run(["scancel", *(job.number for job in run.jobs())], check=False)


def named(run: Run, rule: str) -> list[Job]:
    return [job for job in run.jobs() if job.comment.startswith(f"rule_{rule}")]


def seen_devices(run: Run, module: str, seconds: float) -> set[str]:
    """CUDA_VISIBLE_DEVICES of the processes of a module while the run goes on."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and run.process.poll() is None:
        for process in psutil.process_iter():
            try:
                command, surroundings = process.cmdline(), process.environ()
            except psutil.Error:
                continue
            if (
                module in command
                and "vita.runtime.gpus" not in command
                and surroundings.get("VITA_RUN") == str(run.folder)
            ):
                return {surroundings["CUDA_VISIBLE_DEVICES"]}
        time.sleep(0.5)
    raise AssertionError(f"{module} was never seen:\n{run.text[-3000:]}")


def test_a_training_asks_for_a_gpu_and_sees_the_one_that_slurm_gave(limited: Run, chain: Run) -> None:
    (device,) = seen_devices(limited, "vita.training.stage1", seconds=300)
    assert device in ("0", "1"), "not the number that it has where the job was submitted"
    training = named(limited, "train_stage1")[0].shown
    assert re.search(r"TresPer(Job|Node|Task)=gres:gpu:toy:1", training), training
    assert "Partition=gpu" in training
    assert "Features=old" in training
    shard = next(job.shown for job in limited.jobs() if "build_shard" in job.comment)
    assert "gres:gpu" not in shard
    assert "Partition=short" in shard


def test_the_whole_chain_runs(chain: Run) -> None:
    assert chain.wait() == 0, chain.text[-4000:]
    for name in ("report.html", "audit.txt", "tables/table1_sa_phenotypes.csv", "figures/fig7_segmentation.svg"):
        assert (chain.folder / "results" / name).stat().st_size > 0
    assert {job.state for job in chain.jobs()} == {"COMPLETED"}


def test_short_rules_share_submissions(chain: Run) -> None:
    steps = int(re.findall(r"(\d+) of \1 steps", chain.text)[-1])
    comments = [job.comment for job in chain.jobs()]
    assert steps >= 60
    assert len(comments) <= steps / 2
    assert sum(comment.startswith("rule_figures_draw_") for comment in comments) == 1
    assert sum("build_shard" in comment for comment in comments) == 1
    assert sum(comment.startswith("rule_train_") for comment in comments) == 8, "a training is a job of its own"


def test_a_failed_rule_ends_with_its_line_and_the_path_of_its_log(slurm: None, tmp_path: Path) -> None:
    columns = world.make_world()
    turned = {"0": "1", "1": "0", "": ""}
    other = {"eid": columns["eid"], "31-0.0": [turned[cell] for cell in columns["31-0.0"]]}
    # two releases that contradict each other: only the job itself reads all rows of both
    tables = [world.classic(tmp_path / "a.csv", columns), world.classic(tmp_path / "b.csv", other)]
    (tmp_path / "scans").mkdir()
    source = {
        "source": "files",
        "tables": list(map(str, tables)),
        "scans": str(tmp_path / "scans"),
        "withdrawals": None,
    }
    run = submit(tmp_path, {"input": source}, "results/cohort/fields.parquet", retries=0)
    assert run.wait() == 1
    (line,) = [line for line in run.text.splitlines() if line.startswith("error: ")]
    assert "b.csv, column 31-0.0: " in line
    assert line.endswith("[results/logs/extract_fields.log]")
    assert re.search(r"log: results/logs/extract_fields\.log, \S+ \(check log file", run.text)


def test_a_training_killed_at_its_limit_goes_on_from_its_checkpoint(limited: Run) -> None:
    assert limited.wait() == 0, limited.text[-4000:]
    attempts = named(limited, "train_stage1")
    states = [job.state for job in attempts]
    assert states == ["TIMEOUT"] * (len(states) - 1) + ["COMPLETED"]
    assert len(states) >= 2
    limits = [re.search(r"TimeLimit=(\S+)", job.shown)[1] for job in attempts]
    assert limits == ["00:01:00", "00:02:00", "00:04:00", "00:08:00"][: len(limits)]
    log = (limited.folder / "results" / "logs" / "train_stage1" / "vita.log").read_text()
    resumed = re.search(r"resuming after step (\d+)", log)
    # the first attempt may have been killed after its last step
    assert int(resumed[1]) >= 100 if resumed else "already trained with this configuration" in log


def test_a_job_out_of_memory_is_submitted_with_more(limited: Run) -> None:
    assert limited.wait() == 0, limited.text[-4000:]
    attempts = named(limited, "reconstruct")
    states = [job.state for job in attempts]
    assert len(states) >= 2
    assert states[-1] == "COMPLETED"
    assert set(states[:-1]) <= {"OUT_OF_MEMORY", "FAILED", "CANCELLED"}, states
    assert [job.memory_mb for job in attempts] == [380, 410, 470, 590][: len(attempts)]


def test_a_training_over_two_nodes_learns_what_one_process_learns(both: Run, tmp_path: Path) -> None:
    assert both.wait() == 0, both.text[-4000:]
    (training,) = (job.shown for job in named(both, "train_stage1"))
    assert "NumNodes=2 " in training
    assert "NumTasks=2 " in training
    assert "TresPerNode=gres:gpu:toy:1" in training
    log = (both.folder / "results" / "logs" / "train_stage1" / "vita.log").read_text()
    assert log.count("epoch 3/3") == 1, "the first node alone tells the progress"
    trained = both.folder / Path(STAGE1).parent
    record = json.loads((trained / "config.json").read_text())
    assert record["training"]["nodes"] == 2
    blocks = {key: record["settings"][key] for key in ("seed", "model")} | {"stage": recorded_stage(record)}
    own = ["--shards", *(both.folder / "results" / "images" / "shards").glob("*.npz")]
    own += ["--split", both.folder / "results" / "cohort" / "split.parquet", "--output", tmp_path]
    blocks["training"] = block("training", {"threads": 1, "devices": 1, "device": "cpu"})
    stage1.main([*map(str, own), "--settings", json.dumps(blocks)])
    one, two = (pd.read_csv(folder / "history.csv") for folder in (tmp_path, trained))
    for column in ("step", "train_loss", "val_loss"):
        assert two[column].tolist() == pytest.approx(one[column].tolist(), rel=1e-3), column


def test_jobs_of_a_killed_run_are_cancelled_by_the_next(slurm: None, tmp_path: Path) -> None:
    killed = submit(tmp_path, CONFIG, "results/phantom/table.csv")
    deadline = time.monotonic() + 300
    while not killed.jobs():
        assert time.monotonic() < deadline, killed.text[-3000:]
        assert killed.process.poll() is None, killed.text[-3000:]
        time.sleep(0.2)
    killed.process.kill()
    killed.process.wait()
    (left,) = killed.jobs()
    assert left.state in ("PENDING", "RUNNING")
    following = submit(tmp_path, CONFIG, "results/config.json")
    assert following.wait() == 0, following.text[-3000:]
    assert "after a killed run: 1 SLURM jobs cancelled" in following.text
    assert [(job.number, job.state) for job in following.jobs()] == [(left.number, "CANCELLED")]
