"""How each table is made: from metrics to plain numbers, the printed form, and the comparison with the paper.

A maker takes the table's name, all metrics, targets.tsv, the paper's folder and the level of significance, and gives
the plain table, the printed one, and ours against the paper's.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from vita import names
from vita.evaluation.predictions import read_targets
from vita.evaluation.segmentation_rows import STRUCTURES
from vita.printing.cells import Printed
from vita.report import grouped_table, paper, regression_table
from vita.report.cohort_table import cohort_table
from vita.report.grouped_table import CATEGORIES, COUNT, DISEASES, PREVALENCE, SEGMENTATION

Made = tuple[pd.DataFrame, Printed, pd.DataFrame]
REGRESSION = {
    "table1_sa_phenotypes": ("sa_phenotypes", ["mean_guess", "resnet50", "vit", "mae", "vita_sa", "vita"]),
    "table2_la_phenotypes": ("la_phenotypes", ["mean_guess", "resnet50", "vit", "mae", "vita_la", "vita"]),
    "table3_physiological": ("physiological", ["mean_guess", "resnet50", "vita"]),
}
CAPTIONS = {
    "table1_sa_phenotypes": "Short-axis phenotypes: MAE ± SD of the absolute error on the test split",
    "table2_la_phenotypes": "Long-axis phenotypes: MAE ± SD of the absolute error on the test split",
    "table3_physiological": "Physiological features: MAE ± SD of the absolute error on the test split",
    "table4_diseases": "Diseases classified from images, on the test split",
    "binary_features": "Binary features predicted from images, on the test split",
    "categorical_features": "Categorical features predicted from images, on the test split",
    "segmentation": "Segmentation of the test split: Dice over all planes and frames of a participant, "
    "Hausdorff distances per plane and frame",
    "tableC8_cohort": "The test split, and the error of guessing the training mean",
}
EMPTY = pd.DataFrame(columns=["row", "model", "quantity", "paper"])


def _models(metrics: pd.DataFrame, expected: list[str]) -> list[str]:
    return names.ordered({*expected, *metrics["model"]})


def _shown(targets: Path, task: str) -> pd.DataFrame:
    rows = read_targets(targets, task)
    return rows[rows["in_table"].astype(int) == 1].reset_index(drop=True)


def _regression(name: str, metrics: pd.DataFrame, targets: Path, folder: Path, significance: float) -> Made:
    task, expected = REGRESSION[name]
    rows, models = _shown(targets, task), _models(metrics, expected)
    table = regression_table.wide(metrics, rows, models, significance)
    decimals = dict(zip(rows["target"], rows["decimals"].astype(int), strict=True))
    out = regression_table.printed(table, metrics, models, decimals, CAPTIONS[name])
    out.remarks.append(
        f"Bold: lowest MAE. **: ViTa lower than the best baseline, paired Wilcoxon p < {significance:g}, "
        "uncorrected; p (Holm): corrected over the rows."
    )
    ours = regression_table.comparable(table, models)
    return table, out, paper.versus(ours, paper.regression_values(folder, name), folder, name)


def _diseases(name: str, metrics: pd.DataFrame, targets: Path, folder: Path, significance: float) -> Made:
    rows = read_targets(targets)
    rows = rows[rows["task"].str.startswith("disease_")]
    order = paper.disease_order(folder)
    rows = rows.sort_values("title", key=lambda titles: titles.map(lambda title: _place(title, order)))
    table = grouped_table.plain(metrics, rows, _models(metrics, ["resnet50", "vita"]))
    out = grouped_table.printed(table, [PREVALENCE, COUNT, *DISEASES], CAPTIONS[name], significance)
    out.remarks.append(
        "F1, recall and precision at the threshold with the best F1 on the validation split. Bold: best per disease. "
        f"**: ViTa higher in AUC than the best baseline, DeLong p < {significance:g}."
    )
    quantities = {column.name: column.name for column in DISEASES if column.name not in ("auc", "brier")}
    ours = grouped_table.comparable(table, {"prevalence": "positive_ratio", "auc": "auc_roc"} | quantities)
    return table, out, paper.versus(ours, paper.disease_values(folder), folder, name)


def _place(title: str, order: list[str]) -> int:
    return order.index(title) if title in order else len(order)


def _features(name: str, metrics: pd.DataFrame, targets: Path, folder: Path, significance: float) -> Made:
    columns = [PREVALENCE, COUNT, *DISEASES] if name == "binary_features" else [COUNT, *CATEGORIES]
    table = grouped_table.plain(metrics, _shown(targets, name), _models(metrics, ["vita"]))
    out = grouped_table.printed(table, columns, CAPTIONS[name], significance)
    ours = grouped_table.comparable(table, {column.name: column.name for column in columns})
    return table, out, paper.versus(ours, EMPTY, folder, name)


def _segmentation(name: str, metrics: pd.DataFrame, targets: Path, folder: Path, significance: float) -> Made:
    del targets  # the structures are those of the masks
    whole = metrics[(metrics["view"] == "all") & (metrics["phase"] == "all")]
    structures = pd.DataFrame({"target": STRUCTURES.values(), "title": STRUCTURES.values()})
    models = _models(metrics, ["vit", "mae", "nnunet", "vita"])
    out = grouped_table.printed(
        grouped_table.plain(whole, structures, models),
        [COUNT, *SEGMENTATION],
        CAPTIONS[name],
        significance,
    )
    out.remarks.append(
        "Missed, spurious: planes and frames where only the reference or only the prediction has the structure; they "
        "have no distance. Planes and frames without it in both count nowhere. Bold: best per structure. "
        f"**: ViTa higher in Dice than the best baseline, paired Wilcoxon p < {significance:g}. "
        "By view and phase: the CSV."
    )
    parts = [
        grouped_table.plain(group, structures, models).assign(view=view, phase=phase)
        for (view, phase), group in metrics.groupby(["view", "phase"], sort=False)
    ]
    table = pd.concat(parts, ignore_index=True) if parts else grouped_table.plain(whole, structures, models)
    ours = grouped_table.comparable(
        grouped_table.plain(whole, structures, models), {column.name: column.name for column in SEGMENTATION[:3]}
    )
    return table, out, paper.versus(ours, EMPTY, folder, name)


def _cohort(name: str, metrics: pd.DataFrame, targets: Path, folder: Path, significance: float) -> Made:
    del significance  # nothing is tested here
    shown = pd.concat([_shown(targets, task) for task, _ in REGRESSION.values()], ignore_index=True)
    table, out, ours = cohort_table(metrics, shown, CAPTIONS[name])
    values = pd.concat([paper.regression_values(folder, source) for source in REGRESSION])
    values = values[(values["model"] == "mean_guess") & (values["row"] != regression_table.AVERAGE)]
    return table, out, paper.versus(ours, values, folder, name)


MAKERS: dict[str, Callable[[str, pd.DataFrame, Path, Path, float], Made]] = {
    **dict.fromkeys(REGRESSION, _regression),
    "table4_diseases": _diseases,
    "segmentation": _segmentation,
    "binary_features": _features,
    "categorical_features": _features,
    "tableC8_cohort": _cohort,
}
