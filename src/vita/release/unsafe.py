"""Sums and means over too few people, and sums that one person dominates."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vita.release.values import Values, plain

_LEVELS = 20  # largest number of levels of a column by which people are grouped

_SHARE = 0.5  # largest share of a sum that one person may contribute

_COARSE = 4  # digits of a column with sums that many groups share by chance


@dataclass(frozen=True)
class Unsafe:
    """A number over too few people, or over people one of whom dominates.

    Attributes:
        value: the number.
        name: the plain name of what was added up.
        rough: numbers with few digits were added up, so that other sums are equal by chance.
        words: what it is.
        dominated: there are enough people, but one of them contributes more than half.
    """

    value: float
    name: str
    rough: bool
    words: str
    dominated: bool = False


@dataclass(frozen=True)
class UnsafeNumbers:
    """Numbers over too few people: ascending, with their places in `numbers`."""

    values: Values
    numbers: list[Unsafe]


def grouped(numbers: list[Unsafe]) -> dict[str, UnsafeNumbers]:
    """Numbers by the plain name of what was added up, and under "" all of those with many digits."""
    groups: dict[str, list[Unsafe]] = {}
    for each in numbers:
        groups.setdefault(each.name, []).append(each)
        if not each.rough:
            groups.setdefault("", []).append(each)
    found = {}
    for name, group in groups.items():
        values = np.array([each.value for each in group])
        order = np.argsort(values, kind="stable")
        found[name] = UnsafeNumbers(Values(values[order], order.astype(np.int32)), group)
    return found


def unsafe_numbers(tables: list[tuple[str, pd.DataFrame]], cell: int) -> Iterator[Unsafe]:
    """Sums and means over groups of too few people, and sums that one person dominates."""
    wide = [table.set_index("eid") for _, table in tables if table["eid"].is_unique]
    if not wide:
        return
    joined = pd.concat(wide, axis=1)
    joined = joined.loc[:, ~joined.columns.duplicated()]
    joined = joined.drop(columns=[name for name in joined.columns if _holds_lists(joined[name])])
    numeric = joined.select_dtypes("number").astype(float)
    levels = joined.nunique(dropna=True)
    by = [name for name in joined.columns if 2 <= levels[name] <= _LEVELS and "date" not in name]
    measured = [name for name in numeric.columns if levels[name] > _LEVELS]
    rough = {name: _is_rough(numeric[name]) for name in measured}
    for group in by:
        grouped = numeric[measured].groupby(joined[group].astype(str).where(joined[group].notna()))
        sums, sizes, largest = grouped.sum(), grouped.count(), grouped.max()
        few = (sizes > 1) & (sizes < cell)  # values of single persons are searched for anyway
        dominated = (sizes >= cell) & (largest > _SHARE * sums) & (sums > 0)
        for level, place in zip(*np.nonzero((few | dominated).to_numpy()), strict=True):
            name, size, total = measured[place], int(sizes.iloc[level, place]), float(sums.iloc[level, place])
            if not few.iloc[level, place]:
                words = f"the sum of {name} in a group by {group}, to which one person contributes more than half"
                yield Unsafe(total, plain(name), rough[name], words, True)
                continue
            words = f"of {name} over {size} people (a group by {group})"
            yield Unsafe(total, plain(name), rough[name], f"the sum {words}")
            yield Unsafe(total / size, plain(name), rough[name], f"the mean {words}")


def _holds_lists(column: pd.Series) -> bool:
    return bool(column.map(lambda value: isinstance(value, list | np.ndarray)).any())


def _is_rough(values: pd.Series) -> bool:
    """Whether most values have few digits."""
    known = values.dropna().to_numpy()
    return float(np.mean([value == float(f"{value:.{_COARSE}g}") for value in known[:500]])) > 0.5
