"""A training over two processes (gloo, on CPU), as several GPUs of a machine are used."""

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
from vita.training import stage1

# what a job of one task has in its environment under SLURM
SLURM = {"SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "train", "SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}
SLURM |= {"SLURM_NODEID": "0", "SLURM_NNODES": "1", "SLURM_NODELIST": "localhost"}


def train(cohort: toy.Toy, folder: Path, devices: int, **surroundings: str) -> pd.DataFrame:
    """History of a short Stage II."""
    training = {"devices": devices, "checkpoint_steps": 3}
    own = cohort.arguments("stage2", folder, epochs=2, mask_ratio=0.0, training=training)
    command = [sys.executable, "-m", "vita.training.stage2", *own]
    run = subprocess.run(
        command, env=os.environ | surroundings, capture_output=True, text=True, timeout=300, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stderr.count("epoch 2/2") == 1, "one process alone tells the progress"
    return pd.read_csv(folder / "history.csv")


def test_two_processes_learn_what_one_learns(cohort, tmp_path):
    """In a job of one SLURM task too, where two processes must not wait for a second task."""
    one, two = train(cohort, tmp_path / "one", 1), train(cohort, tmp_path / "two", 2, **SLURM)
    for column in ("train_loss", "val_loss", "learning_rate", "top1"):
        assert two[column].tolist() == pytest.approx(one[column].tolist(), rel=1e-3), column
    record = json.loads((tmp_path / "two/config.json").read_text())
    assert record["training"]["devices"] == 2
    assert record["steps"] == 8
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    assert set(first) == set(second)


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
