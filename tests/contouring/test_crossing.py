"""Where planes cross in the scanner, by hand; what views tell each other there; and drawings that do not agree.

The short axis lies in z = 0, with columns along x and rows along y; the long axis in y = 5, with columns along x and
rows along -z. Both have pixels of 2 mm, and their middle in the scanner's.
"""

from dataclasses import fields
from functools import partial

import numpy as np
import pytest
import torch

from vita.contouring.agreement import agreed, folded, unfolded
from vita.contouring.crossing import Places, crossing, half_mm, plane, positions, within
from vita.contouring.own_pictures import OwnPictures
from vita.contouring.pictures import CLASSES, GRID
from vita.contouring.teaching import targets
from vita.images.crop import Crop
from vita.images.geometry import Orientation
from vita.images.layout import LABP, LVBP, LVMYO, RVBP, VIEWS
from vita.mask_classes import NOT_ANNOTATED

SA, TWO_CHAMBER, FOUR_CHAMBER = (VIEWS.index(name) for name in ("sa", "la_2ch", "la_4ch"))
SHORT = [[0, 0, 2, -95], [0, 2, 0, -95], [1, 0, 0, 0], [0, 0, 0, 1]]
LONG = [[0, 0, 2, -95], [-1, 0, 0, 5], [0, -2, 0, 95], [0, 0, 0, 1]]
ROWS = [49, 50, 51]  # of the short axis, at y = 3, 5 and 7 mm: within 3 mm of the long axis
ROW = 47.5  # of the long axis, at z = 0


def places(*affines, people=None, phases=None, frames=0.02, half=3.0, placed=None):
    count = len(affines)
    return Places(
        torch.tensor(people or [0] * count),
        torch.tensor(phases or [0.0] * count),
        torch.full((count,), frames),
        torch.tensor(affines, dtype=torch.float64),
        torch.full((count,), half),
        torch.tensor(placed or [True] * count),
    )


def test_pixels_near_the_line_and_where_they_lie_in_the_other_view():
    at, along = positions(places(SHORT), places(LONG))
    assert at[0, 50, 10].tolist() == pytest.approx([0, ROW, 10])
    assert at[0, 49, 10].tolist() == pytest.approx([2, ROW, 10])  # y = 3, the normal runs along -y
    assert along[0].tolist() == pytest.approx([0, 0, 0.5])  # a mm along x is half a column
    near = within(at, torch.tensor([3.0]))
    assert torch.nonzero(near[0].any(dim=1))[:, 0].tolist() == ROWS
    assert near[0, ROWS].all()
    back, _ = positions(places(LONG), places(SHORT))
    assert back[0, 48, 10].tolist() == pytest.approx([-1, 50, 10])  # z = -1 mm
    assert torch.nonzero(within(back, torch.tensor([4.0]))[0].any(dim=1))[:, 0].tolist() == [46, 47, 48, 49]


def test_pixels_beyond_the_other_picture_are_not_seen_there():
    """A long axis moved by 20 mm along x: its last column lies at 115 mm, its first at -75 mm, which is column 10."""
    moved = [[*row[:3], row[3] + 20 * (axis == 0)] for axis, row in enumerate(LONG)]
    at, _ = positions(places(SHORT), places(moved))
    near = within(at, torch.tensor([3.0]))
    assert torch.nonzero(near[0].any(dim=0))[:, 0].tolist() == list(range(10, GRID))


def test_the_place_of_a_square_by_hand():
    """Slice 3 of a stack with steps of 10 mm and pixels of 1.5 mm; the square begins at row -2 and column 4."""
    affine = np.array([[0, 0, 1.5, 1], [0, 1.5, 0, 2], [10, 0, 0, 3], [0, 0, 0, 1]])
    orientation = Orientation((2, 1, 0), (False,) * 3, (10.0, 1.5, 1.5), affine, (12, 80, 80))
    found = plane(orientation, Crop((-2.0, 4.0), (2 / 1.5, 2 / 1.5), GRID, (80, 80)), 3)
    expected = [[0, 0, 2, 7], [0, 2, 0, -1], [-1, 0, 0, 33], [0, 0, 0, 1]]
    assert found == pytest.approx(np.array(expected))
    assert half_mm(orientation) == 4  # the gap of 2 mm is not seen


