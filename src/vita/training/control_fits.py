"""Fitting controls to a task: closed-form heads on frozen features, whose predictions are written; see `controls`."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import softmax

from vita.cohort.split_table import read_split
from vita.runtime.atomic import replacing
from vita.runtime.errors import UserError
from vita.tabular.truth import load_numbers, load_targets
from vita.training.closed_form import fit_classes, fit_number, numbers_between, standardised
from vita.training.long_table import Predictions, long_table, thresholds
from vita.training.task import Task, make_task

log = logging.getLogger(__name__)


@dataclass
class Everybody:
    """All participants of the split, in the order of their ids."""

    eids: np.ndarray
    split: pd.Series

    def __len__(self) -> int:
        return len(self.eids)


@dataclass(frozen=True)
class Tables:
    """Files with the values of a task's targets: targets.tsv, and whichever of the three tables it needs."""

    targets: Path
    fields: Path | None = None
    phenotypes: Path | None = None
    labels: Path | None = None


def predict_task(
    task: Task, features_nf: np.ndarray, split_n: np.ndarray, numbers_nk: np.ndarray | None = None
) -> Predictions:
    """Predictions of every target for all participants, each by a separate head.

    Args:
        task: targets.
        features_nf: (participants, features), standardised.
        split_n: (participants,) train, val or test.
        numbers_nk: (participants, numbers) through which classes may be reached; see `closed_form.fit_classes`.
    """
    found: Predictions = []
    truth_nt = task.truth.to_numpy(float)
    between = numbers_between(features_nf, numbers_nk, split_n)
    for column, target in enumerate(task.targets):
        if target.kind == "numerical":
            head = fit_number(features_nf, truth_nt[:, column], split_n)
            found.append(head(features_nf)[:, 0])
        else:
            head = fit_classes(features_nf, truth_nt[:, column], split_n, max(target.classes, 2), between)
            probability = softmax(head(features_nf), axis=1)
            found.append(probability[:, 1] if target.kind == "binary" else probability)
        log.info("%s: penalty %g", target.name, head.penalty)
    return found


def fit_controls(
    task_name: str,
    features: Mapping[str, Path],
    split: Path,
    tables: Tables,
    folder: Path,
    through: Sequence[str] = (),
) -> None:
    """Fit controls to a task and write the predictions of the validation and test splits.

    Args:
        task_name: of targets.tsv.
        features: of each control, as `vita.training.freeze` writes them.
        split: split.parquet.
        tables: values of the task's targets.
        folder: to write <control>.parquet into.
        through: tasks through whose numbers classes may be reached.

    Raises:
        UserError: the features belong to another split.
    """
    of_everybody = read_split(split)
    everybody = Everybody(of_everybody.index.to_numpy(np.int64), of_everybody)
    names, train = of_everybody.to_numpy(), of_everybody[of_everybody == "train"]
    values, targets = load_targets(tables.targets, task_name, tables.fields, tables.phenotypes, tables.labels)
    task = make_task(values.reindex(everybody.eids), targets, Everybody(train.index.to_numpy(np.int64), train))
    numbers = load_numbers(tables.targets, through, tables.fields, tables.phenotypes)
    numbers_nk = None if numbers is None else numbers.reindex(everybody.eids).to_numpy(float)
    for control, path in features.items():
        table = pd.read_parquet(path).set_index("eid")
        if not np.array_equal(table.index, everybody.eids):
            raise UserError(f"{path} and the split hold different participants; make the file again")
        log.info("%s", control)
        found = predict_task(task, standardised(table.to_numpy(float), names == "train"), names, numbers_nk)
        rows = long_table(task, everybody, found, thresholds(task, everybody, found))
        with replacing(folder / f"{control}.parquet") as output:
            rows[rows["split"] != "train"].reset_index(drop=True).to_parquet(output, index=False)
