"""What Stage III predicts: the rows of workflow/resources/targets.tsv and their values.

A target is a column of fields.parquet, phenotypes.parquet or labels.parquet.
"""

import csv
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from vita.errors import UserError
from vita.tabular.features import load_features

LOG = logging.getLogger(__name__)
SOURCES = ("fields", "phenotypes", "labels")


@dataclass(frozen=True)
class Target:
    """A row of the target table; `classes` is the number of classes (0 for numbers)."""

    name: str
    title: str
    unit: str
    kind: str
    source: str
    column: str
    classes: int = 0
    in_table: bool = True
    decimals: int = 3


def read_tasks(path: str | Path) -> list[str]:
    """The tasks of a target table in their order.

    Raises:
        UserError: the file cannot be read.
    """
    return list(dict.fromkeys(row["task"] for row in _rows(path) if row.get("task")))


def read_targets(path: str | Path, task: str) -> list[Target]:
    """The targets of a task in their order; class counts come from features.tsv in the same folder.

    Raises:
        UserError: the file cannot be read, or has no such task.
    """
    rows = _rows(path)
    own = [row for row in rows if row.get("task") == task]
    if not own:
        raise UserError(f"{path}: no target of task {task!r}; tasks are {', '.join(read_tasks(path))}")
    classes = _class_codes(Path(path))
    return [
        Target(
            name=row["target"],
            title=row["title"],
            unit=row["unit"],
            kind=row["kind"],
            source=row["source"],
            column=row["column"],
            classes=_number_of_classes(row, classes),
            in_table=row["in_table"] == "1",
            decimals=int(row["decimals"]),
        )
        for row in own
    ]


def load_targets(
    targets_tsv: str | Path,
    task: str,
    fields: str | Path | None,
    phenotypes: str | Path | None,
    labels: str | Path | None,
) -> tuple[pd.DataFrame, list[Target]]:
    """Values of a task's targets.

    Args:
        targets_tsv: the target table; features.tsv stands beside it.
        task: name of the task.
        fields: fields.parquet.
        phenotypes: phenotypes.parquet.
        labels: labels.parquet.

    Returns:
        A float column per target, indexed by `eid`, in the target's unit; NaN where unknown; 0/1 for binary
        targets and the class's place (0, 1, ...) for categorical ones. And the targets, in the same order.

    Raises:
        UserError: a table that is needed is not given, or none of the targets' columns exists.
    """
    paths = {"fields": fields, "phenotypes": phenotypes, "labels": labels}
    targets = read_targets(targets_tsv, task)
    codes = _class_codes(Path(targets_tsv))
    tables = {source: _table(paths[source], source, task) for source in {target.source for target in targets}}
    kept = [target for target in targets if target.column in tables[target.source].columns]
    for target in targets:
        if target not in kept:
            LOG.warning("target %s has no column in %s; left out", target.name, paths[target.source])
    if not kept:
        raise UserError(f"task {task}: none of its targets has a column in {', '.join(map(str, paths.values()))}")
    columns = {each.name: _values(tables[each.source][each.column], each, codes) for each in kept}
    return pd.DataFrame(columns).sort_index(), kept


def _rows(path: str | Path) -> list[dict[str, str]]:
    try:
        with Path(path).open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines, delimiter="\t"))
    except OSError as error:
        raise UserError(f"{path}: the target table cannot be read: {error.strerror}") from error


def _values(column: pd.Series, target: Target, codes: dict[str, Sequence[int]]) -> pd.Series:
    values = column.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    if target.kind == "categorical":
        place = {float(code): float(index) for index, code in enumerate(codes[target.column])}
        values = np.array([place.get(value, np.nan) for value in values])
    return pd.Series(values, index=column.index)


def _table(path: str | Path | None, source: str, task: str) -> pd.DataFrame:
    if path is None or not Path(path).is_file():
        raise UserError(f"task {task} needs the table {source}.parquet, which is not at {path}")
    return pd.read_parquet(path, dtype_backend="pyarrow").set_index("eid")


def _class_codes(targets_tsv: Path) -> dict[str, Sequence[int]]:
    return {each.name: each.classes for each in load_features(targets_tsv.with_name("features.tsv"))}


def _number_of_classes(row: dict[str, str], codes: dict[str, Sequence[int]]) -> int:
    if row["kind"] == "numerical":
        return 0
    return 2 if row["kind"] == "binary" else len(codes[row["column"]])
