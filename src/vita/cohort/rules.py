"""Named rules of the feature table: from a feature's readings to its value. A new feature takes one of these.

    value                     the first array of the field
    mean                      mean over the repeats of each field, then over the fields
    coalesce                  the first field of the row that has a value
    kilograms                 value; one above 1,000 is in grams and is divided by 1,000 (releases differ in the unit)
    count(1069 1070 ...)      how many of these codes the field has, each counted once
    any(6150=1 3894=age 42000=date)
                              true if a term holds, which is that the field has the code, an age of diagnosis, or a date
                              (with `cutoff: imaging`: a date up to the scan); false if a coded field was answered
                              otherwise; else missing. An event of unknown date (1900-01-01 and others) has happened,
                              but with the cutoff it is unknown whether before the scan
    any_asked(2443=1 6153=3)  as any, but false only if the first field was answered: others can only confirm
    value_or_zero(864=0 864=-2)  value; 0 where it is missing and the other field has one of the codes
    value_or_not_done(6164=1) value; 0 where it is missing and the other, multi-select field was answered without
                              the code, so that "not done" differs from "not answered"

A code that a field's data-coding does not have may mean anything: `any`, `any_asked` and `value_or_not_done` are then
missing instead of false or 0, and so is `count`. A known code beside it still makes them true.

With `cleaning: paper` they do what the paper's code did: `count` counts repeats at several visits, an age code such
as -3 is a diagnosis, an unanswered `any` is false, an answer below 0 (unable to walk) is not zero, unknown
codes are answers, and `value_or_not_done` is the value alone.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import polars as pl

from vita.cohort.cleaning import UNKNOWN_DATES, clean, is_none_of, within_range, without_missing
from vita.cohort.features import Feature
from vita.runtime.errors import UserError

_GRAMS = 1000  # nobody weighs as many kilograms, and nobody so few grams


@dataclass(frozen=True)
class Cells:
    """Which parsed columns of a frame hold the readings of a feature.

    Args:
        names: columns of each field, in the order of instance and array.
        lists: those of them whose cells are lists.
        scan_date: column with the imaging date if nothing later may count, otherwise None.
        paper: clean as the paper's code did.
        known: the codes that a field may hold, of those fields of which some cell holds another one.
    """

    names: dict[int, list[str]]
    lists: frozenset[str] = field(default_factory=frozenset)
    scan_date: str | None = None
    paper: bool = False
    known: Mapping[int, frozenset[float]] = field(default_factory=dict)

    def first(self, field_id: int) -> pl.Expr:
        """The field's first array."""
        names = self.names.get(field_id, [])
        return self._head(names[0]) if names else pl.lit(None, pl.Float64)

    def each(self, field_id: int, feature: Feature) -> list[pl.Expr]:
        """Every cleaned reading of a field whose arrays are repeats; a list gives its mean."""
        found = []
        for name in self.names.get(field_id, []):
            if name in self.lists:
                found.append(pl.col(name).list.eval(clean(pl.element(), feature)).list.mean())
            else:
                found.append(clean(pl.col(name), feature))
        return found

    def has(self, field_id: int, code: float) -> list[pl.Expr]:
        """Per column, whether it holds the code; null or false where cells are missing."""
        return [
            pl.col(n).list.contains(code) if n in self.lists else pl.col(n) == code
            for n in self.names.get(field_id, [])
        ]

    def answered(self, field_id: int, missing: tuple[int, ...]) -> list[pl.Expr]:
        """Per column, whether it holds anything but missing codes; null or false where cells are missing."""
        return [
            pl.col(n).list.eval(is_none_of(pl.element(), missing)).list.any()
            if n in self.lists
            else is_none_of(pl.col(n), missing)
            for n in self.names.get(field_id, [])
        ]

    def unclear(self, field_id: int) -> list[pl.Expr]:
        """Per column, whether it holds a code that the field cannot have; null or false where cells are missing."""
        if field_id not in self.known or self.paper:
            return []
        codes = sorted(self.known[field_id])
        return [
            pl.col(n).list.eval(~pl.element().is_in(codes)).list.any() if n in self.lists else ~pl.col(n).is_in(codes)
            for n in self.names.get(field_id, [])
        ]

    def _head(self, name: str) -> pl.Expr:
        return pl.col(name).list.first() if name in self.lists else pl.col(name)


def evaluate(feature: Feature, cells: Cells) -> pl.Expr:
    """The feature's value (Float64, codes included, before recoding) as an expression over the parsed columns.

    Raises:
        UserError: the rule's name is unknown.
    """
    if feature.rule.name not in RULES:
        raise UserError(f"feature {feature.name}: there is no rule {feature.rule.name!r}; known are {', '.join(RULES)}")
    value = RULES[feature.rule.name](feature, cells)
    if cells.paper and feature.paper_missing is not None:
        value = value.fill_null(feature.paper_missing)
    return value.cast(pl.Float64)


def _value(feature: Feature, cells: Cells) -> pl.Expr:
    return clean(cells.first(feature.fields[0][0]), feature)


