"""A training over several processes (gloo, on CPU), as several GPUs of a machine, and several machines, are used."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from training import toy
from vita.runtime.errors import UserError
from vita.training import stage1

# what a job of one task has in its environment under SLURM
SLURM = {"SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "train", "SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}
SLURM |= {"SLURM_NODEID": "0", "SLURM_NNODES": "1", "SLURM_NODELIST": "localhost"}


# srun's part of it: the command as one task for each node, told which node that is; it ends with the first failure
SRUN = """#!{python}
import itertools, os, subprocess, sys
options = list(itertools.takewhile(lambda word: word.startswith("--"), sys.argv[1:]))
command = sys.argv[1 + len(options):]
nodes = int(next(option.partition("=")[2] for option in options if option.startswith("--nodes=")))
tasks = [
    subprocess.Popen(command, env=os.environ | {{"SLURM_NODEID": str(node), "SLURM_PROCID": str(node)}})
    for node in range(nodes)
]
codes = [task.wait() for task in tasks]
sys.exit(max(codes))
"""


def start(cohort: toy.Toy, folder: Path, *launcher: str, training: dict[str, int], **surroundings: str) -> str:
    """Train a short Stage II; returns its log."""
    training = {"checkpoint_steps": 3} | training
    own = cohort.arguments("stage2", folder, epochs=2, mask_ratio=0.0, training=training)
    command = [sys.executable, "-m", *launcher, "vita.training.stage2", *own]
    run = subprocess.run(
        command, env=os.environ | surroundings, capture_output=True, text=True, timeout=1200, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return run.stderr


def train(cohort: toy.Toy, folder: Path, *launcher: str, training: dict[str, int], **surroundings: str) -> pd.DataFrame:
    """History of a short Stage II."""
    log = start(cohort, folder, *launcher, training=training, **surroundings)
    assert log.count("epoch 2/2") == 1, "one process alone tells the progress"
    return pd.read_csv(folder / "history.csv")


def assert_learnt_alike(one: Path, other: Path) -> None:
    first, second = (pd.read_csv(folder / "history.csv") for folder in (one, other))
    for column in ("train_loss", "val_loss", "learning_rate", "top1"):
        assert second[column].tolist() == pytest.approx(first[column].tolist(), rel=1e-3), column
    weights, others = (load_file(folder / "model.safetensors") for folder in (one, other))
    assert set(weights) == set(others)


@pytest.fixture(scope="module")
def alone(cohort: toy.Toy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process learns."""
    folder = tmp_path_factory.mktemp("alone")
    train(cohort, folder, training={"devices": 1})
    return folder


def test_two_processes_learn_what_one_learns(cohort, alone, tmp_path):
    """In a job of one SLURM task too, where two processes must not wait for a second task."""
    train(cohort, tmp_path, training={"devices": 2}, **SLURM)
    assert_learnt_alike(alone, tmp_path)
    record = json.loads((tmp_path / "config.json").read_text())
    assert record["training"]["devices"] == 2
    assert record["steps"] == 8


@pytest.mark.thorough
@pytest.mark.parametrize("frames", [0, 4])
def test_two_processes_segment(cohort, tmp_path, frames):
    """Each has the weights of the step that both are at; Dice is of a process's own part of the batch, so that numbers
    are near those of one process, not the same.
    """
    histories = []
    for devices in (1, 2):
        own = {"training": {"devices": devices}, "model": {"segmenter_frames": frames}}
        arguments = cohort.stage3("segmentation", "vit", tmp_path / str(devices), epochs=2, **own)
        command = [sys.executable, "-m", "vita.training.stage3", *arguments]
        run = subprocess.run(command, env=os.environ | SLURM, capture_output=True, text=True, timeout=1200, check=False)
        assert run.returncode == 0, run.stderr[-3000:]
        histories.append(pd.read_csv(tmp_path / str(devices) / "history.csv"))
    one, two = histories
    assert two["step"].tolist() == one["step"].tolist()
    assert two["learning_rate"].tolist() == pytest.approx(one["learning_rate"].tolist())
    assert two["val_loss"].tolist() == pytest.approx(one["val_loss"].tolist(), rel=0.1)


@pytest.mark.thorough
def test_two_nodes_of_two_devices_learn_what_one_process_learns(cohort, alone, tmp_path):
    """Each node's process starts its second one; a finished training is taken by the first node alone."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "srun").write_text(SRUN.format(python=sys.executable))
    (tools / "srun").chmod(0o755)
    job = {"SLURM_JOB_ID": "7", "PATH": f"{tools}:{os.environ['PATH']}"}
    launcher = ("vita.runtime.nodes", "--count", "2", "--", sys.executable, "-m")
    training = {"devices": 2, "nodes": 2}
    train(cohort, tmp_path / "m", *launcher, training=training, **job)
    assert_learnt_alike(alone, tmp_path / "m")
    assert json.loads((tmp_path / "m/config.json").read_text())["training"]["nodes"] == 2
    before = (tmp_path / "m/model.safetensors").stat().st_mtime_ns
    log = start(cohort, tmp_path / "m", *launcher, training=training, **job)
    assert "epoch" not in log
    assert (tmp_path / "m/model.safetensors").stat().st_mtime_ns > before


def test_several_nodes_that_nobody_started(cohort, tmp_path, monkeypatch):
    for name in ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match=r"'training\.nodes' is 2.*vita\.runtime\.nodes --count 2.*set it to 1"):
        stage1.main(cohort.arguments("stage1", tmp_path / "m", training={"nodes": 2}))


def test_a_compiled_model_learns_the_same(cohort, tmp_path, monkeypatch):
    """With the tracing of torch.compile alone: building machine code takes longer than a test may."""
    compiled, original = [], torch.nn.Module.compile

    def trace(self: torch.nn.Module) -> None:
        compiled.append(self)
        original(self, backend="eager")

    monkeypatch.setattr(torch.nn.Module, "compile", trace)
    for compile_it in (False, True):
        stage1.main(cohort.arguments("stage1", tmp_path / str(compile_it), epochs=1, training={"compile": compile_it}))
    assert len(compiled) == 1
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("False", "True"))
    assert set(first) == set(second)
    assert all(torch.allclose(first[name], second[name], atol=1e-5) for name in first)
