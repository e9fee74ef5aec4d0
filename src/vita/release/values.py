"""Values of participants in ascending order, in which an attacker looks a number up."""

import re
from dataclasses import dataclass

import numpy as np

_NEIGHBOURS = 32  # values on each side of a match from which the density around it is estimated

_FEW = 8

_GAP = 8  # times the density of both sides, from which on the other side is a gap


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
        # beyond the last value of one variable, the next are a distant one's and tell nothing of the density here
        density = np.where(denser > _GAP * both, denser, both)
        expected = np.where(below + above < _FEW, last - first, density * width)
        return first, last, np.maximum(expected, 1e-12)


def plain(name: str) -> str:
    """A column's name without variations of spelling: case, spaces, underscores, a unit in brackets."""
    return re.sub(r"[^a-z0-9]", "", re.sub(r"\(.*\)", "", name.lower()))
