"""How each table is made: from metrics to plain numbers, the printed form, and the comparison with the paper.

A maker takes the table's name, all metrics, targets.tsv, the paper's folder and the level of significance, and returns
the plain table, the printed one, and the comparison with the paper.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from vita import names
from vita.evaluation.mask_motion import MOVES_PERCENT
from vita.evaluation.predictions import read_targets
from vita.evaluation.statistics import holm
from vita.printing.cells import Cell, Printed
from vita.printing.numbers import count, rounded, with_spread
from vita.report import grouped_table, paper, regression_table

Made = tuple[pd.DataFrame, Printed, pd.DataFrame]
REGRESSION = {  # the task of each table of errors
    table.name: table.tasks[0]
    for table in names.TABLES
    if len(table.tasks) == 1 and table.tasks[0] in names.REGRESSION_TASKS
}
COHORT_COLUMNS = ["n", "truth_mean", "truth_sd", "mae", "sd"]
EMPTY = pd.DataFrame(columns=["row", "model", "quantity", "paper"])


def _models(metrics: pd.DataFrame, name: str) -> list[str]:
    """Systems of the paper's table and those that were run for it, in order."""
    return names.ordered({*names.table(name).systems, *metrics["model"]})


def _shown(targets: Path, task: str) -> pd.DataFrame:
    rows = read_targets(targets, task)
    return rows[rows["in_table"].astype(int) == 1].reset_index(drop=True)


def _regression(name: str, metrics: pd.DataFrame, targets: Path, folder: Path, significance: float) -> Made:
    rows, models = _shown(targets, REGRESSION[name]), _models(metrics, name)
    table = regression_table.wide(metrics, rows, models, significance)
    decimals = dict(zip(rows["target"], rows["decimals"].astype(int), strict=True))
    out = regression_table.printed(table, metrics, models, decimals, names.table(name).caption)
    out.remarks.append(
        f"Bold: lowest MAE. **: ViTa lower than the best baseline, paired Wilcoxon p < {significance:g}, "
        "uncorrected; p (Holm): corrected over the rows."
    )
    average = table.iloc[-1]
    whole = [model for model in models if table[f"{model}_mae"].notna().all()]
    _remark(out, control_remark({model: float(average[f"{model}_mae"]) for model in whole}, "average MAE", False))
    ours = regression_table.comparable(table, models)
    return table, out, paper.versus(ours, paper.regression_values(folder, name), folder, name)


def _diseases(name: str, metrics: pd.DataFrame, targets: Path, folder: Path, significance: float) -> Made:
    rows = read_targets(targets)
    rows = rows[rows["task"].isin(names.table(name).tasks)]
    order = paper.disease_order(folder)
    rows = rows.sort_values("title", key=lambda titles: titles.map(lambda title: _place(title, order)))
    metrics = _corrected(metrics)
    table = grouped_table.plain(metrics, rows, _models(metrics, name))
    out = grouped_table.printed(table, name, significance)
    _remark(out, control_remark(_mean_of_all(table, "auc"), "mean AUC", True))
    ours = grouped_table.comparable(table, name)
    return table, out, paper.versus(ours, paper.disease_values(folder), folder, name)


def _remark(out: Printed, sentence: str) -> None:
    if sentence:
        out.remarks.append(sentence)


def _mean_of_all(table: pd.DataFrame, column: str) -> dict[str, float]:
    """Mean over the rows of each system that has a value in all of them."""
    values = {str(model): rows[column].astype(float) for model, rows in table.groupby("model")}
    return {model: float(own.mean()) for model, own in values.items() if own.notna().all()}


def _corrected(metrics: pd.DataFrame) -> pd.DataFrame:
    """Holm's correction over all rows of a system, since every disease is measured in a separate file."""
    corrected = metrics.groupby("model")["p"].transform(lambda p: holm(p.to_numpy(float)))
    return metrics.assign(p_holm=corrected.astype(float))


def _place(title: str, order: list[str]) -> int:
    return order.index(title) if title in order else len(order)


def _features(name: str, metrics: pd.DataFrame, targets: Path, folder: Path, significance: float) -> Made:
    table = grouped_table.plain(metrics, _shown(targets, name), _models(metrics, name))
    out = grouped_table.printed(table, name, significance)
    ours = grouped_table.comparable(table, name)
    return table, out, paper.versus(ours, EMPTY, folder, name)


def _segmentation(name: str, metrics: pd.DataFrame, targets: Path, folder: Path, significance: float) -> Made:
    del targets  # the structures are those of the masks
    whole = metrics[(metrics["view"] == "all") & (metrics["phase"] == "all")]
    structures = pd.DataFrame({"target": names.STRUCTURE_NAMES.values(), "title": names.STRUCTURE_NAMES.values()})
    models = _models(metrics, name)
    run = [model for model in models if model in set(metrics["model"])]
    table = grouped_table.plain(whole, structures, run or models)
    out = grouped_table.printed(table, name, significance)
    _mark_moving(out, table)
    if run and (missing := [names.title(model) for model in models if model not in run]):
        out.remarks.insert(0, f"Not run: {', '.join(missing)}.")
    parts = [
        grouped_table.plain(group, structures, models).assign(view=view, phase=phase)
        for (view, phase), group in metrics.groupby(["view", "phase"], sort=False)
    ]
    table = pd.concat(parts, ignore_index=True) if parts else grouped_table.plain(whole, structures, models)
    ours = grouped_table.comparable(grouped_table.plain(whole, structures, models), name)
    return table, out, paper.versus(ours, EMPTY, folder, name)


