"""What the commands about any part of the table compare: the image alone, trees of the table alone, and both.

Diseases (`part_network.DISEASES`) and numbers (`part_ridge.NUMBERS`) are learnt in the same steps from parts of their
own, which `Kind` names.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from vita.extensions.part_table import Table
from vita.extensions.part_update import FitFactors, updated

ANY_PART, BOOSTED = "any_part", "boosted_table"
FOLDS = 5  # in which heads on the image are fitted to training participants
FARTHEST = 5.0  # SDs: a value that is further from the mean counts as this far
LEAVES = (2, 6)  # of a tree, one of which validation chooses
_SMALLEST_LEAF = 20  # people; a leaf holds as many times their copies
# features seen (participants, features) to a score (participants, targets), both of the test participants
Scores = Callable[[np.ndarray], np.ndarray]
# features of the image (participants, features) and truth (participants,) to a head: from such features to answers
Fit = Callable[[np.ndarray, np.ndarray], Callable[[np.ndarray], np.ndarray]]


class Folds(Protocol):
    """What scikit-learn's KFold and StratifiedKFold do."""

    def split(self, X: np.ndarray, y: np.ndarray) -> Iterable[tuple[np.ndarray, np.ndarray]]:  # noqa: N803
        """Rows to fit to and rows left out, of each fold."""


@dataclass(frozen=True)
class Known:
    """What is known about some participants.

    Attributes:
        values_nc: (participants, columns) standardised, 0 where unknown.
        known_nf: (participants, features) bool.
        image_nd: (participants, targets) the image's answers.
    """

    values_nc: np.ndarray
    known_nf: np.ndarray
    image_nd: np.ndarray

    def rows(self, rows: np.ndarray) -> "Known":
        """The same about a selection of these participants."""
        return Known(self.values_nc[rows], self.known_nf[rows], self.image_nd[rows])


M = TypeVar("M")


@dataclass(frozen=True)
class Trees(Generic[M]):
    """A kind of gradient boosting.

    Attributes:
        kind: of scikit-learn's estimators.
        copies: of each training participant, each with another part of the table.
        most: number of trees that validation may choose.
        rate: learning rate.
        stages: what the estimator predicts with 1, 2, ... trees.
        loss: of truth and such a prediction.
    """

    kind: Callable[..., M]
    copies: int
    most: int
    rate: float
    stages: Callable[[M, np.ndarray], Iterable[np.ndarray]]
    loss: Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class Kind:
    """How targets of one kind are learnt.

    Attributes:
        image: fits a head to a target: features of the image (participants, features), truth (participants,), split
            and seed, to the image's answers (participants,).
        trees: fits gradient boosting to a target: table, truth (participants,), split and seed, to a function from
            columns with gaps to answers.
        together: fits image and table: training participants and their truth, the same of validation, the feature of
            each column, and the seed, to a function from participants and features seen to answers.
        factors: how far the table moves the image's answers (`part_update`).
    """

    image: Callable[[np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]
    trees: Callable[[Table, np.ndarray, np.ndarray, int], Callable[[np.ndarray], np.ndarray]]
    together: Callable[
        [Known, np.ndarray, Known, np.ndarray, np.ndarray, int], Callable[[Known, np.ndarray], np.ndarray]
    ]
    factors: FitFactors


def learn(
    kind: Kind, table: Table, image_nf: np.ndarray, truth_nd: np.ndarray, split_n: np.ndarray, seed: int, image: str,
    tuned: Mapping[str, np.ndarray],
) -> dict[str, Scores]:  # fmt: skip
    """The answers of each contender for the test participants.

    Args:
        kind: of the targets.
        table: of everybody.
        image_nf: (participants, features) of the image by the frozen encoder, NaN where unknown.
        truth_nd: (participants, targets), NaN where unknown; numbers have mean 0 in training.
        split_n: (participants,) train, val or test.
        seed: of the run.
        image: the name of a head on these features.
        tuned: answers (participants, targets) of a system that was trained on the image, under its name, NaN for
            training participants; if there are none, the table moves the head's answers.
    """
    from vita.extensions.label_efficiency import compact  # start-up: scikit-learn
    from vita.training.closed_form import scale

    usable = compact(image_nf, split_n == "train")
    head_nd = np.column_stack([kind.image(usable, truth, split_n, seed) for truth in truth_nd.T])
    mean, spread = scale(table.values_nc[split_n == "train"])
    known = Known(np.nan_to_num((table.values_nc - mean) / spread), table.known_nf, head_nd)
    labelled = ~np.isnan(truth_nd).all(axis=1)
    train, validate = (np.flatnonzero((split_n == name) & labelled) for name in ("train", "val"))
    test = np.flatnonzero(split_n == "test")
    model = kind.together(
        known.rows(train), truth_nd[train], known.rows(validate), truth_nd[validate], table.feature_of, seed
    )
    trees = [kind.trees(table, truth, split_n, seed) for truth in truth_nd.T]

    def together(rows: np.ndarray, seen_nf: np.ndarray) -> np.ndarray:
        return model(known.rows(rows), seen_nf)

    def alone(rows: np.ndarray, seen_nf: np.ndarray) -> np.ndarray:
        return np.column_stack([answer(table.seen(rows, seen_nf)) for answer in trees])

    start = next(iter(tuned.values()), head_nd)
    rows = {"val": validate, "test": test}
    return {
        **{name: always(own[test]) for name, own in {image: head_nd, **tuned}.items()},
        BOOSTED: lambda seen_nf: alone(test, seen_nf),
        ANY_PART: updated(start, [together, alone], truth_nd, rows, len(table.features), seed, kind.factors),
    }


def of_others(
    answers_n: np.ndarray, features_nf: np.ndarray, truth_n: np.ndarray, split_n: np.ndarray, folds: Folds, fit: Fit
) -> np.ndarray:
    """The image's answers (participants,), those of training participants from heads fitted to the other four fifths.

    Args:
        answers_n: of a head that was fitted to all training participants.
        features_nf: (participants, features), standardised.
        truth_n: (participants,), NaN where unknown.
        split_n: (participants,) train, val or test.
        folds: scikit-learn's, into fifths.
        fit: fits a head with the same penalty.
    """
    found = answers_n.copy()
    known = np.flatnonzero((split_n == "train") & ~np.isnan(truth_n))
    for others, own in folds.split(known, truth_n[known]):
        head = fit(features_nf[known[others]], truth_n[known[others]])
        found[known[own]] = head(features_nf[known[own]])
    return found


def always(found_nd: np.ndarray) -> Scores:
    """The same answers whatever is seen of the table."""
    return lambda seen_nf: found_nd


def boosted(trees: Trees[M], table: Table, truth_n: np.ndarray, split_n: np.ndarray, seed: int) -> M:
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

    def fitted(leaves: int, count: int) -> M:
        model: Any = trees.kind(
            learning_rate=trees.rate,
            max_iter=count,
            max_leaf_nodes=leaves,
            min_samples_leaf=_SMALLEST_LEAF * trees.copies,
            early_stopping=False,
            random_state=seed,
        )
        found: M = model.fit(train, truth_n[rows[0]])
        return found

    losses = {
        (leaves, count): trees.loss(truth_n[rows[1]], found)
        for leaves in (LEAVES if len(validate) else ())
        for count, found in enumerate(trees.stages(fitted(leaves, trees.most), validate), start=1)
    }
    return fitted(*min(losses, key=lambda size: losses[size], default=(LEAVES[0], 1)))
