import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest

from images import scans
from vita.images.header import ScanError, read_header
from vita.images.nifti import read_volume


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(0).integers(-500, 2000, (12, 10, 7, 5)).astype(np.int16)


@pytest.fixture
def path(tmp_path: Path, values: np.ndarray) -> Path:
    scans.write(tmp_path / "sa.nii.gz", values, scans.planes("sa", values.shape[:3]), 0.04)
    return tmp_path / "sa.nii.gz"


def test_reads_what_nibabel_reads(path, values):
    header, voxels = read_volume(path)
    image = nibabel.load(path)
    np.testing.assert_array_equal(voxels, np.asarray(image.dataobj).transpose(3, 2, 1, 0))
    np.testing.assert_allclose(header.affine, image.affine)
    assert header.shape_xyzt == values.shape
    assert header.frame_s == pytest.approx(0.04)
    assert header.oriented


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_number_types(tmp_path, values, kind):
    scans.write(tmp_path / "a.nii.gz", np.abs(values).astype(kind), np.eye(4))
    _, voxels = read_volume(tmp_path / "a.nii.gz")
    assert voxels.dtype == kind
    np.testing.assert_array_equal(voxels.T, np.abs(values).astype(kind))


def test_big_endian_nifti2_and_plain(tmp_path, values):
    swapped = nibabel.Nifti1Image(values, np.eye(4), nibabel.Nifti1Header(endianness=">"))
    nibabel.save(swapped, tmp_path / "big.nii.gz")
    nibabel.save(nibabel.Nifti2Image(values, np.eye(4)), tmp_path / "two.nii.gz")
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "plain.nii")
    for name in ("big.nii.gz", "two.nii.gz", "plain.nii"):
        np.testing.assert_array_equal(read_volume(tmp_path / name)[1].T, values)


def test_gzip_in_several_members(path, values):
    plain = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(plain[:900]) + gzip.compress(plain[900:4000]) + gzip.compress(plain[4000:]))
    np.testing.assert_array_equal(read_volume(path)[1].T, values)


@pytest.mark.parametrize(
    ("shape", "planar", "expected"),
    [
        ((6, 5, 7), True, (6, 5, 1, 7)),
        ((6, 5, 7), False, (6, 5, 7, 1)),
        ((6, 5, 4, 1, 7), False, (6, 5, 4, 7)),
        ((6, 5), True, (6, 5, 1, 1)),
    ],
)
def test_stray_axes(tmp_path, shape, planar, expected):
    nibabel.save(nibabel.Nifti1Image(np.zeros(shape, np.int16), np.eye(4)), tmp_path / "a.nii.gz")
    assert read_header(tmp_path / "a.nii.gz", planar).shape_xyzt == expected


@pytest.mark.parametrize(("unit", "stored"), [("sec", 0.03), ("msec", 30), ("usec", 30000), (None, 30), (None, 0.03)])
def test_frame_duration_in_every_unit(tmp_path, unit, stored):
    image = nibabel.Nifti1Image(np.zeros((4, 4, 1, 3), np.int16), np.eye(4))
    image.header.set_xyzt_units("mm", unit)
    image.header["pixdim"][4] = stored
    nibabel.save(image, tmp_path / "a.nii.gz")
    assert read_header(tmp_path / "a.nii.gz").frame_s == pytest.approx(0.03)


def test_damaged_files_give_a_reason(path, tmp_path):
    whole = path.read_bytes()
    cases = [
        ("cut short", whole[: len(whole) // 2]),
        ("not a NIfTI", gzip.compress(b"x" * 1000)),
        ("inside its header", gzip.compress(b"\x5c\x01")),
        ("damaged|cut short", whole[:200] + bytes([whole[200] ^ 255]) + whole[201:]),
        ("damaged", whole[:-8] + bytes(8)),
        ("gzip data do not end", whole[:-4]),
    ]
    for words, data in cases:
        path.write_bytes(data)
        with pytest.raises(ScanError, match=words):
            read_volume(path)
    with pytest.raises(ScanError, match="cannot be read"):
        read_volume(tmp_path / "missing.nii.gz")


def test_a_header_that_promises_too_much_is_refused(path):
    with pytest.raises(ScanError, match="max_file_mb"):
        read_volume(path, max_mb=0.001)
