"""Numbers of a table as arrays, the participants whom they single out, and whether a lone match is evidence.

A folder holds thousands of numbers, and the cohort thousands of values that they might equal. The chances of all
comparisons that are at least as improbable as a match add up to the number of equally good coincidences to expect (a
Bonferroni bound over the comparisons that could have been as good, as in Tarone's method). The match is evidence only
if that number is small. A folder of clean files is therefore refused by chance with at most the probability _BY_CHANCE
per kind of match, however many files it has.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

COPIES = 8  # shifted copies of numbers, which the participants must fit worse than the numbers themselves
NEAREST, FARTHEST = 3, 6  # steps by which numbers are shifted
FEWEST = 8  # numbers of a column, and rows of a table
FEWEST_DIGITS = 2  # a single digit could be anybody's
ROUGH = 4  # digits; rounder numbers are heaped
# kinds of lone matches, which are judged by how many comparisons of their kind there are in the folder
ROWS, EXTREMES, SUMS, SUMS_DRAWN = "rows", "extreme values", "sums over few people", "sums over few people, as drawn"
_DIGITS = 9  # significant digits by which a number that is printed again is recognised
# coincidences in a folder; a drawing's coordinates are no numbers of people unless they were drawn from some
_BY_CHANCE = {ROWS: 0.01, EXTREMES: 0.05, SUMS: 0.05, SUMS_DRAWN: 0.005}


@dataclass
class Match:
    """Participants who are singled out at one place.

    Attributes:
        row: of the table; None for a whole column or table.
        words: what gave them away.
        people: places in Cohort.eid; empty for a sum over a few people.
        dominated: whether it is a sum to which one participant contributes more than half.
        chance: coincidences to be expected of this one comparison; 0 where other matches support it.
        family: the kind of a lone match.
    """

    row: int | None
    words: str
    people: set[int] = field(default_factory=set)
    dominated: bool = False
    chance: float = 0.0
    family: str = ""


@dataclass(frozen=True)
class Cells:
    """All numbers of a table as arrays."""

    value: np.ndarray
    step: np.ndarray
    digits: np.ndarray
    row: np.ndarray
    column: np.ndarray
    name: np.ndarray  # of the cohort's column that it is of, as a place in `names`; -1 if unknown
    names: list[str]


@dataclass
class Compared:
    """What was compared with the cohort.

    Attributes:
        rows: number of rows.
        numbers: by kind of lone match, numbers (their value and name) with the coincidences to be expected of each.
    """

    rows: int = 0
    numbers: dict[str, dict[tuple[float, int], float]] = field(default_factory=dict)

    def note(self, family: str, value: np.ndarray, name: np.ndarray, expected: np.ndarray) -> None:
        """Add numbers; one that is printed several times is compared once."""
        known = self.numbers.setdefault(family, {})
        for number, named, chance in zip(value.tolist(), name.tolist(), expected.tolist(), strict=True):
            known[float(f"{number:.{_DIGITS}g}"), named] = chance

    def add(self, other: "Compared") -> None:
        """Add what another file was compared with."""
        self.rows += other.rows
        for family, numbers in other.numbers.items():
            self.numbers.setdefault(family, {}).update(numbers)


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
