"""The table of everybody, of which any part may be there."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vita.cohort.features import Feature
from vita.extensions.inputs import columns_of


@dataclass(frozen=True)
class Table:
    """The table of everybody: a column per number and yes/no, and one per class of a category but the first.

    Attributes:
        values_nc: (participants, columns), NaN where unknown.
        feature_of: (columns,) the feature of each column.
        features: in order.
    """

    values_nc: np.ndarray
    feature_of: np.ndarray
    features: list[Feature]

    @classmethod
    def of(cls, fields: pd.DataFrame, features: Sequence[Feature], train_n: np.ndarray) -> "Table":
        """From fields.parquet by `eid`; features that nobody in training has are left out."""
        values, columns = columns_of(fields, features)
        there = ~np.isnan(values[train_n]).all(axis=0)
        own = [name for (name, _), known in zip(columns, there, strict=True) if known]
        kept = [feature for feature in features if feature.name in own]
        place = {feature.name: number for number, feature in enumerate(kept)}
        return cls(values[:, there], np.array([place[name] for name in own], dtype=int), kept)

    @property
    def known_nf(self) -> np.ndarray:
        """(participants, features) bool, whether known."""
        known = np.zeros((len(self.values_nc), len(self.features)), dtype=bool)
        known[:, self.feature_of] = ~np.isnan(self.values_nc)  # columns of a feature are known together
        return known

    def seen(self, rows: np.ndarray, seen_nf: np.ndarray) -> np.ndarray:
        """Columns (rows, columns) of some participants, NaN where a feature is not seen."""
        return np.where(seen_nf[:, self.feature_of], self.values_nc[rows], np.nan)
