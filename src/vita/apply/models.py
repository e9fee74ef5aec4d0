"""The trained models of a system, each loaded when it is needed and released afterwards."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from vita.apply.decisions import config_digest
from vita.apply.records import Decisions, Prediction, TargetDecision, TaskDecision
from vita.apply.residuals import Z90, copy_errors
from vita.models.heads import Output, Regressor
from vita.models.image_encoder import ImageEncoder
from vita.models.settings import ModelSettings
from vita.models.weights import WEIGHTS, load_part, load_whole
from vita.runtime.errors import UserError
from vita.training.calibration import of_record
from vita.training.recorded import Recorded, read_recorded
from vita.training.task import Statistics, in_units, odds_shifts

if TYPE_CHECKING:
    from vita.models.segmenter import Segmenter

BATCH = 16
EMBEDDING_STAGE = "stage2"


@dataclass(frozen=True)
class Trained:
    """A folder of a trained model, its config.json read and found to belong to the stored decisions."""

    folder: Path
    config: Recorded
    decisions: TaskDecision

    @property
    def sizes(self) -> ModelSettings:
        """Sizes of the network."""
        return ModelSettings.recorded(self.config)


def open_model(models: Path, task: str, decisions: Decisions) -> Trained:
    """The model of a task.

    Raises:
        UserError: files are missing, or the model was trained again after the decisions were stored.
    """
    folder = models / task / decisions["system"]
    path = folder / "config.json"
    for file in (path, folder / WEIGHTS):
        if not file.is_file():
            raise UserError(f"{file}: no such file; give a complete results/models folder")
    if config_digest(path) != decisions["tasks"][task]["config"]:
        raise UserError(
            f"{folder} was trained again after decisions.json was written; run snakemake once more, or "
            "snakemake --cores 1 results/models/decisions.json"
        )
    return Trained(folder, read_recorded(folder), decisions["tasks"][task])


def predict_task(trained: Trained, sections: Sequence[Tensor], device: torch.device) -> Iterator[list[Prediction]]:
    """Predictions of a task for each participant: a list of rows, one per target.

    Args:
        trained: the task's model.
        sections: of the cycle, (participants, plane, time, height, width) each; raw outputs are averaged over them.
        device: to compute on.
    """
    known, config = trained.decisions["targets"], trained.config
    names = [name for name in known if name in config["targets"]]  # config.json is sorted, decisions.json is not
    outputs = [Output(name, known[name]["kind"], max(len(known[name].get("classes", [])), 1)) for name in names]
    blocks = [config["targets"][name] for name in names]
    statistics = [Statistics(block["mean"], block["std"], tuple(block["shares"])) for block in blocks]
    stage = config["settings"]["stage"]
    shifts = odds_shifts(statistics, stage["imbalance"])
    model = predictor(trained, outputs).to(device).eval()
    with torch.inference_mode():
        raw = torch.stack([_raw(model, images, device) for images in sections]).mean(dim=0)
    found = [values.numpy() for values in in_units(raw, outputs, statistics, shifts, stage["rectify"])]
    for place in range(len(raw)):
        yield [
            _row(name, known[name], statistic, values[place])
            for name, statistic, values in zip(names, statistics, found, strict=True)
        ]


def _raw(model: nn.Module, images_bsthw: Tensor, device: torch.device) -> Tensor:
    return torch.cat([model(part.to(device)).float().cpu() for part in torch.split(images_bsthw, BATCH)])


def segmenter(trained: Trained) -> "Segmenter":
    """The segmenter of a folder, with its weights."""
    from vita.models.segmenter import Segmenter  # start-up: MONAI

    model = Segmenter(trained.sizes, ImageEncoder(trained.sizes))
    load_whole(model, trained.folder)
    return model


def predictor(trained: Trained, outputs: Sequence[Output]) -> nn.Module:
    """The network of a folder with its weights, for these outputs."""
    if trained.config.get("system") == "resnet50":
        from vita.models.baselines import ResNet50

        model: nn.Module = ResNet50(trained.sizes, outputs)
    else:
        stage = trained.config["settings"]["stage"]
        encoder = ImageEncoder(trained.sizes)
        model = Regressor(trained.sizes, encoder, outputs, stage["pooling"], stage["head"])
    load_whole(model, trained.folder)
    return model


def _row(name: str, known: TargetDecision, statistic: Statistics, value: np.ndarray) -> Prediction:
    """One target of one participant; numbers with the training's mean and spread, probabilities calibrated."""
    row: Prediction = {"target": name, "title": known["title"], "kind": known["kind"], "unit": known["unit"]}
    copy_errors(known, row)
    if known["kind"] == "numerical":
        row |= {"value": float(value), "training_mean": statistic.mean, "training_sd": statistic.std}
        if "error_mean" in known:
            low, high = (row["value"] + known["error_mean"] + sign * Z90 * known["error_sd"] for sign in (-1, 1))
            row |= {"low": low, "high": high}
        return row
    if known["kind"] == "binary":
        calibrated = float(of_record(known["calibration"]).apply(value))
        row |= {"value": calibrated, "uncalibrated": float(value), "threshold": known["threshold"]}
        row |= {"positive": calibrated >= known["threshold"]}
        return row | {"training_mean": statistic.shares[1]}
    if "calibration" in known:  # runs of earlier versions have no calibration: probabilities as the model gives them
        value = of_record(known["calibration"]).apply(value)
    best = int(value.argmax())
    meaning = known["meanings"][best] or str(known["classes"][best])
    row |= {"value": float(value[best]), "class": known["classes"][best], "meaning": meaning}
    return row | {"training_mean": statistic.shares[best]}


def embedder(models: Path, decisions: Decisions) -> ModelSettings | None:
    """Sizes of the aligned image encoder; None where the folder has no Stage II."""
    folder = models / EMBEDDING_STAGE / decisions["system"]
    if not (folder / WEIGHTS).is_file():
        return None
    return ModelSettings.recorded(read_recorded(folder))


def embed(models: Path, decisions: Decisions, images_bsthw: Tensor, device: torch.device) -> np.ndarray:
    """Mean patch tokens (participants, width) of the aligned image encoder, whose sizes `embedder` gives."""
    encoder = load_embedder(models / EMBEDDING_STAGE / decisions["system"])
    return image_vectors(encoder.to(device), images_bsthw, device)


def load_embedder(folder: Path) -> ImageEncoder:
    """The aligned image encoder of a Stage II folder, in evaluation mode."""
    sizes = ModelSettings.recorded(read_recorded(folder))
    encoder = ImageEncoder(sizes)
    load_part(encoder, folder, "image_encoder", sizes)
    return encoder.eval()


def image_vectors(encoder: ImageEncoder, images_bsthw: Tensor, device: torch.device) -> np.ndarray:
    """Mean patch tokens (participants, width) of images."""
    with torch.inference_mode():
        parts = [encoder(part.to(device))[:, 1:].mean(dim=1).float().cpu() for part in torch.split(images_bsthw, BATCH)]
    return np.asarray(torch.cat(parts).numpy())
