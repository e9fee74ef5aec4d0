"""Calibration drift: predictions of trained models in another cohort, compared with the truth there and in training.

    python -m vita.elsewhere.drift --models other/results/models --predictions results/predictions/*/*.parquet
        --targets workflow/resources/targets.tsv
        --csv results/tables/calibration_drift.csv --md ... --tex ... --html ...

A row per system and target of the test split. Numbers: the mean of prediction minus truth, in the target's unit and in
standard deviations of the training, and slope and intercept of the regression of truth on prediction. Probabilities:
mean prediction minus share of positives, and slope and intercept on the log odds. Ideally, the slope is 1 and the mean
0. For comparison, the mean absolute error or AUC here and on the test split of the training run (of ViTa, if its
decisions.json has it).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vita.apply.records import Errors
from vita.evaluation.predictions import Pairs, pairs, why_none
from vita.names import DRIFT_TABLE, MAIN_SYSTEM, MEAN_GUESS
from vita.runtime import cli
from vita.runtime.privacy import SMALLEST_COUNT
from vita.tabular.targets import Target

if TYPE_CHECKING:
    from vita.printing.cells import Printed
    from vita.training.recorded import OfTarget

COLUMNS = ["task", "model", "target", "title", "unit", "kind", "n", "metric", "here", "trained", "trained_mean",
           "truth_mean", "mean_prediction", "difference", "difference_sd", "slope", "slope_low", "slope_high",
           "intercept", "note"]  # fmt: skip
Row = dict[str, float | int | str]
CAPTION = "Calibration of the trained models in this cohort, beside the training"


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--models", type=Path, required=True, help="results/models of the run that trained")
    parser.add_argument("--predictions", type=Path, nargs="+", required=True, help="<task>/<system>.parquet")
    parser.add_argument("--targets", type=Path, required=True, help="targets.tsv, features.tsv beside it")
    for name in ("csv", "md", "tex", "html"):
        parser.add_argument(f"--{name}", required=True, type=Path, help="file to write")
    args = parser.parse_args(arguments)
    from vita.printing.cells import latex, markdown
    from vita.printing.web import page
    from vita.runtime.atomic import replacing, write_text

    table = pd.DataFrame(rows(args.models, args.predictions, args.targets)).reindex(columns=COLUMNS)
    out = printed(table)
    for path, text in {args.md: markdown(out), args.tex: latex(out, DRIFT_TABLE), args.html: page(out)}.items():
        write_text(path, text)
    with replacing(args.csv) as temporary:
        table.to_csv(temporary, index=False)


def rows(models: Path, predictions: Sequence[Path], targets: Path) -> Iterator[Row]:
    """One row per target of each predictions file, except targets of several classes."""
    from vita.apply.decisions import read_decisions
    from vita.elsewhere.predict_cohort import system_folders
    from vita.evaluation.predictions import read_predictions
    from vita.tabular.targets import read_targets
    from vita.training.recorded import read_recorded

    decided = read_decisions(models)["tasks"]
    for path in predictions:
        task, system = path.parent.name, path.stem
        if task == "segmentation" or system == MEAN_GUESS:
            continue
        known = decided.get(task, {}).get("targets", {}) if system == MAIN_SYSTEM else {}
        folders = system_folders(models, task, system)
        stored = {name: each for folder in folders for name, each in read_recorded(folder)["targets"].items()}
        table = read_predictions(path)
        for target in read_targets(targets, task):
            if target.kind != "categorical" and target.name in stored:
                row: Row = {"task": task, "model": system, "target": target.name, "title": target.title}
                own = of_target(pairs(table, target.name), target, stored[target.name], known.get(target.name, {}))
                why: Row = {} if own["n"] else {"note": why_none(table, target.name)}
                yield row | {"unit": target.unit, "kind": target.kind} | own | why


def of_target(found: Pairs, target: Target, stored: "OfTarget", known: Errors) -> Row:
    """How a target's predictions relate to its truth; empty for fewer people than may be shown.

    Args:
        found: truth and prediction in this cohort.
        target: row of targets.tsv.
        stored: its statistics of the training.
        known: its errors on the training run's test split.
    """
    binary = target.kind == "binary"
    row: Row = {"n": found.truth.size, "metric": "AUC" if binary else "MAE"}
    row |= {"trained": known.get("test_auc", np.nan) if binary else known.get("test_mae", np.nan)}
    row |= {"trained_mean": stored["shares"][1] if binary else stored["mean"]}
    positives = int(found.truth.sum()) if binary else SMALLEST_COUNT
    if min(found.truth.size, positives, found.truth.size - positives if binary else SMALLEST_COUNT) < SMALLEST_COUNT:
        return row | {"note": f"fewer than {SMALLEST_COUNT} people, or of one kind"}
    mean, prediction = float(found.truth.mean()), float(found.prediction.mean())
    row |= {"truth_mean": mean, "mean_prediction": prediction, "difference": prediction - mean}
    row["difference_sd"] = (prediction - mean) / (np.sqrt(mean * (1 - mean)) if binary else stored["std"])
    return row | (_binary(found) if binary else _number(found))


def _number(found: Pairs) -> dict[str, float]:
    from scipy.stats import linregress, t

    row = {"here": float(np.abs(found.prediction - found.truth).mean())}
    if np.ptp(found.prediction) == 0:
        return row
    line = linregress(found.prediction, found.truth)
    half = float(t.ppf(0.975, found.truth.size - 2) * line.stderr)
    row |= {"slope": float(line.slope), "slope_low": float(line.slope) - half, "slope_high": float(line.slope) + half}
    return row | {"intercept": float(line.intercept)}


def _binary(found: Pairs) -> dict[str, float]:
    from sklearn.metrics import roc_auc_score

    from vita.evaluation.statistics import calibration

    truth = found.truth.astype(bool)
    line = calibration(truth, found.prediction)
    slope, low, high = line["calibration_slope"]
    row = {"here": float(roc_auc_score(truth, found.prediction)), "slope": slope, "slope_low": low, "slope_high": high}
    return row | {"intercept": line["calibration_intercept"][0]}


def printed(table: pd.DataFrame) -> "Printed":
    """The table for readers."""
    from vita import names
    from vita.printing.cells import Cell, Printed
    from vita.printing.numbers import count, known, number, rounded, with_interval

    head = ["", "", "Target", "n", "Here", "Training", "Truth, training", "Truth, here", "Predicted", "Difference, SD"]
    out = Printed(CAPTION, [*head, "Slope"], words=3)
    before: tuple[str, str] | None = None
    for _, row in table.iterrows():
        key = (row["task"], row["model"])
        words = [names.task_title(row["task"]), names.title(row["model"])] if key != before else ["", ""]
        before = key
        unit = f" ({row['unit']})" if row["unit"] else ""
        cells = [*map(Cell, words), Cell(row["title"] + unit), Cell(count(row["n"]))]
        here = Cell(f"{row['metric']} {number(row['here'], 3)}" if known(row["here"]) else number(row["here"], 3))
        cells.append(here if known(row["here"]) else out.note(here, str(row["note"])))
        cells += [Cell(number(row["trained"], 3))]
        cells += [Cell(rounded(row[name], digits=4)) for name in ("trained_mean", "truth_mean", "mean_prediction")]
        cells.append(Cell(number(row["difference_sd"], 2)))
        cells.append(Cell(with_interval(row["slope"], row["slope_low"], row["slope_high"], 2, " to ")))
        out.rows.append(cells)
    out.remarks.append(
        "Training: of ViTa on the test split of the run that trained it. Difference: mean of prediction minus "
        "truth, in standard deviations of the training (for binary targets, of the truth). Slope: of truth on "
        "prediction, for binary targets on the log odds; ideally 1, and below 1 predictions are too extreme."
    )
    return out


if __name__ == "__main__":
    cli.run(main)
