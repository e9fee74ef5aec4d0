"""The trained models of a results folder."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vita.runtime.errors import UserError

FILES = ("model.safetensors", "config.json", "history.csv")


@dataclass(frozen=True)
class Model:
    """A model's folder, results/models/<stage or task>/<system>.

    Attributes:
        folder: of the model.
        task: stage or task.
        system: such as vita.
        config: its config.json; empty if that is missing or damaged.
    """

    folder: Path
    task: str
    system: str
    config: Mapping[str, Any]


def results_folder(path: Path) -> Path:
    """The folder, checked.

    Raises:
        UserError: it does not exist or holds no models.
    """
    if not (path / "models").is_dir():
        raise UserError(f"{path} holds no folder models; name the results folder of a run")
    return path


def find_models(results: Path) -> list[Model]:
    """All models, Stage I and II first."""
    folders = [path for path in (results / "models").glob("*/*") if path.is_dir()]
    folders.sort(key=lambda path: (not path.parent.name.startswith("stage"), path.parent.name, path.name))
    return [Model(path, path.parent.name, path.name, _config(path / "config.json")) for path in folders]


def not_learned(results: Path) -> list[str]:
    """A line for each model whose validation loss is no better than that of a guess without the images."""
    return [
        f"{model.task}, {model.system} has not learned: its validation loss is {model.config['best_val_loss']:.4g}, "
        f"without images {model.config['trivial_val_loss']:.4g}; see its log and learning curve, and lower its lr"
        for model in (find_models(results) if (results / "models").is_dir() else [])
        if model.config.get("learned") is False
    ]


def _config(path: Path) -> Mapping[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}
