"""Differential privacy in Stage III: gradients, noise, sampling, resuming, epsilon, and what is refused."""

import copy
import importlib.util
import json
import math
import re

import numpy as np
import pytest
import torch

from training import toy
from vita.models.heads import Output, Regressor
from vita.models.image_encoder import ImageEncoder
from vita.models.settings import ModelSettings
from vita.runtime.errors import UserError
from vita.training import private, stage3
from vita.training.private import PoissonOrder, conflicts, hold_gradients, nobody, spent, summed
from vita.training.settings import read_settings, recorded_stage, without_budget

DP = {"noise": 0.8, "clip": 0.5, "delta": 1e-3}
opacus = pytest.mark.skipif(importlib.util.find_spec("opacus") is None, reason="opacus is not installed")


def predictor() -> Regressor:
    torch.manual_seed(1)
    settings = ModelSettings.from_dict(toy.MODEL)
    return Regressor(settings, ImageEncoder(settings), [Output("a", "numerical"), Output("b", "binary")], "mean", "mlp")


def squares(raw: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return (raw - targets).square().mean()


@opacus
def test_a_step_clips_each_participant_and_adds_noise_to_their_sum() -> None:
    """Against gradients of one participant at a time."""
    model = predictor()
    images, targets = torch.rand(4, 9, 5, 16, 16), torch.tensor([[5.0, 1.0], [0.1, 0.0], [0.0, 0.0], [-9.0, 4.0]])
    alone = copy.deepcopy(model)
    hold_gradients(model)
    parameters = [p for p in model.parameters() if p.requires_grad]
    others = [p for name, p in alone.named_parameters() if name != "encoder.class_token"]
    expected = [torch.zeros_like(p) for p in parameters]
    norms = []
    for row in range(4):
        own = torch.autograd.grad(squares(alone(images[row : row + 1]), targets[row : row + 1]), others)
        norm = math.sqrt(sum(float(g.square().sum()) for g in own))
        norms.append(norm)
        for total, g in zip(expected, own, strict=True):
            total += g * min(1.0, 2.0 / norm) / 8
    assert min(norms) < 2.0 < max(norms)  # some are clipped
    optimizer = private.private(torch.optim.SGD(parameters, lr=1.0), DP | {"noise": 1e-9, "clip": 2.0}, batch=8)
    before = [p.detach().clone() for p in parameters]
    optimizer.zero_grad()
    summed(model.train()(images), targets, squares, 8).backward()
    optimizer.step()
    for old, new, wanted in zip(before, parameters, expected, strict=True):
        assert (old - new).detach().numpy() == pytest.approx(wanted.numpy(), abs=2e-6)


@opacus
def test_noise_has_its_size_even_in_an_empty_batch() -> None:
    model = predictor()
    hold_gradients(model)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = private.private(torch.optim.SGD(parameters, lr=1.0), DP, batch=8)
    before = [p.detach().clone() for p in parameters]
    nobody(model).backward()
    optimizer.step()
    steps = torch.cat([(old - new).flatten() for old, new in zip(before, parameters, strict=True)])
    assert float(steps.std()) == pytest.approx(0.8 * 0.5 / 8, rel=0.03)
    assert float(steps.mean()) == pytest.approx(0, abs=0.002)


def test_sampling_is_poisson_and_secret() -> None:
    """Batches have the binomial distribution's sizes; nothing about them follows from a seed."""
    order = PoissonOrder(100, 5)
    batches = [batch for epoch in range(100) for batch in order.epoch(epoch)]
    sizes = np.array([len(batch) for batch in batches])
    assert (order.steps, len(sizes)) == (20, 2000)
    assert sizes.mean() == pytest.approx(5, abs=0.2)
    assert sizes.var() == pytest.approx(100 * 0.05 * 0.95, rel=0.15)
    torch.manual_seed(1)
    first = PoissonOrder(100, 5).epoch(0)
    torch.manual_seed(1)
    assert first != PoissonOrder(100, 5).epoch(0)


@opacus
def test_epsilon_of_full_batches_is_that_of_gaussian_noise() -> None:
    """Steps with everybody: the Rényi divergence of order a is steps * a / (2 noise^2), and the conversion of Balle et
    al. (2020) gives epsilon.
    """
    found = spent({"noise": 4.0, "clip": 1.0, "delta": 1e-5}, 50, 50, 10)
    orders = np.array([1 + x / 10 for x in range(1, 100)] + list(range(12, 64)))
    divergence = 10 * orders / (2 * 4.0**2)
    bounds = divergence - (np.log(1e-5) + np.log(orders)) / (orders - 1) + np.log((orders - 1) / orders)
    assert found["epsilon"] == pytest.approx(bounds.min(), rel=1e-6)
    assert found["sampling_rate"] == 1
    fewer = spent({"noise": 4.0, "clip": 1.0, "delta": 1e-5}, 500, 50, 10)
    assert fewer["epsilon"] < found["epsilon"] / 4  # a tenth of the people in each step is more private


@opacus
def test_training_writes_epsilon_of_all_its_steps_and_resumes(cohort: toy.Toy, tmp_path) -> None:
    """Interrupted and resumed, or trained on: epsilon counts every step."""
    arguments = cohort.stage3("sa_phenotypes", "vit", tmp_path / "m", epochs=2, dp=DP)
    stage3.main(arguments)
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    assert config["steps"] == config["privacy"]["steps"] == 8
    assert config["privacy"]["epsilon"] == spent(DP, 32, 8, 8)["epsilon"]
    longer = cohort.stage3("sa_phenotypes", "vit", tmp_path / "m", epochs=3, dp=DP)
    stage3.main(longer)
    again = json.loads((tmp_path / "m" / "config.json").read_text())["privacy"]
    assert again["steps"] == 12
    assert again["epsilon"] == spent(DP, 32, 8, 12)["epsilon"] > config["privacy"]["epsilon"]


@opacus
def test_an_unfinished_private_training_is_not_continued_with_less_noise(cohort: toy.Toy, tmp_path) -> None:
    stage3.main(cohort.stage3("sa_phenotypes", "vit", tmp_path / "m", epochs=1, dp=DP))
    path = tmp_path / "m" / "checkpoints" / "state.pt"
    state = torch.load(path, weights_only=True)
    state["progress"]["finished"] = False
    torch.save(state, path)
    other = cohort.stage3("sa_phenotypes", "vit", tmp_path / "m", epochs=1, dp=DP | {"noise": 0.1})
    with pytest.raises(UserError, match=r"'settings\.stage\.dp\.noise' 0\.8, but now it is 0\.1"):
        stage3.main(other)
    with pytest.raises(UserError, match=r"'settings\.stage\.dp"):
        stage3.main(cohort.stage3("sa_phenotypes", "vit", tmp_path / "m", epochs=1))


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"head": "ridge"}, "stage3.defaults.head"),
        ({"optimizer": "muon"}, "stage3.defaults.optimizer"),
        ({"imbalance": "sampling"}, "stage3.defaults.imbalance"),
        ({"probe_epochs": 2}, "stage3.defaults.probe_epochs"),
        ({"training": {"compile": True}}, "training.compile"),
        ({"training": {"precision": "bf16"}}, "training.precision"),
        ({"training": {"devices": 2}}, "resources.rules.train_stage3.gpus"),
    ],
)
def test_what_cannot_be_private_is_refused_with_both_keys(cohort: toy.Toy, tmp_path, changes: dict, key: str) -> None:
    with pytest.raises(UserError, match=re.escape(f"'stage3.defaults.dp' is set, but '{key}'")):
        stage3.main(cohort.stage3("sa_phenotypes", "vit", tmp_path / "m", dp=DP, **changes))


