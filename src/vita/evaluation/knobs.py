"""What settings of Stage III cost and gain: trainings on random halves of some people, attacked with each other.

Each setting is trained on several halves. An attacker guesses who was in a training from the loss (`loss`), and from
the loss relative to that of the other trainings that did not learn from the person (`shadow`: the likelihood-ratio
attack with one variance for everybody, whose ranking needs only these means). A tenth of the people are canaries, with
the targets of others. Errors are those of people outside all trainings, of whom none is a canary.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

import numpy as np
import pandas as pd
import torch

from vita.evaluation.shadow_attack import exposure, halves
from vita.evaluation.statistics import interval, resamples
from vita.models.heads import Regressor
from vita.models.image_encoder import ImageEncoder
from vita.tabular.targets import Target
from vita.training.batches import in_order, mixed_seed
from vita.training.data import Samples
from vita.training.loop import fit
from vita.training.predictor import PredictionLearner
from vita.training.private import check_private, spent
from vita.training.session import Session
from vita.training.settings import read_settings
from vita.training.task import Task, make_task

_CANARIES = 0.1  # share of the people who are trained on
_RESAMPLES = 1000
_STREAM = 13  # of random numbers
_BATCH = 64


class Blocks(TypedDict):
    """Settings of a training of Stage III."""

    seed: int
    model: Mapping[str, object]
    training: Mapping[str, object]
    stage: Mapping[str, object]


@dataclass(frozen=True)
class Bench:
    """People and targets of all trainings.

    Attributes:
        session: an open run of Stage III.
        pool: the people of whom each training takes half.
        validate: people who choose the weights.
        held_out: people of the errors.
        truth: targets, with those of canaries exchanged.
        targets: descriptions of the targets.
        canary: (people of the pool,) bool.
        blocks: the settings of a training, as in config.yaml.
        init: folder of weights that the encoder starts from; None: from scratch.
    """

    session: Session
    pool: Samples
    validate: Samples
    held_out: Samples
    truth: pd.DataFrame
    targets: Sequence[Target]
    canary: np.ndarray
    blocks: Blocks
    init: Path | None = None


def bench(
    session: Session,
    truth: pd.DataFrame,
    targets: Sequence[Target],
    people: int,
    blocks: Blocks,
    init: Path | None = None,
) -> Bench:
    """Draw the people and plant the canaries: those with all targets known get each other's.

    Args:
        session: an open run of Stage III.
        truth: targets by eid.
        targets: their descriptions.
        people: how many to draw from the training split.
        blocks: the settings of a training.
        init: folder of weights that the encoder starts from; all people of the pool may have been in its training.
    """
    rng = np.random.default_rng([session.settings.seed, _STREAM])
    train = session.samples(["train"])
    pool = train.subset(np.sort(rng.permutation(len(train))[:people]))
    known = np.flatnonzero(truth.reindex(pool.eids).notna().all(axis=1))
    planted = rng.permutation(known)[: int(len(pool) * _CANARIES) // 2 * 2]
    changed = truth.copy()
    changed.loc[pool.eids[planted]] = truth.loc[pool.eids[np.roll(planted, 1)]].to_numpy()
    canary = np.isin(np.arange(len(pool)), planted)
    held_out = session.samples(["test"], "predict")
    return Bench(session, pool, session.samples(["val"]), held_out, changed, targets, canary, blocks, init)


def row(bench: Bench, name: str, changes: Mapping[str, object], trainings: int) -> dict[str, str | float]:
    """A row of the table: what a setting does to attacks, canaries and errors.

    Args:
        bench: people and targets.
        name: of the setting.
        changes: to the block `stage`.
        trainings: number of halves.
    """
    blocks: Blocks = {**bench.blocks, "stage": {**bench.blocks["stage"], **changes}}
    settings = read_settings("stage3", blocks)
    check_private(settings.stage, settings.training)
    session = replace(bench.session, settings=settings)
    rng = np.random.default_rng([settings.seed, _STREAM, 1])
    inside = halves(len(bench.pool), trainings, rng)
    inside[:, bench.canary] = halves(int(bench.canary.sum()), trainings, rng)
    found = [_trained(bench, session, half) for half in inside]
    losses = np.stack([each[0] for each in found])
    errors = np.stack([each[1] for each in found]).mean(axis=0)
    low, high = interval(_means(errors, settings.seed))
    record: dict[str, str | float] = {"knob": name, **_attacks(losses, inside, bench.canary, settings.seed)}
    trained_on = int(inside.sum(axis=1).mean())
    record |= {"error_sd": np.nanmean(errors), "error_low": low, "error_high": high, "trained_on": trained_on}
    if settings.stage.dp:
        steps = settings.stage.epochs * (trained_on // settings.stage.batch)
        record["epsilon"] = spent(settings.stage.dp, trained_on, settings.stage.batch, steps)["epsilon"]
    return record


def _trained(bench: Bench, session: Session, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(pool,) losses and (held out,) absolute errors in SD of one training."""
    train = bench.pool.subset(np.flatnonzero(inside))
    task = make_task(bench.truth, bench.targets, train)
    for samples in (train, bench.validate, bench.pool, bench.held_out):
        task.add_to(samples)
    torch.manual_seed(mixed_seed(session.settings.seed, _STREAM))
    stage = session.settings.stage
    encoder = ImageEncoder(session.model)
    if bench.init:
        session.start_encoder(encoder, bench.init)
    model = Regressor(session.model, encoder, task.outputs, stage.pooling, stage.head)
    learner = PredictionLearner(model, session.settings, task, encoder if bench.init else None)
    with tempfile.TemporaryDirectory() as folder:
        fit(learner, train, bench.validate, Path(folder), session.identity(train, bench.validate))
    gaps = [_gaps(learner, samples, task, session.device) for samples in (bench.pool, bench.held_out)]
    return np.nanmean(gaps[0] ** 2, axis=1), np.nanmean(np.abs(gaps[1]), axis=1)


