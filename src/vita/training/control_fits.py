"""Fitting controls to tasks: features, closed-form heads, and written predictions; see `vita.training.controls`."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from vita.models.image_encoder import ImageEncoder
from vita.names import PROBES
from vita.runtime.atomic import replacing
from vita.runtime.errors import UserError
from vita.tabular.truth import load_targets
from vita.training.batches import mixed_seed
from vita.training.closed_form import predict_classes, predict_number, standardised
from vita.training.data import Samples
from vita.training.frozen import brightness, demographics, plane_tokens
from vita.training.long_table import Predictions, long_table, thresholds
from vita.training.session import Session
from vita.training.task import Task, make_task

log = logging.getLogger(__name__)

_RANDOM = 5  # stream of random numbers


@dataclass(frozen=True)
class Tables:
    """Where the values of targets and of the table are.

    Attributes:
        targets: targets.tsv.
        fields, phenotypes: tables of features and of phenotypes.
        labels: folder of <disease>.parquet.
    """

    targets: Path
    fields: Path | None = None
    phenotypes: Path | None = None
    labels: Path | None = None

    def labels_of(self, task: str) -> Path | None:
        """The table of a disease's task; None for other tasks."""
        disease = task.removeprefix("disease_")
        return self.labels / f"{disease}.parquet" if self.labels is not None and disease != task else None


def control_features(control: str, session: Session, samples: Samples, tables: Tables, init: Path | None) -> np.ndarray:
    """Features (participants, features) of a control, NaN where unknown.

    Args:
        control: one of CONTROLS.
        session: an open run.
        samples: everybody, in their order.
        tables: `fields` for demographics.
        init: folder of Stage I or II, for a probe.

    Raises:
        UserError: a probe without a folder, or demographics without a table.
    """
    batch = session.settings.stage.batch
    if control == "brightness":
        return brightness(samples, batch)
    if control == "demographics":
        if tables.fields is None:
            raise UserError("the control demographics needs --fields")
        return demographics(tables.fields, samples.eids)
    torch.manual_seed(mixed_seed(session.settings.seed, _RANDOM))
    encoder = ImageEncoder(session.model)
    if control in PROBES:
        if init is None:
            raise UserError(f"the control {control} needs --init, the folder of a trained stage")
        session.start_encoder(encoder, init)
    return plane_tokens(encoder.to(session.device), samples, batch)


def predict_task(task: Task, features_nf: np.ndarray, split_n: np.ndarray) -> Predictions:
    """Predictions of every target for everybody, by a head of its own each."""
    found: Predictions = []
    truth_nt = task.truth.to_numpy(float)
    for column, target in enumerate(task.targets):
        if target.kind == "numerical":
            values, penalty = predict_number(features_nf, truth_nt[:, column], split_n)
        else:
            values, penalty = predict_classes(features_nf, truth_nt[:, column], split_n, max(target.classes, 2))
            values = values[:, 1] if target.kind == "binary" else values
        log.info("%s: penalty %g", target.name, penalty)
        found.append(values)
    return found


def run_control(
    control: str, tasks: Sequence[str], session: Session, tables: Tables, inits: Mapping[str, Path], folder: Path
) -> None:
    """Fit a control to tasks and write the predictions of the validation and test splits.

    Args:
        control: one of CONTROLS.
        tasks: of targets.tsv.
        session: an open run.
        tables: values of targets and of the table.
        inits: folder of Stage I or II by task, for a probe; tasks with the same one share its features.
        folder: to write <task>/<control>.parquet into.
    """
    everybody = session.samples(["train", "val", "test"], "predict")
    train, split = session.samples(["train"], cached=False), everybody.split.to_numpy()
    features: dict[Path | None, np.ndarray] = {}
    for name in tasks:
        init = inits.get(name)
        if init not in features:
            raw = control_features(control, session, everybody, tables, init)
            features[init] = standardised(raw, split == "train")
        values, targets = load_targets(tables.targets, name, tables.fields, tables.phenotypes, tables.labels_of(name))
        task = make_task(values.reindex(everybody.eids), targets, train)
        found = predict_task(task, features[init], split)
        table = long_table(task, everybody, found, thresholds(task, everybody, found))
        with replacing(folder / name / f"{control}.parquet") as path:
            table[table["split"] != "train"].reset_index(drop=True).to_parquet(path, index=False)
