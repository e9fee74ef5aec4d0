"""Stage III's two trainings, from open data to written predictions."""

import hashlib
import logging
from argparse import Namespace
from pathlib import Path

import numpy as np
import pandas as pd
from torch import nn

from vita.cohort.split_hash import split_hash
from vita.models.heads import Regressor
from vita.models.image_encoder import ImageEncoder
from vita.runtime.atomic import replacing
from vita.tabular.truth import load_targets
from vita.training import records
from vita.training.loop import fit
from vita.training.predict import COLUMNS, long_table, predict, thresholds
from vita.training.prediction import PredictionLearner
from vita.training.session import Session, open_session
from vita.training.task import Task, make_task, sampling_weights

log = logging.getLogger(__name__)


def train_predictor(args: Namespace) -> None:
    """Train a predictor of numbers and classes; write model and predictions."""
    session = open_session("stage3", args.shards, args.split, args.settings)
    values, targets = load_targets(args.targets, args.task, args.fields, args.phenotypes, args.labels)
    train, validate = session.samples(["train"]), session.samples(["val"])
    own = {"task": args.task, "system": args.model}
    if args.target:
        own["target"] = args.target
        targets = [target for target in targets if target.name == args.target]
        if not targets or values[args.target].reindex(train.eids).isna().all():
            write_nothing(session, args.output, args.predictions, own)
            return
    task = make_task(values, targets, train)
    for samples in (train, validate):
        task.add_to(samples)
    model, pretrained, digests = _predictor(session, args, task)
    digests |= {"targets": _digest(task.truth.reindex(np.concatenate([train.eids, validate.eids])))}
    learner = PredictionLearner(model, session.settings, task, pretrained)
    identity = session.identity(train, validate, **own, **digests)
    weights = sampling_weights(task, train) if session.settings.stage.imbalance == "sampling" else None
    fitted = fit(learner, train, validate, args.output, identity, weights)
    del train
    samples = session.samples(["val", "test"], "predict")
    predictions = predict(learner, samples, session.device)
    chosen = thresholds(task, samples, predictions)
    with replacing(args.predictions) as path:
        long_table(task, samples, predictions, chosen).to_parquet(path, index=False)
    session.write(args.output, learner, fitted, **own, targets=task.record(), thresholds=chosen)


def write_nothing(session: Session, folder: Path, predictions: Path, own: dict[str, str]) -> None:
    """Stand for the model of a target that nobody in the training split knows: no weights, and nothing predicted.

    So one target without values stops no other; tables print a dash for it.
    """
    log.warning("%s: nobody in the training split has a known value, so there is nothing to learn", own["target"])
    records.write_model(folder / "model.safetensors", {})
    records.write_history(folder / "history.csv", [])
    empty = {name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()}
    with replacing(predictions) as path:
        pd.DataFrame(empty).to_parquet(path, index=False)
    numbers = {"parameters": 0, "steps": 0, "seconds": 0.0, "best_epoch": 0, "best_val_loss": None}
    split = split_hash(session.split.index, session.split)
    records.write_config(folder / "config.json", {**own, **numbers, "targets": {}, "split_hash": split})


def train_segmenter(args: Namespace) -> None:
    """Train a segmenter; write model, areas and masks."""
    from vita.models.segmenter import Segmenter
    from vita.training.segmentation import SegmentationLearner, area_table, segment

    session = open_session("stage3", args.shards, args.split, args.settings)
    train, validate = session.samples(["train"], masks=True), session.samples(["val"], masks=True)
    encoder, digests = _encoder(session, args)
    learner = SegmentationLearner(Segmenter(session.model, encoder), session.settings, bool(args.init))
    identity = session.identity(train, validate, task=args.task, system=args.model, **digests)
    fitted = fit(learner, train, validate, args.output, identity)
    del train
    tables = []
    for name in ("val", "test"):
        samples = session.samples([name], "predict", masks=True)
        masks = segment(learner, samples, session.device)
        tables.append(area_table(masks, samples.split, samples.frames))
    with replacing(args.predictions) as path:
        pd.concat(tables, ignore_index=True).to_parquet(path, index=False)
    with replacing(args.masks) as path:
        np.savez_compressed(path, **masks)
    session.write(args.output, learner, fitted, task=args.task, system=args.model)


def _predictor(session: Session, args: Namespace, task: Task) -> tuple[nn.Module, nn.Module | None, dict[str, str]]:
    """The network, its pretrained part and the digest of the weights it starts from."""
    if args.model == "resnet50":
        from vita.models.baselines import ResNet50

        return ResNet50(session.model, task.outputs), None, {}
    stage = session.settings.stage
    encoder, digests = _encoder(session, args)
    model = Regressor(session.model, encoder, task.outputs, stage.pooling)
    return model, encoder if args.init else None, digests


def _encoder(session: Session, args: Namespace) -> tuple[ImageEncoder, dict[str, str]]:
    encoder = ImageEncoder(session.model)
    return encoder, {"init": session.start_encoder(encoder, args.init)} if args.init else {}


def _digest(values: pd.DataFrame) -> str:
    return hashlib.sha256(values.to_csv().encode()).hexdigest()[:16]