@torch.inference_mode()
def _gaps(learner: PredictionLearner, samples: Samples, task: Task, device: torch.device) -> np.ndarray:
    """(people, targets) errors in SD of the training."""
    learner.model.to(device).eval()
    raw = [learner.model(part["images"].to(device)).cpu() for part in in_order(samples, _BATCH, section=0)]
    gaps: np.ndarray = (torch.cat(raw) - samples.extra["targets"]).double().numpy()
    return gaps


def _attacks(losses: np.ndarray, inside: np.ndarray, canary: np.ndarray, seed: int) -> dict[str, float]:
    """AUC of both attacks with bootstrap intervals over people, and exposure of the canaries.

    Args:
        losses: (trainings, people).
        inside: (trainings, people) bool.
        canary: (people,) bool.
        seed: of the bootstrap.
    """
    logs = np.log(losses)
    others = []
    for number in range(len(logs)):
        outside = np.where(inside, np.nan, logs)
        outside[number] = np.nan
        others.append(np.nanmean(outside, axis=0) - logs[number])
    found: dict[str, float] = {}
    for name, scores in {"loss": -logs, "shadow": np.array(others)}.items():
        auc, drawn = auc_over_trainings(scores[:, ~canary], inside[:, ~canary], seed)
        low, high = interval(drawn)
        found |= {f"{name}_auc": auc, f"{name}_low": low, f"{name}_high": high}
    own = [(logs[i, canary & half], logs[i, canary & ~half]) for i, half in enumerate(inside)]
    bits = np.array([exposure(first, second).mean() for first, second in own])
    control = np.array([exposure(second, first).mean() for first, second in own])
    return found | {"exposure_bits": float(bits.mean()), "control_bits": float(control.mean())}


def auc_over_trainings(scores: np.ndarray, inside: np.ndarray, seed: int) -> tuple[float, np.ndarray]:
    """The mean AUC over trainings, and its values in bootstrap resamples of people.

    Args:
        scores: (trainings, people), high for a member.
        inside: (trainings, people) bool.
        seed: of the bootstrap.
    """
    counts = resamples(scores.shape[1], _RESAMPLES, seed, "people")
    aucs, drawn = [], []
    for score, half in zip(scores, inside, strict=True):
        wins = (score[half, None] > score[~half]) + 0.5 * (score[half, None] == score[~half])
        aucs.append(wins.mean())
        of_inside, of_outside = counts[:, half], counts[:, ~half]
        pairs = of_inside.sum(axis=1) * of_outside.sum(axis=1)
        drawn.append(((of_inside @ wins) * of_outside).sum(axis=1) / pairs)
    return float(np.mean(aucs)), np.mean(drawn, axis=0)


def _means(values: np.ndarray, seed: int) -> np.ndarray:
    known = values[np.isfinite(values)]
    counts = resamples(len(known), _RESAMPLES, seed, "held out")
    means: np.ndarray = counts @ known / len(known)
    return means
