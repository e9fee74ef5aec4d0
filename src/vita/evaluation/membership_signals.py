"""Losses of a model for people of all splits: the signals from which attacks guess who was in its training.

The same evenly spaced frames are used for everybody. From a large cohort, as many people are drawn as the smallest
false positive rate needs.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vita.evaluation.membership import Signal
from vita.evaluation.shadow_attack import canaries, shadowed
from vita.evaluation.shadow_heads import Goal
from vita.mask_classes import NOT_ANNOTATED
from vita.models.alignment import Alignment
from vita.models.config_file import read_config
from vita.models.heads import Regressor, output_slices
from vita.models.image_encoder import ImageEncoder
from vita.models.mae import MaskedAutoencoder
from vita.models.settings import ModelSettings
from vita.models.tokens import kept_count, random_order
from vita.models.weights import load_whole
from vita.tabular.encoder import load_encoder
from vita.tabular.truth import load_targets
from vita.training.batches import in_order, mixed_seed
from vita.training.data import Samples
from vita.training.reconstruction_errors import errors
from vita.training.session import Session, open_session
from vita.training.settings import recorded_stage
from vita.training.table_rows import add_table
from vita.training.task import Statistics, Task, odds_shifts

MOST = 1000  # members, and as many others, so that a false positive rate of 1 in 1,000 can be measured
MOST_SEGMENTED = 500  # a segmenter takes about fifty times as long
_MASKS = 2  # masks per person in Stage I
_STREAM = 11  # of random numbers
_BATCH = 64


@dataclass(frozen=True)
class Files:
    """Files that models learned from.

    Attributes:
        shards: NNNNN.npz files, a table beside each.
        split: split.parquet.
        training: the block `training`, of this job's machine.
        targets: targets.tsv, and the tables that it names.
        encoded: of Stage II, with `encoder`.
        segmented: largest number of members, and of others, for a segmenter.
    """

    shards: list[Path]
    split: Path
    training: Mapping[str, Any]
    targets: Path | None = None
    fields: Path | None = None
    phenotypes: Path | None = None
    labels: Path | None = None
    encoded: Path | None = None
    encoder: Path | None = None
    segmented: int = MOST_SEGMENTED


class People:
    """Samples of the people whose membership is guessed, read only once for all models of the same sizes."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self._opened: dict[str, tuple[Session, Samples, np.ndarray]] = {}
        self._features: dict[str, Tensor] = {}

    def of(self, config: Mapping[str, Any], masks: bool = False) -> tuple[Session, Samples, np.ndarray]:
        """Session, samples and the statistics of their images (people, 5), for a model's config.json."""
        key = json.dumps([config["model"], masks], sort_keys=True)
        stage = recorded_stage(config) | {"sections": "one"}
        model = ModelSettings.recorded(config).to_dict()
        blocks = {"seed": config["seed"], "model": model, "training": self.files.training, "stage": stage}
        session = open_session(config["name"], self.files.shards, self.files.split, blocks)
        if key not in self._opened:
            session = replace(session, split=_drawn(session, self.files.segmented if masks else MOST, masks))
            names = list(dict.fromkeys(session.split))
            samples = session.samples(names, "predict", masks=masks)
            self._opened[key] = session, samples, _image_statistics(samples)
        opened, samples, statistics = self._opened[key]
        return replace(session, split=opened.split), samples, statistics

    def untrained_features(self, model: Regressor, session: Session, samples: Samples) -> Tensor:
        """Features of an untrained network, computed once for all tasks: the same seed gives the same network."""
        key = json.dumps([session.settings.model, session.settings.seed, model.pooling], sort_keys=True)
        if key not in self._features:
            self._features[key] = features(model, samples, session.device)
        return self._features[key]


@torch.inference_mode()
def features(model: Regressor, samples: Samples, device: torch.device) -> Tensor:
    """(people, features) that the head of a predictor sees, on the CPU."""
    parts = [model.features(batch["images"].to(device)).cpu() for batch in in_order(samples, _BATCH, section=0)]
    return torch.cat(parts)


def _drawn(session: Session, most: int, masks: bool) -> pd.Series:
    """The split of the people who are drawn."""
    split = session.split
    if masks:
        split = split[session.reader.table.set_index("eid")["has_masks"].reindex(split.index).eq(True)]
    rng = np.random.default_rng([session.settings.seed, _STREAM])
    kept = np.zeros(len(split), bool)
    for group in (split.eq("train").to_numpy(), split.ne("train").to_numpy()):
        places = np.flatnonzero(group)
        kept[rng.permutation(places)[:most]] = True
    return split[kept]


