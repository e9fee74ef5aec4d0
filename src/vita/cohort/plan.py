"""Which columns of which table each feature needs, and what is missing."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from vita.cohort.cleaning import UNKNOWN_DATES
from vita.cohort.delivery import Delivery
from vita.cohort.features import LAST_INSTANCE, Feature
from vita.cohort.judging import Expected
from vita.cohort.rules import Cells, evaluate
from vita.cohort.settings import CohortSettings
from vita.cohort.spellings import Column, refuse_mixed
from vita.runtime.errors import UserError

LOG = logging.getLogger(__name__)
SCAN_DATE_FIELD = 53


@dataclass(frozen=True)
class Plan:
    """The work: features, and for each table the columns to read and the features it can give alone."""

    features: list[Feature]
    cells: dict[str, dict[int, list[str]]]  # feature -> field -> canonical columns, by instance and array
    columns: dict[Path, list[Column]]
    own: dict[Path, list[Feature]]
    spanning: list[Feature]  # features that no table can give alone
    raw_columns: list[str]  # columns that these need
    shared: frozenset[str]  # canonical columns that are in several tables
    dates: frozenset[str]  # canonical columns that hold dates
    scan_date: str | None
    paper: bool
    titles: dict[str, str]
    expected: Expected
    _expressions: dict[tuple[str, frozenset[str], frozenset[int]], pl.Expr] = field(default_factory=dict)

    def expression(self, feature: Feature, lists: frozenset[str], unclear: frozenset[int]) -> pl.Expr:
        """The feature's value over parsed columns, named; built once and used for every batch.

        Args:
            feature: one of the plan's.
            lists: parsed columns whose cells are lists.
            unclear: fields of which some cell holds a code that their coding does not have.
        """
        key = (feature.name, lists, unclear)
        if key not in self._expressions:
            codes = {each: own for each in unclear if (own := self.expected.codes(each))}
            value = evaluate(feature, Cells(self.cells[feature.name], lists, self.scan_date, self.paper, codes))
            if self.scan_date and feature.date_field:
                (written,) = self.cells[feature.name][feature.date_field]
                known = ~pl.col(written).is_in(UNKNOWN_DATES)
                value = pl.when(known & (pl.col(written) <= pl.col(self.scan_date))).then(value)
            self._expressions[key] = value.alias(feature.name)
        return self._expressions[key]


def make_plan(deliveries: Sequence[Delivery], features: Sequence[Feature], settings: CohortSettings) -> Plan:
    """Find the columns of every feature.

    Raises:
        UserError: a needed field is missing (unless `cohort.missing_fields` is drop), or spelled in two ways.
    """
    needed = {field for each in features for field in (*dict(each.fields), each.date_field)} | {SCAN_DATE_FIELD}
    for delivery in deliveries:
        refuse_mixed(delivery.header, needed, delivery.name)
    where = _places(deliveries, needed)
    shared = frozenset(name for name, places in where.items() if len(places) > 1)
    scan_date = f"{SCAN_DATE_FIELD}-{settings.instance}.0" if settings.cutoff == "imaging" else None
    if scan_date and scan_date not in where:
        raise UserError(f"cohort.cutoff is imaging, but no table has the date of the scan, column {scan_date}")
    cells = {each.name: _cells(each, where, settings) for each in features}
    kept = _without_absent(features, cells, settings, deliveries)
    own: dict[Path, list[Feature]] = {delivery.path: [] for delivery in deliveries}
    spanning: list[Feature] = []
    for feature in kept:
        used = _used(feature, cells[feature.name], scan_date)
        paths = {path for name in used for path, _ in where[name]} or {deliveries[0].path}
        (own[paths.pop()] if len(paths) == 1 else spanning).append(feature)
    taken = {place for each in kept for name in _used(each, cells[each.name], scan_date) for place in where[name]}
    return Plan(
        features=kept,
        cells=cells,
        columns={d.path: [c for c in d.header.columns if (d.path, c) in taken] for d in deliveries},
        own=own,
        spanning=spanning,
        raw_columns=sorted({name for each in spanning for name in _used(each, cells[each.name], scan_date)}),
        shared=shared,
        dates=frozenset(_dates(kept, cells) | ({scan_date} if scan_date else set())),
        scan_date=scan_date,
        paper=settings.cleaning == "paper",
        titles=_titles(features, cells),
        expected=Expected.by(kept, settings.implausible),
    )


def _places(deliveries: Sequence[Delivery], fields: Collection[int | None]) -> dict[str, list[tuple[Path, Column]]]:
    """Tables and columns of each canonical name of the fields, in the order of the tables."""
    where: dict[str, list[tuple[Path, Column]]] = {}
    for delivery in deliveries:
        for column in (each for each in delivery.header.columns if each.field in fields):
            where.setdefault(column.canonical, []).append((delivery.path, column))
    return where


def _cells(
    feature: Feature, where: dict[str, list[tuple[Path, Column]]], settings: CohortSettings
) -> dict[int, list[str]]:
    """Canonical columns of each field of a feature, those of visits that count, in order."""
    last = settings.instance if settings.cutoff == "imaging" else LAST_INSTANCE
    visits = {field: feature.instances(field, settings.instance, last) for field, _ in feature.fields}
    if feature.date_field and settings.cutoff == "imaging":
        visits[feature.date_field] = range(1)
    found: dict[int, list[tuple[int, int, str]]] = {field: [] for field in visits}
    for name, ((_, column), *_others) in where.items():
        if column.field in visits and column.instance in visits[column.field]:
            found[column.field].append((column.instance, column.array or 0, name))
    return {field: [name for *_, name in sorted(columns)] for field, columns in found.items()}


def _without_absent(
    features: Sequence[Feature],
    cells: dict[str, dict[int, list[str]]],
    settings: CohortSettings,
    deliveries: Sequence[Delivery],
) -> list[Feature]:
    """Features that can be made; an absent field is an error, or drops the features that depend on it."""
    lost: dict[int, list[Feature]] = {}
    for feature in features:
        for absent in absent_fields(feature, cells[feature.name]):
            lost.setdefault(absent, []).append(feature)
    if not lost:
        return list(features)
    lines = [f"{field} ({_title(field, users[0])}), needed by {_names(users)}" for field, users in lost.items()]
    elsewhere = _other_visits(deliveries, lost, settings.instance)
    if settings.missing_fields == "error":
        raise UserError(
            f"{elsewhere}{len(lost)} needed fields are in no table: {'; '.join(lines)}. "
            "Add the table that has them, or set cohort.missing_fields: drop to do without these features"
        )
    if elsewhere:
        LOG.warning("%s", elsewhere)
    dropped = {each.name for users in lost.values() for each in users if _worthless(each, cells[each.name])}
    for line in lines:
        LOG.warning("absent field %s", line)
    LOG.warning("features left out because of absent fields: %s", ", ".join(sorted(dropped)) or "none")
    return [feature for feature in features if feature.name not in dropped]


def _other_visits(deliveries: Sequence[Delivery], lost: Collection[int], instance: int) -> str:
    """A sentence about absent fields that exist for other visits, such as the first; empty if there are none."""
    columns = [column for each in deliveries for column in each.header.columns if column.field in lost]
    if not columns:
        return ""
    visits = ", ".join(str(visit) for visit in sorted({column.instance for column in columns}))
    return (
        f"{len({column.field for column in columns})} of {len(lost)} absent fields are there, but only for instance "
        f"{visits}, while cohort.instance is {instance}, the scan's visit: export that instance too. "
    )


def absent_fields(feature: Feature, cells: dict[int, list[str]]) -> list[int]:
    """Required fields of a feature that no table has; fallbacks and optional features require none."""
    if not feature.required:
        return []
    needed = [field for field in cells if not (feature.rule.name == "coalesce" and field != feature.fields[0][0])]
    return [field for field in needed if not cells[field]]


def _worthless(feature: Feature, cells: dict[int, list[str]]) -> bool:
    """Whether the feature cannot be computed without its absent fields; means and `any` use the fields that exist."""
    if feature.date_field in cells and not cells[feature.date_field]:
        return True
    if feature.rule.name in ("mean", "any"):
        return not any(cells.values())
    return not cells[feature.fields[0][0]]


def _used(feature: Feature, cells: dict[int, list[str]], scan_date: str | None) -> list[str]:
    """Columns that a feature reads: its own, and the scan's date if a date is compared with it."""
    names = [name for columns in cells.values() for name in columns]
    dated = feature.date_field or any(wanted == "date" for _, wanted in feature.rule.terms)
    return [*names, scan_date] if scan_date and dated and names else names


def _dates(features: Sequence[Feature], cells: dict[str, dict[int, list[str]]]) -> set[str]:
    found: set[str] = set()
    for feature in features:
        fields = {field for field, wanted in feature.rule.terms if wanted == "date"} | {feature.date_field}
        found |= {name for field, names in cells[feature.name].items() if field in fields for name in names}
    return found


def _titles(features: Sequence[Feature], cells: dict[str, dict[int, list[str]]]) -> dict[str, str]:
    return {
        name: _title(field, feature)
        for feature in features
        for field, names in cells[feature.name].items()
        for name in names
    }


def _title(field: int, feature: Feature) -> str:
    ids = [each for each, _ in feature.fields]
    known = dict(zip(ids, feature.field_titles, strict=False))
    return known.get(field, f"date of {feature.title}")


def _names(features: Sequence[Feature]) -> str:
    return ", ".join(feature.name for feature in features)
