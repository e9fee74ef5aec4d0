"""What a training writes besides its weights: history.csv, config.json and, on request, events for a logger."""

import csv
import importlib.metadata
import importlib.util
import json
import os
import platform
import resource
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from vita.runtime.atomic import replacing, write_text
from vita.runtime.clone import git_commit
from vita.runtime.errors import UserError
from vita.training.settings import TrainingSettings

FIRST_COLUMNS = ("epoch", "step", "learning_rate", "train_loss", "val_loss", "seconds")
_PACKAGES = ("vita", "torch", "lightning", "monai", "numpy", "pandas", "safetensors")
_KB_PER_MB = 1024


def write_history(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write history.csv: one row per epoch, with the metrics of the stage after the common columns."""
    columns = list(FIRST_COLUMNS) + sorted({key for row in rows for key in row} - set(FIRST_COLUMNS))
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(
            {key: str(value) if isinstance(value, int) else f"{value:.6g}" for key, value in row.items()}
            for row in rows
        )


def write_model(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write weights as safetensors."""
    with replacing(path) as temporary:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}, temporary)


def write_config(path: Path, record: Mapping[str, object]) -> None:
    """Write config.json."""
    write_text(path, json.dumps(record, indent=2, sort_keys=True) + "\n")


def surroundings(device: torch.device) -> dict[str, object]:
    """Package versions, git commit of the code, hardware and peak memory of this process."""
    versions = {name: importlib.metadata.version(name) for name in _PACKAGES} | {"python": platform.python_version()}
    hardware: dict[str, Any] = {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    if device.type == "cuda":
        hardware["gpu"] = torch.cuda.get_device_name(device)
        hardware["gpu_peak_mb"] = round(torch.cuda.max_memory_allocated(device) / _KB_PER_MB**2)
    peak_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KB_PER_MB)
    return {"versions": versions, "git_commit": git_commit(), "hardware": hardware, "peak_memory_mb": peak_mb}


def loggers(settings: TrainingSettings, folder: Path) -> list[Any]:
    """Lightning loggers: TensorBoard if it, or tensorboardX, is installed and wanted; Weights & Biases on request.

    They get the numbers of history.csv and nothing else.

    Raises:
        UserError: Weights & Biases is requested but not installed.
    """
    found: list[Any] = []
    if settings.tensorboard and any(importlib.util.find_spec(name) for name in ("tensorboard", "tensorboardX")):
        from lightning.pytorch.loggers import TensorBoardLogger

        found.append(TensorBoardLogger(folder, name="", version="tensorboard"))
    if settings.wandb:
        if not importlib.util.find_spec("wandb"):
            raise UserError("config: 'training.wandb' is set, but wandb is not installed; pip install wandb")
        from lightning.pytorch.loggers import WandbLogger

        found.append(WandbLogger(project=settings.wandb, save_dir=folder))
    return found
