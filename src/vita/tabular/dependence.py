"""How much each input of Stage II reveals about a target, measured in the participants of the training split.

The measure is the absolute rank correlation (ties share their mean rank) and, for two columns of few codes, Cramér's V
corrected for small samples if it is greater. 0 means no dependence, 1 that one column determines the other.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from scipy.stats.contingency import crosstab

from vita.cohort.reading import EID

FEWEST = 50  # participants with both values; with fewer, dependence cannot be distinguished from chance
_CLASSES = 10  # a column of at most this many different values is one of codes


def training_values(split: Path, tables: Sequence[Path]) -> pl.DataFrame:
    """All columns of these tables for the training split, as numbers; a later table's column replaces an earlier one.

    Args:
        split: split.parquet.
        tables: fields.parquet, phenotypes.parquet, labels.parquet, as far as the run has them.
    """
    frame = pl.read_parquet(split).filter(pl.col("split") == "train").select(EID)
    for path in tables:
        table = pl.read_parquet(path)
        numeric = [name for name, kind in table.schema.items() if kind.is_numeric() or kind == pl.Boolean]
        frame = frame.drop(set(frame.columns) & set(numeric) - {EID})
        frame = frame.join(table.select(numeric), on=EID, how="left")
    return frame.drop(EID).cast(pl.Float64).fill_nan(None)


def dependences(values: pl.DataFrame, targets: Sequence[str], inputs: Sequence[str]) -> Mapping[tuple[str, str], float]:
    """Dependence of each pair of a target and another input of which enough values are known.

    Args:
        values: as from training_values.
        targets: columns that are predicted; those not in `values` are ignored, as are such inputs.
        inputs: columns that Stage II is given.
    """
    targets = [name for name in targets if name in values.columns]
    inputs = [name for name in inputs if name in values.columns]
    if not targets or not inputs:
        return {}
    known, correlation = _rank_correlation(values, targets, inputs)
    codes = {name for name in {*targets, *inputs} if values[name].drop_nulls().n_unique() <= _CLASSES}
    found = {}
    for row, target in enumerate(targets):
        for column, name in enumerate(inputs):
            if name == target or known[row, column] < FEWEST:
                continue
            strength = abs(correlation[row, column])
            if target in codes and name in codes:
                strength = max(strength, cramers_v(values[target], values[name]))
            found[target, name] = float(strength)
    return found


def _rank_correlation(
    values: pl.DataFrame, targets: Sequence[str], inputs: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """(targets, inputs) number of participants with both values, and the correlation of their ranks."""

    def ranks(names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        ranked = values.select(pl.col(name).rank("average") / pl.col(name).count() - 0.5 for name in names)
        table = ranked.to_numpy().astype(float)
        return np.nan_to_num(table), np.isfinite(table).astype(float)

    (x, there_x), (y, there_y) = ranks(targets), ranks(inputs)
    known = there_x.T @ there_y
    count = np.maximum(known, 1)
    sum_x, sum_y = x.T @ there_y, there_x.T @ y
    covariance = x.T @ y - sum_x * sum_y / count
    spread = ((x**2).T @ there_y - sum_x**2 / count) * (there_x.T @ y**2 - sum_y**2 / count)
    return known, covariance / np.sqrt(np.maximum(spread, 1e-12))


def cramers_v(first: pl.Series, second: pl.Series) -> float:
    """Association of two columns of codes, with Bergsma's correction of its bias; 0 if one of them is constant."""
    both = first.is_not_null() & second.is_not_null()
    counts = crosstab(first.filter(both).to_numpy(), second.filter(both).to_numpy()).count
    total, (rows, columns) = counts.sum(), counts.shape
    if min(rows, columns) < 2 or total < 2:
        return 0.0
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / total
    phi = ((counts - expected) ** 2 / expected).sum() / total
    phi = max(0.0, phi - (rows - 1) * (columns - 1) / (total - 1))
    width = min(each - (each - 1) ** 2 / (total - 1) for each in (rows, columns)) - 1
    return float(min(1.0, np.sqrt(phi / width))) if width > 0 else 0.0