def test_only_views_of_one_person_and_moment_cross():
    """The first picture crosses the second alone: others are parallel, of somebody else, of another moment, or lie
    nowhere. Phases 0.99 and 0.005 are 0.015 apart, less than a frame of a fiftieth of the cycle.
    """
    own = places(
        *(SHORT, LONG, SHORT, LONG, LONG, LONG),
        people=[0, 0, 0, 1, 0, 0],
        phases=[0.005, 0.99, 0.005, 0.005, 0.5, 0.005],
        placed=[True] * 5 + [False],
    )
    one, other = crossing(own, torch.tensor([2, 0]))
    assert list(zip(one.tolist(), other.tolist(), strict=True)) == [(0, 1), (1, 1)]
    none, _ = crossing(own, torch.tensor([3, 5]))
    assert not len(none)


def shares(**classes):
    """Probabilities of one picture: background, but for places (rows, columns) of a class."""
    result = torch.zeros(1, CLASSES, GRID, GRID)
    for name, where in classes.items():
        result[(0, {"lv": LVBP, "wall": LVMYO, "rv": RVBP, "atrium": LABP}[name], *where)] = 1
    result[:, 0] = 1 - result.sum(dim=1)
    return result


def two(view=FOUR_CHAMBER):
    """A short-axis and a long-axis picture."""
    nothing = torch.full((2, GRID, GRID), NOT_ANNOTATED, dtype=torch.uint8)
    known = torch.zeros(2, CLASSES, dtype=torch.bool)
    known[:, 0] = True
    return OwnPictures(
        torch.zeros(2, 3, GRID, GRID).half(), torch.tensor([SA, view]), nothing, known, places(SHORT, LONG)
    )


def asked(mine, theirs, how="mask", view=FOUR_CHAMBER):
    return agreed(mine, torch.tensor([0]), two(view), lambda part: theirs.expand(len(part), -1, -1, -1), how)


BLOCK = slice(30, 60)


def test_drawings_that_agree_lose_nothing():
    drawn, kept = asked(shares(lv=(slice(40, 60), BLOCK)), shares(lv=(slice(20, 80), BLOCK)))
    assert kept.all()
    assert torch.equal(drawn, shares(lv=(slice(40, 60), BLOCK)))


def test_pixels_on_the_line_that_are_drawn_differently_are_lost():
    """The long axis has wall where the short axis has cavity: all pixels of the block within 3 mm, and no others."""
    _, kept = asked(shares(lv=(slice(40, 60), BLOCK)), shares(wall=(slice(20, 80), BLOCK)))
    expected = torch.ones(1, GRID, GRID, dtype=torch.bool)
    expected[0, 49:52, BLOCK] = False
    assert torch.equal(kept, expected)


@pytest.mark.parametrize("columns", [-4, -1, 2])
def test_a_shift_of_a_breath_hold_is_found(columns):
    """Up to 8 mm along the line, 4 columns, cost nothing."""
    block = slice(30 + columns, 60 + columns)
    _, kept = asked(shares(lv=(slice(40, 60), BLOCK)), shares(lv=(slice(20, 80), block)))
    assert kept.all()


def test_a_shift_that_is_too_far_costs_what_sticks_out():
    """Of 12 mm, 6 columns, 8 mm are found, so that 2 columns stick out on each side."""
    _, kept = asked(shares(lv=(slice(40, 60), BLOCK)), shares(lv=(slice(20, 80), slice(36, 66))))
    assert torch.nonzero(~kept[0].all(dim=0))[:, 0].tolist() == [30, 31, 60, 61]


