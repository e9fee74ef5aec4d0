"""Whether a model reveals who was in its training: attacks on its losses, controls, and the gate for weights.

Two attacks guess membership from how well a model does on a person. `loss` uses the loss itself (Yeom et al., 2018).
`calibrated` first estimates how difficult the person is: a Gaussian is fitted to the losses of people outside the
training with the same difficulty, and the score is how far the person's own loss lies below it. This is the
likelihood-ratio attack without models of members (offline LiRA, Carlini et al., 2022), with a regression as its
reference, as in Bertran et al. (2023).

Controls: the same attacks on an untrained model, which remembers nobody, so that they only find how the splits differ;
and on the trained model between two groups that it was not fitted to, validation and test.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from vita.evaluation.statistics import interval, resamples
from vita.runtime.privacy import SMALLEST_COUNT

COLUMNS = (
    *("model", "signal", "attack", "members", "held_out", "auc", "low", "high", "tpr", "fpr"),
    *("untrained_auc", "untrained_low", "untrained_high", "val_test_auc", "val_test_low", "val_test_high"),
)
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
    """

    name: str
    trained: np.ndarray
    untrained: np.ndarray
    difficulty: np.ndarray


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
        row = {
            "model": model,
            "signal": signal.name,
            "attack": name,
            "members": member.sum(),
            "held_out": held_out.sum(),
        }
        row |= vars(found)
        for title, control in (("untrained", bias), ("val_test", apart)):
            row |= {f"{title}_{key}": getattr(control, key) for key in ("auc", "low", "high")}
        rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


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
