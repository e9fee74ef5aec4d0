"""One page about a scan: doubts, key frames with masks, volume curves, and predictions of the models. It opens offline
and identifies nobody.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np
import pandas as pd

from vita.apply.doubts import Verdict
from vita.apply.drawing import drawing
from vita.apply.reading import Scan
from vita.apply.records import Prediction
from vita.apply.segmenting import ViewMask
from vita.printing.numbers import percent, rounded
from vita.printing.web import render

NOTICE = (
    "Research software, not a medical device: not for diagnosis or treatment. Numbers are estimates by models "
    "trained on one cohort."
)
HEADINGS = {
    "sa_phenotypes": "Short-axis phenotypes",
    "la_phenotypes": "Long-axis phenotypes",
    "physiological": "Physiological features",
    "disease": "Diseases",
    "binary_features": "Yes-or-no features",
    "categorical_features": "Features of several classes",
}
COLUMNS = {
    "numerical": ["", "Predicted", "90 % interval", "Test error", "Usual"],
    "binary": ["", "Probability", "Threshold", "Usual", "Test AUC"],
    "categorical": ["", "Likeliest answer", "Probability", "Usual", "Right on test"],
}
WITHHELD = "withheld"
_TEMPLATES = Path(__file__).with_name("templates")
_LIKELY = 0.5  # a probability below this is not bold, whatever its threshold


class Line(TypedDict):
    """A row of a table: its cells, and how they are set."""

    cells: list[str]
    bold: bool
    doubtful: bool
    why: str


class Section(TypedDict):
    """A table of the page."""

    heading: str
    header: list[str]
    rows: list[Line]


def page(
    title: str,
    scan: Scan,
    tables: Mapping[str, Sequence[Prediction]],
    masks: Mapping[str, ViewMask],
    curves: pd.DataFrame,
    ed: str,
    verdict: Verdict,
) -> str:
    """The page as HTML.

    Args:
        title: of the page; never a participant's number.
        scan: as read.
        tables: rows of `models.predict_task` by task, marked by `doubts.mark`; rows of phenotypes may have `measured`
            from the masks.
        masks: by view; may be empty.
        curves: from `measuring`.
        ed: first | largest, which frame is end-diastole.
        verdict: on the scan and its masks.
    """
    return render(
        "scan.html",
        _TEMPLATES,
        title=title,
        notice=NOTICE,
        verdict=verdict,
        notes=scan.notes,
        picture=drawing(scan, masks, curves, ed),
        sections=[section(name, rows) for name, rows in _grouped(tables).items()],
        first=ed == "first",
    )


def _grouped(tables: Mapping[str, Sequence[Prediction]]) -> dict[str, list[Prediction]]:
    groups: dict[str, list[Prediction]] = {}
    for task, rows in tables.items():
        groups.setdefault("disease" if task.startswith("disease_") else task, []).extend(rows)
    return {name: groups[name] for name in sorted(groups, key=lambda n: [*HEADINGS, n].index(n))}


def section(name: str, rows: Sequence[Prediction]) -> Section:
    """A table of the page."""
    measured = any("measured" in row for row in rows)
    header = COLUMNS[rows[0]["kind"]] + (["Masks"] if measured else [])
    return {"heading": HEADINGS.get(name, name), "header": header, "rows": [_row(row, measured) for row in rows]}


def _row(row: Prediction, measured: bool) -> Line:
    cells = {"numerical": _numerical, "binary": _binary, "categorical": _categorical}[row["kind"]](row)
    if row.get("withheld"):
        cells = [WITHHELD, *["" for _ in cells[1:]]]
    if measured:
        cells.append(_known(row.get("measured")))
    likely = bool(row.get("positive")) and row["value"] >= _LIKELY
    return {
        "cells": [row["title"], *cells],
        "bold": likely,
        "doubtful": bool(row.get("doubt")),
        "why": row.get("own_doubt") or "",
    }


def _numerical(row: Prediction) -> list[str]:
    unit = f" {row['unit']}" if row["unit"] else ""
    interval = f"{_known(row['low'])} to {_known(row['high'])}" if "low" in row else ""
    usual = f"{_known(row['training_mean'])} ± {_known(row['training_sd'])}"
    return [f"{_known(row['value'])}{unit}", interval, _known(row.get("test_mae")), usual]


def _binary(row: Prediction) -> list[str]:
    shares = [percent(row[key], 1) for key in ("value", "threshold", "training_mean")]
    return [*shares, f"{row['test_auc']:.2f}" if "test_auc" in row else ""]


def _categorical(row: Prediction) -> list[str]:
    right = percent(row["test_accuracy"]) if "test_accuracy" in row else ""
    return [str(row["meaning"]), percent(row["value"]), percent(row["training_mean"]), right]


def _known(value: float | None) -> str:
    """Three significant digits; empty for an unknown value."""
    return "" if value is None or np.isnan(value) else rounded(value, digits=3, decimals=3)