def test_batch_norm_segmentation_and_a_missing_package_are_refused(cohort: toy.Toy, tmp_path, monkeypatch) -> None:
    with pytest.raises(UserError, match=r"'systems\.resnet50\.stage\.dp' to null"):
        stage3.main(cohort.stage3("sa_phenotypes", "resnet50", tmp_path / "m", dp=DP))
    with pytest.raises(UserError, match=r"'stage3\.tasks\.segmentation\.dp' to null"):
        stage3.main(cohort.stage3("segmentation", "vit", tmp_path / "m", dp=DP))
    monkeypatch.setattr(private, "available", lambda: False)
    with pytest.raises(UserError, match=r"needs opacus, which is missing; install it with pip"):
        stage3.main(cohort.stage3("sa_phenotypes", "vit", tmp_path / "m", dp=DP))


def test_models_from_before_it_can_be_read() -> None:
    blocks = toy.blocks()
    recorded = {key: value for key, value in blocks["stage"].items() if key not in ("dp", "budget_s")}
    stage = read_settings("stage3", blocks | {"stage": recorded_stage({"settings": {"stage": recorded}})}).stage
    assert stage.dp is None
    assert stage.budget_s is None
    assert stage.epochs == recorded["epochs"]


def test_a_model_whose_epochs_a_budget_set_can_be_read() -> None:
    stage = without_budget(toy.blocks()["stage"] | {"budget_s": 60.0})
    whole = recorded_stage({"epochs": 7, "settings": {"stage": stage}})
    assert (whole["epochs"], whole["budget_s"]) == (7, 60.0)


def test_nothing_is_refused_without_it() -> None:
    assert not list(conflicts({"dp": None, "head": "ridge", "optimizer": "muon"}, {"precision": "bf16"}))


def test_parameters_outside_linear_maps_and_norms_stay() -> None:
    pytest.importorskip("opacus", reason="opacus is not installed")
    model = predictor()
    hold_gradients(model)
    fixed = [name for name, parameter in model.named_parameters() if not parameter.requires_grad]
    assert fixed == ["encoder.class_token"]
