"""What a training leaves for people: config.json, and events for TensorBoard and Weights & Biases."""

import importlib.util
import json
import math
import re
import struct
from pathlib import Path
from typing import Any

import lightning.pytorch.loggers
import pandas as pd
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from tensorboardX.proto.event_pb2 import Event

from training import toy
from vita.cohort.split_table import read_split, split_hash
from vita.runtime.digest import code_digest
from vita.runtime.errors import UserError
from vita.training import stage1, stage3

EID = re.compile(rb"50000\d\d")


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Step and value of each scalar in the event files of a folder (records of length, checksum, event, checksum)."""
    found: dict[str, list[tuple[int, float]]] = {}
    for path in folder.glob("events.*"):
        data, place = path.read_bytes(), 0
        while place < len(data):
            (length,) = struct.unpack("<Q", data[place : place + 8])
            event = Event.FromString(data[place + 12 : place + 12 + length])
            place += length + 16
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def nobody_in(folder: Path) -> bool:
    return not [p for p in folder.rglob("*") if p.is_file() and p.suffix != ".parquet" and EID.search(p.read_bytes())]


def test_tensorboard_shows_the_history_and_nobody(cohort, tmp_path):
    own = cohort.stage3("sa_phenotypes", "vit", tmp_path / "m", training={"tensorboard": True})
    stage3.main(own)
    history = pd.read_csv(tmp_path / "m/history.csv")
    shown = scalars(tmp_path / "m/checkpoints/tensorboard")
    assert {"train_loss", "val_loss", "learning_rate", "val_mae_std"} <= set(shown)
    for column in ("train_loss", "val_loss"):
        assert [step for step, _ in shown[column]] == history["step"].tolist()
        assert [value for _, value in shown[column]] == pytest.approx(history[column].tolist(), rel=1e-4)
    assert nobody_in(tmp_path / "m")


def test_tensorboard_can_be_switched_off(cohort, tmp_path):
    stage1.main(cohort.arguments("stage1", tmp_path / "m", epochs=1))
    assert not (tmp_path / "m/checkpoints/tensorboard").exists()


def test_weights_and_biases_by_option(cohort, tmp_path, monkeypatch):
    """With a stand-in for the package, which needs an account: it gets the project's name and the history."""
    asked: list[dict[str, Any]] = []

    class StandIn(CSVLogger):
        def __init__(self, **options: Any) -> None:
            asked.append(options)
            super().__init__(options["save_dir"], name="wandb", version="run", flush_logs_every_n_steps=1)

    original = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == "wandb" or original(name))
    monkeypatch.setattr(lightning.pytorch.loggers, "WandbLogger", StandIn)
    stage1.main(cohort.arguments("stage1", tmp_path / "m", training={"wandb": "hearts"}))
    assert asked == [{"project": "hearts", "save_dir": tmp_path / "m/checkpoints"}]
    logged = pd.read_csv(tmp_path / "m/checkpoints/wandb/run/metrics.csv")
    assert logged["val_loss"].tolist() == pytest.approx(pd.read_csv(tmp_path / "m/history.csv")["val_loss"], rel=1e-4)
    assert nobody_in(tmp_path / "m")


def test_weights_and_biases_that_is_not_installed(cohort, tmp_path, monkeypatch):
    original = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "wandb" else original(name))
    with pytest.raises(UserError, match=r"'training\.wandb' is set, but wandb is not installed"):
        stage1.main(cohort.arguments("stage1", tmp_path / "m", training={"wandb": "hearts"}))


def test_config_tells_how_the_model_was_made(cohort, tmp_path):
    stage1.main(cohort.arguments("stage1", tmp_path / "m", epochs=2, training={"threads": 1}))
    record = json.loads((tmp_path / "m/config.json").read_text())
    split = read_split(cohort.split)
    assert record["settings"]["stage"]["epochs"] == 2
    assert record["settings"]["stage"]["lr"] == toy.STAGE["lr"]
    assert record["training"]["device"] == "cpu"
    assert record["code"] == code_digest("vita.training.stage1")
    assert record["split_hash"] == split_hash(split.index, split)
    assert record["versions"]["torch"] == torch.__version__
    assert {"vita", "lightning", "python", "numpy", "safetensors"} <= set(record["versions"])
    assert record["git_commit"] is None or re.fullmatch(r"[0-9a-f]{40}", record["git_commit"])
    assert record["seed"] == 7
    assert record["hardware"]["cores"] >= 1
    assert record["hardware"]["cpu"]
    assert 0 < record["seconds"] < 600
    assert record["peak_memory_mb"] > 50
    assert record["steps"] == 8
    assert math.isfinite(record["best_val_loss"])
