"""Parsed columns beside what UK Biobank's codings have and what a reading can be.

A code that a field's data-coding does not have is an answer of unknown meaning: whatever it could have answered is
missing (vita.cohort.rules), known codes beside it count. A number that cannot be, such as a height of 17 m, is missing
or kept, as `cohort.implausible` says. Both are counted. Codings and limits are tables of workflow/resources.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from vita.cohort.dictionary import Limits, codings, limits
from vita.cohort.features import Feature
from vita.cohort.remarks import Remarks

_UNKNOWN = "cells hold a code that data-coding {} does not have"
_UNCLEAR = "what they could have answered is missing"
_OUTSIDE = "values are not from {:g} to {:g} ({})"
_EFFECTS = {
    "missing": "taken as missing",
    "keep": "kept, as cohort.implausible says",
    "label": "taken as no age by the label of high blood pressure",
}


@dataclass(frozen=True)
class Expected:
    """What fields may hold.

    Args:
        codings: the data-coding of each field with known codes.
        special: codes that may occur among readings, by field.
        implausible: missing, keep, or label (missing, in the label's words): what becomes of a reading outside limits.
    """

    codings: Mapping[int, int]
    special: Mapping[int, frozenset[float]]
    implausible: str

    @classmethod
    def by(cls, features: Sequence[Feature], implausible: str) -> "Expected":
        """What the fields of features may hold."""
        known = codings()
        own: dict[int, int] = {}
        special: dict[int, frozenset[float]] = {}
        for feature in features:
            beside = frozenset(map(float, (*feature.missing_codes, *feature.special_values)))
            for place, (field, _) in enumerate(feature.fields):
                special[field] = special.get(field, frozenset()) | beside
                if feature.codings and feature.codings[place] in known:
                    own[field] = feature.codings[place]
        return cls(own, special, implausible)

    def codes(self, field: int) -> frozenset[float] | None:
        """Every code that a field may hold; None if they are not known."""
        return codings()[self.codings[field]] if field in self.codings else None

    def unclear(self, frame: pl.DataFrame) -> frozenset[int]:
        """Fields of which some cell of a frame of parsed columns holds an unknown code."""
        return frozenset(field_of(name) for name in self._unknown(frame))

    def judge(self, frame: pl.DataFrame, table: str, remarks: Remarks) -> tuple[pl.DataFrame, frozenset[int]]:
        """Count unknown codes and readings that cannot be.

        Args:
            frame: a batch of parsed columns by canonical name: numbers, or lists of them; others are passed over.
            table: the table's name.
            remarks: where they are counted.

        Returns:
            The frame, in which readings that cannot be are missing unless they are to be kept; and `unclear` of it.
        """
        unknown = self._unknown(frame)
        for name, strange in unknown.items():
            cells = _single(frame[name])
            counts = cells.filter(cells.is_in(sorted(strange))).value_counts().sort(name)
            told = _UNKNOWN.format(self.codings[field_of(name)])
            for code, count in counts.iter_rows():
                remarks.add_code(table, name, told, _UNCLEAR, code, count)
        return self._within_limits(frame, table, remarks), frozenset(map(field_of, unknown))

    def _unknown(self, frame: pl.DataFrame) -> dict[str, set[float]]:
        """Unknown codes of each column that has one."""
        names = [name for name in _numeric(frame) if field_of(name) in self.codings]
        found = {}
        lists = _lists(frame)
        values = frame.select(_readings(name, lists).drop_nulls().unique().implode() for name in names)
        for name in names:
            strange = set(values[name][0]) - (self.codes(field_of(name)) or frozenset())
            if strange:
                found[name] = strange
        return found

    def _within_limits(self, frame: pl.DataFrame, table: str, remarks: Remarks) -> pl.DataFrame:
        known = {name: limits()[field_of(name)] for name in _numeric(frame) if field_of(name) in limits()}
        if not known or frame.is_empty():
            return frame
        lists = _lists(frame)
        values = [_readings(name, lists) for name in known]
        lows = frame.select(value.min() for value in values).row(0)
        highs = frame.select(value.max() for value in values).row(0)
        kept = []
        for (name, own), low, high in zip(known.items(), lows, highs, strict=True):
            if low is None or (low >= own.low and high <= own.high):
                continue
            special = self.special.get(field_of(name), frozenset())
            cells = _single(frame[name])
            outside = int((~cells.to_frame().select(_fits(pl.col(name), own, special)).to_series()).sum())
            effect = _EFFECTS[self.implausible]
            remarks.add(table, name, _OUTSIDE.format(own.low, own.high, own.reason), effect, outside)
            if outside and self.implausible != "keep":
                kept.append(_fitting(frame, name, own, special))
        return frame.with_columns(kept) if kept else frame


def field_of(name: str) -> int:
    """The field of a canonical name; 0 for `eid`."""
    number = name.partition("-")[0]
    return int(number) if number.isdigit() else 0


def _numeric(frame: pl.DataFrame) -> list[str]:
    return [name for name, kind in frame.schema.items() if kind in (pl.Float64, pl.List(pl.Float64))]


def _lists(frame: pl.DataFrame) -> frozenset[str]:
    return frozenset(name for name, kind in frame.schema.items() if isinstance(kind, pl.List))


def _readings(name: str, lists: Collection[str]) -> pl.Expr:
    return pl.col(name).explode() if name in lists else pl.col(name)


def _single(cells: pl.Series) -> pl.Series:
    return cells.explode() if isinstance(cells.dtype, pl.List) else cells


def _fits(value: pl.Expr, own: Limits, special: Collection[float]) -> pl.Expr:
    fits = value.is_between(own.low, own.high)
    return fits | value.is_in(sorted(special)) if special else fits


def _fitting(frame: pl.DataFrame, name: str, own: Limits, special: Collection[float]) -> pl.Expr:
    """A column without readings outside its limits; a list without any reading is missing."""
    if not isinstance(frame.schema[name], pl.List):
        return pl.when(_fits(pl.col(name), own, special)).then(pl.col(name)).alias(name)
    lists = pl.col(name).list.eval(pl.element().filter(_fits(pl.element(), own, special)))
    return pl.when(lists.list.len() > 0).then(lists).alias(name)
