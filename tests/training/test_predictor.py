"""What `rectify` does to numbers: a ReLU in the target's unit, whatever the standardisation."""

import pandas as pd
import pytest
import torch
from torch import nn

from training import toy
from vita.tabular.targets import Target
from vita.training.predictor import PredictionLearner
from vita.training.settings import read_settings
from vita.training.task import Statistics, Task

MEAN, STD = 30.0, 10.0
NUMBER = Target("LVESV", "LVESV", "mL", "numerical", "phenotypes", "LVESV")
BINARY = Target("cad", "CAD", "", "binary", "labels", "cad", 2)


def learner(rectify: bool) -> PredictionLearner:
    statistics = (Statistics(MEAN, STD), Statistics(shares=(0.5, 0.5)))
    task = Task((NUMBER, BINARY), pd.DataFrame(columns=["LVESV", "cad"]), statistics)
    return PredictionLearner(nn.Identity(), read_settings("stage3", toy.blocks(rectify=rectify)), task)


def test_numbers_are_never_negative_and_other_outputs_stay() -> None:
    raw = torch.tensor([[-4.0, -2.0], [-3.0, 0.0], [0.5, 2.0]])
    plain, rectified = learner(False).predict(raw), learner(True).predict(raw)
    assert plain[0].tolist() == pytest.approx([-10.0, 0.0, 35.0])
    assert rectified[0].tolist() == pytest.approx([0.0, 0.0, 35.0])
    assert torch.equal(plain[1], rectified[1])


def test_the_loss_is_that_of_the_rectified_number() -> None:
    raw = torch.tensor([[-4.0, 0.0], [0.5, 0.0]], requires_grad=True)
    targets = torch.tensor([[-2.0, float("nan")], [0.0, float("nan")]])
    loss = learner(True).loss(raw, targets)
    assert loss.item() == pytest.approx(((-3 + 2) ** 2 + 0.5**2) / 2)
    loss.backward()
    assert raw.grad[:, 0].tolist() == [0.0, 0.5]  # a ReLU passes nothing below its bend
    assert learner(True).summary({"raw": raw.detach(), "targets": targets})["val_mae_std"] == pytest.approx(0.75)
