"""Releasable figures of the extensions: few digits, rounded counts, and no step of too few people."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from vita import names
from vita.release import aggregates
from vita.report.extension_tables import OUTCOME_KINDS, SIGNIFICANT
from vita.report.figures import (
    association_map,
    availability_curves,
    conformal_coverage,
    cumulative_incidence,
    label_curves,
    phenotype_curves,
    style,
)

_TWO = 2  # decimals of shares
# an output checker, and ours, takes a percentage beside a number of people for a share of them
_LABELS, _FEATURES = {"percent": "labels_pct"}, {"percent": "features_pct"}
Found = tuple[pd.DataFrame, Figure | None]


def incidence(drawn: pd.DataFrame, cell: int) -> Found:
    """Curves at the start and whenever at least `cell` more people have fallen ill, for groups of at least twice
    that size.
    """
    keys = ["outcome", "group"]
    parts = [_steps(part, cell) for _, part in drawn.groupby(keys, sort=False) if part["n"].iloc[0] >= 2 * cell]
    columns = ["outcome", "title", "group", "groups", "n", "predicted_5", "years", "incidence", "low", "high"]
    table = pd.concat(parts, ignore_index=True)[columns] if parts else drawn.iloc[:0].reindex(columns=columns)
    table = table.assign(n=[aggregates.rounded_count(int(n), cell) for n in table["n"]])
    table[columns[-3:]] = table[columns[-3:]].round(_TWO)
    table["predicted_5"] = table["predicted_5"].round(_TWO)
    return table, cumulative_incidence.draw(table) if len(table) else None


def _steps(part: pd.DataFrame, cell: int) -> pd.DataFrame:
    """The rows of one group's curve that are at least `cell` people above the one before."""
    ill = part["incidence"] * part["n"]
    kept, last = [], 0.0
    for place, people in zip(part.index, ill, strict=True):
        if part.loc[place, "years"] == 0 or people >= last + cell:
            kept.append(place)
            last = people
    return part.loc[kept]


def associations(drawn: pd.DataFrame, cell: int) -> Found:
    """For each group of features and kind of outcome: the number of features, and of those with an association."""
    del cell  # it contains no counts of people
    grouped = drawn.assign(found=drawn["q"] < SIGNIFICANT).groupby(["group", "kind"], sort=False)
    table = grouped.agg(features=("trait", "size"), found=("found", "sum")).reset_index()
    if table.empty:
        return table, None
    groups = list(dict.fromkeys(table["group"]))
    figure, axes = style.subplots(figsize=(style.PAGE_INCHES, 2.6))
    for number, (kind, colour) in enumerate(association_map.COLOURS.items()):
        own = table[table["kind"] == kind]
        x = np.array([groups.index(group) for group in own["group"]]) + 0.27 * (number - 1)
        axes.bar(x, own["found"] / own["features"], width=0.25, color=colour, label=OUTCOME_KINDS[kind])
    axes.set_xticks(range(len(groups)), [group.replace("_", " ") for group in groups], rotation=40, ha="right")
    axes.set_ylabel("Features with an association")
    figure.legend(loc="outside upper center", ncols=len(OUTCOME_KINDS))
    return table, figure


def directions(drawn: pd.DataFrame, cell: int) -> Found:
    """How each picture changes along directions that at least twice `cell` people are averaged over, without pixels."""
    table = drawn[drawn["n"] >= 2 * cell].reset_index(drop=True)
    table = table.drop(columns="n_test").assign(n=[aggregates.rounded_count(int(n), cell) for n in table["n"]])
    table["r"] = table["r"].round(_TWO)
    for name in ("low", "middle", "high", "change"):
        table[name] = aggregates.few_digits(table[name])
    if table.empty:
        return table, None
    wide = table.pivot_table(index="panel", columns="title", values="change")
    wide = wide.reindex(index=table["panel"].unique(), columns=table["title"].unique())
    figure, axes = style.subplots(figsize=(style.PAGE_INCHES, 2.2))
    wide.plot.bar(ax=axes, rot=0, width=0.8, color=list(names.PALETTE[1:]))
    axes.set(xlabel="", ylabel="RMS change of intensity,\nfrom −2 to +2 SD")
    axes.legend(ncols=len(wide.columns), loc="lower center", bbox_to_anchor=(0.5, 1))
    return table, figure


def coverage(drawn: pd.DataFrame, cell: int) -> Found:
    """Coverage and width by subgroup of at least twice `cell` people."""
    table = drawn[drawn["n"] >= 2 * cell].reset_index(drop=True)
    table = table.assign(n=[aggregates.rounded_count(int(n), cell) for n in table["n"]])
    shares = [name for name in table if name.startswith(tuple(conformal_coverage.MEASURES))]
    table[shares] = table[shares].round(_TWO)
    return table, conformal_coverage.draw(table) if len(table) else None


def labels(drawn: pd.DataFrame, cell: int) -> Found:
    """Errors by the fraction of the labels, for fractions with at least `cell` people."""
    table = drawn[drawn["n"] >= cell].reset_index(drop=True)
    table = table.assign(n=[aggregates.rounded_count(int(n), cell) for n in table["n"]])
    for name in ("value", "low", "high"):
        table[name] = aggregates.few_digits(table[name])
    return table.rename(columns=_LABELS), label_curves.draw(table) if len(table) else None


def availability(drawn: pd.DataFrame, cell: int) -> Found:
    """AUCs by how much of the table is available, of diseases that at least `cell` people are known of."""
    table = drawn[drawn["n"] >= cell].reset_index(drop=True)
    table = table.assign(n=[aggregates.rounded_count(int(n), cell) for n in table["n"]])
    for name in ("auc", "low", "high"):
        table[name] = aggregates.few_digits(table[name])
    return table.rename(columns=_FEATURES), availability_curves.draw(table) if len(table) else None


def phenotypes(drawn: pd.DataFrame, cell: int) -> Found:
    """Errors by how much of the table is available, of phenotypes that at least `cell` people have."""
    table = drawn[drawn["n"] >= cell].reset_index(drop=True)
    table = table.assign(n=[aggregates.rounded_count(int(n), cell) for n in table["n"]])
    for name in phenotype_curves.VALUES:
        table[name] = aggregates.few_digits(table[name])
    return table.rename(columns=_FEATURES), phenotype_curves.draw(table) if len(table) else None
