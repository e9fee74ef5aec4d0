"""The cohort's tables in the form that the attacker uses: every number of every participant, sorted by value."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from vita.release import transforms
from vita.release.index import ColumnIndex
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
_NEIGHBOURS = 32  # values on each side of a match from which the density around it is estimated
_FEW = 8
_GAP = 8  # times the density of both sides, from which on the other side is a gap
_DERIVED = ("phenotypes",)  # tables of which two columns may have been combined


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


def plain(name: str) -> str:
    """A column's name without variations of spelling: case, spaces, underscores, a unit in brackets."""
    return re.sub(r"[^a-z0-9]", "", re.sub(r"\(.*\)", "", name.lower()))


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
    for tables in (main, series):
        pool: list[tuple[np.ndarray, np.ndarray]] = []
        for _, table in tables:
            person = np.searchsorted(everybody, table["eid"].to_numpy(np.int64))
            known = (found for found in _columns(table, person) if len(found[1]))  # a column may be empty for all
            for name, values, whose in known:
                parts.setdefault(name, []).append((values, whose))
                pool.append((values, whose))
        if pool:
            cohort.pools.append(_sorted(pool))
    cohort.columns = {name: _sorted(found) for name, found in parts.items()}
    cohort.measured = [
        (list(names), np.column_stack(columns), person)
        for name, table in main
        if name in _DERIVED or len(main) == 1
        for person in [np.searchsorted(everybody, table["eid"].to_numpy(np.int64))]
        for names, columns in [_wide(table)]
        if names
    ]
    cohort.counts = _counts(paths, len(everybody), main)
    cohort.unsafe = _grouped(list(_unsafe(main, cell)))
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


def _grouped(numbers: list[Unsafe]) -> dict[str, UnsafeNumbers]:
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


_LEVELS = 20  # largest number of levels of a column by which people are grouped
_SHARE = 0.5  # largest share of a sum that one person may contribute
_COARSE = 4  # digits of a column with sums that many groups share by chance


def _unsafe(tables: list[tuple[str, pd.DataFrame]], cell: int) -> Iterator[Unsafe]:
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
