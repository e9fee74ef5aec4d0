"""Scores of masks by hand, and what is kept of what the network draws."""

import numpy as np
import pytest
import torch

from vita.contouring import quality
from vita.contouring.drawing import largest_parts, tidy
from vita.images.layout import LVBP, LVMYO, RABP, RVBP


def test_a_smooth_cycle_scores_high_and_one_jump_lowers_it():
    cycle = 100 + 40 * np.cos(2 * np.pi * np.arange(25) / 25)
    jumped = cycle.copy()
    jumped[10] -= 40
    # the largest bend of a cosine is amplitude times squared step; of a jump, about twice the jump
    assert quality.smoothness(cycle) == pytest.approx(1 - 40 * (2 * np.pi / 25) ** 2 / 140, abs=0.001)
    assert quality.smoothness(jumped) < 0.5
    assert quality.smoothness(np.full(10, 70.0)) == 1
    assert quality.smoothness(np.array([70.0])) == 1  # a single frame cannot jump
    assert quality.smoothness(np.zeros(10)) == 0


def test_sizes_are_volumes_of_stacks_and_areas_of_planes():
    classes = np.zeros((2, 3, 10, 10), np.uint8)
    classes[0, :, :5, :4] = LVBP
    assert quality.sizes(classes, (10, 2, 2), "sa").tolist() == [60 * 40 / 1000, 0]
    assert quality.sizes(classes[:, :1], (10, 2, 2), "la_4ch").tolist() == [20 * 4 / 100, 0]


def test_hearts_of_impossible_size_are_told():
    classes = np.zeros((1, 10, 40, 40), np.uint8)
    classes[:, :, 10:30, 10:30] = LVMYO
    classes[:, :, 13:27, 13:27] = LVBP
    classes[:, :, 13:27, 31:38] = RVBP
    everything = (LVBP, LVMYO, RVBP)
    assert quality.impossible(classes, (10, 2, 2), "sa", everything) == []  # 78 ml in 82 ml of wall
    assert quality.impossible(classes, (10, 1, 1), "sa", everything) == [LVBP, LVMYO, RVBP]
    assert quality.impossible(classes, (10, 1, 1), "sa", (LVBP,)) == [LVBP]
    assert quality.Scores(agreement=0.9, smoothness=0.8, plausible=0.0).score == 0


def test_agreement_is_high_for_what_turns_with_the_image_and_low_for_what_does_not():
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    image = ((rows - 22) ** 2 + (columns - 40) ** 2 < 100).float()[None]
    assert quality.agreement(lambda seen: (seen > 0.5).long(), image) > 0.9
    fixed = (image > 0.5).long()
    assert quality.agreement(lambda seen: fixed, image) < 0.8
    assert quality.agreement(lambda seen: torch.zeros_like(seen).long(), image) == 0


def test_loose_parts_go_and_the_cavity_is_filled():
    classes = np.zeros((2, 3, 20, 20), np.uint8)
    classes[:, :, 4:14, 4:14] = LVMYO
    classes[:, :, 6:12, 6:12] = LVBP
    classes[0, 1, 8:10, 8:10] = 0  # a papillary muscle
    classes[1, 2, 17:19, 17:19] = LVBP  # apart from the heart
    classes[1, 0, 4, 14] = RVBP
    classes[1, 2, 8:12, 14:17] = RVBP
    kept = tidy(classes)
    assert (kept[0, 1, 8:10, 8:10] == LVBP).all()
    assert (kept[1, 2, 17:19, 17:19] == 0).all()
    assert kept[1, 0, 4, 14] == 0  # the smaller part of the RV
    assert (kept[1, 2, 8:12, 14:17] == RVBP).all()
    assert classes[1, 0, 4, 14] == RVBP


@pytest.mark.parametrize(("gap", "kept"), [(1, True), (2, True), (3, False)])
def test_an_atrium_belongs_to_the_heart_across_a_thin_wall(gap, kept):
    classes = np.zeros((1, 1, 20, 20), np.uint8)
    classes[..., 2:8, 2:12] = RVBP
    classes[..., 8 + gap : 12 + gap, 2:8] = RABP
    expected = classes if kept else np.where(classes == RVBP, classes, 0)
    assert np.array_equal(tidy(classes), expected)


def test_both_sides_of_a_wall_without_an_apex_are_kept_and_muscle_in_the_cavity_is_cavity():
    classes = np.zeros((1, 1, 20, 20), np.uint8)
    classes[..., 2:14, 4:14] = LVBP
    classes[..., 2:14, 2:4] = classes[..., 2:14, 14:16] = LVMYO
    classes[..., 17, 2:5] = LVMYO  # apart from both
    classes[..., 6:8, 8:10] = LVMYO
    kept = tidy(classes)[0, 0]
    assert (kept[2:14, 2:4] == LVMYO).all()
    assert (kept[2:14, 14:16] == LVMYO).all()
    assert not kept[17].any()
    assert (kept[6:8, 8:10] == LVBP).all()


def test_the_largest_part_is_taken_frame_by_frame():
    mask = np.zeros((3, 1, 6, 6), bool)
    mask[0, 0, 0, :2] = mask[0, 0, 4, :3] = True
    mask[1, 0, 0, :2] = True
    parts = largest_parts(mask)
    assert parts[0].sum() == 3
    assert parts[1].sum() == 2
    assert not parts[2].any()
