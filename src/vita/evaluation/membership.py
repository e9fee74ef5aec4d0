"""Whether a model reveals who was in its training: attacks on its losses, controls, and the gate for weights.

Three attacks guess membership from how well a model does on a person. `loss` uses the loss itself (Yeom et al., 2018).
`calibrated` first estimates how difficult the person is: a Gaussian is fitted to the losses of people outside the
training with the same difficulty, and the score is how far the person's own loss lies below it. This is the
likelihood-ratio attack without models of members (offline LiRA, Carlini et al., 2022), with a regression as its
reference, as in Bertran et al. (2023). `shadow` is the likelihood-ratio attack with shadow trainings of the head, for
models of Stage III; see `vita.evaluation.shadow_attack`.

Controls: the same attacks on an untrained model (for `shadow`, on a head that learned from a random half), which
remembers nobody of the training, so that they only find how the splits differ; and on the trained model between two
groups that it was not fitted to, validation and test.

A fourth row, `canaries`, does not judge the model but the way in which heads are fitted: canaries are planted in shadow
trainings, and their losses are compared with those of canaries that were not. The gate ignores it.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from vita.evaluation.shadow_attack import Canaries, Shadowed
from vita.evaluation.statistics import interval, resamples
from vita.runtime.privacy import SMALLEST_COUNT

COLUMNS = (
    *("model", "signal", "attack", "members", "held_out", "auc", "low", "high", "tpr", "fpr"),
    *("untrained_auc", "untrained_low", "untrained_high", "val_test_auc", "val_test_low", "val_test_high"),
    *("exposure_bits", "exposure_low", "exposure_high"),
)
CANARIES = "canaries"  # the attack that the gate ignores
GATE = 0.55  # default of `privacy.membership_auc` without a configuration
_RESAMPLES = 1000
_FPR = 1e-3
_FOLDS = 5
_RIDGE = 1.0  # on standardised columns, of a sum over people
_TINY = 1e-12
_CHANCE = 0.5


@dataclass(frozen=True)
class Found:
    """Result of an attack.

    Attributes:
        auc: probability that a member scores above a non-member; `low` and `high` its bootstrap interval.
        tpr: share of members that are recognised if `fpr` of the others are mistaken for members.
    """

    auc: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    tpr: float = float("nan")
    fpr: float = float("nan")


@dataclass(frozen=True)
class Signal:
    """A number that a model gives for each person, which is low where the model does well.

    Attributes:
        name: such as "loss".
        trained: (people,) signal of the model; NaN where it gives none.
        untrained: (people,) signal of an untrained model of the same sizes.
        difficulty: (people, columns) properties that make a person difficult for any model.
        shadowed: of shadow trainings, if there were any.
        canaries: that were planted in shadow trainings, if there were any.
    """

    name: str
    trained: np.ndarray
    untrained: np.ndarray
    difficulty: np.ndarray
    shadowed: Shadowed | None = None
    canaries: Canaries | None = None


def attack(score: np.ndarray, member: np.ndarray, seed: int) -> Found:
    """How well a score distinguishes members from others; None for fewer than ten people in either group.

    Args:
        score: (people,), high for a member.
        member: (people,) bool.
        seed: of the bootstrap.
    """
    inside, outside = score[member], score[~member]
    if min(len(inside), len(outside)) < SMALLEST_COUNT:
        return Found()
    wins = ((inside[:, None] > outside) + 0.5 * (inside[:, None] == outside)).astype(np.float32)
    of_inside, of_outside = (_counts(len(group), seed, name) for group, name in ((inside, "in"), (outside, "out")))
    drawn = ((of_inside @ wins) * of_outside).sum(axis=1) / (len(inside) * len(outside))
    fpr = max(_FPR, 1 / len(outside))
    taken = int(fpr * len(outside) + 1e-9)  # of non-members, by mistake
    tpr = float((inside > np.sort(outside)[::-1][taken]).mean())
    return Found(float(wins.mean(dtype=np.float64)), *interval(drawn), tpr, fpr)


@lru_cache(maxsize=8)
def _counts(people: int, seed: int, name: str) -> np.ndarray:
    return resamples(people, _RESAMPLES, seed, name).astype(np.float32)


def calibrated(signal: np.ndarray, difficulty: np.ndarray, member: np.ndarray, seed: int) -> np.ndarray:
    """How far each person's signal lies below that of equally difficult people outside the training, in SD. Nobody is
    scored, member or not, by a reference that was fitted to a fold with that person.

    Args:
        signal: (people,), above 0.
        difficulty: (people, columns).
        member: (people,) bool.
        seed: of the folds.
    """
    logs = np.log(np.maximum(signal, 0) + _TINY)
    outside = difficulty[~member]
    columns = (difficulty - outside.mean(axis=0)) / np.maximum(outside.std(axis=0), _TINY)
    columns = np.clip(columns, -10, 10)
    design = np.column_stack([np.ones(len(columns)), columns])
    rng = np.random.default_rng(seed)
    fold = np.empty(len(signal), int)
    for group in (member, ~member):
        fold[group] = rng.permutation(int(group.sum())) % _FOLDS
    penalty = _RIDGE * np.diag(np.r_[0.0, np.ones(columns.shape[1])])
    scores = np.empty(len(signal))
    for number in range(_FOLDS):
        fitted = design[~member & (fold != number)]
        known = logs[~member & (fold != number)]
        line = np.linalg.solve(fitted.T @ fitted + penalty, fitted.T @ known)
        spread = max(float((known - fitted @ line).std()), _TINY)
        scores[fold == number] = (design[fold == number] @ line - logs[fold == number]) / spread
    return scores


def measured(model: str, signal: Signal, group: np.ndarray, seed: int) -> pd.DataFrame:
    """A row per attack, with the columns `COLUMNS`.

    Args:
        model: its folder in results/models.
        signal: signal of all people.
        group: (people,) train, val or test.
        seed: of folds and bootstrap.
    """
    known = np.isfinite(signal.trained) & np.isfinite(signal.untrained)
    group, difficulty = group[known], np.nan_to_num(signal.difficulty[known])
    trained, untrained = signal.trained[known], signal.untrained[known]
    member, held_out = group == "train", group != "train"
    rows = []
    for name in ("loss", "calibrated"):
        found, bias = (_by(name, values, difficulty, member, seed) for values in (trained, untrained))
        apart = _by(name, trained[held_out], difficulty[held_out], group[held_out] == "val", seed)
        rows.append(_row(model, signal.name, name, member) | _attacked(found, bias, apart))
    if signal.shadowed is not None:
        score, control = signal.shadowed.score[known], signal.shadowed.control[known]
        found, bias = (attack(each, member, seed) for each in (score, control))
        apart = attack(score[held_out], group[held_out] == "val", seed)
        rows.append(_row(model, signal.name, "shadow", member) | _attacked(found, bias, apart))
    if signal.canaries is not None:
        rows.append(_sung(model, signal.name, signal.canaries, seed))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(model: str, signal: str, attack_name: str, member: np.ndarray) -> dict[str, Any]:
    counts = {"members": member.sum(), "held_out": (~member).sum()}
    return {"model": model, "signal": signal, "attack": attack_name, **counts}


def _attacked(found: Found, untrained: Found, val_test: Found) -> dict[str, float]:
    controls = {"untrained": untrained, "val_test": val_test}
    keys = ("auc", "low", "high")
    bounds = {f"{title}_{key}": getattr(each, key) for title, each in controls.items() for key in keys}
    return vars(found) | bounds


def _sung(model: str, signal: str, canaries: Canaries, seed: int) -> dict[str, Any]:
    """A row about canaries; trainings are resampled, since those of one training are not independent."""
    trainings, each = canaries.inserted.shape
    wins = [attack(-np.r_[inside, outside], np.arange(2 * each) < each, seed) for inside, outside in canaries.pairs]
    drawn = resamples(trainings, _RESAMPLES, seed, CANARIES) / trainings
    aucs, bits = np.array([found.auc for found in wins]), canaries.bits
    low, high = interval(drawn @ aucs)
    bits_low, bits_high = interval(drawn @ bits)
    row = {"model": model, "signal": signal, "attack": CANARIES, "members": each, "held_out": each}
    row |= {"auc": aucs.mean(), "low": low, "high": high, "exposure_bits": bits.mean()}
    row |= {"tpr": float(np.mean([found.tpr for found in wins])), "fpr": wins[0].fpr}
    return row | {"exposure_low": bits_low, "exposure_high": bits_high}


def _by(name: str, values: np.ndarray, difficulty: np.ndarray, member: np.ndarray, seed: int) -> Found:
    if min(member.sum(), (~member).sum()) < SMALLEST_COUNT:
        return Found()
    return attack(calibrated(values, difficulty, member, seed) if name == "calibrated" else -values, member, seed)


@dataclass(frozen=True)
class Verdict:
    """Whether a model's weights may be released, and the reason in words."""

    passes: bool
    words: str


def verdict(rows: pd.DataFrame, gate: float) -> Verdict:
    """Judge a model by its worst attack: the upper bound of the AUC's interval may not be above the gate.

    Args:
        rows: of one model, as `measured` gives them; none if it was not measured.
        gate: `privacy.membership_auc`.
    """
    if "attack" in rows:
        rows = rows[rows["attack"] != CANARIES]
    if rows.empty:
        return Verdict(False, "not measured")
    if rows["high"].isna().any():
        return Verdict(False, f"fewer than {SMALLEST_COUNT} people: too few to decide")
    worst = rows.loc[rows["high"].idxmax()]
    said = f"AUC {worst['auc']:.3f} ({worst['low']:.3f} to {worst['high']:.3f})"
    if worst["high"] <= gate:
        return Verdict(True, f"{said}, at most {gate:g}")
    if rows["low"].max() > _CHANCE:
        return Verdict(False, f"{said}, above {gate:g}: it reveals who was in its training")
    return Verdict(False, f"{said}: too few people to show that it is at most {gate:g}")
