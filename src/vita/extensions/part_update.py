"""How far any part of the table moves an image's answer, as chosen on validation.

Fine-tuned weights know the training participants too well for anything to be learnt beside their answers, so the table
is learnt beside those of the frozen encoder (`part_network`, `part_ridge`), and by trees alone. What each of the two
says with a part of the table less what it says with nothing of it moves the fine-tuned image's answer, by a factor of
at least 0 that is fitted on validation over several parts. Without any of the table, the answer is the image's.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import expit, logit

from vita.extensions.availability import VALIDATED, ranks, visible

SMALLEST_CHANCE = 1e-4
LEAST_WEIGHT = 0.2  # of the image, so that factors relative to it are finite
# rows and features seen (participants, features) to answers (participants, targets)
Answers = Callable[[np.ndarray, np.ndarray], np.ndarray]
# the image's answers, moves and truth of validation participants to a factor for each kind of move and target
FitFactors = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def updated(
    image_nd: np.ndarray, answers: Sequence[Answers], truth_nd: np.ndarray, rows: dict[str, np.ndarray],
    features: int, seed: int, fit: FitFactors,
) -> Callable[[np.ndarray], np.ndarray]:  # fmt: skip
    """The image's answers moved by others, for test participants: from features seen to answers.

    Args:
        image_nd: (participants, targets), known of those of validation and test who have a truth.
        answers: that move it.
        truth_nd: (participants, targets), NaN where unknown.
        rows: places of the participants of `val` and `test`.
        features: of the table.
        seed: of the run.
        fit: `fit_odds` or `fit_numbers`.
    """
    own = np.where(np.isnan(image_nd), np.nanmean(image_nd, axis=0), image_nd)
    validate, test = rows["val"], rows["test"]
    factors = np.zeros((len(answers), truth_nd.shape[1]))  # nobody to fit them on
    if len(validate):
        factors = fit(own[validate], validated(answers, validate, features, seed), truth_nd[validate])
    return lambda seen_nf: moved(own[test], moves(answers, test, seen_nf), factors)


def log_odds(chances: np.ndarray) -> np.ndarray:
    """Finite log odds of probabilities."""
    return np.asarray(logit(np.clip(chances, SMALLEST_CHANCE, 1 - SMALLEST_CHANCE)))


def moves(answers: Sequence[Answers], rows: np.ndarray, seen_nf: np.ndarray) -> np.ndarray:
    """How much the features seen change each answer, (answers, participants, targets)."""
    nothing = np.zeros_like(seen_nf)
    return np.stack([answer(rows, seen_nf) - answer(rows, nothing) for answer in answers])


def validated(answers: Sequence[Answers], rows: np.ndarray, features: int, seed: int) -> np.ndarray:
    """Moves of validation participants with the parts of VALIDATED, (answers, parts, participants, targets)."""
    order = ranks(len(rows), features, draw=0, seed=seed)
    return np.stack([moves(answers, rows, visible(order, percent)) for percent in VALIDATED], axis=1)


def moved(image_nd: np.ndarray, moves_knd: np.ndarray, factors_kd: np.ndarray) -> np.ndarray:
    """The image's answers (participants, targets), moved.

    Args:
        image_nd: of the image.
        moves_knd: from `moves`.
        factors_kd: of each kind of move, for each target.
    """
    return np.asarray(image_nd + (moves_knd * factors_kd[:, None]).sum(axis=0))


def fit_numbers(image_nd: np.ndarray, moves_klnd: np.ndarray, truth_nd: np.ndarray) -> np.ndarray:
    """Factors (k, numbers) with the least squared error over the parts; 0 for a number that nobody has.

    Args:
        image_nd: answers of the image, of validation participants.
        moves_klnd: from `validated`.
        truth_nd: NaN where unknown.
    """
    from scipy.optimize import nnls  # start-up

    factors = np.zeros((len(moves_klnd), truth_nd.shape[1]))
    for number, truth in enumerate(truth_nd.T):
        known = ~np.isnan(truth)
        if known.any():
            columns = moves_klnd[:, :, known, number].reshape(len(moves_klnd), -1).T
            left = np.tile((truth - image_nd[:, number])[known], moves_klnd.shape[1])
            factors[:, number] = nnls(columns, left)[0]
    return factors


def fit_odds(image_nd: np.ndarray, moves_klnd: np.ndarray, truth_nd: np.ndarray) -> np.ndarray:
    """Factors (k, diseases), the same for all diseases, with the least log loss over parts and diseases.

    Few of a validation split have a disease, too few for factors of each. The image's odds may be wrong by a factor,
    and those of each disease by a constant, which are fitted too: factors are relative to the image's.

    Args:
        image_nd: log odds by the image, of validation participants.
        moves_klnd: from `validated`.
        truth_nd: NaN where unknown.
    """
    from scipy.optimize import minimize  # start-up

    kinds, parts, _, diseases = moves_klnd.shape
    known = ~np.isnan(np.tile(truth_nd, (parts, 1, 1)))
    if not known.any():
        return np.zeros((kinds, diseases))
    truth = np.tile(truth_nd, (parts, 1, 1))[known]
    disease = np.broadcast_to(np.arange(diseases), known.shape)[known]
    constants = (disease == np.arange(diseases)[:, None]).astype(float)
    columns = np.vstack([moves_klnd[:, known], np.tile(image_nd, (parts, 1, 1))[known], constants])

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        odds = weights @ columns
        return float(np.logaddexp(0, odds).mean() - (truth * odds).mean()), columns @ (expit(odds) - truth) / len(truth)

    start = np.r_[np.ones(kinds) / kinds, 1, np.zeros(diseases)]
    bounds = [(0, None)] * kinds + [(LEAST_WEIGHT, None)] + [(None, None)] * diseases
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return np.repeat((found[:kinds] / found[kinds])[:, None], diseases, axis=1)
