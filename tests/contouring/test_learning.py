"""Synthetic sections and pictures, and a short training on them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from vita.contouring import fitting
from vita.contouring.anatomy import PAPILLARY, TISSUES, tissues_of
from vita.contouring.form import Tract, draw_form
from vita.contouring.pictures import CLASSES, GRID, KEPT, Pictures, robust_range
from vita.contouring.sections import MIDDLE, PIXEL_MM, draw_heart, draw_sections
from vita.contouring.worlds import LAYERED
from vita.images.layout import LVBP, LVMYO, STRUCTURES, VIEWS

NO_TRACT = Tract(at=(9.0, 9.0), drift=(0.0, 0.0), radius_mm=1.0, depth_mm=0.0, valve_mm=0.0)


@pytest.fixture(scope="module")
def sections():
    return draw_sections(2, np.random.default_rng(1))


def test_sections_show_every_view_and_tissue(sections):
    assert np.bincount(sections.views_n).tolist() == [18, 2, 2, 2]
    assert set(np.unique(sections.tissues_nlhw)) <= set(range(TISSUES))
    middle = sections.tissues_nlhw[:, MIDDLE]
    in_heart = (middle == LVBP) | (middle == PAPILLARY)
    areas = in_heart.sum(axis=(1, 2)) * PIXEL_MM**2 / 100
    assert 4 < areas.max() < 150  # cm2 of the LV cavity


def test_hearts_are_drawn_widely():
    rng = np.random.default_rng(2)
    hearts = [draw_heart(rng) for _ in range(60)]
    volumes = [heart.lvedv for heart in hearts]
    fractions = [heart.lvsv / heart.lvedv for heart in hearts]
    assert min(volumes) < 90
    assert max(volumes) > 250
    assert min(fractions) < 0.25
    assert max(fractions) > 0.65


def test_pictures_differ_each_time_and_follow_from_the_seed(sections):
    stream = Pictures(sections, 5)
    first, second = stream.batch(4), stream.batch(4)
    again = Pictures(sections, 5).batch(4)
    assert first[0].shape == first[2].shape == (4, GRID, GRID)
    assert 0 <= float(first[0].min()) < float(first[0].max()) <= 1
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[2], again[2])
    assert not torch.equal(first[0], second[0])


def test_classes_are_those_that_the_view_has(sections):
    _, views, classes = Pictures(sections, 6).batch(12)
    assert len(set(views.tolist())) > 1
    for view, own in zip(views.tolist(), classes, strict=True):
        assert set(own.unique().tolist()) <= {0, *KEPT[VIEWS[view]]}


def test_contrast_says_nothing_about_what_is_blood(sections):
    """Muscle is darker than blood, but how dark either is differs from picture to picture."""
    pictures = Pictures(sections, 7)
    blood, muscle = [], []
    for _ in range(6):
        images, _, classes = pictures.batch(6)
        for image, own in zip(images, classes, strict=True):
            if (own == LVBP).sum() > 200 and (own == LVMYO).sum() > 200:
                blood.append(float(image[own == LVBP].mean()))
                muscle.append(float(image[own == LVMYO].mean()))
    assert len(blood) > 8
    assert np.std(blood) > 0.1
    assert np.mean(np.array(blood) > np.array(muscle)) > 0.9


def test_the_range_is_robust_and_a_constant_picture_stays_finite():
    image = torch.linspace(0, 1, 10_000).view(1, 100, 100).clone()
    image[0, 0, 0] = 1000
    ranged = robust_range(image)
    assert float(ranged[0, 50, 0]) == pytest.approx(0.5, abs=0.01)
    assert torch.equal(robust_range(torch.ones(1, 8, 8)), torch.zeros(1, 8, 8))


class Tiny(nn.Module):
    """One number for each class; keeps the numbers that it had at the begin of each step."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(CLASSES))
        self.had: list[torch.Tensor] = []

    def forward(self, images: torch.Tensor, views: torch.Tensor) -> torch.Tensor:
        self.had.append(self.logits.detach().clone())
        return self.logits[None, :, None, None].expand(len(images), -1, *images.shape[1:])


class Given:
    """The same pictures in each batch."""

    def __init__(self, classes: torch.Tensor) -> None:
        self.classes = classes

    def batches(self, batch: int, steps: int):
        for _ in range(steps):
            yield torch.zeros(self.classes.shape), torch.zeros(len(self.classes), dtype=torch.long), self.classes


