"""Passes of the segmenter, and the way back to the scan's own voxels."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from images import scans
from vita.apply.segmenting import ViewMask, frame_sets, slice_sets
from vita.images.crop import choose_slices, cut_mask, place
from vita.images.geometry import canonical, orient
from vita.images.nifti import read_volume
from vita.images.view import Image, as_stored
from vita.models.settings import SAMPLINGS, Sampling


@given(st.integers(6, 30))
def test_every_slice_is_segmented_and_the_first_pass_is_the_trainings(slices: int) -> None:
    chosen = choose_slices(0, slices - 1)
    sets = slice_sets(chosen, slices)
    assert sets[0] == chosen
    assert {number for one in sets for number in one} == set(range(slices))
    assert all(one == sorted(one) for one in sets)


@given(st.integers(5, 60), st.sampled_from(SAMPLINGS))
def test_every_frame_is_segmented_and_the_first_pass_begins_with_end_diastole(
    available: int, sampling: Sampling
) -> None:
    sets = frame_sets(available, 5, sampling)
    assert sets[0][0] == 0
    assert {frame for one in sets for frame in one} == set(range(available))
    assert all(len(set(one)) == 5 for one in sets)


@pytest.mark.parametrize("view", ["sa", "la_2ch", "la_3ch", "la_4ch"])
@pytest.mark.parametrize(("size", "resample"), [(60, None), (16, None), (64, 2.0)], ids=["larger", "smaller", "finer"])
def test_a_mask_comes_back_to_its_voxels(view: str, size: int, resample: float | None, tmp_path: Path) -> None:
    scans.write_participant(tmp_path)
    header, stored = read_volume(tmp_path / f"{view}.nii.gz", planar=view != "sa")
    image = Image(view, header, stored, orient(header, view))
    truth = (canonical(stored, image.orientation) > 400).astype(np.uint8)
    crop = place(truth.shape[2:], image.orientation.spacing_mm[1:], size, resample)
    cut = np.stack([cut_mask(truth[:, number], crop) for number in range(truth.shape[1])], axis=1)
    whole = ViewMask(cut, crop, (8.0, 3.0, 3.0)).whole(truth.shape[0])
    back = as_stored(whole, image)[1]
    expected = stored > 400
    assert back.shape == stored.shape
    inside = as_stored(ViewMask(np.ones_like(cut), crop, (8.0, 3.0, 3.0)).whole(truth.shape[0]), image)[1] == 1
    assert (back[inside] == expected[inside]).mean() > 0.995
    assert not back[~inside].any()
    assert inside.all() == (size != 16)
