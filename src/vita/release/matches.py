"""Numbers of a table as arrays, and the participants who are singled out by them."""

from dataclasses import dataclass, field

import numpy as np

COPIES = 8  # shifted copies of numbers, which the participants must fit worse than the numbers themselves
NEAREST, FARTHEST = 3, 6  # steps by which numbers are shifted
FEWEST = 8  # numbers of a column, and rows of a table


@dataclass
class Match:
    """Participants who are singled out at one place.

    Attributes:
        row: of the table; None for a whole column or table.
        words: what gave them away.
        people: places in Cohort.eid; empty for a sum over a few people.
        dominated: whether it is a sum to which one participant contributes more than half.
    """

    row: int | None
    words: str
    people: set[int] = field(default_factory=set)
    dominated: bool = False


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
