"""Files of predictions, masks and targets for the evaluation: with checked columns, of one split, in known units."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from vita.config.blocks import needed
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.runtime.errors import UserError

log = logging.getLogger(__name__)
COLUMNS = ("eid", "split", "target", "truth", "prediction")
# (predictions, targets, predictions of each baseline, system, bootstrap resamples, seed) to a row per target
Evaluate = Callable[[pd.DataFrame, pd.DataFrame, dict[str, pd.DataFrame], str, int, int], pd.DataFrame]
TARGET_COLUMNS = ("task", "target", "title", "unit", "kind", "in_table", "decimals")
_MASKS_NEEDED = ("eid", "truth", "prediction", "spacing_mm")
_MASKS_PROBES = ("trained", "es_frames", "es_prediction", "still_prediction")


@dataclass(frozen=True)
class Pairs:
    """Truth and prediction of one target, both known, ordered by participant."""

    eid: np.ndarray  # (n,) int64
    truth: np.ndarray  # (n,) float64
    prediction: np.ndarray  # (n,) float64
    threshold: float  # chosen on validation; NaN if none is stored


def read_predictions(path: str | Path, columns: tuple[str, ...] = COLUMNS) -> pd.DataFrame:
    """The test split's rows of a predictions file, sorted by target and participant.

    Raises:
        UserError: the file is missing, does not have these columns, or has no row of the test split.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no predictions file {path}: run the rule that trains this system first")
    table = pd.read_parquet(path)
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise UserError(f"{path} has no column {', '.join(missing)}, so it is not a predictions file")
    table = table[table["split"] == "test"]
    if table.empty:
        raise UserError(f"{path} has no row with split 'test'")
    return table.sort_values(["target", "eid"], kind="stable").reset_index(drop=True)


def read_targets(path: str | Path, task: str | None = None) -> pd.DataFrame:
    """Rows of targets.tsv in their order, those of one task if one is named.

    Raises:
        UserError: the file or a column is missing, or no row is of the task.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no targets table {path}")
    table = pd.read_csv(path, sep="\t", keep_default_na=False)
    missing = [name for name in TARGET_COLUMNS if name not in table.columns]
    if missing:
        raise UserError(f"{path} has no column {', '.join(missing)}")
    if task is not None:
        table = table[table["task"] == task]
        if table.empty:
            raise UserError(f"{path} has no target of the task {task!r}")
    return table.reset_index(drop=True)


def pairs(predictions: pd.DataFrame, target: str) -> Pairs:
    """The participants whose truth of the target is known.

    Raises:
        UserError: a participant occurs twice, or a known truth has no finite prediction.
    """
    rows = predictions[(predictions["target"] == target) & predictions["truth"].notna()]
    if rows["eid"].duplicated().any():
        raise UserError(f"predictions of {target}: {rows['eid'].duplicated().sum()} participants occur twice")
    prediction = rows["prediction"].to_numpy(float)
    if not np.isfinite(prediction).all():
        raise UserError(f"predictions of {target}: {(~np.isfinite(prediction)).sum()} are not finite numbers")
    known = rows["threshold"].dropna() if "threshold" in rows else rows["truth"].iloc[:0]
    threshold = float(known.iloc[0]) if len(known) else float("nan")
    return Pairs(rows["eid"].to_numpy(np.int64), rows["truth"].to_numpy(float), prediction, threshold)


def why_none(predictions: pd.DataFrame, target: str) -> str:
    """The reason why a target has no pair of truth and prediction: the column `note` of the predictions, if there
    is one.
    """
    rows = predictions[predictions["target"] == target]
    notes = list(rows["note"].dropna()) if "note" in predictions else []
    return str(notes[0]) if notes else "no participant of the test split has a known value"


def complete(values: dict[str, np.ndarray], target: str) -> dict[str, np.ndarray]:
    """The baselines that have a finite value for every participant; the log names the others.

    Args:
        values: (n,) of each baseline, NaN for participants that it has not predicted.
        target: for the log.
    """
    kept = {name: array for name, array in values.items() if array.size and np.isfinite(array).all()}
    for name in values.keys() - kept.keys():
        log.warning("%s: %s has not predicted every test participant and is left out of the comparison", target, name)
    return kept


def identity(targets_row: pd.Series, task: str, model: str) -> dict[str, object]:
    """The first columns of every row of metrics: the target and how it is printed."""
    return {
        "task": task,
        "model": model,
        **{name: targets_row[name] for name in ("target", "title", "unit", "kind", "in_table", "decimals")},
    }


def measure_command(description: str | None, evaluate: Evaluate, arguments: list[str] | None) -> None:
    """Read what `arguments` name, evaluate it, and write the metrics; `description` is the module's docstring."""
    parser = cli.parser(description)
    parser.add_argument("--task", required=True, help="task as in targets.tsv")
    parser.add_argument("--model", required=True, help="name of the system")
    parser.add_argument("--predictions", required=True, type=Path, help="the system's predictions (parquet)")
    parser.add_argument("--baselines", nargs="*", default=[], type=Path, help="predictions to test against")
    parser.add_argument("--targets", required=True, type=Path, help="targets.tsv")
    parser.add_argument("--output", required=True, type=Path, help="metrics CSV to write")
    cli.add_settings(parser, "seed and the block `evaluation`")
    args = parser.parse_args(arguments)
    table = evaluate(
        read_predictions(args.predictions),
        read_targets(args.targets, args.task),
        {path.stem: read_predictions(path) for path in args.baselines},
        args.model,
        needed(args.settings, "evaluation.bootstrap"),
        needed(args.settings, "seed"),
    )
    with replacing(args.output) as path:
        table.to_csv(path, index=False)


def read_arrays(path: Path, wanted: Sequence[str], more: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Arrays of an npz file: those that are needed, and those of `more` that it has.

    Raises:
        UserError: one that is needed is missing.
    """
    with np.load(path, allow_pickle=False) as stored:
        if missing := [name for name in wanted if name not in stored]:
            raise UserError(f"{path} has no array {', '.join(missing)}")
        return {name: stored[name] for name in (*wanted, *more) if name in stored}


def read_masks(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a masks file.

    Returns:
        `eid` (n,), `truth` and `prediction` (n, 9, time, height, width), `spacing_mm` (n, 9, 2); `trained` (frames,),
        all frames if the file does not say; and, if the file has them, `es_frames`, `es_prediction` and
        `still_prediction`, see `training.segmentation.segment`.

    Raises:
        UserError: the file or an array is missing, or the shapes do not match.
    """
    if not path.is_file():
        raise UserError(f"no masks file {path}: run the rule that trains this system's segmentation first")
    arrays = read_arrays(path, _MASKS_NEEDED, _MASKS_PROBES)
    n = len(arrays["eid"])
    if arrays["truth"].shape != arrays["prediction"].shape or arrays["truth"].shape[:2] != (n, 9):
        raise UserError(f"{path}: truth and prediction must both be ({n}, 9, time, height, width)")
    if arrays["spacing_mm"].shape != (n, 9, 2) or not (arrays["spacing_mm"] >= 0).all():
        raise UserError(f"{path}: spacing_mm must be ({n}, 9, 2), positive, and 0 for missing planes only")
    return {"trained": np.arange(arrays["truth"].shape[2])} | arrays
