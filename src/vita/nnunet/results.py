"""nnU-Net's masks, weights and records in the form that `train_segmentation` writes for other systems."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

import numpy as np
import pandas as pd
from safetensors.numpy import load_file, save_file

from vita.cohort.split_table import split_hash
from vita.config.blocks import needed
from vita.images.shards import ShardReader
from vita.models.settings import Sampling
from vita.nnunet.cases import read_labels
from vita.nnunet.layout import FILE_ENDING, VIEWS
from vita.runtime.atomic import replacing, write_text
from vita.runtime.errors import UserError
from vita.training.sections import even_frames
from vita.training.segmentation import full_spacing_mm


class Wanted(TypedDict):
    """Which frames of the cycle are segmented: keys of the configuration's block `model`."""

    frames: int
    sampling: Sampling


def masks_of(
    reader: ShardReader, eids: np.ndarray, wanted: Wanted, folder: Path, views: list[str]
) -> dict[str, np.ndarray]:
    """Reference and nnU-Net's masks of participants, as `training.segmentation.segment` gives them.

    Args:
        reader: shards.
        eids: participants.
        wanted: which frames.
        folder: that holds a folder for each view.
        views: that nnU-Net was trained on.

    Raises:
        UserError: a participant is in none of nnU-Net's cases, or a mask is missing or of another shape.
    """
    frames = even_frames(reader.stored(int(eids[0])).shape[1], **wanted)
    truth = np.stack([reader.masks(int(eid), frames) for eid in eids])
    prediction = np.zeros_like(truth)
    for view in views:
        cases = pd.read_parquet(folder / view / "cases.parquet").set_index("eid")["case"]
        if missing := int((~np.isin(eids, cases.index)).sum()):
            raise UserError(
                f"{folder / view}/cases.parquet does not have {missing} participants; run export_nnunet again"
            )
        for row, eid in enumerate(eids):
            _insert(prediction[row], view, reader.spacing_mm(int(eid)), folder / view / "masks" / cases.loc[eid])
    spacing = np.stack([full_spacing_mm(reader.spacing_mm(int(eid))) for eid in eids])
    return {"eid": eids, "truth": truth, "prediction": prediction, "spacing_mm": spacing}


def _insert(prediction_pthw: np.ndarray, view: str, spacing_p2: np.ndarray, case: Path) -> None:
    """Set a view's planes to nnU-Net's mask, if the view was scanned."""
    planes = list(VIEWS[view].planes)
    if (spacing_p2[planes] > 0).all():
        shape = prediction_pthw[planes].shape
        labels = read_labels(case.with_name(case.name + FILE_ENDING), (shape[0] * shape[1], *shape[2:]))
        prediction_pthw[planes] = VIEWS[view].to_classes(labels).reshape(shape)


def history(models: Mapping[str, Path]) -> pd.DataFrame:
    """A row per epoch: steps, rate and time of all views together, mean losses, and the losses and Dice of each."""
    tables = {view: pd.read_csv(folder / "history.csv").set_index("epoch") for view, folder in models.items()}
    joined = pd.concat(tables, axis=1).swaplevel(axis=1)
    out = pd.DataFrame({"step": joined["step"].sum(axis=1), "learning_rate": joined["learning_rate"].mean(axis=1)})
    for name in ("train_loss", "val_loss"):
        out[name] = joined[name].mean(axis=1)
    out["seconds"] = joined["seconds"].sum(axis=1)
    for name in ("train_loss", "val_loss", "dice"):
        out = out.join(joined[name].add_prefix(f"{name}_"))
    return out.reset_index()


def record(
    models: Mapping[str, Path], split: pd.Series, epochs: pd.DataFrame, settings: Mapping[str, object], versions: Path
) -> dict[str, object]:
    """config.json: settings, split, sizes, versions and cost of the three trainings together."""
    trainings = {view: json.loads((folder / "training.json").read_text()) for view, folder in models.items()}
    last, fingerprint = epochs.iloc[-1], split_hash(split.index, split)
    return {
        "task": "segmentation",
        "system": "nnunet",
        "settings": settings,
        "data": {"split": fingerprint},
        "split_hash": fingerprint,
        "seed": needed(settings, "seed"),
        "participants": {name: int(count) for name, count in split.value_counts().sort_index().items()},
        "parameters": sum(each["parameters"] for each in trainings.values()),
        "best_epoch": int(last["epoch"]),
        "best_val_loss": float(last["val_loss"]),
        "steps": int(last["step"]),
        "seconds": sum(each["seconds"] for each in trainings.values()),
        "peak_memory_mb": max(each["peak_memory_mb"] for each in trainings.values()),
        "hardware": next(iter(trainings.values()))["hardware"],
        "versions": json.loads(versions.read_text()),
        "views": trainings,
    }


def write_model(
    output: Path, models: Mapping[str, Path], split: pd.Series, settings: Mapping[str, object], versions: Path
) -> None:
    """model.safetensors, history.csv and config.json; the last one is written last.

    Args:
        output: the model's folder.
        models: folder of each view's model.
        split: of every participant, indexed by eid.
        settings: settings to store in config.json.
        versions: of nnU-Net's environment, JSON.
    """
    weights = {
        f"{view}.{name}": array
        for view, folder in models.items()
        for name, array in load_file(folder / "model.safetensors").items()
    }
    with replacing(output / "model.safetensors") as path:
        save_file(weights, path)
    epochs = history(models)
    with replacing(output / "history.csv") as path:
        epochs.to_csv(path, index=False, float_format="%.6g")
    config = record(models, split, epochs, settings, versions)
    write_text(output / "config.json", json.dumps(config, indent=2, sort_keys=True) + "\n")
