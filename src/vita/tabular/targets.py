"""What Stage III predicts: the rows of workflow/resources/targets.tsv, read here and nowhere else.

A target is a column of fields.parquet, phenotypes.parquet or, for a disease, labels/<disease>.parquet.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vita.cohort.features import load_features
from vita.runtime.errors import UserError

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
    """The tasks of a target table, in order.

    Raises:
        UserError: the file cannot be read.
    """
    return list(dict.fromkeys(row["task"] for row in _rows(path) if row.get("task")))


def read_targets(path: str | Path, task: str) -> list[Target]:
    """The targets of a task, in order; class counts come from features.tsv in the same folder.

    Raises:
        UserError: the file cannot be read, or has no such task.
    """
    rows = _rows(path)
    own = [row for row in rows if row.get("task") == task]
    if not own:
        raise UserError(f"{path}: no target of task {task!r}; tasks are {', '.join(read_tasks(path))}")
    classes = class_codes(Path(path))
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


def read_sources(path: str | Path) -> dict[str, list[str]]:
    """The kinds of table (of SOURCES) that hold each task's targets.

    Raises:
        UserError: the file cannot be read.
    """
    found: dict[str, list[str]] = {}
    for row in _rows(path):
        known = found.setdefault(row["task"], [])
        if row["source"] not in known:
            known.append(row["source"])
    return found


def _rows(path: str | Path) -> list[dict[str, str]]:
    try:
        with Path(path).open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines, delimiter="\t"))
    except OSError as error:
        raise UserError(f"{path}: the target table cannot be read: {error.strerror}") from error


def class_codes(targets_tsv: Path) -> dict[str, Sequence[int]]:
    """Codes of each feature in class order, from the features.tsv beside the target table."""
    return {each.name: each.classes for each in load_features(targets_tsv.with_name("features.tsv"))}


def _number_of_classes(row: dict[str, str], codes: dict[str, Sequence[int]]) -> int:
    if row["kind"] == "numerical":
        return 0
    return 2 if row["kind"] == "binary" else len(codes[row["column"]])
