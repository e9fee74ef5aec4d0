"""Tables with one line per target and system: table 4, segmentation, binary and categorical features."""

from collections.abc import Mapping, Sequence
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
    """A metric as it is printed.

    Attributes:
        name: its column in metrics files.
        title: in the header.
        decimals: that are printed.
        interval: whether its interval is printed, whose ends are `<ends or name>_low` and `_high`.
        best: 1: the highest value is bold, -1: the lowest, 0: none.
        tested: whether it carries the mark of significance.
        p: a p value, blank if nothing was tested.
        main: whether a mean over seeds follows, if there is one.
        spread: column of its SD over seeds; the cell is blank if a system is trained only once.
        ends: see `interval`.
        between: what separates the ends, " to " where one may be negative.
        unknown: footnote of a missing value; if empty, the note of the row.
    """

    name: str
    title: str
    decimals: int
    interval: bool = False
    best: int = 0
    tested: bool = False
    p: bool = False
    main: bool = False
    spread: str = ""
    ends: str = ""
    between: str = "–"
    unknown: str = ""


@dataclass(frozen=True)
class Layout:
    """How a table is printed, and what of it is compared with the paper.

    Attributes:
        columns: in order, after target and system.
        compared: the paper's name of each column that the comparison has.
        remark: below the table; `{significance}` is the level of the tests.
    """

    columns: tuple[Column, ...]
    compared: Mapping[str, str]
    remark: str


PREVALENCE = Column("prevalence", "Positive", 3)
COUNT = Column("n", "n", 0)
AUC = Column("auc", "AUC-ROC (95 % CI)", 3, interval=True, best=1, tested=True, main=True)
DISEASES = (
    Column("f1", "F1", 3, best=1),
    Column("recall", "Recall", 3, best=1),
    Column("precision", "Precision", 3, best=1),
    Column("average_precision", "Average precision", 3, best=1),
    Column("brier", "Brier score", 3, best=-1),
)
CALIBRATION_RATIO = Column("calibration_ratio", "Mean prediction / prevalence (95 % CI)", 2, interval=True)
CALIBRATION = (
    Column("calibration_slope", "Calibration slope (95 % CI)", 2, interval=True, between=" to "),
    Column("calibration_intercept", "Calibration intercept (95 % CI)", 2, interval=True, between=" to "),
    CALIBRATION_RATIO,
)
OF_CLASSES = Column("calibration_classes_off", "Classes off", 0)
HOLM = Column("p_holm", "p (Holm)", 3, p=True)
CATEGORIES = (
    Column("classes", "Classes", 0),
    Column("macro_auc", "Macro AUC (95 % CI)", 3, interval=True, best=1, main=True),
    Column("accuracy", "Accuracy (95 % CI)", 3, interval=True, best=1),
    Column("macro_f1", "Macro F1", 3, best=1),
)
OVERLAP = (
    Column("dice", "Dice (95 % CI)", 3, interval=True, best=1, tested=True, main=True),
    Column("hd_mm", "HD, mm (95 % CI)", 1, interval=True, best=-1),
    Column("hd95_mm", "HD95, mm (95 % CI)", 1, interval=True, best=-1),
)
UNPROBED = "unknown: the masks were made frame by frame, without such frames, or the structure is not a chamber"
MOTION = (
    Column("dice_between", "Dice between trained frames", 3, unknown=UNPROBED),
    Column("dice_es_first", "Dice, cycle from ES", 3, unknown=UNPROBED),
    Column("still_ed", "Still heart at ED, change, %", 1, unknown=UNPROBED),
    Column("still_es", "Still heart at ES, change, %", 1, unknown=UNPROBED),
    Column("ef_bias", "EF, bias (limits of agreement)", 1, interval=True, ends="ef", between=" to ", unknown=UNPROBED),
    Column("ef_r", "EF, r", 2, unknown=UNPROBED),
)
CALIBRATED = (
    f"Mean prediction / prevalence: ideally 1; deviations of more than {100 * OFF:g} % are marked if at least "
    f"{ENOUGH} are positive. Its interval is over the participants of the test split, for calibration as it is."
)
IS_OFF = f"off by more than {100 * OFF:g} %"
OFF_BY_MORE = {
    True: f"{IS_OFF}, but 1 lies in the interval: the number of positives in the test split alone can explain it",
    False: f"calibration {IS_OFF}: 1 lies outside the interval",
}


def _by_name(*columns: Column) -> dict[str, str]:
    return {column.name: column.name for column in columns}


