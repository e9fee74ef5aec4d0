"""The initial weights of a linear head: a closed-form fit, target by target, to the features of the untouched
encoder.
"""

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vita.models.heads import LinearHead, Regressor, output_slices
from vita.training.closed_form import Head, fit_classes, fit_number, numbers_between, scale
from vita.training.data import Samples
from vita.training.frozen import mean_over_sections
from vita.training.task import Task

log = logging.getLogger(__name__)


def start_head(
    model: Regressor,
    task: Task,
    odds_shift: Sequence[Tensor],
    train: Samples,
    validate: Samples,
    batch: int,
    numbers: pd.DataFrame | None = None,
) -> None:
    """Fill the head with ridges and logistic regressions, as `control_fits` fits them to frozen features.

    Args:
        model: on the device to compute on; its head is linear.
        task: targets.
        odds_shift: what the loss of each target adds to the log odds; see `task.odds_shifts`.
        train: samples with `targets` to fit to; `validate` chooses the penalties.
        validate: as `train`.
        batch: participants per pass.
        numbers: through which classes may be reached, by `eid`; see `closed_form.fit_classes`.
    """
    assert isinstance(model.head, LinearHead)
    model.eval()
    both = (train, validate)
    parts = [mean_over_sections(model.features, model, samples, batch).double().numpy() for samples in both]
    mean, spread = scale(parts[0])
    features = (np.concatenate(parts) - mean) / spread
    names = np.array(["train"] * len(train) + ["val"] * len(validate))
    truth = np.concatenate([samples.extra["targets"].double().numpy() for samples in both])
    numbers_nk = None if numbers is None else numbers.reindex([*train.eids, *validate.eids]).to_numpy(float)
    between = numbers_between(features, numbers_nk, names)
    slices = output_slices(task.outputs)
    with torch.no_grad():
        model.head.mean.copy_(torch.from_numpy(mean))
        # a constant feature has no weight yet, but may come to vary during training
        model.head.std.copy_(torch.from_numpy(np.where(np.isinf(spread), 1.0, spread)))
        for column, target in enumerate(task.targets):
            if target.kind == "numerical":
                head = fit_number(features, truth[:, column], names)
            else:
                head = fit_classes(features, truth[:, column], names, max(target.classes, 2), between)
                head = _shifted(head, odds_shift[column], target.kind)
            log.info("%s: penalty %g", target.name, head.penalty)
            model.head.linear.weight[slices[target.name]] = torch.from_numpy(head.weights_of).to(model.head.mean)
            model.head.linear.bias[slices[target.name]] = torch.from_numpy(head.bias_o).to(model.head.mean)
    model.train()


def _shifted(head: Head, odds_shift: Tensor, kind: str) -> Head:
    """Logits in the form that the loss expects; for a binary target, that of the second class minus that of the
    first.
    """
    bias = head.bias_o + odds_shift.double().numpy()
    if kind == "binary":
        return Head(np.diff(head.weights_of, axis=0), np.diff(bias), head.penalty)
    return Head(head.weights_of, bias, head.penalty)