def _image_statistics(samples: Samples) -> np.ndarray:
    """(people, 5): logarithms of the mean, the spread, and the mean change along rows, columns and time."""
    found = []
    for batch in in_order(samples, _BATCH, section=0):
        images = batch["images"]
        parts = [images.flatten(1).mean(dim=1), images.flatten(1).std(dim=1)]
        parts += [images.diff(dim=dim).abs().flatten(1).mean(dim=1) for dim in (2, 3, 4)]
        found.append(torch.stack(parts, dim=1))
    return np.log(torch.cat(found).double().numpy() + 1e-6)


def signals(folder: Path, people: People) -> tuple[list[Signal], np.ndarray]:
    """Signals of a model and the group (train, val or test) of each person.

    Args:
        folder: of the model.
        people: people whose signals are computed.
    """
    config = read_config(folder)
    segments = config.get("task") == "segmentation"
    session, samples, images = people.of(config, segments)
    kind = "segmentation" if segments else config["name"]
    make: dict[str, Callable[..., _Model]] = {
        "stage1": _reconstructing,
        "stage2": _aligning,
        "stage3": _predicting,
        "segmentation": _segmenting,
    }
    # the untrained weights differ from those with which the training started
    torch.manual_seed(mixed_seed(config["seed"], _STREAM))
    model = make[kind](session, samples, people, config)
    model.network.to(session.device).eval()
    untrained = model.values(False)
    load_whole(model.network, folder)
    trained = model.values(True)
    difficulty = np.column_stack([images, *(np.log(np.abs(v) + 1e-6) for v in untrained.values()), model.hardness])
    further = model.shadows()
    found = [Signal(name, values, untrained[name], difficulty, **further) for name, values in trained.items()]
    return found, samples.split.to_numpy()


@dataclass(frozen=True)
class _Model:
    """A network, its signals for all people by name (given whether it is trained yet), (people, columns) what makes its
    task difficult, and the fields of a signal that shadow trainings give, after the trained signals.
    """

    network: nn.Module
    values: Callable[[bool], dict[str, np.ndarray]]
    hardness: np.ndarray
    shadows: Callable[[], dict[str, Any]] = dict


def _reconstructing(session: Session, samples: Samples, people: People, config: Mapping[str, Any]) -> _Model:
    model = MaskedAutoencoder(session.model)
    keep = kept_count(session.model.tokens, session.settings.stage.mask_ratio)

    @torch.inference_mode()
    def values(trained: bool) -> dict[str, np.ndarray]:
        generator = torch.Generator().manual_seed(mixed_seed(session.settings.seed, _STREAM))
        total = torch.zeros(len(samples))
        for _ in range(_MASKS):
            parts = []
            for batch in in_order(samples, _BATCH, section=0):
                order = random_order(len(batch["images"]), session.model.tokens, generator)
                parts.append(errors(model, batch["images"].to(session.device), order.to(session.device), keep)[0].cpu())
            total += torch.cat(parts)
        return {"reconstruction error": (total / _MASKS).double().numpy()}

    return _Model(model, values, np.empty((len(samples), 0)))


def _aligning(session: Session, samples: Samples, people: People, config: Mapping[str, Any]) -> _Model:
    files = people.files
    assert files.encoded is not None
    assert files.encoder is not None
    features = load_encoder(files.encoder)
    add_table(samples, files.encoded, features)
    model = Alignment(session.model, features.count("numerical"), features.count("binary"), features.categories)
    stage = session.settings.stage

    @torch.inference_mode()
    def values(trained: bool) -> dict[str, np.ndarray]:
        pairs = [
            model(*(batch[name].to(session.device) for name in ("images", "numbers", "classes")))
            for batch in in_order(samples, _BATCH, section=0)
        ]
        image, table = (F.normalize(torch.cat(part).double(), dim=1) for part in zip(*pairs, strict=True))
        logits = image @ table.T / stage.tau  # everybody is contrasted with the same other people
        losses = stage.lam * logits.logsumexp(dim=1) + (1 - stage.lam) * logits.logsumexp(dim=0) - logits.diagonal()
        distance = 1 - (image * table).sum(dim=1)
        return {"contrastive loss": losses.cpu().numpy(), "distance of image and row": distance.cpu().numpy()}

    numbers = samples.extra["numbers"].double()
    rare = torch.stack([numbers.abs().mean(dim=1), numbers.square().mean(dim=1).sqrt()], dim=1)
    return _Model(model, values, rare.numpy())


