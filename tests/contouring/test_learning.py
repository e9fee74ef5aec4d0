"""Synthetic sections and pictures, and a short training on them."""

import numpy as np
import pytest
import torch

from vita.contouring.pictures import GRID, KEPT, Pictures, robust_range
from vita.contouring.sections import PAPILLARY, PIXEL_MM, TISSUES, draw_heart, draw_sections
from vita.images.layout import LVBP, LVMYO, VIEWS


@pytest.fixture(scope="module")
def sections():
    return draw_sections(2, np.random.default_rng(1))


def test_sections_show_every_view_and_tissue(sections):
    assert np.bincount(sections.views_n).tolist() == [16, 2, 2, 2]
    assert set(np.unique(sections.tissues_nhw)) <= set(range(TISSUES))
    in_heart = (sections.tissues_nhw == LVBP) | (sections.tissues_nhw == PAPILLARY)
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
