"""Whether a lone match is evidence, or one of the coincidences that so many comparisons bring.

A folder holds thousands of numbers, and the cohort thousands of values that they might equal. The chances of all
comparisons that are as improbable as a match, or more so, add up to the number of coincidences to be expected that are
as good (a Bonferroni bound over the comparisons that could have been as good, as Tarone's is). Only if that number is
small is the match evidence. So a folder of clean files is refused by chance with at most the probability _BY_CHANCE per
kind of match, however many files it has.
"""

from collections.abc import Sequence

import numpy as np

from vita.release.matches import EXTREMES, ROWS, SUMS, SUMS_DRAWN, Compared

# coincidences in a folder; a drawing's coordinates are no numbers of people unless they were drawn from some
_BY_CHANCE = {ROWS: 0.01, EXTREMES: 0.05, SUMS: 0.05, SUMS_DRAWN: 0.005}


def may_be_evident(family: str, chance: float) -> bool:
    """Whether a match is evidence if nothing else is compared."""
    return chance < _BY_CHANCE[family]


def evident(family: str, chances: Sequence[float], compared: Compared) -> list[bool]:
    """Which of a folder's lone matches of one kind are evidence.

    Args:
        family: kind of match.
        chances: coincidences to be expected of each match's own comparison.
        compared: everything of the folder that was compared.
    """
    own = np.asarray(chances, float)
    if family == ROWS:
        as_good = own * compared.rows
    else:
        every = np.sort(np.fromiter(compared.numbers.get(family, {}).values(), float))
        as_good = np.r_[0.0, np.cumsum(every)][np.searchsorted(every, own, "right")]
    return [bool(each) for each in (own == 0) | (as_good < _BY_CHANCE[family])]