def _mark_moving(out: Printed, table: pd.DataFrame) -> None:
    """Mark a system whose masks move on a still heart: it has memorised the frame number."""
    moving = {model for model, rows in table.groupby("model") if (rows["moves_at_rest"] == 1).any()}
    for place, model in enumerate(table["model"]):
        if model in moving:
            words = f"masks change by more than {MOVES_PERCENT:g} % on a still heart: they follow the frame number"
            out.rows[place][1] = out.note(out.rows[place][1], words)


def _cohort(name: str, metrics: pd.DataFrame, targets: Path, folder: Path, significance: float) -> Made:
    del significance  # nothing is tested here
    shown = pd.concat([_shown(targets, task) for task in REGRESSION.values()], ignore_index=True)
    table, out, ours = cohort_table(metrics, shown, names.table(name).caption)
    values = pd.concat([paper.regression_values(folder, source) for source in REGRESSION])
    values = values[(values["model"] == names.MEAN_GUESS) & (values["row"] != regression_table.AVERAGE)]
    return table, out, paper.versus(ours, values, folder, name)


def cohort_table(
    metrics: pd.DataFrame, targets: pd.DataFrame, caption: str
) -> tuple[pd.DataFrame, Printed, pd.DataFrame]:
    """The table, its printed form, and its long form for the comparison with the paper's mean-guess columns.

    Args:
        metrics: regression metrics of the system `mean_guess`; other systems are ignored.
        targets: rows of targets.tsv to print.
        caption: of the printed table.
    """
    guess = metrics[metrics["model"] == names.MEAN_GUESS]
    table = targets[["task", "target", "title", "unit", "decimals"]].merge(
        guess[["task", "target", *COHORT_COLUMNS, "note"]], on=["task", "target"], how="left"
    )
    out = Printed(caption, ["", "Unit", "n", "Test split, mean ± SD", "Mean guess, MAE ± SD"], words=2)
    shorts = {task.name: task.short for task in names.TASKS}
    for task, rows in table.groupby("task", sort=False):
        out.rows.append([Cell(shorts.get(task, task), bold=True), *(Cell("") for _ in range(4))])
        for _, row in rows.iterrows():
            out.rows.append(_cohort_row(out, row))
        out.rules.add(len(out.rows) - 1)
    ours = pd.DataFrame(
        {"row": row["title"], "unit": row["unit"], "model": names.MEAN_GUESS, "quantity": quantity, "ours": value}
        for _, row in table.iterrows()
        for quantity, value in (("mae", row["mae"]), ("std", row["sd"]))
    )
    return table.drop(columns=["decimals", "note"]), out, ours


def _cohort_row(out: Printed, row: pd.Series) -> list[Cell]:
    places = int(row["decimals"])
    guess = Cell(with_spread(row["mae"], row["sd"], places))
    if pd.isna(row["mae"]):
        note = row["note"] if isinstance(row["note"], str) and row["note"] else "the mean guess was not run"
        guess = out.note(guess, note)
    return [
        Cell(row["title"]),
        Cell(row["unit"]),
        Cell(count(row["n"])),
        Cell(with_spread(row["truth_mean"], row["truth_sd"], places)),
        guess,
    ]


def control_remark(means: Mapping[str, float], quantity: str, higher_is_better: bool) -> str:
    """Trained systems that the best control equals or beats, on average over the table's rows.

    Args:
        means: average of each system; NaN if it was not run for all rows.
        quantity: what is averaged, in words, such as `MAE`.
        higher_is_better: whether a higher average is better.

    Returns:
        One sentence, or none if the table has no control or no trained system.
    """
    known = {name: value for name, value in means.items() if pd.notna(value)}
    controls = {name: value for name, value in known.items() if name in names.CONTROLS}
    trained = [name for name in names.ordered(known) if name not in (*names.CONTROLS, names.MEAN_GUESS)]
    if not controls or not trained:
        return ""
    sign = 1 if higher_is_better else -1
    best = max(controls, key=lambda name: sign * controls[name])
    beaten = [name for name in trained if sign * known[name] <= sign * controls[best]]
    control = f"{names.title(best)} ({quantity} {rounded(controls[best], decimals=3)})"
    if not beaten:
        return f"Controls: every trained system is better on average than the best control, {control}."
    return (
        f"Controls: on average, the best control, {control}, is at least as good as "
        f"{', '.join(names.title(name) for name in beaten)}."
    )


MAKERS: dict[str, Callable[[str, pd.DataFrame, Path, Path, float], Made]] = {
    **dict.fromkeys(REGRESSION, _regression),
    "table4_diseases": _diseases,
    "segmentation": _segmentation,
    "binary_features": _features,
    "categorical_features": _features,
    "tableC8_cohort": _cohort,
}
