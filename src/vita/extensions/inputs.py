"""Inputs of the extensions: the split, frozen features of controls, and UK Biobank's table as numbers."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from vita.cohort.features import Feature, load_features
from vita.runtime.errors import UserError

TABLE = "table"  # name of UK Biobank's table among the sources of features
IMAGE = "probe_vita"  # source that represents the image if there are several


def read_features(paths: Mapping[str, Path], eids: pd.Index) -> dict[str, np.ndarray]:
    """Features (participants, features) of each source, as `vita.training.freeze` writes them, NaN where unknown.

    Raises:
        UserError: a file is missing, or holds other participants than the split.
    """
    found = {}
    for name, path in paths.items():
        if not path.is_file():
            raise UserError(f"no features {path}: run the rule freeze_features")
        table = pd.read_parquet(path).set_index("eid")
        if not eids.isin(table.index).all():
            raise UserError(f"{path} and the split hold different participants; make the file again")
        found[name] = table.reindex(eids).to_numpy(float)
    return found


def table_features(features_tsv: Path, dated: bool = False) -> list[Feature]:
    """Features of UK Biobank's table, without those that are measured on masks.

    Args:
        features_tsv: the feature table.
        dated: include features that count a diagnosis by its date, which may be after the scan.
    """
    from vita.tabular.encoder import PHENOTYPE_GROUPS  # start-up: polars

    return [
        each
        for each in load_features(features_tsv)
        if each.role != "filter"
        and each.group not in PHENOTYPE_GROUPS
        and (dated or not any(term == "date" for _, term in each.rule.terms))
    ]


def columns_of(fields: pd.DataFrame, features: Sequence[Feature]) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """The table as numbers: one column per number or binary feature, and one per class of a category except the first.

    Args:
        fields: fields.parquet by `eid`.
        features: those wanted; one without a column in the table is left out.

    Returns:
        (participants, columns), NaN where unknown, and of each column its feature and what it shows of it: nothing,
        or the class as `= 3`.
    """
    columns, names = [], []
    for feature in features:
        if feature.name not in fields.columns:
            continue
        values = fields[feature.name].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
        if feature.kind != "categorical":
            columns.append(values)
            names.append((feature.name, ""))
            continue
        for code in feature.classes[1:]:
            columns.append(np.where(np.isnan(values), np.nan, values == code))
            names.append((feature.name, f"= {code}"))
    stacked = np.column_stack(columns) if columns else np.zeros((len(fields), 0))
    return stacked, names


def read_fields(path: Path, eids: pd.Index) -> pd.DataFrame:
    """fields.parquet by `eid`, of these participants in their order.

    Raises:
        UserError: there is no such file.
    """
    if not path.is_file():
        raise UserError(f"no table {path}: run the rule extract_fields")
    return pd.read_parquet(path).set_index("eid").reindex(eids)
