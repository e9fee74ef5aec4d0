"""Stage III's two trainings, from open data to written predictions."""

import hashlib
from argparse import Namespace

import numpy as np
import pandas as pd
from torch import nn

from vita.atomic import replacing
from vita.models.heads import Regressor
from vita.models.image_encoder import ImageEncoder
from vita.tabular.targets import load_targets
from vita.training.loop import fit
from vita.training.predict import long_table, predict, thresholds
from vita.training.prediction import PredictionLearner
from vita.training.session import Session, open_session
from vita.training.task import Task, make_task, sampling_weights


def train_predictor(args: Namespace) -> None:
    """Train a predictor of numbers and classes; write model and predictions."""
    session = open_session("stage3", args.shards, args.split, args.settings)
    values, targets = load_targets(args.targets, args.task, args.fields, args.phenotypes, args.labels)
    train, validate = session.samples(["train"]), session.samples(["val"])
    task = make_task(values, targets, train)
    for samples in (train, validate):
        task.add_to(samples)
    model, pretrained, digests = _predictor(session, args, task)
    digests |= {"targets": _digest(task.truth.reindex(np.concatenate([train.eids, validate.eids])))}
    learner = PredictionLearner(model, session.settings, task, pretrained)
    identity = session.identity(train, validate, task=args.task, system=args.model, **digests)
    weights = sampling_weights(task, train) if session.settings.stage.imbalance == "sampling" else None
    fitted = fit(learner, train, validate, args.output, identity, weights)
    del train
    samples = session.samples(["val", "test"], "predict")
    predictions = predict(learner, samples, session.device)
    chosen = thresholds(task, samples, predictions)
    with replacing(args.predictions) as path:
        long_table(task, samples, predictions, chosen).to_parquet(path, index=False)
    more = {"targets": task.record(), "thresholds": chosen}
    session.write(args.output, learner, fitted, task=args.task, system=args.model, **more)


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
