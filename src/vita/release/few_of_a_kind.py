"""Scores that describe few people although their row is about many.

Recall, precision and the number of positives give all four cells of the table of truth and prediction, an accuracy the
number of people who are classified correctly, and an AUC within a subgroup compares as few people as have the disease.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from vita.evaluation.small_counts import FEW_POSITIVES
from vita.evaluation.subgroups import groups
from vita.release.numbers import numbers

_POSITIVES = ("positives", "positive", "prevalence", "positive_ratio")
_CALLED = ("recall", "precision", "f1")  # scores at a threshold
_RIGHT = ("accuracy", "macro_f1")
_VALUES = ("value", "low", "high")
_KEYS = ["target", "group", "level"]


def revealing(names: Sequence[str], row: Sequence[str], cell: int) -> list[int]:
    """Columns of a row with scores from which a number of people under `cell` follows.

    Args:
        names: of the columns.
        row: as text; bold in Markdown and intervals in brackets are allowed.
        cell: smallest number of people.
    """
    at = {name.strip().lower(): place for place, name in enumerate(names) if place < len(row)}
    people = _number(row, at.get("n"))
    if not people:
        return []
    found: list[int] = []
    if any(_is_few(count, cell) for count in _crossed(row, at, people)):
        found += _of(at, row, _CALLED)
    long = row[at["metric"]].strip().lower() == "accuracy" if "metric" in at else False
    right = _number(row, at.get("value" if long else "accuracy"))
    if right is not None and any(_is_few(count, cell) for count in (right * people, (1 - right) * people)):
        found += [place for name, place in at.items() if name in _VALUES and row[place]] if long else []
        found += _of(at, row, _RIGHT)
    return found


def _crossed(row: Sequence[str], at: dict[str, int], people: float) -> list[float]:
    """People by truth and prediction, as far as the scores give them away."""
    base = next((at[name] for name in _POSITIVES if name in at), None)
    positives, recall, precision = (_number(row, place) for place in (base, at.get("recall"), at.get("precision")))
    if positives is None or recall is None:
        return []
    if positives < 1:  # a share
        positives *= people
    hits = recall * positives
    found = [hits, positives - hits]
    if precision:
        found += [hits / precision - hits, people - positives - (hits / precision - hits)]
    return found


def _number(row: Sequence[str], place: int | None) -> float | None:
    read = numbers(row[place].replace("*", "")) if place is not None else []
    return read[0].value if read else None


def _is_few(count: float, cell: int) -> bool:
    return 0 < round(count) < cell


def _of(at: dict[str, int], row: Sequence[str], scores: Sequence[str]) -> list[int]:
    """Columns of these scores and their intervals that are not empty."""
    ends = tuple(f"{score}{end}" for score in scores for end in ("", "_low", "_high"))
    return [place for name, place in at.items() if name in ends and row[place].strip()]


def without_rare_kinds(table: pd.DataFrame, predictions: Path, fields: Path, cell: int) -> tuple[pd.DataFrame, int]:
    """A table of subgroups without the AUCs of groups in which fewer than `cell` people have the disease, or do not
    have it, and how many these are.

    Args:
        table: as `vita.evaluation.subgroups` writes it.
        predictions: folder with a file MODEL.parquet per model.
        fields: fields.parquet.
        cell: smallest number of people.
    """
    known = table["value"].notna() & table["metric"].eq("auc")
    if not known.any():
        return table, 0
    everybody = pd.read_parquet(fields)
    few = pd.Series(data=False, index=table.index)
    for model, rows in table[known].groupby("model"):
        found = pd.read_parquet(predictions / f"{model}.parquet")
        found = found[found["split"].eq("test") & found["truth"].notna()]
        own = groups(everybody[everybody["eid"].isin(found["eid"])])
        for place, (target, group, level) in zip(rows.index, rows[_KEYS].to_numpy(), strict=True):
            truth = found.loc[found["target"].eq(target) & found["eid"].isin(own[group, level]), "truth"]
            few[place] = min(truth.gt(0).sum(), truth.eq(0).sum()) < cell
    table = table.astype({"note": object})
    table.loc[few, list(_VALUES)] = float("nan")
    empty = table["metric"].eq("auc") & table["value"].isna() & pd.to_numeric(table["n"], errors="coerce").notna()
    table.loc[empty, "note"] = FEW_POSITIVES
    return table, int(few.sum())
