"""How `vita.extensions.any_part` learns diseases: a network of image and table, a head on the image, and trees.

Every feature is a token: one that is there by a linear map of its standardised columns and a shift, as numbers are in
the project's tabular encoder, one that is not there by a learnt token of its own. A token holds, for each disease, log
odds, and a change of how much the image weighs. Tokens are added up; the image comes as the score of its linear head
for each disease, which is multiplied by its weight, always above zero, and added. Without any of the table, the order
of people is therefore the image's. Most features carry no information about most diseases, hence a penalty on the
tokens' absolute values (the lasso's), chosen on validation. With a few hundred people, a hidden layer on the sum made
the network worse.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vita.extensions.availability import VALIDATED, ranks, visible
from vita.extensions.part_contenders import FARTHEST, FOLDS, Kind, Known, Trees, boosted, of_others
from vita.extensions.part_table import Table
from vita.extensions.part_update import fit_odds, log_odds

STEPS = 600
BATCH = 128
RATE = 0.01
PENALTIES = (0.001, 0.003, 0.01, 0.03)  # of the sum of absolute values, for each disease
CHECKED = 10  # steps between two checks on validation
COPIES = 8  # of each training participant for the trees, each with another part of the table
MOST_TREES = 100
_LEARNING_RATE = 0.1
_ONE = float(np.log(np.e - 1))  # softplus of it is 1


def tensors(known: Known, seen_nf: np.ndarray) -> tuple[Tensor, ...]:
    """The network's arguments if only these features, as far as they are known, are given."""
    values = np.clip(known.values_nc, -FARTHEST, FARTHEST)
    return tuple(torch.tensor(each, dtype=torch.float32) for each in (values, known.known_nf & seen_nf, known.image_nd))


class PartNetwork(nn.Module):
    """Log odds of each disease.

    Args:
        feature_of: the feature of each column of the table.
        features: how many.
        diseases: how many.
    """

    feature_of: Tensor

    def __init__(self, feature_of: Sequence[int], features: int, diseases: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(len(feature_of), 2 * diseases))
        self.shift = nn.Parameter(torch.zeros(features, 2 * diseases))
        self.missing = nn.Parameter(torch.zeros(features, 2 * diseases))
        self.base = nn.Parameter(torch.zeros(2 * diseases))
        self.register_buffer("feature_of", torch.tensor(feature_of, dtype=torch.long))

    def forward(self, values_bc: Tensor, seen_bf: Tensor, image_bd: Tensor) -> Tensor:
        """Standardised values, 1 for each feature that is there, the image's scores: to log odds (batch, diseases)."""
        values = values_bc * seen_bf[:, self.feature_of]
        tokens = values @ self.scale + seen_bf @ self.shift + (1 - seen_bf) @ self.missing
        odds, weight = (tokens + self.base).chunk(2, dim=1)
        found: Tensor = odds + F.softplus(weight + _ONE) * image_bd
        return found

    def penalty(self) -> Tensor:
        """Sum of the tokens' absolute values, for each disease."""
        found: Tensor = self.scale.abs().sum() + self.shift.abs().sum() + self.missing.abs().sum()
        return found / (len(self.base) / 2)


def loss_of(logits_bd: Tensor, truth_bd: Tensor) -> Tensor:
    """Mean log loss of the labels that are known; those that are not are NaN."""
    known = ~torch.isnan(truth_bd)
    return F.binary_cross_entropy_with_logits(logits_bd[known], truth_bd[known])


