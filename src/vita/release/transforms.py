"""Numbers of participants in other forms: other units, functions, standard scores, sums of two columns, ranks."""

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np

Span = tuple[np.ndarray, np.ndarray]  # values and the steps of their last digits

# the same in other units: powers of ten, pounds, inches, millimetres of mercury, minutes
_FACTORS = (1.0, 1e-3, 1e3, 1e-2, 1e2, 0.1, 10.0, 0.45359237, 453.59237, 2.54, 0.0254, 7.500617, 0.133322, 60.0)
PLAIN = 7  # of these, the powers of ten
_LARGEST = 600.0  # whose power of e and ten is still a number
_NOBODY = 1e300
_MOST_VALUES = 25_000_000  # of derived columns, in memory
_MOST_COLUMNS = 30


def _scaled(factor: float) -> Callable[[Span], Span]:
    return lambda span: (span[0] * factor, span[1] * factor)


def _inverse(
    function: Callable[[np.ndarray], np.ndarray], slope: Callable[[np.ndarray], np.ndarray]
) -> Callable[[Span], Span]:
    """Undo a function; where that is impossible, the number matches nobody."""

    def undo(span: Span) -> Span:
        value, step = span
        with np.errstate(all="ignore"):
            found, wide = function(value), np.abs(slope(value)) * step
        known = np.isfinite(found) & np.isfinite(wide)
        return np.where(known, found, _NOBODY), np.where(known, wide, 0.0)

    return undo


def _power(base: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda value: np.where(np.abs(value) * np.log(base) < _LARGEST, base ** np.clip(value, -250, 250), np.inf)


UNDO: tuple[Callable[[Span], Span], ...] = (
    *map(_scaled, _FACTORS),
    _inverse(_power(np.e), _power(np.e)),
    _inverse(_power(10.0), lambda value: np.log(10) * _power(10.0)(value)),
    _inverse(np.square, lambda value: 2 * value),
    _inverse(lambda value: np.where(value > 0, np.sqrt(value), np.nan), lambda value: 0.5 / np.sqrt(value)),
    _inverse(lambda value: 1 / value, lambda value: value**-2.0),
)


def derived(names: list[str], values: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Standard scores of columns, and sums, differences and quotients of two.

    Args:
        names: of the columns.
        values: (people, columns), NaN where unknown.
    """
    with np.errstate(all="ignore"):
        for place, name in enumerate(names):
            column = values[:, place]
            for freedom in (0, 1):
                if (spread := float(np.nanstd(column, ddof=freedom))) > 0:
                    yield f"the standard score of {name}", (column - np.nanmean(column)) / spread
        most = min(_MOST_COLUMNS, int(np.sqrt(_MOST_VALUES / 2 / max(len(values), 1))))
        for first, second in combinations(range(min(len(names), most)), 2):
            a, b = values[:, first], values[:, second]
            yield f"{names[first]} + {names[second]}", a + b
            yield f"{names[first]} - {names[second]}", a - b
            yield f"{names[second]} - {names[first]}", b - a
            yield f"{names[first]} / {names[second]}", a / b
            yield f"{names[second]} / {names[first]}", b / a
