"""What `vita.extensions.any_part` compares: the image alone, gradient boosting of the table alone, and both."""

from collections.abc import Callable, Mapping

import numpy as np

from vita.extensions import part_trees, part_update
from vita.extensions.part_table import Table

ANY_PART, BOOSTED = "any_part", "boosted_table"
FOLDS = 5
COPIES = 8  # of each training participant, each with another part of the table
MOST_TREES = 100
_LEARNING_RATE = 0.1
# features seen (participants, features) to a score (participants, diseases), both of the test participants
Scores = Callable[[np.ndarray], np.ndarray]


def learn(
    table: Table, image_nf: np.ndarray, truth_nd: np.ndarray, split_n: np.ndarray, seed: int, image: str,
    tuned: Mapping[str, np.ndarray],
) -> dict[str, Scores]:  # fmt: skip
    """What each contender says of the test participants.

    Args:
        table: of everybody.
        image_nf: (participants, features) of the image by the frozen encoder, NaN where unknown.
        truth_nd: (participants, diseases), NaN where unknown.
        split_n: (participants,) train, val or test.
        seed: of the run.
        image: what a head on these features is called.
        tuned: log odds (participants, diseases) of a system that was trained on the image, under its name, NaN for
            training participants; or nothing, and the table moves what the head says.
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

    def together(rows: np.ndarray, seen_nf: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return np.asarray(network(*inputs.rows(rows).tensors(seen_nf)).numpy())

    def alone(rows: np.ndarray, seen_nf: np.ndarray) -> np.ndarray:
        return part_update.log_odds(np.column_stack([chance(table.seen(rows, seen_nf)) for chance in trees]))

    start = next(iter(tuned.values()), scores_nd)
    rows = {"val": validate, "test": test}
    return {
        **{name: always(own[test]) for name, own in {image: scores_nd, **tuned}.items()},
        BOOSTED: lambda seen_nf: alone(test, seen_nf),
        ANY_PART: part_update.updated(
            start, [together, alone], truth_nd, rows, len(table.features), seed, part_update.fit_odds
        ),
    }


def always(found_nd: np.ndarray) -> Scores:
    """The same answers whatever is seen of the table."""
    return lambda seen_nf: found_nd


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

    Arguments are those of `part_trees.boosted`.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier as Classifier  # start-up
    from sklearn.metrics import log_loss

    def loss(truth: np.ndarray, chances: np.ndarray) -> float:
        return float(log_loss(truth, chances, labels=[0, 1]))

    trees = part_trees.Trees(Classifier, COPIES, MOST_TREES, _LEARNING_RATE, Classifier.staged_predict_proba, loss)
    model = part_trees.boosted(trees, table, truth_n, split_n, seed)
    return lambda given: np.asarray(model.predict_proba(given)[:, 1])
