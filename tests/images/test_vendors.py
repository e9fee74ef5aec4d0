"""Enhanced cines as Siemens and Philips lay them out are the same volumes as the classic files of their frames."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from images import any_dicom
from images.test_any_dicom import VIEWS, found_in, images_of
from images.vendors import philips, siemens
from vita.images.header import NOMINAL_INTERVAL

STUDY = "1.2.3"


def frames(nifti: Path, view: str, number: int = 4) -> list[Dataset]:
    """Classic files of a view in an order of their own, with the interval between beats."""
    files = any_dicom.shuffled_files(nifti, view, STUDY, number)
    for file in files:
        file.NominalInterval = 800
    return files


def slices(files: list[Dataset]) -> list[list[Dataset]]:
    """Files of each place."""
    found: dict[tuple, list[Dataset]] = {}
    for file in files:
        found.setdefault(tuple(file.ImagePositionPatient), []).append(file)
    return list(found.values())


@pytest.fixture(scope="module")
def classic(nifti: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The views of the classic files, by the same reader."""
    folder = tmp_path_factory.mktemp("classic")
    for number, view in enumerate(VIEWS, 3):
        any_dicom.write(folder, frames(nifti, view, number))
    images = images_of(found_in(folder)[0])
    assert set(images) == set(VIEWS)
    return images


def compare(folder: Path, files: list[Dataset], classic: dict, scale: float = 1.0, timed: bool = True) -> None:
    """Write, read, and compare voxels, place and time with those of the classic files."""
    any_dicom.write(folder, any_dicom.chest_cines(STUDY, 1))
    any_dicom.write(folder, files)
    (found,) = found_in(folder)
    assert (found.absent, found.reason) == ({}, None)
    images = images_of(found)
    assert set(images) == set(classic)
    for view, expected in classic.items():
        header = images[view].header
        np.testing.assert_array_equal(images[view].stored_tzyx, expected.stored_tzyx)
        np.testing.assert_allclose(header.affine, expected.header.affine, atol=1e-6)
        assert (header.slope, header.intercept) == (scale, 0)
        assert header.frame_s == pytest.approx(expected.header.frame_s)
        assert header.rate_source == NOMINAL_INTERVAL
        untimed = any("trigger times are missing" in note for note in header.notes)
        assert (untimed, bool(header.notes)) == (not timed, not timed)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian], ids=lambda each: each.keyword)
@pytest.mark.parametrize("nominal", [True, False])
def test_a_siemens_file_for_each_slice(nifti: Path, classic: dict, tmp_path: Path, nominal: bool, syntax: str) -> None:
    files = [
        siemens(part, nominal=nominal) for n, view in enumerate(VIEWS, 3) for part in slices(frames(nifti, view, n))
    ]
    assert len(files) == 9
    for file in files:
        file.file_meta.TransferSyntaxUID = syntax
    compare(tmp_path, files, classic)


@pytest.mark.parametrize("times", ["standard", "private", "nowhere"])
def test_a_philips_file_for_each_view(nifti: Path, classic: dict, tmp_path: Path, times: str) -> None:
    files = [philips([frames(nifti, view, number)], times=times) for number, view in enumerate(VIEWS, 3)]
    compare(tmp_path, files, classic, 2.0, timed=times != "nowhere")


def test_all_views_as_stacks_of_one_philips_file(nifti: Path, classic: dict, tmp_path: Path) -> None:
    compare(tmp_path, [philips([frames(nifti, view) for view in VIEWS])], classic, 2.0)


def test_frames_of_phase_beside_those_of_magnitude(nifti: Path, classic: dict, tmp_path: Path) -> None:
    files = [philips([frames(nifti, view, number)], phase=True) for number, view in enumerate(VIEWS, 3)]
    assert files[1].NumberOfFrames == 16
    compare(tmp_path, files, classic, 2.0)