LAYOUTS = {
    "table4_diseases": Layout(
        (PREVALENCE, COUNT, AUC, HOLM, *DISEASES, *CALIBRATION),
        {"prevalence": "positive_ratio", "auc": "auc_roc"} | _by_name(*DISEASES[:-1]),
        "F1, recall and precision at the threshold with the best F1 on the validation split. Bold: best per disease. "
        "**: ViTa higher in AUC than the best baseline, DeLong p < {significance:g}, uncorrected; p (Holm): corrected "
        "over the diseases. Calibration: ideally, the slope is 1 and the intercept 0; a slope below 1 means that "
        "predictions are too extreme, an intercept below 0 that they are too high. " + CALIBRATED,
    ),
    # the paper reports no calibration of features
    "binary_features": Layout(
        (PREVALENCE, COUNT, AUC, *DISEASES, *CALIBRATION), _by_name(PREVALENCE, COUNT, AUC, *DISEASES), CALIBRATED
    ),
    "categorical_features": Layout(
        (COUNT, *CATEGORIES, OF_CLASSES),
        _by_name(COUNT, *CATEGORIES),
        f"Classes off: of the classes with at least {ENOUGH} participants, the number with a mean probability that "
        f"deviates by more than {100 * OFF:g} % from their share.",
    ),
    "segmentation": Layout(
        (COUNT, *OVERLAP, Column("missed", "Missed", 0), Column("spurious", "Spurious", 0), *MOTION),
        _by_name(*OVERLAP),
        "Missed, spurious: planes and frames where only the reference or only the prediction has the structure; "
        "they have no distance. Planes and frames where neither has it are not counted. Bold: best per structure. "
        "**: ViTa higher in Dice than the best baseline, paired Wilcoxon p < {significance:g}. "
        "Still heart: change of the masks' area over the frames of a still heart. EF: ejection fraction from "
        "masks on all frames, predicted minus reference, in percentage points. The CSV file has the values by "
        "view and phase.",
    ),
}


def with_seeds(columns: Sequence[Column], table: pd.DataFrame) -> list[Column]:
    """The columns and, after the main one, its mean and SD over seeds if the table has them."""
    found = []
    for column in columns:
        found.append(column)
        mean = f"{column.name}_seeds_mean"
        if column.main and mean in table and table[mean].notna().any():
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


def printed(table: pd.DataFrame, name: str, significance: float) -> Printed:
    """The table of this name for readers: best per target in bold, ** where a test is significant, dashes explained."""
    columns = with_seeds(LAYOUTS[name].columns, table)
    out = Printed(names.table(name).caption, ["", "System", *(column.title for column in columns)], words=2)
    for _, group in table.groupby("target", sort=False):
        for place, (_, row) in enumerate(group.iterrows()):
            cells = [Cell(row["title"] if place == 0 else ""), Cell(names.title(row["model"]))]
            if known(row["n"]):
                cells += [_cell(out, row, group, column, significance) for column in columns]
            else:
                cells += [out.note(Cell(DASH), NOT_RUN), *(Cell(DASH) for _ in columns[1:])]
            out.rows.append(cells)
        out.rules.add(len(out.rows) - 1)
    out.remarks.append(LAYOUTS[name].remark.format(significance=significance))
    return out


def _cell(out: Printed, row: pd.Series, group: pd.DataFrame, column: Column, significance: float) -> Cell:
    value = row[column.name]
    if column is COUNT:
        return Cell(count(value))
    if column.p:
        return Cell(p_value(value) if known(value) else "")
    if column is OF_CLASSES:
        return Cell(f"{value:.0f} of {row['calibration_classes']:.0f}" if known(value) else DASH)
    if column.spread:
        return Cell(with_spread(value, row[column.spread], column.decimals) if known(value) else "")
    ends = column.ends or column.name
    low, high = (row[f"{ends}_{end}"] if column.interval else np.nan for end in ("low", "high"))
    cell = Cell(
        with_interval(value, low, high, column.decimals, column.between),
        known(value) and group[column.name].notna().sum() > 1 and _is_best(value, group[column.name], column.best),
        "**" if column.tested and _significant(row, value, significance) else "",
    )
    if column is CALIBRATION_RATIO and known(value) and row["positives"] >= ENOUGH and is_off(value):
        return out.note(cell, OFF_BY_MORE[bool(low <= 1 <= high)])
    if known(value):
        return cell
    if column.unknown:
        return out.note(cell, column.unknown)
    note = row["note"] if isinstance(row["note"], str) and row["note"] else "undefined in the test split"
    return out.note(cell, note)


def _is_best(value: float, values: pd.Series, best: int) -> bool:
    return best != 0 and value == (values.max() if best > 0 else values.min())


def _significant(row: pd.Series, value: float, significance: float) -> bool:
    """Whether ViTa is better than the best baseline with p below `significance`."""
    others = [row[name] for name in ("best_baseline_auc", "best_baseline_dice") if name in row.index]
    return bool(known(row["p"]) and row["p"] < significance and any(value > other for other in others))


def comparable(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The long form of the table of this name that is compared with the paper."""
    rows = [
        {"row": row["title"], "unit": "", "model": row["model"], "quantity": theirs, "ours": row[ours]}
        for _, row in table.iterrows()
        for ours, theirs in LAYOUTS[name].compared.items()
    ]
    return pd.DataFrame(rows, columns=["row", "unit", "model", "quantity", "ours"])
