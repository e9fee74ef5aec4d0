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
    """A model's folder, results/models/<stage or task>/<system>, or of a further seed results/seeds/<seed>/models/...

    Attributes:
        folder: of the model.
        task: stage or task.
        system: such as vita.
        config: its config.json; empty where that is missing or damaged.
        name: the folder below results.
    """

    folder: Path
    task: str
    system: str
    config: Mapping[str, Any]
    name: str


def results_folder(path: Path) -> Path:
    """The folder, checked.

    Raises:
        UserError: it does not exist or holds no models.
    """
    if not (path / "models").is_dir():
        raise UserError(f"{path} holds no folder models; name the results folder of a run")
    return path


def find_models(results: Path) -> list[Model]:
    """All models, Stages I and II first; those of further seeds follow those of the run's own seed."""
    found = []
    for root in [results, *sorted(results.glob("seeds/*"))]:
        folders = [path for path in (root / "models").glob("*/*") if path.is_dir()]
        folders.sort(key=lambda path: (not path.parent.name.startswith("stage"), path.parent.name, path.name))
        found += [_model(path, results) for path in folders]
    return found


def _model(path: Path, results: Path) -> Model:
    name = path.relative_to(results).as_posix()
    return Model(path, path.parent.name, path.name, _config(path / "config.json"), name)


def not_learned(results: Path) -> list[str]:
    """A line for each model whose validation loss is no better than that of a guess without the images."""
    return [
        f"{_said(model)} has not learned: its validation loss of {model.config['best_val_loss']:.4g} is not clearly "
        f"below {model.config['trivial_val_loss']:.4g}, that of a guess without images; train it for longer "
        "or lower its lr (see its log and learning curve)"
        for model in (find_models(results) if (results / "models").is_dir() else [])
        if model.config.get("learned") is False
    ]


def _said(model: Model) -> str:
    seed = f", seed {model.name.split('/')[1]}" if model.name.startswith("seeds/") else ""
    return f"{model.task}, {model.system}{seed}"


def _config(path: Path) -> Mapping[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}
