"""Values of participants in ascending order, in which an attacker looks a number up: in one column or all."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

_BLOCK = 1024  # places
_NEIGHBOURS = 32  # values on each side of a match from which the density around it is estimated
_FEW = 8
_GAP = 8  # times the density of both sides, from which on the other side is a gap


class Sorted(Protocol):
    """A column: its values in ascending order."""

    @property
    def value(self) -> np.ndarray:
        """(values,)."""


@dataclass(frozen=True)
class ColumnIndex:
    """The values of all columns.

    Attributes:
        value: (places,) ascending; a column has each of its values once.
        column: (places,) the column of each value, as a place in `names`.
        following: (blocks + 1, columns) the first place from the start of a block on at which a column occurs;
            the number of places where there is none.
        names: of the columns.
    """

    value: np.ndarray
    column: np.ndarray
    following: np.ndarray
    names: list[str]

    @classmethod
    def of(cls, columns: Mapping[str, Sorted]) -> "ColumnIndex":
        """The index of columns by their names."""
        parts = [np.unique(values.value) for values in columns.values()]
        column = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part) for part in parts])
        value = np.concatenate(parts) if parts else np.empty(0)
        order = np.argsort(value, kind="stable")
        value, column = value[order], column[order]
        blocks = -(-len(value) // _BLOCK)
        following = np.full((blocks + 1, len(parts)), len(value), np.int64)
        for block in range(blocks - 1, -1, -1):
            start, end = block * _BLOCK, min((block + 1) * _BLOCK, len(value))
            following[block] = following[block + 1]
            places = np.arange(end - 1, start - 1, -1)
            following[block][column[places]] = places  # the last assignment to a column is that of its first place
        return cls(value, column, following, list(columns))

    def hits(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """(numbers, columns) bool: whether a column has a value in the range from low to high, ends included."""
        first = np.searchsorted(self.value, low, "left")
        last = np.searchsorted(self.value, high, "right")
        block = np.minimum(-(-first // _BLOCK), len(self.following) - 1)
        found = self.following[block] < last[:, None]  # columns from the next block's start on
        count = np.maximum(np.minimum(last, block * _BLOCK) - first, 0)  # and those before it, place by place
        before = np.repeat(first - np.r_[0, np.cumsum(count)[:-1]], count) + np.arange(count.sum())
        found[np.repeat(np.arange(len(low)), count), self.column[before]] = True
        return np.asarray(found)


@dataclass(frozen=True)
class Values:
    """Numbers of participants in ascending order, and the participant of each (a place in Cohort.eid)."""

    value: np.ndarray
    person: np.ndarray

    def find(self, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """First and last place (exclusive) of the values in each range, and the number expected by chance, which is
        estimated from the density of the values beside the range, or on its denser side if there is a gap on the other.
        """
        first = np.searchsorted(self.value, low, "left")
        last = np.searchsorted(self.value, high, "right")
        if not len(self.value):
            return first, last, np.zeros(len(low))
        left, right = np.maximum(first - _NEIGHBOURS, 0), np.minimum(last + _NEIGHBOURS, len(self.value))
        below, above = first - left, right - last
        width = high - low
        lowest, highest = self.value[np.minimum(left, len(self.value) - 1)], self.value[np.maximum(right - 1, 0)]
        span = np.maximum(np.maximum(highest, high) - np.minimum(lowest, low) - width, width)
        both = (below + above) / np.maximum(span, 1e-300)
        denser = np.maximum(
            below / np.maximum(np.maximum(low - lowest, width), 1e-300),
            above / np.maximum(np.maximum(highest - high, width), 1e-300),
        )
        # beyond the last value of one variable, the next values belong to a distant one and do not show the density
        # here
        density = np.where(denser > _GAP * both, denser, both)
        expected = np.where(below + above < _FEW, last - first, density * width)
        return first, last, np.maximum(expected, 1e-12)


def plain(name: str) -> str:
    """A column's name without variations of spelling: case, spaces, underscores, a unit in brackets."""
    return re.sub(r"[^a-z0-9]", "", re.sub(r"\(.*\)", "", name.lower()))
