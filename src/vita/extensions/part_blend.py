"""A blend of two systems on any part of the table, by what validation says of each number.

Some numbers follow the table along steps and bends (an ejection fraction and a diagnosis), which trees find where a
linear map on top of the image does not. Trees do not know the image, so they count in proportion to how much of the
table is there: with nothing of it the blend is the first system.
"""

import numpy as np

WEIGHTS = tuple(place / 10 for place in range(11))  # of the second system where all of the table is there


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
