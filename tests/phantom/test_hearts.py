"""Analytic volumes of the surfaces against sums of small voxels."""

import dataclasses

import numpy as np
import pytest

import filled
from vita.phantom.cycle import RELAXATION_S, Cycle
from vita.phantom.hearts import Heart, cut_ellipsoid_ml
from vita.phantom.people import draw_people
from vita.phantom.tissue import LABP, LVBP, LVMYO, RABP, RVBP, Signals, deform, paint, points

STEP_MM = 1.5


@pytest.fixture(scope="module")
def hearts() -> list[Heart]:
    people = draw_people(filled.phantom(seed=2025, participants=40)).to_dict("records")
    return [Heart.of(person, np.random.default_rng(5)) for person in people]


def voxel_volumes_ml(heart: Heart, time_s: float) -> dict[int, float]:
    """Volumes of the five classes, counted on a fine grid around the whole heart."""
    axes = [np.arange(low, high, STEP_MM, dtype=np.float32) for low, high in ((-115, 65), (-75, 75), (-95, 125))]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    at = points(grid, heart, STEP_MM, 0.0)
    shape = heart.shape(np.array([time_s]))
    _, classes = paint(at, shape, 0, Signals(130, 50), np.zeros(len(grid), np.float32), heart.aorta)
    return {name: np.count_nonzero(classes == name) * STEP_MM**3 / 1000 for name in (LVBP, LVMYO, RVBP, LABP, RABP)}


@pytest.mark.parametrize("moment", ["end-diastole", "end-systole"])
@pytest.mark.parametrize("number", [0, 7])
def test_surfaces_hold_the_true_volumes(hearts: list[Heart], number: int, moment: str) -> None:
    heart, truth = hearts[number], hearts[number].phenotypes()
    systole = moment == "end-systole"
    found = voxel_volumes_ml(heart, heart.cycle.end_systole + 0.3 * RELAXATION_S if systole else 0.0)
    expected = {
        LVBP: truth["LVESV" if systole else "LVEDV"],
        LVMYO: truth["LVM"] / 1.05,
        RVBP: truth["RVESV" if systole else "RVEDV"],
        LABP: truth["LAV max" if systole else "LAV min"],
        RABP: truth["RAV max" if systole else "RAV min"],
    }
    for name, volume in expected.items():
        assert found[name] == pytest.approx(volume, rel=0.02), name


def test_an_infarct_changes_the_shape_and_no_volume(hearts: list[Heart]) -> None:
    scarred = dataclasses.replace(hearts[0], infarct_size=0.3, infarct_angle=1.0)
    found = voxel_volumes_ml(scarred, scarred.cycle.end_systole)
    assert found[LVBP] == pytest.approx(scarred.lvedv - scarred.lvsv, rel=0.02)
    assert found[LVMYO] == pytest.approx(scarred.mass_g / 1.05, rel=0.02)


def test_half_and_whole_ellipsoid() -> None:
    a, c = np.array([20.0]), np.array([50.0])
    sphere = 4 / 3 * np.pi * 20**2 * 50 / 1000
    assert cut_ellipsoid_ml(a, c, c) == pytest.approx(sphere)
    assert cut_ellipsoid_ml(a, c, 0 * c) == pytest.approx(sphere / 2)


def test_the_wall_thickens_and_the_base_descends(hearts: list[Heart]) -> None:
    for heart in hearts:
        shape = heart.shape(np.array([0.0, heart.cycle.end_systole]))
        wall = shape.outer_a - shape.a
        assert wall[0] == pytest.approx(heart.wall, abs=1e-4)
        assert wall[1] > 1.15 * wall[0]
        assert shape.base[0] == 0
        assert 3 < shape.base[1] < 22
        assert (shape.outer_a > shape.a * (1 + shape.infarct)).all()


def test_the_deformation_keeps_volumes(hearts: list[Heart]) -> None:
    for heart in hearts:
        assert np.linalg.det(deform(np.eye(3), heart)) == pytest.approx(1)


@pytest.mark.parametrize("rate", [42, 65, 105])
def test_the_cycle_empties_once_and_closes(rate: float) -> None:
    cycle = Cycle.of(rate, 60)
    time = np.linspace(0, cycle.period, 400)
    for curve in (cycle.ejected(time), cycle.atrial(time)):
        assert curve[0] == 0
        assert curve[-1] == pytest.approx(0, abs=1e-9)
        assert curve.max() == pytest.approx(1, abs=1e-3)
        assert np.abs(np.diff(curve)).max() < 0.06


def test_a_faster_heart_spends_more_of_its_cycle_in_systole() -> None:
    shares = [Cycle.of(rate, 60).end_systole * rate / 60 for rate in (45, 60, 75, 90)]
    assert (np.diff(shares) > 0.03).all()


def test_phenotypes_lie_in_adult_ranges(hearts: list[Heart]) -> None:
    ranges = {"LVEDV": (65, 280), "LVEF": (25, 78), "LVM": (40, 250), "RVEDV": (65, 340), "LAV max": (30, 150)}
    for heart in hearts:
        truth = heart.phenotypes()
        for name, (low, high) in ranges.items():
            assert low <= truth[name] <= high
        assert truth["LVEDV"] - truth["LVESV"] == pytest.approx(truth["LVSV"])
        assert len(truth) == 18
