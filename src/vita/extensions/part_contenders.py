"""What `vita.extensions.any_part` compares: the image alone, gradient boosting of the table alone, and both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vita.cohort.features import Feature
from vita.extensions.inputs import columns_of

ANY_PART, BOOSTED = "any_part", "boosted_table"
FOLDS = 5
COPIES = 8  # of each training participant, each with another part of the table
LEAVES = (2, 6)  # of a tree, one of which validation chooses
MOST_TREES = 100
_LEARNING_RATE = 0.1
SMALLEST_LEAF = 20  # people; a leaf holds as many times their copies
# features seen (participants, features) to a score (participants, diseases), both of the test participants
Scores = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Table:
    """The table of everybody: a column per number and yes/no, and one per class of a category but the first.

    Attributes:
        values_nc: (participants, columns), NaN where unknown.
        feature_of: (columns,) the feature of each column.
        features: in order.
    """

    values_nc: np.ndarray
    feature_of: np.ndarray
    features: list[Feature]

    @classmethod
    def of(cls, fields: pd.DataFrame, features: Sequence[Feature], train_n: np.ndarray) -> "Table":
        """From fields.parquet by `eid`; features that nobody in training has are left out."""
        values, columns = columns_of(fields, features)
        there = ~np.isnan(values[train_n]).all(axis=0)
        own = [name for (name, _), known in zip(columns, there, strict=True) if known]
        kept = [feature for feature in features if feature.name in own]
        place = {feature.name: number for number, feature in enumerate(kept)}
        return cls(values[:, there], np.array([place[name] for name in own], dtype=int), kept)

    @property
    def known_nf(self) -> np.ndarray:
        """(participants, features) bool, whether known."""
        known = np.zeros((len(self.values_nc), len(self.features)), dtype=bool)
        known[:, self.feature_of] = ~np.isnan(self.values_nc)  # columns of a feature are known together
        return known

    def seen(self, rows: np.ndarray, seen_nf: np.ndarray) -> np.ndarray:
        """Columns (rows, columns) of some participants, NaN where a feature is not seen."""
        return np.where(seen_nf[:, self.feature_of], self.values_nc[rows], np.nan)


def learn(
    table: Table, image_nf: np.ndarray, truth_nd: np.ndarray, split_n: np.ndarray, seed: int, image: str
) -> dict[str, Scores]:
    """What each contender says of the test participants.

    Args:
        table: of everybody.
        image_nf: (participants, features) of the image, NaN where unknown.
        truth_nd: (participants, diseases), NaN where unknown.
        split_n: (participants,) train, val or test.
        seed: of the run.
        image: what the image alone is called.
    """
    import torch  # start-up

    from vita.extensions.label_efficiency import compact
    from vita.extensions.part_network import Inputs, fit
    from vita.training.closed_form import scale

    usable = compact(image_nf, split_n == "train")
    scores_nd = np.column_stack([image_scores(usable, truth, split_n, seed) for truth in truth_nd.T])
    mean, spread = scale(table.values_nc[split_n == "train"])
    inputs = Inputs(np.nan_to_num((table.values_nc - mean) / spread), table.known_nf, scores_nd)
    labelled = ~np.isnan(truth_nd).all(axis=1)
    train, validate = (np.flatnonzero((split_n == name) & labelled) for name in ("train", "val"))
    test = np.flatnonzero(split_n == "test")
    network = fit(
        inputs.rows(train), truth_nd[train], inputs.rows(validate), truth_nd[validate], table.feature_of.tolist(), seed
    )
    trees = [boosted(table, truth, split_n, seed) for truth in truth_nd.T]

    def together(seen_nf: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return np.asarray(network(*inputs.rows(test).tensors(seen_nf)).numpy())

    return {
        image: lambda seen_nf: scores_nd[test],
        BOOSTED: lambda seen_nf: np.column_stack([chance(table.seen(test, seen_nf)) for chance in trees]),
        ANY_PART: together,
    }


def image_scores(features_nf: np.ndarray, truth_n: np.ndarray, split_n: np.ndarray, seed: int) -> np.ndarray:
    """The image's log odds (participants,) of a disease, but for a constant: those of a linear head that was fitted
    to it directly.

    Of training participants they are those of heads with the same penalty that were fitted to the other four fifths.

    Args:
        features_nf: (participants, features), standardised.
        truth_n: (participants,), NaN where unknown.
        split_n: (participants,) train, val or test.
        seed: of the fifths.
    """
    from sklearn.linear_model import LogisticRegression  # start-up
    from sklearn.model_selection import StratifiedKFold

    from vita.training.closed_form import fit_classes

    head = fit_classes(features_nf, truth_n, split_n, 2)
    found: np.ndarray = features_nf @ (head.weights_of[1] - head.weights_of[0])
    known = np.flatnonzero((split_n == "train") & ~np.isnan(truth_n))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for others, own in folds.split(known, truth_n[known]):
        model = LogisticRegression(C=1 / head.penalty, max_iter=500)
        model.fit(features_nf[known[others]], truth_n[known[others]])
        found[known[own]] = features_nf[known[own]] @ model.coef_[0]
    return found


def boosted(table: Table, truth_n: np.ndarray, split_n: np.ndarray, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """Gradient boosting of a disease on any part of the table: from columns with gaps to probabilities.

    Args:
        table: of everybody.
        truth_n: (participants,), NaN where unknown.
        split_n: (participants,) train, val or test.
        seed: of what is hidden.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier  # start-up
    from sklearn.metrics import log_loss

    generator = np.random.default_rng(seed)
    rows = [np.tile(np.flatnonzero((split_n == name) & ~np.isnan(truth_n)), COPIES) for name in ("train", "val")]
    sizes = [(each.size, len(table.features)) for each in rows]
    seen = [generator.random(size) < generator.random((size[0], 1)) for size in sizes]
    train, validate = (table.seen(*each) for each in zip(rows, seen, strict=True))

    def fitted(leaves: int, trees: int) -> HistGradientBoostingClassifier:
        model = HistGradientBoostingClassifier(
            learning_rate=_LEARNING_RATE,
            max_iter=trees,
            max_leaf_nodes=leaves,
            min_samples_leaf=SMALLEST_LEAF * COPIES,
            early_stopping=False,
            random_state=seed,
        )
        return model.fit(train, truth_n[rows[0]])

    losses = {
        (leaves, trees): log_loss(truth_n[rows[1]], chances, labels=[0, 1])
        for leaves in (LEAVES if len(validate) else ())
        for trees, chances in enumerate(fitted(leaves, MOST_TREES).staged_predict_proba(validate), start=1)
    }
    model = fitted(*min(losses, key=lambda size: losses[size], default=(LEAVES[0], 1)))
    return lambda given: np.asarray(model.predict_proba(given)[:, 1])
