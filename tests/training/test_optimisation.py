import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import filled
from training import toy
from vita.models.image_encoder import ImageEncoder
from vita.models.segmenter import Segmenter
from vita.training.learner import Learner
from vita.training.optimisation import Float32Muon, learning_rate_factor, make_optimizer
from vita.training.segmentation import SegmentationLearner
from vita.training.settings import read_settings

STEPS = st.integers(1, 50)
EPOCHS = st.integers(1, 40)
WARMUP = st.floats(0, 50, allow_nan=False)


@given(st.integers(-10, 5000), STEPS, EPOCHS, WARMUP)
def test_total_and_in_range(step, steps_per_epoch, epochs, warmup):
    assert 0 <= learning_rate_factor(step, steps_per_epoch, epochs, warmup) <= 1


@given(STEPS, EPOCHS, WARMUP)
def test_rises_then_falls_and_no_step_is_lost(steps_per_epoch, epochs, warmup):
    values = [learning_rate_factor(step, steps_per_epoch, epochs, warmup) for step in range(steps_per_epoch * epochs)]
    peak = values.index(max(values))
    assert values[:peak] == sorted(values[:peak])
    assert values[peak:] == sorted(values[peak:], reverse=True)
    assert min(values) > 0


def test_fractional_warm_up():
    assert learning_rate_factor(0, 10, 10, 0.5) == pytest.approx(0.1)
    assert learning_rate_factor(4, 10, 10, 0.5) == pytest.approx(0.9)
    assert learning_rate_factor(5, 10, 10, 0.5) > 0.99


@pytest.mark.parametrize("step", [100, 101, 10**6])
def test_stays_at_the_end(step):
    assert learning_rate_factor(step, 10, 10, 1) == pytest.approx(0)


class Small(nn.Module):
    """A linear map, a norm, a lookup, a convolution and a token."""

    def __init__(self) -> None:
        super().__init__()
        self.map, self.norm = nn.Linear(4, 3), nn.LayerNorm(3)
        self.lookup, self.convolution = nn.Embedding(5, 3), nn.Conv2d(1, 2, 3)
        self.token = nn.Parameter(torch.zeros(1, 1, 3))


def stage(**changes):
    return read_settings("stage3", toy.blocks(**{"weight_decay": 0.3, "lr": 0.01} | changes)).stage


def decay_by_name(optimizer: torch.optim.Optimizer, model: nn.Module) -> dict[str, float]:
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {names[id(p)]: group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "muon"])
def test_matrices_are_decayed_and_vectors_are_not(optimizer):
    model = Small()
    assert decay_by_name(make_optimizer([(1.0, model)], stage(optimizer=optimizer), fused=False), model) == {
        "map.weight": 0.3 if optimizer != "muon" else 0.06,  # of a learning rate that is five times as high
        "lookup.weight": 0.3,
        "convolution.weight": 0.3,
        "map.bias": 0.0,
        "norm.weight": 0.0,
        "norm.bias": 0.0,
        "convolution.bias": 0.0,
        "token": 0.0,
    }


@pytest.mark.parametrize(("name", "moved"), [("adam", 0.99), ("adamw", 0.987)])
def test_adam_adds_the_decay_to_the_gradient_and_adamw_takes_it_off_the_weight(name, moved):
    """A first step goes by the rate of 0.01, however large the gradient; AdamW takes 0.01 x 0.3 off the weight, too."""
    model = nn.Linear(2, 2)
    with torch.no_grad():
        model.weight.fill_(1.0)
    model.weight.grad = torch.ones(2, 2)
    make_optimizer([(1.0, model)], stage(optimizer=name), fused=False).step()
    assert model.weight.detach().flatten().tolist() == pytest.approx([moved] * 4, abs=1e-5)


@pytest.mark.parametrize(("precision", "fused"), [("32", True), ("bf16", True), ("fp16", False)])
def test_an_optimiser_under_the_gradient_scaler_is_not_fused(precision, fused):
    settings = read_settings("stage3", toy.blocks(training={"precision": precision}))
    groups = Learner(nn.Linear(2, 2), settings).configure_optimizers().param_groups
    assert {bool(group["fused"]) for group in groups} == {fused}


def parts_of(model: nn.Module, **more) -> tuple[list[torch.optim.Optimizer], list[str]]:
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    parts = make_optimizer([(0.1, model.map), (1.0, model)], stage(optimizer="muon"), fused=False, **more).parts
    return parts, [names[id(p)] for group in parts[0].param_groups for p in group["params"]]


def test_muon_has_the_linear_maps_and_adamw_the_rest():
    (muon, adamw), names = parts_of(Small())
    assert isinstance(muon, Float32Muon)
    assert isinstance(adamw, torch.optim.AdamW)
    assert names == ["map.weight"]
    assert [group["scale"] for group in muon.param_groups] == [0.5]
    assert sum(len(group["params"]) for group in adamw.param_groups) == 7
    assert [group["scale"] for group in adamw.param_groups] == [0.1, 1.0, 1.0]


