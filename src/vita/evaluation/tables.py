"""One table of the paper, or of its kind: CSV with plain numbers, Markdown, LaTeX, and ours against the paper's.

    python -m vita.evaluation.tables --name table1_sa_phenotypes
        --metrics results/metrics/sa_phenotypes/mean_guess.csv results/metrics/sa_phenotypes/vita.csv ...
        --targets workflow/resources/targets.tsv --paper workflow/resources/paper
        --settings '{"evaluation": {"significance": 0.01}}'
        --csv results/tables/table1_sa_phenotypes.csv --md results/tables/table1_sa_phenotypes.md
        --tex results/tables/table1_sa_phenotypes.tex --vs-paper results/tables/table1_sa_phenotypes_vs_paper.csv

Names and the metrics they take: table1_sa_phenotypes (sa_phenotypes/*.csv), table2_la_phenotypes
(la_phenotypes/*.csv), table3_physiological (physiological/*.csv), table4_diseases (disease_*/*.csv), segmentation
(segmentation/*.csv), binary_features, categorical_features, tableC8_cohort (mean_guess.csv of sa_phenotypes,
la_phenotypes and physiological). Which system a file is of stands in the file. A system of the paper without a file
becomes a column, or rows, of dashes with the footnote that it was not run.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from vita import cli
from vita.atomic import replacing
from vita.errors import UserError
from vita.evaluation import grouped_table, paper, regression_table, systems
from vita.evaluation.cohort_table import cohort_table
from vita.evaluation.grouped_table import CATEGORIES, COUNT, DISEASES, PREVALENCE, SEGMENTATION
from vita.evaluation.predictions import read_targets
from vita.evaluation.printing import Printed, latex, markdown
from vita.evaluation.segmentation_rows import STRUCTURES

Made = tuple[pd.DataFrame, Printed, pd.DataFrame]
REGRESSION = {
    "table1_sa_phenotypes": ("sa_phenotypes", ["mean_guess", "resnet50", "vit", "mae", "vita"]),
    "table2_la_phenotypes": ("la_phenotypes", ["mean_guess", "resnet50", "vit", "mae", "vita"]),
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
COUNTS = ("n", "positives", "classes", "compared", "missed", "spurious", "absent")
EMPTY = pd.DataFrame(columns=["row", "model", "quantity", "paper"])


def _models(metrics: pd.DataFrame, expected: list[str]) -> list[str]:
    return systems.ordered({*expected, *metrics["model"]})


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
        f"Bold: lowest MAE. **: lower than the best other system, paired Wilcoxon p < {significance:g}, "
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
        f"**: higher AUC than the best other system, DeLong p < {significance:g}."
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
        f"**: higher Dice than the best other system, paired Wilcoxon p < {significance:g}. By view and phase: the CSV."
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


def read_metrics(paths: list[Path], name: str) -> pd.DataFrame:
    """All metrics files below each other; without any, the empty columns that the table needs.

    Raises:
        UserError: a file is missing or holds no metrics.
    """
    tables = []
    for path in paths:
        if not path.is_file():
            raise UserError(f"no metrics file {path}: run the rule that measures this system")
        table = pd.read_csv(path, keep_default_na=True)
        if not {"model", "target", "n"} <= set(table.columns):
            raise UserError(f"{path} is no metrics file: it needs the columns model, target and n")
        tables.append(table)
    if tables:
        return pd.concat(tables, ignore_index=True)
    return pd.DataFrame(columns=_expected_columns(name))


def _expected_columns(name: str) -> list[str]:
    from vita.evaluation import classification, regression, segmentation

    if name == "segmentation":
        return segmentation.COLUMNS
    return regression.COLUMNS if MAKERS[name] in (_regression, _cohort) else classification.COLUMNS


def _whole_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Counts without a decimal point, although a system that was not run leaves them empty."""
    counts = [name for name in COUNTS if name in frame.columns]
    return frame.astype(dict.fromkeys(counts, "Int64"))


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--name", required=True, choices=list(MAKERS), help="which table")
    parser.add_argument("--metrics", nargs="*", default=[], type=Path, help="metrics CSVs, any number of systems")
    parser.add_argument("--targets", required=True, type=Path, help="targets.tsv")
    parser.add_argument("--paper", required=True, type=Path, help="folder of the paper's numbers")
    for name, what in {"csv": "plain numbers", "md": "Markdown", "tex": "LaTeX"}.items():
        parser.add_argument(f"--{name}", required=True, type=Path, help=f"table to write, {what}")
    parser.add_argument("--vs-paper", required=True, type=Path, help="CSV of the paper's values, ours, differences")
    cli.add_settings(parser, "the block `evaluation`")
    args = parser.parse_args(arguments)
    significance = args.settings.get("evaluation", {}).get("significance", 0.01)
    metrics = read_metrics(args.metrics, args.name)
    table, out, versus = MAKERS[args.name](args.name, metrics, args.targets, args.paper, significance)
    for path, text in {args.md: markdown(out), args.tex: latex(out, args.name)}.items():
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    for path, frame in {args.csv: table, args.vs_paper: versus}.items():
        with replacing(path) as temporary:
            _whole_numbers(frame).to_csv(temporary, index=False)


if __name__ == "__main__":
    cli.run(main)
