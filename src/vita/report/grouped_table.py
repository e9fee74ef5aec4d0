"""Tables with one line per target and system: table 4, segmentation, binary and categorical features."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from vita import names
from vita.evaluation.classification import ENOUGH, OFF, is_off
from vita.printing.cells import Cell, Printed
from vita.printing.numbers import DASH, count, known, p_value, with_interval, with_spread
from vita.report.regression_table import NOT_RUN


@dataclass(frozen=True)
class Column:
    """A metric as it is printed."""

    name: str
    title: str
    decimals: int
    interval: bool = False
    best: int = 0  # 1: the highest value is bold, -1: the lowest, 0: none
    tested: bool = False  # carries the mark of significance
    p: bool = False  # a p value, blank if nothing was tested
    spread: str = ""  # SD over seeds; blank if a system is trained only once


DISEASES = [
    Column("auc", "AUC-ROC (95 % CI)", 3, interval=True, best=1, tested=True),
    Column("f1", "F1", 3, best=1),
    Column("recall", "Recall", 3, best=1),
    Column("precision", "Precision", 3, best=1),
    Column("average_precision", "Average precision", 3, best=1),
    Column("brier", "Brier score", 3, best=-1),
]
CALIBRATION = [
    Column("calibration_slope", "Calibration slope (95 % CI)", 2, interval=True),
    Column("calibration_intercept", "Calibration intercept (95 % CI)", 2, interval=True),
    Column("calibration_ratio", "Mean prediction / prevalence", 2),
]
OF_CLASSES = Column("calibration_classes_off", "Classes off", 0)
HOLM = Column("p_holm", "p (Holm)", 3, p=True)
CATEGORIES = [
    Column("classes", "Classes", 0),
    Column("macro_auc", "Macro AUC (95 % CI)", 3, interval=True, best=1),
    Column("accuracy", "Accuracy (95 % CI)", 3, interval=True, best=1),
    Column("macro_f1", "Macro F1", 3, best=1),
]
SEGMENTATION = [
    Column("dice", "Dice (95 % CI)", 3, interval=True, best=1, tested=True),
    Column("hd_mm", "HD, mm (95 % CI)", 1, interval=True, best=-1),
    Column("hd95_mm", "HD95, mm (95 % CI)", 1, interval=True, best=-1),
    Column("missed", "Missed", 0),
    Column("spurious", "Spurious", 0),
    Column("dice_between", "Dice between trained frames", 3),
    Column("dice_es_first", "Dice, cycle from ES", 3),
    Column("still_ed", "Still heart at ED, change, %", 1),
    Column("still_es", "Still heart at ES, change, %", 1),
    Column("ef_bias", "EF, bias (limits of agreement)", 1, interval=True),
    Column("ef_r", "EF, r", 2),
]
UNPROBED = "unknown: the masks were made frame by frame, without such frames, or the structure is not a chamber"
PREVALENCE = Column("prevalence", "Positive", 3)
COUNT = Column("n", "n", 0)
MAIN = ("auc", "macro_auc", "dice")


def with_seeds(columns: list[Column], table: pd.DataFrame) -> list[Column]:
    """The columns and, after the main one, its mean and SD over seeds if the table has them."""
    found = []
    for column in columns:
        found.append(column)
        mean = f"{column.name}_seeds_mean"
        if column.name in MAIN and mean in table and table[mean].notna().any():
            title = f"{column.title.partition(' (')[0].partition(',')[0]} over seeds"
            found.append(Column(mean, title, column.decimals, spread=f"{column.name}_seeds_sd"))
    return found


def plain(metrics: pd.DataFrame, targets: pd.DataFrame, models: list[str]) -> pd.DataFrame:
    """The table with plain numbers: every pair of target and system, in order; empty if it was not run.

    Args:
        metrics: rows of metrics files.
        targets: `target` and `title` of the rows that the table prints, in order.
        models: systems in order.
    """
    wanted = pd.MultiIndex.from_product([targets["target"], models], names=["target", "model"])
    keyed = metrics.drop(columns=["title", "in_table", "decimals", "kind", "unit", "task"], errors="ignore")
    table = wanted.to_frame(index=False).merge(keyed, on=["target", "model"], how="left")
    table.insert(1, "title", table["target"].map(targets.set_index("target")["title"]))
    return table


def printed(table: pd.DataFrame, columns: list[Column], caption: str, significance: float) -> Printed:
    """The table for readers: best per target in bold, ** where the test is significant, dashes explained."""
    columns = with_seeds(columns, table)
    out = Printed(caption, ["", "System", *(column.title for column in columns)], words=2)
    for _, group in table.groupby("target", sort=False):
        for place, (_, row) in enumerate(group.iterrows()):
            cells = [Cell(row["title"] if place == 0 else ""), Cell(names.title(row["model"]))]
            if known(row["n"]):
                cells += [_cell(out, row, group, column, significance) for column in columns]
            else:
                cells += [out.note(Cell(DASH), NOT_RUN), *(Cell(DASH) for _ in columns[1:])]
            out.rows.append(cells)
        out.rules.add(len(out.rows) - 1)
    return out


def _cell(out: Printed, row: pd.Series, group: pd.DataFrame, column: Column, significance: float) -> Cell:
    value = row[column.name]
    if column is COUNT:
        return Cell(count(value))
    if column.p:
        return Cell(p_value(value) if known(value) else "")
    if column is OF_CLASSES:
        return Cell(f"{value:.0f} of {row['calibration_classes']:.0f}" if known(value) else DASH)
    if column.name == "calibration_ratio" and known(value) and row["positives"] >= ENOUGH and is_off(value):
        return out.note(Cell(f"{value:.{column.decimals}f}"), f"calibration off by more than {100 * OFF:g} %")
    if column.spread:
        return Cell(with_spread(value, row[column.spread], column.decimals) if known(value) else "")
    name = "ef" if column.name == "ef_bias" else column.name
    low, high = (row[f"{name}_{end}"] if column.interval else np.nan for end in ("low", "high"))
    cell = Cell(
        with_interval(value, low, high, column.decimals, " to " if column in CALIBRATION or name == "ef" else "–"),
        known(value) and group[column.name].notna().sum() > 1 and _is_best(value, group[column.name], column.best),
        "**" if column.tested and _significant(row, value, significance) else "",
    )
    if known(value):
        return cell
    if column in SEGMENTATION[5:]:
        return out.note(cell, UNPROBED)
    note = row["note"] if isinstance(row["note"], str) and row["note"] else "undefined in the test split"
    return out.note(cell, note)


def _is_best(value: float, values: pd.Series, best: int) -> bool:
    return best != 0 and value == (values.max() if best > 0 else values.min())


def _significant(row: pd.Series, value: float, significance: float) -> bool:
    """Whether ViTa is better than the best baseline with p below `significance`."""
    others = [row[name] for name in ("best_baseline_auc", "best_baseline_dice") if name in row.index]
    return bool(known(row["p"]) and row["p"] < significance and any(value > other for other in others))


def comparable(table: pd.DataFrame, quantities: dict[str, str]) -> pd.DataFrame:
    """The long form that is compared with the paper; `quantities` maps the columns here to the paper's names."""
    rows = [
        {"row": row["title"], "unit": "", "model": row["model"], "quantity": theirs, "ours": row[ours]}
        for _, row in table.iterrows()
        for ours, theirs in quantities.items()
    ]
    return pd.DataFrame(rows, columns=["row", "unit", "model", "quantity", "ours"])