def _mean(feature: Feature, cells: Cells) -> pl.Expr:
    means = [
        pl.mean_horizontal(readings) for field_id, _ in feature.fields if (readings := cells.each(field_id, feature))
    ]
    return pl.mean_horizontal(means) if means else pl.lit(None, pl.Float64)


def _coalesce(feature: Feature, cells: Cells) -> pl.Expr:
    return pl.coalesce(clean(cells.first(field_id), feature) for field_id, _ in feature.fields)


def _kilograms(feature: Feature, cells: Cells) -> pl.Expr:
    mass = without_missing(cells.first(feature.fields[0][0]), feature)
    return within_range(pl.when(mass > _GRAMS).then(mass / _GRAMS).otherwise(mass), feature)


def _count(feature: Feature, cells: Cells) -> pl.Expr:
    field_id = feature.fields[0][0]
    if not cells.names.get(field_id):
        return pl.lit(None, pl.Float64)
    codes = [float(code) for code in feature.rule.codes]
    names = cells.names[field_id]
    empty = pl.lit([], dtype=pl.List(pl.Float64))  # concat_list gives null where one of its lists is missing
    lists = [pl.col(n).fill_null(empty) if n in cells.lists else pl.concat_list(n) for n in names]
    entries = pl.concat_list(lists).list.eval(pl.element().filter(pl.element().is_in(codes)))
    count = (entries if cells.paper else entries.list.unique()).list.len().cast(pl.Float64)
    unclear = cells.unclear(field_id)
    return pl.when(~some(unclear)).then(count) if unclear else count


def _any(feature: Feature, cells: Cells) -> pl.Expr:
    return _one_of(feature, cells, {field_id for field_id, _ in feature.fields})


def _any_asked(feature: Feature, cells: Cells) -> pl.Expr:
    return _one_of(feature, cells, {feature.fields[0][0]})


def _one_of(feature: Feature, cells: Cells, denying: Collection[int]) -> pl.Expr:
    """Whether a term holds; false if it does not and one of the `denying` fields was answered."""
    hits: list[pl.Expr] = []
    answers: list[pl.Expr] = []
    undated: list[pl.Expr] = []
    unclear: list[pl.Expr] = []
    for field_id, wanted in feature.rule.terms:
        if wanted == "age":
            hits += _ages(field_id, feature, cells)
        elif wanted == "date":
            names = cells.names.get(field_id, [])
            hits += [_dated(name, cells) for name in names]
            undated += [pl.col(name).is_in(UNKNOWN_DATES) for name in names if cells.scan_date]
        else:
            hits += cells.has(field_id, float(wanted))
            unclear += cells.unclear(field_id)
            if field_id in denying:
                answers += cells.answered(field_id, feature.missing_codes)
    hit, answered = some(hits), some(answers) & ~some(undated)
    if unclear:
        answered &= ~some(unclear)
    no = pl.lit(0.0) if cells.paper else pl.when(answered).then(0.0)
    return pl.when(hit).then(1.0).otherwise(no)


def some(conditions: list[pl.Expr]) -> pl.Expr:
    """Whether any of the conditions holds; null counts as false."""
    return pl.any_horizontal(conditions).fill_null(value=False) if conditions else pl.lit(value=False)


def _ages(field_id: int, feature: Feature, cells: Cells) -> list[pl.Expr]:
    """An age is a diagnosis; "do not know" (-1) and "prefer not to answer" (-3) are not, but were to the paper."""
    return cells.answered(field_id, () if cells.paper else feature.missing_codes)


def _dated(name: str, cells: Cells) -> pl.Expr:
    if cells.scan_date is None:
        return pl.col(name).is_not_null()
    known = ~pl.col(name).is_in(UNKNOWN_DATES)
    return (known & (pl.col(name) <= pl.col(cells.scan_date))).fill_null(value=False)


def _value_or_zero(feature: Feature, cells: Cells) -> pl.Expr:
    value, terms = _value(feature, cells), feature.rule.terms
    none = some([cells.first(other) == float(code) for other, code in terms if not (cells.paper and float(code) < 0)])
    return pl.when(value.is_null() & none).then(0.0).otherwise(value)


def _value_or_not_done(feature: Feature, cells: Cells) -> pl.Expr:
    (other, code), value = feature.rule.terms[0], _value(feature, cells)
    if cells.paper or not cells.names.get(other):
        return value
    answered, done = some(cells.answered(other, feature.missing_codes)), some(cells.has(other, float(code)))
    if unclear := cells.unclear(other):
        answered &= ~some(unclear)
    return pl.when(value.is_null() & answered & ~done).then(0.0).otherwise(value)


RULES: dict[str, Callable[[Feature, Cells], pl.Expr]] = {
    "value": _value,
    "mean": _mean,
    "coalesce": _coalesce,
    "kilograms": _kilograms,
    "count": _count,
    "any": _any,
    "any_asked": _any_asked,
    "value_or_zero": _value_or_zero,
    "value_or_not_done": _value_or_not_done,
}
