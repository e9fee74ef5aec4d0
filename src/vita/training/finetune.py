"""The two trainings of Stage III, from opening the data to writing the predictions."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from vita.cohort.split_table import split_hash
from vita.models.heads import Regressor
from vita.models.image_encoder import ImageEncoder
from vita.models.weights import load_segmenter
from vita.runtime import fingerprint
from vita.runtime.atomic import replacing
from vita.runtime.errors import UserError
from vita.tabular.truth import load_numbers, load_targets
from vita.training import records
from vita.training.long_table import COLUMNS, calibrate, long_table, predict, thresholds
from vita.training.loop import fit
from vita.training.predictor import PredictionLearner
from vita.training.private import NOT_RESNET, NOT_SEGMENTATION, check_private, spent
from vita.training.session import Session, open_session
from vita.training.task import Task, make_task, sampling_weights

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """A training of Stage III: what is learnt, by which system, and its input and output files.

    Attributes:
        task: of targets.tsv, or segmentation.
        system: one of `stage3.MODELS`.
        shards: NNNNN.npz files, a table beside each.
        split: split.parquet.
        settings: the seed and the blocks model, training and stage, as in config.yaml.
        targets: targets.tsv, features.tsv beside it.
        output: the model's folder.
        predictions: written at the end, parquet.
        target: the only target to learn; without it, all targets of the task.
        fields: fields.parquet, for a task that needs it; the same holds for `phenotypes` and `labels`.
        init: folder of weights that the image encoder starts from.
        masks: written at the end of a segmentation, npz.
        few_labels: the split has a part of the labels, so there may be too few participants to train.
    """

    task: str
    system: str
    shards: Sequence[Path]
    split: Path
    settings: Mapping[str, Any]
    targets: Path
    output: Path
    predictions: Path
    target: str | None = None
    fields: Path | None = None
    phenotypes: Path | None = None
    labels: Path | None = None
    init: Path | None = None
    masks: Path | None = None
    few_labels: bool = False


def train_predictor(job: Job) -> None:
    """Train a predictor of numbers and classes; write model and predictions."""
    session = open_session("stage3", job.shards, job.split, job.settings)
    stage = session.settings.stage
    if stage.dp and job.system == "resnet50":
        raise UserError(f"config: 'stage3.defaults.dp' is set, but {NOT_RESNET}")
    check_private(stage, session.settings.training)
    values, targets = load_targets(job.targets, job.task, job.fields, job.phenotypes, job.labels)
    train, validate = session.samples(["train"]), session.samples(["val"])
    own: dict[str, Any] = {"task": job.task, "system": job.system}
    if job.target:
        own["target"] = job.target
        targets = [target for target in targets if target.name == job.target]
        if not targets or values[job.target].reindex(train.eids).isna().all():
            log.warning("%s: nobody in the training split has a known value, so there is nothing to learn", job.target)
            write_nothing(session, job.output, job.predictions, own)
            return
    if job.few_labels and len(train.eids) < session.settings.stage.batch:
        log.warning("%d participants are fewer than a batch, so nothing is trained", len(train.eids))
        write_nothing(session, job.output, job.predictions, own)
        return
    task = make_task(values, targets, train)
    for samples in (train, validate):
        task.add_to(samples)
    model, pretrained, digests = _predictor(session, job, task)
    digests |= {"targets": _digest(task.truth.reindex(np.concatenate([train.eids, validate.eids])))}
    numbers = _numbers(session, job, task)
    if numbers is not None:
        digests["numbers"] = _digest(numbers.reindex(np.concatenate([train.eids, validate.eids])))
    learner = PredictionLearner(model, session.settings, task, pretrained, numbers)
    identity = session.identity(train, validate, **own, **digests)
    weights = sampling_weights(task, train) if session.settings.stage.imbalance == "sampling" else None
    fitted = fit(learner, train, validate, job.output, identity, weights)
    if stage.dp:
        own["privacy"] = spent(stage.dp, len(train), stage.batch, fitted.progress.step)
    del train
    samples = session.samples(["val", "test"], "predict")
    predictions = predict(learner, samples, session.device)
    lines = calibrate(task, session.split, samples, predictions)
    chosen = thresholds(task, samples, predictions)
    with replacing(job.predictions) as path:
        long_table(task, samples, predictions, chosen).to_parquet(path, index=False)
    decided = {"thresholds": chosen, "calibration": {name: vars(line) for name, line in lines.items()}}
    session.write(job.output, learner, fitted, **own, targets=task.record(), **decided)


def write_nothing(session: Session, folder: Path, predictions: Path, own: dict[str, str]) -> None:
    """Write a placeholder for a model that cannot be trained, for a target that nobody in the training split has or
    for a part of the labels with less than a batch: no weights, no predictions.

    It then does not stop the others; tables print a dash for it.
    """
    records.write_model(folder / "model.safetensors", {})
    records.write_history(folder / "history.csv", [])
    empty = {name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()}
    with replacing(predictions) as path:
        pd.DataFrame(empty).to_parquet(path, index=False)
    numbers = {"parameters": 0, "steps": 0, "seconds": 0.0, "best_epoch": 0, "best_val_loss": None}
    split = split_hash(session.split.index, session.split)
    records.write_config(folder / "config.json", {**own, **numbers, "targets": {}, "split_hash": split})


def train_segmenter(job: Job) -> None:
    """Train a segmenter; write model, areas and masks."""
    from vita.models.segmenter import Segmenter  # start-up
    from vita.training.segmentation import SegmentationLearner, area_table, segment

    assert job.masks is not None
    session = open_session("stage3", job.shards, job.split, job.settings)
    if session.settings.stage.dp:
        raise UserError(f"config: 'stage3.defaults.dp' is set, but {NOT_SEGMENTATION}")
    train, validate = session.samples_of_masks("train"), session.samples_of_masks("val")
    encoder, digests = _encoder(session, job)
    model = Segmenter(session.model, encoder)
    if job.init and load_segmenter(model, job.init):
        log.info("the decoder also starts from %s", job.init)
    learner = SegmentationLearner(model, session.settings, bool(job.init))
    identity = session.identity(train, validate, task=job.task, system=job.system, **digests)
    fitted = fit(learner, train, validate, job.output, identity)
    del train
    tables = []
    for samples in (session.samples(["val"], "predict", masks=True, cached=False), session.whole_cycles("test")):
        masks = segment(learner, samples, session.device)
        tables.append(area_table(masks, samples.split, samples.frames))
    with replacing(job.predictions) as path:
        pd.concat(tables, ignore_index=True).to_parquet(path, index=False)
    with replacing(job.masks) as path:
        np.savez_compressed(path, allow_pickle=False, **masks)
    session.write(job.output, learner, fitted, task=job.task, system=job.system)


def _predictor(session: Session, job: Job, task: Task) -> tuple[nn.Module, nn.Module | None, dict[str, str]]:
    """The network, its pretrained part and the digest of the weights from which it starts."""
    if job.system == "resnet50":
        from vita.models.baselines import ResNet50  # start-up

        return ResNet50(session.model, task.outputs), None, {}
    stage = session.settings.stage
    encoder, digests = _encoder(session, job)
    model = Regressor(session.model, encoder, task.outputs, stage.pooling, stage.head)
    return model, encoder if job.init else None, digests


def _numbers(session: Session, job: Job, task: Task) -> pd.DataFrame | None:
    """The numbers through which a closed-form head may reach classes, by `eid`; None for other heads and targets."""
    stage = session.settings.stage
    if stage.head != "ridge" or all(target.kind == "numerical" for target in task.targets):
        return None
    return load_numbers(job.targets, stage.through, job.fields, job.phenotypes)


def _encoder(session: Session, job: Job) -> tuple[ImageEncoder, dict[str, str]]:
    encoder = ImageEncoder(session.model)
    return encoder, {"init": session.start_encoder(encoder, job.init)} if job.init else {}


def _digest(values: pd.DataFrame) -> str:
    return fingerprint.of_text(values.to_csv())
