"""Gradient boosting of any part of the table, of a size that validation chooses, and its blend with another system.

Some numbers follow the table along steps and bends (an ejection fraction and a diagnosis), which trees find where a
linear map on top of the image does not. Trees do not know the image, so in a blend they count in proportion to how much
of the table is there: with nothing of it the blend is the first system. Validation decides the weight of each number.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from vita.extensions.part_table import Table

LEAVES = (2, 6)  # of a tree, one of which validation chooses
WEIGHTS = tuple(place / 10 for place in range(11))  # of the second system where all of the table is there
_SMALLEST_LEAF = 20  # people; a leaf holds as many times their copies


@dataclass(frozen=True)
class Trees:
    """A kind of gradient boosting.

    Attributes:
        kind: of scikit-learn's estimators.
        copies: of each training participant, each with another part of the table.
        most: number of trees that validation may choose.
        rate: learning rate.
        stages: what the estimator predicts with 1, 2, ... trees.
        loss: of truth and such a prediction.
    """

    kind: Callable[..., Any]
    copies: int
    most: int
    rate: float
    stages: Callable[[Any, np.ndarray], Iterable[np.ndarray]]
    loss: Callable[[np.ndarray, np.ndarray], float]


def boosted(trees: Trees, table: Table, truth_n: np.ndarray, split_n: np.ndarray, seed: int) -> Any:
    """The fitted estimator, which takes columns with gaps.

    Args:
        trees: its kind.
        table: of everybody.
        truth_n: (participants,), NaN where unknown.
        split_n: (participants,) train, val or test.
        seed: of what is hidden.
    """
    generator = np.random.default_rng(seed)
    rows = [np.tile(np.flatnonzero((split_n == name) & ~np.isnan(truth_n)), trees.copies) for name in ("train", "val")]
    sizes = [(each.size, len(table.features)) for each in rows]
    seen = [generator.random(size) < generator.random((size[0], 1)) for size in sizes]
    train, validate = (table.seen(*each) for each in zip(rows, seen, strict=True))

    def fitted(leaves: int, count: int) -> Any:
        model = trees.kind(
            learning_rate=trees.rate,
            max_iter=count,
            max_leaf_nodes=leaves,
            min_samples_leaf=_SMALLEST_LEAF * trees.copies,
            early_stopping=False,
            random_state=seed,
        )
        return model.fit(train, truth_n[rows[0]])

    losses = {
        (leaves, count): trees.loss(truth_n[rows[1]], found)
        for leaves in (LEAVES if len(validate) else ())
        for count, found in enumerate(trees.stages(fitted(leaves, trees.most), validate), start=1)
    }
    return fitted(*min(losses, key=lambda size: losses[size], default=(LEAVES[0], 1)))


def blended(first_nd: np.ndarray, second_nd: np.ndarray, weights_d: np.ndarray, seen_nf: np.ndarray) -> np.ndarray:
    """Numbers (participants, numbers) between those of two systems.

    Args:
        first_nd: of the first.
        second_nd: of the second.
        weights_d: (numbers,) of the second, with all of the table.
        seen_nf: (participants, features) bool, what is there.
    """
    share_n1 = seen_nf.mean(axis=1, keepdims=True)
    return np.asarray(first_nd + share_n1 * weights_d * (second_nd - first_nd))


def chosen(first_lnd: np.ndarray, second_lnd: np.ndarray, seen_lnf: np.ndarray, truth_nd: np.ndarray) -> np.ndarray:
    """The weight (numbers,) with the lowest absolute error over several parts of the table; the lowest of equal ones.

    Args:
        first_lnd: numbers (parts, participants, numbers) of the first system.
        second_lnd: of the second.
        seen_lnf: (parts, participants, features) bool, what is there.
        truth_nd: (participants, numbers), NaN where unknown.
    """
    numbers = truth_nd.shape[1]
    errors = np.zeros((len(WEIGHTS), numbers))
    for first_nd, second_nd, seen_nf in zip(first_lnd, second_lnd, seen_lnf, strict=True):
        for place, weight in enumerate(WEIGHTS):
            found = blended(first_nd, second_nd, np.full(numbers, weight), seen_nf)
            errors[place] += np.nansum(np.abs(found - truth_nd), axis=0)
    weights: np.ndarray = np.array(WEIGHTS)[errors.argmin(axis=0)]
    return weights