@pytest.mark.parametrize(("view", "lost"), [(TWO_CHAMBER, 0), (FOUR_CHAMBER, 3 * 30)])
def test_what_only_one_view_has_is_no_disagreement(view, lost):
    """A 2-chamber view is not drawn with an RV, so that background there says nothing about it; nor does an atrium."""
    _, kept = asked(shares(rv=(slice(40, 60), BLOCK)), shares(), view=view)
    assert int((~kept).sum()) == lost
    _, kept = asked(shares(), shares(atrium=(slice(20, 80), BLOCK)), view=view)
    assert kept.all()


def test_means_by_hand():
    """On the line 0.9 and 0.5 of cavity give 0.7; beside it 0.9 stays."""
    mine, theirs = torch.zeros(1, CLASSES, GRID, GRID), torch.zeros(1, CLASSES, GRID, GRID)
    mine[:, LVBP], mine[:, 0], theirs[:, LVBP], theirs[:, 0] = 0.9, 0.1, 0.5, 0.5
    drawn, kept = asked(mine, theirs, "mean")
    assert kept.all()
    assert drawn[0, LVBP, 48:53, 40].tolist() == pytest.approx([0.9, 0.7, 0.7, 0.7, 0.9], abs=1e-5)
    assert torch.allclose(drawn.sum(dim=1), torch.ones(1, GRID, GRID))


def test_classes_that_the_other_view_lacks_share_its_background():
    """Short axis 0.6 LV, 0.3 RV, 0.1 background; a 2-chamber view says 0.4 LV and so 0.6 of the rest: 0.45 and 0.15."""
    mine, told = torch.zeros(1, CLASSES, 1, 1), torch.zeros(1, CLASSES, 1, 1)
    mine[0, [LVBP, RVBP, 0]] = torch.tensor([0.6, 0.3, 0.1])[:, None, None]
    told[0, [LVBP, 0]] = torch.tensor([0.4, 0.6])[:, None, None]
    shared = torch.zeros(1, CLASSES, dtype=torch.bool)
    shared[0, [LVBP, LVMYO]] = True
    assert folded(mine, shared)[0, [0, LVBP, RVBP], 0, 0].tolist() == pytest.approx([0.4, 0.6, 0])
    assert unfolded(told, mine, shared)[0, [LVBP, RVBP, 0], 0, 0].tolist() == pytest.approx([0.4, 0.45, 0.15], abs=1e-5)


def test_a_missing_view_leaves_the_others_as_they_are():
    own = two()
    alone = OwnPictures(
        own.images_nfhw[:1],
        *(getattr(own, each.name)[:1] for each in fields(own)[1:-1]),
        own.places.part(torch.tensor([0])),
    )
    mine = shares(lv=(slice(40, 60), BLOCK))
    drawn, kept = agreed(mine, torch.tensor([0]), alone, lambda part: pytest.fail("nobody to ask"), "mask")
    assert torch.equal(drawn, mine)
    assert kept.all()


class Dark(torch.nn.Module):
    """Cavity on every picture, with a probability of almost 1."""

    known = (LVBP, LVMYO, RVBP)

    def forward(self, images, views):
        logits = torch.zeros(len(images), CLASSES, *images.shape[1:])
        logits[:, LVBP] = 20
        return logits


def test_a_teacher_at_odds_with_itself_teaches_nothing_there_but_masks_stay():
    """It draws cavity everywhere; the long axis is said to show wall. A mask of a pixel on the line is learnt from."""
    own = two()
    own.masks_nhw[0, 50, 40] = LVBP
    others = shares(wall=(slice(0, GRID), slice(0, GRID))).expand(1, -1, -1, -1)
    ask = partial(agreed, chosen=torch.tensor([0]), own=own, draw=lambda part: others, how="mask")
    part = own.part(torch.tensor([0]))
    _, before = targets(Dark(), part, 0.9)
    _, after = targets(Dark(), part, 0.9, agree=ask)
    lost = (before > after)[0]
    inner = lost[:, 20:76]  # corners are not drawn on the turned picture
    assert torch.nonzero(inner.any(dim=1))[:, 0].tolist() == ROWS
    assert int(inner[ROWS].sum()) == 3 * 56 - 1
    assert after[0, 50, 40] == 1
