"""Harder stacks than the phantom's: the weights on hearts whose shapes and signals they did not learn on.

`python -m pytest tests/contouring/test_stacks.py -m benchmark -s` prints the numbers of the guide.
"""

from pathlib import Path

import numpy as np
import pytest

from contouring.hearts import dice
from contouring.stacks import stack
from vita.contouring.anatomy import GREAT_VESSEL, THIN_WALL
from vita.contouring.drawing import draw_view
from vita.contouring.network import load
from vita.contouring.sections import is_drawn, without_left_ventricle
from vita.contouring.worlds import USUAL, WIDE, WORLDS, World
from vita.images.geometry import canonical
from vita.images.layout import LVBP, LVMYO, RVBP

NAMES = (LVBP, LVMYO, RVBP)


def measured(folder: Path, count: int, world: World = WIDE) -> tuple[np.ndarray, np.ndarray]:
    """Dice (heart, frame, structure), and LV volumes (heart, drawn and true, frame) in ml."""
    network, scores, volumes = load(), [], []
    for number in range(count):
        own = stack(number, folder / str(number), world)
        drawn = draw_view(network, own.image).classes_tsyx
        scores.append([[dice(drawn[t], own.classes_tsyx[t], name) for name in NAMES] for t in (0, 1)])
        volumes.append([own.ml(drawn, LVBP), own.ml(own.classes_tsyx, LVBP)])
    return np.array(scores), np.array(volumes)


def test_harder_hearts_are_drawn(tmp_path):
    scores, _ = measured(tmp_path, 4)
    end_diastole, end_systole = scores.mean(axis=0)
    assert end_diastole[0] > 0.75, scores
    assert end_systole[0] > 0.7, scores


@pytest.mark.parametrize("number", [100, 101])
def test_classes_lie_on_the_tissue_that_they_name(tmp_path, number):
    """The first of these scans is turned when it is read, the second is not."""
    own = stack(number, tmp_path, USUAL)
    shown = canonical(own.image.stored_tzyx, own.image.orientation)
    blood, muscle = (np.median(shown[own.classes_tsyx == name]) for name in (LVBP, LVMYO))
    assert blood > 1.5 * muscle
    assert own.image.orientation.axes == ((2, 0, 1) if number == 100 else (2, 1, 0))


@pytest.mark.benchmark
@pytest.mark.parametrize("world", WORLDS)
def test_numbers_of_the_guide(tmp_path, world):
    scores, volumes = measured(tmp_path, 24, WORLDS[world])
    error = 100 * (volumes[:, 0] / volumes[:, 1] - 1)
    fractions = 100 * (1 - volumes[..., 1] / volumes[..., 0])
    print(f"\n{world}: Dice (ED, ES) of LV, wall, RV", scores.mean(axis=0).round(3))
    print("LV volume, % (ED, ES)", error.mean(axis=0).round(1), "absolute", np.abs(error).mean(axis=0).round(1))
    print("EF, points", (fractions[:, 0] - fractions[:, 1]).mean().round(1))
    assert scores[..., 0].mean() > 0.8


def test_a_ring_of_muscle_is_a_ventricle_and_a_quarter_of_one_is_not():
    row, column = np.indices((40, 40)) - 19.5
    from_middle = np.hypot(row, column)
    ring = np.where(from_middle < 8, LVBP, np.where(from_middle < 12, LVMYO, 0)).astype(np.uint8)
    assert is_drawn(ring)
    quarter = np.where((ring == LVMYO) & ((row > 0) | (column > 0)), 0, ring)
    assert not is_drawn(quarter)
    assert set(np.unique(without_left_ventricle(quarter))) == {0, GREAT_VESSEL, THIN_WALL}
