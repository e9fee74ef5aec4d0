import itertools

import nibabel
import numpy as np
import pytest

from images import scans
from shared import SHARED, needs_shared
from vita.images.geometry import APEX, canonical, orient, same_place
from vita.images.header import parse_header, read_header

SHAPE = (14, 12, 9)
VIEWS = ("sa", "la_2ch", "la_3ch", "la_4ch")


def stored(values: np.ndarray, matrix: np.ndarray, axes: tuple[int, ...], flips: tuple[bool, ...]):
    """The same image, stored with its axes in another order and direction."""
    turn = np.zeros((4, 4))
    turn[3, 3] = 1
    for new, (old, flip) in enumerate(zip(axes, flips, strict=True)):
        turn[old, new] = -1 if flip else 1
        turn[old, 3] = values.shape[old] - 1 if flip else 0
    result = values.transpose(*axes, 3)
    result = result[tuple(slice(None, None, -1 if flip else 1) for flip in flips)]
    return result, matrix @ turn


def header_of(values: np.ndarray, matrix: np.ndarray):
    image = nibabel.Nifti1Image(values, matrix)
    return parse_header(image.header.binaryblock + bytes(4))


@pytest.mark.parametrize("view", VIEWS)
def test_every_way_of_storing_gives_one_image(view):
    shape = SHAPE if view == "sa" else (14, 12, 1)
    matrix, image, _ = scans.heart(view, shape, 2)
    reference = None
    for axes in itertools.permutations(range(3)):
        for flips in itertools.product((False, True), repeat=3):
            values, turned = stored(image, matrix, axes, flips)
            orientation = orient(header_of(values, turned), view)
            result = canonical(values.transpose(3, 2, 1, 0), orientation)
            if reference is None:
                reference = result, orientation
            np.testing.assert_array_equal(result, reference[0])
            if view == "sa":  # for one slice, the normal's sign follows the file
                np.testing.assert_allclose(orientation.affine, reference[1].affine, atol=1e-4)
            assert orientation.shape == result.shape[1:]


@pytest.mark.parametrize("view", VIEWS)
def test_the_affine_says_where_each_voxel_is(view):
    shape = SHAPE if view == "sa" else (14, 12, 1)
    matrix = scans.planes(view, shape)
    place = scans.positions(matrix, shape).astype(np.float32)
    orientation = orient(header_of(place[..., :1], matrix), view)
    x_tsyx = canonical(place[..., :1].transpose(3, 2, 1, 0), orientation)
    for index in [(0, 0, 0), (0, 3, 7), (shape[2] - 1, 11, 2)]:
        expected = (orientation.affine @ [*index, 1])[0]
        assert x_tsyx[(0, *index)] == pytest.approx(expected, abs=1e-3)


def test_slices_run_from_base_to_apex():
    for sign in (1, -1):
        matrix = scans.affine(scans.frame(sign * scans.APEX), (3, 3, 8), SHAPE)
        orientation = orient(header_of(np.zeros((*SHAPE, 1), np.int16), matrix), "sa")
        assert orientation.slice_direction @ scans.APEX > 0


def test_long_axis_images_decide_where_the_stack_does_not():
    across = np.cross(APEX, [0, 0, 1.0])
    for sign in (1, -1):
        matrix = scans.affine(scans.frame(sign * across), (3, 3, 8), SHAPE)
        header = header_of(np.zeros((*SHAPE, 1), np.int16), matrix)
        base = scans.CENTRE + 20 * across
        assert orient(header, "sa", [base]).slice_direction @ across < 0


def test_same_place_sees_a_shift():
    matrix = scans.planes("sa", SHAPE)
    values = np.zeros((*SHAPE, 1), np.int16)
    moved = matrix.copy()
    moved[0, 3] += 5
    first, second = (orient(header_of(values, m), "sa") for m in (matrix, moved))
    assert same_place(first, first, 0.01)
    assert not same_place(first, second, 1)


@needs_shared
@pytest.mark.parametrize("heart", ["biv-me_patient1", "sunnybrook_SC-HF-I-1"])
def test_real_stacks_end_at_the_apex(heart):
    """The LV, labelled 1 or 2, is smaller in the last slice than in the first that shows it."""
    folder = SHARED / "data/real" / heart
    mask = nibabel.load(next(folder.glob("seg_sa*.nii.gz")))
    orientation = orient(read_header(folder / "sa.nii.gz"), "sa")
    labels = canonical(np.asarray(mask.dataobj).transpose(3, 2, 1, 0), orientation)
    areas = np.isin(labels, (1, 2)).sum(axis=(2, 3)).max(axis=0)
    seen = areas[areas > 0]
    assert seen[-1] < 0.6 * seen[0]
