"""The cohort's tables in the form that the attacker uses: every number of every participant, sorted by value."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from vita.release import transforms
from vita.release.unsafe import UnsafeNumbers, grouped, unsafe_numbers
from vita.release.values import ColumnIndex, Values, plain
from vita.runtime.errors import UserError

# below a results folder
_TABLES = (
    "cohort/fields.parquet",
    "cohort/labels.parquet",
    "images/phenotypes.parquet",
    "phantom/truth.parquet",
    "predictions/*/*.parquet",
    "metrics/*/*_participants.parquet",
)
_SERIES = ("images/curves.parquet",)  # several values per participant, in a separate pool
_LONG = ("target", "structure")  # columns that say what a row of a long table measures
_PAIRS = (("reference", "predicted"), ("truth", "prediction"))  # whose mean and difference are drawn
_NOT_VALUES = {"eid", "row", "frame", "section", "class", "threshold", "compared", "missed", "spurious", "absent"}
_DERIVED = ("phenotypes",)  # tables of which two columns may have been combined


@dataclass
class Cohort:
    """Everything that is known about the participants.

    Attributes:
        eid: participants, ascending.
        columns: values by the plain name of their column (see `plain`).
        pools: values of all columns together, since a number may be any value of anybody.
        counts: number of participants in the cohort and in its parts.
        unsafe: sums and means over too few people, or dominated by one person, by the plain name of what was added up;
            under "" all of those with many digits.
        phantom: the participants are synthetic.
        compared: hashes of columns of numbers that were compared with all columns, and the column and form found.
        measured: names, values (people, columns) and participants of tables from which columns are derived.
    """

    eid: np.ndarray
    columns: dict[str, Values] = field(default_factory=dict)
    pools: list[Values] = field(default_factory=list)
    counts: dict[int, str] = field(default_factory=dict)
    unsafe: dict[str, UnsafeNumbers] = field(default_factory=dict)
    phantom: bool = False
    compared: dict[bytes, list[tuple[str, int]]] = field(default_factory=dict, repr=False)
    measured: list[tuple[list[str], np.ndarray, np.ndarray]] = field(default_factory=list, repr=False)

    @property
    def ids(self) -> set[int]:
        """The ids of all participants."""
        return set(self.eid.tolist())

    @cached_property
    def index(self) -> ColumnIndex:
        """All columns in one list."""
        return ColumnIndex.of(self.columns)

    @cached_property
    def derived(self) -> dict[str, Values]:
        """Columns that are made of one or two others, by what they are."""
        found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
        for names, values, person in self.measured:
            for name, column in transforms.derived(names, values):
                known = np.isfinite(column)
                found.setdefault(name, []).append((column[known], person[known]))
        return {name: _sorted(parts) for name, parts in found.items()}

    @cached_property
    def derived_index(self) -> ColumnIndex:
        """The derived columns in one list."""
        return ColumnIndex.of(self.derived)


def read_cohort(paths: Sequence[Path], cell: int) -> Cohort:
    """A cohort of results folders and tables (Parquet, CSV) with a column `eid`.

    Args:
        paths: folders and tables.
        cell: fewest people that a number may describe.

    Raises:
        UserError: there is no table, or one has no column `eid`.
    """
    main, series, folders = list(_tables(paths, _TABLES)), list(_tables(paths, _SERIES)), list(paths)
    if not main:
        raise UserError(
            f"--cohort {' '.join(map(str, paths))}: no table of participants; name a results folder, or "
            "tables with a column eid"
        )
    everybody = np.unique(np.concatenate([table["eid"].to_numpy(np.int64) for _, table in main + series]))
    cohort = Cohort(everybody)
    cohort.phantom = any(_is_phantom(path) for path in folders)
    parts: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    alone: dict[str, tuple[np.ndarray, np.ndarray]] = {}  # as one table has them; other tables may have many more
    for tables in (main, series):
        pool: list[tuple[np.ndarray, np.ndarray]] = []
        for title, table in tables:
            person = np.searchsorted(everybody, table["eid"].to_numpy(np.int64))
            known = (found for found in _columns(table, person) if len(found[1]))  # a column may be empty for all
            for name, values, whose in known:
                parts.setdefault(name, []).append((values, whose))
                if tables is main and table["eid"].is_unique:
                    alone[f"{name} in {title}"] = (values, whose)
                pool.append((values, whose))
        if pool:
            cohort.pools.append(_sorted(pool))
    own = {name: [values] for name, values in alone.items() if len(parts[name.partition(" in ")[0]]) > 1}
    cohort.columns = {name: _sorted(found) for name, found in (parts | own).items()}
    cohort.measured = [
        (list(names), np.column_stack(columns), person)
        for name, table in main
        if name in _DERIVED or len(main) == 1
        for person in [np.searchsorted(everybody, table["eid"].to_numpy(np.int64))]
        for names, columns in [_wide(table)]
        if names
    ]
    cohort.counts = _counts(paths, len(everybody), main)
    cohort.unsafe = grouped(list(unsafe_numbers(main, cell)))
    return cohort


def _tables(paths: Sequence[Path], patterns: Iterable[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    for path in paths:
        if path.is_dir():
            for pattern in patterns:
                for file in sorted(path.glob(pattern)):
                    yield from _table(file)
        elif patterns is _TABLES:
            yield from _table(path)


def _table(path: Path) -> Iterator[tuple[str, pd.DataFrame]]:
    try:
        table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, low_memory=False)
    except (OSError, ValueError) as error:
        raise UserError(f"--cohort {path}: no table that can be read ({error})") from error
    if "eid" not in table.columns:
        raise UserError(f"--cohort {path}: no column eid")
    yield path.stem, table


def _columns(table: pd.DataFrame, person: np.ndarray) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, values and participants of every column of numbers or dates; long tables are split by what they measure."""
    for first, second in _PAIRS:
        if {first, second} <= set(table.columns):
            table = table.assign(mean=(table[first] + table[second]) / 2, difference=table[second] - table[first])
    long = next((name for name in _LONG if name in table.columns), None)
    measures = table.groupby(table[long].astype(str)).indices if long else {}
    for name in table.columns:
        if name in _NOT_VALUES or name in _LONG:
            continue
        values = _numeric(table[name])
        if values is None:
            continue
        known = np.isfinite(values)
        if long is None:
            yield plain(name), values[known], person[known]
            continue
        for kind, rows in sorted(measures.items()):
            chosen = rows[known[rows]]
            if len(chosen):
                yield plain(str(kind)), values[chosen], person[chosen]