def test_weights_are_means_over_steps_once_it_has_warmed_up(monkeypatch):
    made, kept = [], []
    monkeypatch.setattr(fitting, "Contours", lambda: made.append(Tiny()) or made[0])
    for name, value in {"WARM_UP": 2, "KEPT_STEPS": 1}.items():
        monkeypatch.setattr(fitting, name, value)
    classes = torch.arange(16).view(1, 4, 4) % 3
    found = fitting.fit(Given(classes), 4, 1, 0, lambda model, step: kept.append(model.logits.detach().clone()))
    after = [*made[0].had[1:], made[0].logits.detach()]  # of each step
    assert torch.equal(kept[0], torch.zeros(CLASSES))  # nothing yet
    assert torch.equal(kept[1], after[1])
    assert torch.allclose(kept[2], 0.995 * after[1] + 0.005 * after[2])
    assert torch.allclose(kept[3], 0.995 * kept[2] + 0.005 * after[3])
    assert torch.equal(found.logits, kept[3])
    assert (after[1] - after[0]).abs().max() > 1e-4


def test_dice_of_all_pictures_together_by_hand():
    """The network draws class 1 everywhere: 6 of 16 pixels are right; class 2 is missed, and class 3 is nowhere."""
    model = Tiny()
    with torch.no_grad():
        model.logits[1] = 5
    classes = torch.tensor([1] * 6 + [2] * 4 + [0] * 6).view(1, 4, 4)
    found = fitting.judge(model, Given(classes), 2, 1)
    names = {number: name for name, number in STRUCTURES.items()}
    assert found == pytest.approx({names[1]: 2 * 6 / (16 + 6), names[2]: 0})


def test_the_rate_rises_stays_and_falls_by_hand():
    assert fitting.rate(0, 1000) == pytest.approx(1 / fitting.WARM_UP)
    assert fitting.rate(300, 1000) == fitting.rate(600, 1000) == 1
    assert fitting.rate(800, 1000) == pytest.approx(0.51)  # half way from 1 to 0.02
    assert fitting.rate(1000, 1000) == pytest.approx(0.02)


def test_a_trabeculated_layer_is_muscle_along_the_walls_inside_and_denser_in_systole():
    """A heart of 160 ml and 80 ml left, with a layer of 4 mm and half muscle; no point further inside is muscle."""
    rng = np.random.default_rng(3)
    heart = replace(draw_heart(rng), lvedv=160.0, lvsv=80.0, tilt=(0.0, 0.0), oval=1.0)
    form = replace(draw_form(rng, replace(LAYERED, layered=1.0)), papillaries=(), trabeculated=0.0, lobes=(), flat=0.0)
    layer = replace(form.layer, mm=4.0, towards_apex=0.0, spared=0.0, muscle=0.5, gradient=0.0)
    shares = []
    for moment in (0.0, heart.cycle.end_systole):
        shape = heart.shape(np.array([moment]))
        a, centre = float(shape.a[0]), float(shape.centre[0])
        angle, depth = rng.uniform(-np.pi, np.pi, 20_000), rng.uniform(0.3, 12, 20_000)
        at = np.stack([(a - depth) * np.cos(angle), (a - depth) * np.sin(angle), np.full(20_000, centre)], -1)
        around = np.zeros(len(at), np.uint8)
        tissue = tissues_of(at, around, heart, shape, 0, replace(form, layer=layer, outflow=NO_TRACT))
        plain = tissues_of(at, around, heart, shape, 0, replace(form, layer=None, outflow=NO_TRACT))
        assert (plain == LVBP).all()
        thick_mm = 4 * np.sqrt(float(heart.shape(np.zeros(1)).a[0]) / a)
        assert not (tissue == PAPILLARY)[depth > thick_mm + 0.1].any()
        shares.append(float((tissue == PAPILLARY)[depth < thick_mm - 0.1].mean()))
    assert shares[0] == pytest.approx(0.5, abs=0.12)
    assert shares[1] > shares[0]


def test_failing_hearts_are_large_and_weak():
    rng = np.random.default_rng(5)
    world = replace(LAYERED, failing=1.0)
    hearts = [draw_heart(rng, world) for _ in range(40)]
    assert all(170 <= each.lvedv <= 360 and each.lvsv <= 0.4 * each.lvedv and 5 <= each.wall <= 10 for each in hearts)