def fit(
    train: Known, truth_nd: np.ndarray, validate: Known, validate_truth_nd: np.ndarray, feature_of: Sequence[int],
    seed: int,
) -> PartNetwork:  # fmt: skip
    """Train with another random part of the table hidden in each participant each time, from nothing to all of it.

    Args:
        train: training participants.
        truth_nd: their diseases, NaN where unknown.
        validate: validation participants, who choose the penalty and when to stop.
        validate_truth_nd: theirs.
        feature_of: the feature of each column of the table.
        seed: of the run.
    """
    order = ranks(len(validate.known_nf), validate.known_nf.shape[1], draw=0, seed=seed)
    seen = [tensors(validate, visible(order, percent)) for percent in (0, *VALIDATED)]
    given = tuple(torch.cat(parts) for parts in zip(*seen, strict=True))
    truth = torch.tensor(np.tile(validate_truth_nd, (len(seen), 1)), dtype=torch.float32)
    best, least = PartNetwork(feature_of, train.known_nf.shape[1], truth_nd.shape[1]), np.inf
    for penalty in PENALTIES:
        network = PartNetwork(feature_of, train.known_nf.shape[1], truth_nd.shape[1])
        loss = _train(network, penalty, train, truth_nd, (given, truth), seed)
        if loss < least:
            best, least = network, loss
    return best


def _train(
    network: PartNetwork, penalty: float, train: Known, truth_nd: np.ndarray,
    validate: tuple[tuple[Tensor, ...], Tensor], seed: int,
) -> float:  # fmt: skip
    """Train a network and leave it as it was when the loss on validation was lowest, which is returned."""
    generator = np.random.default_rng(seed)
    values, known, image = tensors(train, np.ones_like(train.known_nf))
    labels = torch.tensor(truth_nd, dtype=torch.float32)
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE, fused=True)
    given, truth = validate
    best, least = {name: value.clone() for name, value in network.state_dict().items()}, np.inf
    for step in range(1, STEPS + 1):
        rows = torch.from_numpy(generator.choice(len(labels), min(BATCH, len(labels)), replace=False))
        hidden = generator.random((len(rows), known.shape[1])) >= generator.random((len(rows), 1))
        seen = known[rows].masked_fill(torch.from_numpy(hidden), 0)
        loss = loss_of(network(values[rows], seen, image[rows]), labels[rows]) + penalty * network.penalty()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if step % CHECKED == 0:
            with torch.no_grad():
                checked = float(loss_of(network(*given), truth))
            if checked < least:
                best, least = {name: value.clone() for name, value in network.state_dict().items()}, checked
    network.load_state_dict(best)
    return least


def _together(
    train: Known, truth_nd: np.ndarray, validate: Known, validate_truth_nd: np.ndarray, feature_of: np.ndarray,
    seed: int,
) -> Callable[[Known, np.ndarray], np.ndarray]:  # fmt: skip
    network = fit(train, truth_nd, validate, validate_truth_nd, feature_of.tolist(), seed)

    def odds(known: Known, seen_nf: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return np.asarray(network(*tensors(known, seen_nf)).numpy())

    return odds


def image_scores(features_nf: np.ndarray, truth_n: np.ndarray, split_n: np.ndarray, seed: int) -> np.ndarray:
    """The image's log odds (participants,) of a disease, but for a constant: those of a linear head that was fitted
    to it directly; see `of_others` for training participants.

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

    def fit(features: np.ndarray, truth: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        model = LogisticRegression(C=1 / head.penalty, max_iter=500).fit(features, truth)
        return lambda given: np.asarray(given @ model.coef_[0])

    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    scores = features_nf @ (head.weights_of[1] - head.weights_of[0])
    return of_others(scores, features_nf, truth_n, split_n, folds, fit)


def _trees(table: Table, truth_n: np.ndarray, split_n: np.ndarray, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """Gradient boosting of a disease on any part of the table: from columns with gaps to log odds."""
    from sklearn.ensemble import HistGradientBoostingClassifier as Classifier  # start-up
    from sklearn.metrics import log_loss

    def loss(truth: np.ndarray, chances: np.ndarray) -> float:
        return float(log_loss(truth, chances, labels=[0, 1]))

    trees = Trees(Classifier, COPIES, MOST_TREES, _LEARNING_RATE, Classifier.staged_predict_proba, loss)
    model = boosted(trees, table, truth_n, split_n, seed)
    return lambda given: log_odds(model.predict_proba(given)[:, 1])


DISEASES = Kind(image_scores, _trees, _together, fit_odds)
