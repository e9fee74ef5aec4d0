"""True values of a task's targets, from the tables that hold them."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from vita.runtime.errors import UserError
from vita.tabular.targets import SOURCES, Target, class_codes, read_targets

LOG = logging.getLogger(__name__)


class NoColumnError(UserError):
    """The tables have a column for none of a task's targets."""


def load_targets(
    targets_tsv: str | Path,
    task: str,
    fields: str | Path | None,
    phenotypes: str | Path | None,
    labels: str | Path | None,
) -> tuple[pd.DataFrame, list[Target]]:
    """Values of a task's targets.

    Args:
        targets_tsv: the target table, with features.tsv beside it.
        task: name of the task.
        fields: fields.parquet.
        phenotypes: phenotypes.parquet.
        labels: of the task's disease, labels/<disease>.parquet.

    Returns:
        A float column per target, indexed by `eid`, in the target's unit; NaN where unknown; 0/1 for binary
        targets and the class's place (0, 1, ...) for categorical ones. Also the targets, in the same order.

    Raises:
        UserError: a table that is needed is not given.
        NoColumnError: none of the targets' columns exists.
    """
    paths = dict(zip(SOURCES, (fields, phenotypes, labels), strict=True))
    targets = read_targets(targets_tsv, task)
    codes = class_codes(Path(targets_tsv))
    tables = {source: _table(paths[source], source, task) for source in {target.source for target in targets}}
    kept = [target for target in targets if target.column in tables[target.source].columns]
    for target in targets:
        if target not in kept:
            LOG.warning("target %s has no column in %s; left out", target.name, paths[target.source])
    if not kept:
        raise NoColumnError(f"task {task}: none of its targets has a column in {', '.join(map(str, paths.values()))}")
    columns = {each.name: _values(tables[each.source][each.column], each, codes) for each in kept}
    return pd.DataFrame(columns).sort_index(), kept


def load_numbers(
    targets_tsv: str | Path, tasks: Sequence[str], fields: str | Path | None, phenotypes: str | Path | None
) -> pd.DataFrame | None:
    """The numbers among the targets of some tasks, as `load_targets` gives them; None without any task.

    Raises:
        UserError: as `load_targets`.
    """
    found = []
    for task in tasks:
        values, targets = load_targets(targets_tsv, task, fields, phenotypes, None)
        found.append(values[[target.name for target in targets if target.kind == "numerical"]])
    return pd.concat(found, axis=1) if found else None


def _values(column: pd.Series, target: Target, codes: dict[str, Sequence[int]]) -> pd.Series:
    values = column.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    if target.kind == "categorical":
        place = {float(code): float(index) for index, code in enumerate(codes[target.column])}
        values = np.array([place.get(value, np.nan) for value in values])
    return pd.Series(values, index=column.index)


def _table(path: str | Path | None, source: str, task: str) -> pd.DataFrame:
    if path is None or not Path(path).is_file():
        raise UserError(f"task {task} needs the table of its {source}, which is not at {path}")
    return pd.read_parquet(path, dtype_backend="pyarrow").set_index("eid")
