"""How `vita.extensions.any_part_phenotypes` learns numbers: a ridge of image and table, a head on the image, and trees.

What the image leaves unexplained of a number, the truth minus its linear head's score, is explained by those columns
of the table that are there, with the ridge regression that belongs to just these columns. So body weight counts for
more where height is not known, which tokens that are only added up cannot say: with a few hundred people such a network
(`part_network`, with a squared error) was worse on validation, as was one with a hidden layer. No model per part is
needed, since the normal equations of any part are rows and columns of those of the whole table:

    weights of the seen columns S = (G[S, S] + penalty)^-1 g[S]

where G holds the moments of columns and g those of columns and residuals, over the training participants that have
both. Columns enter as their residuals after prediction by the image's scores. Without any of the table, the prediction
is therefore the image's own. Validation chooses one penalty for each number, over all levels of what is there.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vita.extensions.availability import VALIDATED, ranks, visible
from vita.extensions.part_contenders import FARTHEST, FOLDS, Kind, Known, Trees, boosted, of_others
from vita.extensions.part_table import Table
from vita.extensions.part_update import fit_numbers

PENALTIES = tuple(10.0 ** (power / 2) for power in range(-6, 3))  # added to G, whose diagonal is at most about 1
COPIES = 4  # of each training participant for the trees, each with another part of the table
MOST_TREES = 60
_LEARNING_RATE = 0.15


@dataclass(frozen=True)
class PartRidge:
    """The moments of training, from which the weights of any part follow.

    Attributes:
        feature_of: (columns,) the feature of each column.
        image_dc: (numbers, columns), weights by which the scores of the image predict each column.
        columns_cc: G, (columns, columns).
        residuals_cd: g, (columns, numbers).
        penalties_d: (numbers,) chosen on validation.
    """

    feature_of: np.ndarray
    image_dc: np.ndarray
    columns_cc: np.ndarray
    residuals_cd: np.ndarray
    penalties_d: np.ndarray

    def __call__(self, given: Known, seen_nf: np.ndarray) -> np.ndarray:
        """Numbers (participants, numbers) if only these features, as far as they are known, are given."""
        own = _own(given, self.image_dc, self.feature_of)
        seen = (seen_nf & given.known_nf)[:, self.feature_of]
        found = given.image_nd.astype(float)
        for penalty in np.unique(self.penalties_d):
            chosen = np.flatnonzero(self.penalties_d == penalty)
            for row, there in enumerate(map(np.flatnonzero, seen)):
                if there.size:
                    normal = self.columns_cc[np.ix_(there, there)] + penalty * np.eye(there.size)
                    weights = np.linalg.solve(normal, self.residuals_cd[np.ix_(there, chosen)])
                    found[row, chosen] += own[row, there] @ weights
        return found


def _own(given: Known, image_dc: np.ndarray, feature_of: np.ndarray) -> np.ndarray:
    """The columns less what the image predicts of them (participants, columns), 0 where unknown."""
    values = np.clip(given.values_nc, -FARTHEST, FARTHEST)
    return np.asarray((values - given.image_nd @ image_dc) * given.known_nf[:, feature_of])


def fit(
    train: Known,
    truth_nd: np.ndarray,
    validate: Known,
    validate_truth_nd: np.ndarray,
    feature_of: np.ndarray,
    seed: int,
) -> PartRidge:
    """The moments of training, and the penalty with the lowest absolute error on validation for each number.

    Args:
        train: training participants, with the image's scores from heads that have not seen them.
        truth_nd: their numbers, standardised, NaN where unknown.
        validate: validation participants; without any, the largest penalty is the safest guess.
        validate_truth_nd: theirs.
        feature_of: the feature of each column.
        seed: of the run.
    """
    image = _of_image(train, feature_of)
    own, known = _own(train, image, feature_of), train.known_nf[:, feature_of].astype(float)
    columns = _positive(own.T @ own / np.maximum(known.T @ known, 1))
    there = ~np.isnan(truth_nd)
    left = np.where(there, truth_nd - train.image_nd, 0)
    residuals = own.T @ left / np.maximum(known.T @ there, 1)
    numbers = truth_nd.shape[1]
    if not len(validate.values_nc):
        return PartRidge(feature_of, image, columns, residuals, np.full(numbers, PENALTIES[-1]))
    order = ranks(len(validate.known_nf), validate.known_nf.shape[1], draw=0, seed=seed)
    errors = np.zeros((len(PENALTIES), numbers))
    for place, penalty in enumerate(PENALTIES):
        model = PartRidge(feature_of, image, columns, residuals, np.full(numbers, penalty))
        for percent in VALIDATED:
            found = model(validate, visible(order, percent))
            errors[place] += np.nansum(np.abs(found - validate_truth_nd), axis=0)
    return PartRidge(feature_of, image, columns, residuals, np.array(PENALTIES)[errors.argmin(axis=0)])


def _of_image(train: Known, feature_of: np.ndarray) -> np.ndarray:
    """Least-squares weights (numbers, columns) of the image's scores for each column, over those who have it."""
    values = np.clip(train.values_nc, -FARTHEST, FARTHEST)
    found = np.zeros((train.image_nd.shape[1], values.shape[1]))
    for column, known in enumerate(train.known_nf[:, feature_of].T):
        if known.any():
            found[:, column] = np.linalg.lstsq(train.image_nd[known], values[known, column], rcond=None)[0]
    return found


def _positive(moments_cc: np.ndarray) -> np.ndarray:
    """The nearest moments that some table has: pairs that different people have may give eigenvalues below 0."""
    values, axes = np.linalg.eigh(moments_cc)
    return np.asarray((axes * np.maximum(values, 0)) @ axes.T)


def image_numbers(features_nf: np.ndarray, truth_n: np.ndarray, split_n: np.ndarray, seed: int) -> np.ndarray:
    """The image's number (participants,): that of its linear head in Tables 1 and 2; see `of_others` for training
    participants.

    Args:
        features_nf: (participants, features), standardised.
        truth_n: (participants,), NaN where unknown.
        split_n: (participants,) train, val or test.
        seed: of the fifths.
    """
    from sklearn.linear_model import Ridge  # start-up
    from sklearn.model_selection import KFold

    from vita.training.closed_form import fit_number

    head = fit_number(features_nf, truth_n, split_n)

    def fit(features: np.ndarray, truth: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        found: Callable[[np.ndarray], np.ndarray] = Ridge(alpha=head.penalty).fit(features, truth).predict
        return found

    folds = KFold(FOLDS, shuffle=True, random_state=seed)
    return of_others(head(features_nf)[:, 0], features_nf, truth_n, split_n, folds, fit)


def _trees(table: Table, truth_n: np.ndarray, split_n: np.ndarray, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """Gradient boosting of a number on any part of the table: from columns with gaps to numbers."""
    from sklearn.ensemble import HistGradientBoostingRegressor as Regressor  # start-up
    from sklearn.metrics import mean_absolute_error

    trees = Trees(Regressor, COPIES, MOST_TREES, _LEARNING_RATE, Regressor.staged_predict, mean_absolute_error)
    model = boosted(trees, table, truth_n, split_n, seed)
    return lambda given: np.asarray(model.predict(given))


NUMBERS = Kind(image_numbers, _trees, fit, fit_numbers)