def _wide(table: pd.DataFrame) -> tuple[list[str], list[np.ndarray]]:
    """Names and values of the columns of numbers."""
    found = {plain(name): _numeric(table[name]) for name in table.columns if name not in _NOT_VALUES}
    known = {name: values for name, values in found.items() if values is not None and np.isfinite(values).any()}
    return list(known), list(known.values())


def _numeric(column: pd.Series) -> np.ndarray | None:
    """Values of a column as float64; dates as the numbers of their days; None for words and truth values."""
    if pd.api.types.is_bool_dtype(column):
        return None
    if pd.api.types.is_numeric_dtype(column):
        return np.asarray(column.to_numpy(np.float64, na_value=np.nan))
    first = column.dropna().head(1).astype(str)
    if pd.api.types.is_datetime64_any_dtype(column) or first.str.match(r"^\d{4}-\d\d-\d\d").any():
        days = pd.to_datetime(column, errors="coerce")
        return np.array([np.nan if pd.isna(day) else float(day.toordinal()) for day in days])
    return None


def _sorted(parts: list[tuple[np.ndarray, np.ndarray]]) -> Values:
    """Values in ascending order, each at most once per participant."""
    values = np.concatenate([part[0] for part in parts])
    person = np.concatenate([part[1] for part in parts]).astype(np.int32)
    order = np.lexsort((person, values))
    values, person = values[order], person[order]
    new = np.ones(len(values), bool)
    new[1:] = (np.diff(values) != 0) | (np.diff(person) != 0)
    return Values(values[new], person[new])


def _is_phantom(folder: Path) -> bool:
    path = folder / "config.json"
    return path.is_file() and json.loads(path.read_text(encoding="utf-8")).get("input", {}).get("source") == "phantom"


def _counts(paths: Sequence[Path], everybody: int, tables: list[tuple[str, pd.DataFrame]]) -> dict[int, str]:
    counts = {everybody: "the whole cohort"}
    for name, table in tables:
        if table["eid"].is_unique:
            counts.setdefault(len(table), f"the participants of {name}")
    for path in paths:
        if (file := path / "cohort" / "split.parquet").is_file():
            split = pd.read_parquet(file)["split"]
            counts |= {int(count): f"the {name} split" for name, count in split.value_counts().items()}
            counts.setdefault(len(split), "all splits")
    return counts
