"""Gradient boosting of any part of the table: what trees learn from, and the size that validation chooses."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from vita.extensions.part_table import Table

LEAVES = (2, 6)  # of a tree, one of which validation chooses
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