def test_in_segmentation_muon_has_the_convolutions():
    (muon, adamw), names = parts_of(Small(), matrices_of=SegmentationLearner.matrices_of)
    assert names == ["convolution.weight"]
    assert [group["scale"] for group in muon.param_groups] == [5.0]
    assert sum(len(group["params"]) for group in adamw.param_groups) == 7
    settings = read_settings("stage3", toy.blocks(optimizer="muon"))
    sizes = filled.model(size=32, patch=(5, 8, 8), width=33, heads=3, depth=1, segmenter_frames=4)
    chosen = SegmentationLearner(Segmenter(sizes, ImageEncoder(sizes)), settings, pretrained=False)
    weights = [p for group in chosen.configure_optimizers().parts[0].param_groups for p in group["params"]]
    assert {weight.ndim for weight in weights} == {4}
    assert sum(map(torch.numel, weights)) > 0.9 * sum(map(torch.numel, chosen.model.frame_decoder.parameters()))


@pytest.mark.parametrize("shape", [(8, 3, 3, 3), (40, 4, 3, 3), (6, 2, 2, 2, 2)])
def test_a_convolution_moves_as_the_matrix_of_its_channels(shape):
    torch.manual_seed(3)
    weight = nn.Parameter(torch.randn(shape))
    matrix = nn.Parameter(weight.detach().clone().flatten(1))
    optimizers = [Float32Muon([each], lr=0.01) for each in (weight, matrix)]
    for _ in range(3):
        weight.grad = torch.randn(shape)
        matrix.grad = weight.grad.clone().flatten(1)
        for optimizer in optimizers:
            optimizer.step()
    assert torch.equal(weight.detach().flatten(1), matrix)


def test_steps_of_muon_and_adamw_together_are_those_of_each_alone():
    torch.manual_seed(0)
    model = Small()
    gradients = [torch.randn_like(p) for p in model.parameters()]
    matrix, rest = model.map.weight.detach().clone(), model.map.bias.detach().clone()
    alone = [nn.Parameter(matrix.clone()), nn.Parameter(rest.clone())]
    both = make_optimizer([(1.0, model)], stage(optimizer="muon"), fused=False)
    muon = torch.optim.Muon([alone[0]], lr=0.004, weight_decay=0.06, adjust_lr_fn="match_rms_adamw")
    adamw = torch.optim.AdamW([alone[1]], lr=0.004, weight_decay=0.0)
    for group in both.param_groups:
        group["lr"] = 0.004  # as the schedule sets it
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        parameter.grad = gradient.clone()
    alone[0].grad, alone[1].grad = model.map.weight.grad.clone(), model.map.bias.grad.clone()
    for _ in range(3):
        for optimizer in (both, muon, adamw):
            optimizer.step()
    assert torch.allclose(model.map.weight, alone[0], atol=3e-4)  # torch's own computes in bfloat16
    assert torch.equal(model.map.bias, alone[1])
    assert not torch.equal(alone[0], matrix)


@pytest.mark.parametrize("shape", [(32, 32), (24, 96), (96, 24)])
def test_steps_in_float32_are_torchs_but_for_its_rounding(shape):
    generator = torch.Generator().manual_seed(1)
    start = torch.randn(shape, generator=generator)
    own, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    options = {"lr": 0.01, "weight_decay": 0.1}
    optimizers = [
        Float32Muon([own], **options),
        torch.optim.Muon([theirs], adjust_lr_fn="match_rms_adamw", **options),
    ]
    for _ in range(4):
        own.grad = torch.randn(shape, generator=generator)
        theirs.grad = own.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    assert (own - theirs).abs().max() < 0.02 * (theirs - start).abs().max()


def test_the_state_of_muon_goes_on_elsewhere():
    torch.manual_seed(0)
    first = Small()
    second = copy.deepcopy(first)
    optimizers = [make_optimizer([(1.0, model)], stage(optimizer="muon"), fused=False) for model in (first, second)]
    for step in range(4):
        gradient = torch.full_like(first.map.weight, 0.1 * step) + torch.eye(3, 4)
        for model, optimizer in zip((first, second), optimizers, strict=True):
            model.map.weight.grad = gradient.clone()
            if step < 2 and model is second:
                continue
            optimizer.step()
        if step == 1:
            second.load_state_dict(first.state_dict())
            optimizers[1].load_state_dict(copy.deepcopy(optimizers[0].state_dict()))
    assert torch.equal(first.map.weight, second.map.weight)
    for group in optimizers[1].param_groups:
        group["lr"] = 0.0
    before = second.map.weight.detach().clone()
    optimizers[1].step()
    assert torch.equal(before, second.map.weight)  # a learning rate that is set after loading reaches both
