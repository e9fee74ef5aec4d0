"""Geometry that a file says wrongly or not at all: converted, used as it stands with a note, or refused."""

import nibabel
import numpy as np
import pytest

import filled
from images import scans
from vita.images.geometry import orient
from vita.images.header import ScanError, read_header
from vita.images.participant import read_participant

SHAPE = (12, 10, 7)
SETTINGS = filled.images(**{"frames": 4, "size": 8, "required_views": ["sa"]})


@pytest.fixture
def image():
    values = np.random.default_rng(0).integers(0, 900, (*SHAPE, 4)).astype(np.int16)
    found = nibabel.Nifti1Image(values, scans.planes("sa", SHAPE))
    found.header.set_xyzt_units("mm", "sec")
    found.header["pixdim"][4] = 0.2
    return found


def saved(image, tmp_path):
    nibabel.save(image, tmp_path / "sa.nii.gz")
    return tmp_path / "sa.nii.gz"


def record_of(path):
    row = {"eid": 1, "view": "sa", "path": str(path), "usable": True, "reason": None}
    return read_participant([row | {"seg_path": None, "seg4_path": None}], SETTINGS).record


def scaled(image, factor, unit):
    matrix = np.diag([factor, factor, factor, 1.0]) @ image.affine
    found = nibabel.Nifti1Image(np.asarray(image.dataobj), matrix)
    found.header.set_xyzt_units(unit, "sec")
    return found


@pytest.mark.parametrize(
    ("factor", "unit", "noted"),
    [(1e-3, "meter", 0), (1e3, "micron", 0), (1, "meter", 1), (1e-3, "mm", 1), (1, "unknown", 0)],
)
def test_units_of_length(image, tmp_path, factor, unit, noted):
    header = read_header(saved(scaled(image, factor, unit), tmp_path))
    np.testing.assert_allclose(header.affine, image.affine, rtol=1e-4, atol=1e-3)
    assert len(header.notes) == noted


def test_an_identity_sform_does_not_hide_the_pixels_of_pixdim(image, tmp_path):
    image.header.set_sform(np.eye(4), 1)
    image.header["qform_code"] = 0
    path = tmp_path / "sa.nii.gz"
    write_raw(image, path)
    header = read_header(path)
    assert orient(header, "sa").spacing_mm == pytest.approx((8, 3, 3), rel=1e-4)
    assert not header.oriented
    assert "not those of pixdim" in header.notes[0]
    broken = {row["rule"] for row in record_of(path)["quality"] if row["broken"]}
    assert "no_place" in broken


def write_raw(image, path):
    """Write header and voxels as they stand; saving by nibabel brings the header in line with the affine."""
    import gzip

    header = image.header.copy()
    header["vox_offset"], header["magic"] = 352, b"n+1"
    path.write_bytes(gzip.compress(header.binaryblock + bytes(4) + np.asarray(image.dataobj).tobytes(order="F")))


def test_the_qform_stands_in_for_an_sform_of_other_pixels(image, tmp_path):
    image.header.set_qform(image.affine, 1)
    image.header.set_sform(np.eye(4), 2)
    write_raw(image, tmp_path / "sa.nii.gz")
    header = read_header(tmp_path / "sa.nii.gz")
    np.testing.assert_allclose(header.affine, scans.planes("sa", SHAPE), atol=1e-3)
    assert header.oriented


def test_two_affines_that_disagree_are_noted(image, tmp_path):
    moved = image.affine.copy()
    moved[:3, 3] += [3, 4, 0]
    image.header.set_qform(moved, 1)
    image.header.set_sform(image.affine, 1)
    write_raw(image, tmp_path / "sa.nii.gz")
    assert read_header(tmp_path / "sa.nii.gz").forms_apart_mm == pytest.approx(5, abs=0.01)
    broken = {row["rule"] for row in record_of(tmp_path / "sa.nii.gz")["quality"] if row["broken"]}
    assert "forms_apart_mm" in broken
    assert "no_place" not in broken


def test_without_codes_nothing_is_known_about_the_place(image, tmp_path):
    image.header["sform_code"] = image.header["qform_code"] = 0
    write_raw(image, tmp_path / "sa.nii.gz")
    assert "no_place" in {row["rule"] for row in record_of(tmp_path / "sa.nii.gz")["quality"] if row["broken"]}


def test_slices_aslant_above_each_other_are_as_far_apart_as_along_their_normal(image, tmp_path):
    slanted = image.affine.copy()
    slanted[:3, 2] += 0.5 * slanted[:3, 0]
    path = saved(nibabel.Nifti1Image(np.asarray(image.dataobj), slanted), tmp_path)
    assert orient(read_header(path), "sa").spacing_mm[0] == pytest.approx(8, rel=1e-5)


@pytest.mark.parametrize("value", [1e300, -1e300, 1e31])
def test_values_that_no_signal_has(image, tmp_path, value):
    values = np.asarray(image.dataobj).astype(np.float64)
    values[6, 5, 2] = value
    scans.write(tmp_path / "sa.nii.gz", values, image.affine)
    with pytest.raises(ScanError, match="larger than any signal"):
        record_of(tmp_path / "sa.nii.gz")


def test_a_stack_as_long_as_a_cycle_is_noted(image, tmp_path):
    """32 slices of 8 mm are 256 mm, which no heart is: slices and frames may have been exchanged."""
    for count, notes in ((31, 0), (32, 1)):
        values = np.random.default_rng(0).integers(0, 900, (*SHAPE[:2], count, 4)).astype(np.int16)
        path = saved(nibabel.Nifti1Image(values, image.affine), tmp_path)
        found = [note for note in record_of(path)["notes"] if "may be frames" in note]
        assert found == ["sa: the stack of 32 slices is 256 mm long; they may be frames"] * notes


@pytest.mark.parametrize(
    ("factor", "shift", "words"),
    [(1e4, 0, "voxels of"), (1e-6, 0, "not invertible"), (1, 1e6, "begins"), (1, 9e4, None)],
)
def test_places_that_no_scanner_gives(image, tmp_path, factor, shift, words):
    """Pixels of 30 m or 3 nanometres, and a corner a kilometre away, are damaged headers."""
    matrix = np.diag([factor, factor, factor, 1.0]) @ image.affine
    matrix[0, 3] += shift
    path = saved(nibabel.Nifti1Image(np.asarray(image.dataobj), matrix), tmp_path)
    if words is None:
        assert read_header(path).affine[0, 3] > 8e4
        return
    with pytest.raises(ScanError, match=f"^the affine in the NIfTI header .*{words}"):
        read_header(path)