def _predicting(session: Session, samples: Samples, people: People, config: Mapping[str, Any]) -> _Model:
    files = people.files
    assert files.targets is not None
    truth, targets = load_targets(files.targets, config["task"], files.fields, files.phenotypes, files.labels)
    kept = tuple(target for target in targets if target.name in config["targets"])
    blocks = [config["targets"][target.name] for target in kept]
    statistics = tuple(Statistics(block["mean"], block["std"], tuple(block["shares"])) for block in blocks)
    task = Task(kept, truth[[target.name for target in kept]], statistics)
    task.add_to(samples)
    known = samples.extra["targets"]
    stage = session.settings.stage
    model = Regressor(session.model, ImageEncoder(session.model), task.outputs, stage.pooling, stage.head)
    seen: dict[str, Tensor] = {}

    @torch.inference_mode()
    def values(trained: bool) -> dict[str, np.ndarray]:
        if trained:
            seen["features"] = features(model, samples, session.device)
        found = seen["features"] if trained else people.untrained_features(model, session, samples)
        seen["raw"] = model.head(found.to(session.device)).cpu()
        return {"loss": task_losses(seen["raw"], known, task).numpy()}

    def shadows() -> dict[str, Any]:
        goals = goals_of(task, known)
        raw = without_shifts(seen["raw"], task, stage.imbalance)
        inputs, seed = seen["features"].double().numpy(), session.settings.seed
        return {"shadowed": shadowed(inputs, raw, goals, seed), "canaries": canaries(inputs, goals, seed)}

    guess = torch.cat([_mean_guess(task, column) for column in range(len(kept))])
    hardness = task_losses(guess.expand(len(known), -1), known, task)
    return _Model(model, values, np.log(hardness.numpy() + 1e-6)[:, None], shadows)


def goals_of(task: Task, targets_bt: Tensor) -> list[Goal]:
    """The targets of shadow trainings.

    Args:
        task: the targets.
        targets_bt: (people, targets) as `Task.add_to` gives them.
    """
    columns = targets_bt.double().numpy().T
    return [
        Goal(target.kind, truth, max(target.classes, 1))  # type: ignore[arg-type]
        for target, truth in zip(task.targets, columns, strict=True)
    ]


def without_shifts(raw_bo: Tensor, task: Task, imbalance: str) -> np.ndarray:
    """Raw outputs (people, outputs) with the log odds of the training's prevalence; see `task.odds_shifts`."""
    raw = raw_bo.double().clone()
    shifts = odds_shifts(task.statistics, imbalance)
    for output, shift in zip(task.outputs, shifts, strict=True):
        if output.kind != "numerical":
            raw[:, output_slices(task.outputs)[output.name]] -= shift.diff() if output.kind == "binary" else shift
    return raw.numpy()


def _mean_guess(task: Task, column: int) -> Tensor:
    """Raw outputs that ignore the image: the mean, or the shares of classes."""
    shares = task.statistics[column].shares
    if not shares:
        return torch.zeros(1)
    logits = torch.tensor(shares).clamp(min=1e-6).log()
    return logits.diff() if task.targets[column].kind == "binary" else logits


def task_losses(raw_bo: Tensor, targets_bt: Tensor, task: Task) -> Tensor:
    """(people,) mean over a person's known targets of squared errors in SD and of log losses; NaN without any.

    Args:
        raw_bo: (people, outputs) of a predictor.
        targets_bt: (people, targets) as `Task.add_to` gives them.
        task: the targets.
    """
    slices, losses = output_slices(task.outputs), []
    for column, target in enumerate(task.targets):
        raw, truth = raw_bo[:, slices[target.name]].double(), targets_bt[:, column].double()
        if target.kind == "numerical":
            losses.append((raw[:, 0] - truth).square())
            continue
        logits = F.pad(raw, (1, 0)) if target.kind == "binary" else raw
        chosen = truth.nan_to_num().long()[:, None]
        losses.append((-logits.log_softmax(dim=1).gather(1, chosen)[:, 0]).where(~truth.isnan(), truth))
    return torch.stack(losses, dim=1).nanmean(dim=1)


def _segmenting(session: Session, samples: Samples, people: People, config: Mapping[str, Any]) -> _Model:
    from vita.models.segmenter import Segmenter, segmentation_loss  # start-up: MONAI

    model = Segmenter(session.model, ImageEncoder(session.model))

    @torch.inference_mode()
    def values(trained: bool) -> dict[str, np.ndarray]:
        losses = []
        for batch in in_order(samples, 1, section=0):
            known = bool((batch["masks"] != NOT_ANNOTATED).any())
            loss = segmentation_loss(model(batch["images"].to(session.device)), batch["masks"].to(session.device))
            losses.append(loss.item() if known else np.nan)
        return {"loss": np.array(losses)}

    return _Model(model, values, np.empty((len(samples), 0)))
