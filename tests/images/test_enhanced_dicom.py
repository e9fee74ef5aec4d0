"""Enhanced DICOM files, which hold many frames, are read as the classic files of the same frames are."""

import random
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless, generate_uid

from images import any_dicom, dicom_scans
from images.enhanced import enhanced
from images.test_any_dicom import VIEWS, found_in, images_of
from vita.images.dicom import read_dicom_files
from vita.images.dicom_studies import studies_in
from vita.images.header import NOMINAL_INTERVAL, ScanError
from vita.images.nifti import read_volume

STUDY = "1.2.3"


def classic(nifti: Path, view: str, number: int = 4) -> list[Dataset]:
    """Frames of a view in an order of their own."""
    return any_dicom.shuffled_files(nifti, view, STUDY, number)


def read(folder: Path, files: list[Dataset], view: str):
    any_dicom.write(folder, files)
    return read_dicom_files(sorted(str(path) for path in folder.rglob("IM*")), view, 100)


def test_a_study_of_enhanced_files_is_read_as_its_nifti_files(nifti: Path, tmp_path: Path) -> None:
    any_dicom.write(tmp_path, any_dicom.chest_cines(STUDY, 2))
    for number, view in enumerate(VIEWS, 3):
        any_dicom.write(tmp_path, [enhanced(classic(nifti, view, number))])
    (found,) = found_in(tmp_path)
    assert (found.absent, {view: len(files) for view, files in found.dicom.items()}) == ({}, dict.fromkeys(VIEWS, 1))
    images = images_of(found)
    for view in VIEWS:
        header, stored = read_volume(nifti / f"{view}.nii.gz", planar=view != "sa")
        np.testing.assert_array_equal(images[view].stored_tzyx, stored)
        np.testing.assert_allclose(images[view].header.affine, header.affine, atol=1e-3)
        assert images[view].header.rate_source == NOMINAL_INTERVAL
        assert images[view].header.frame_s == pytest.approx(0.1)  # 800 ms of 8 frames
        assert not images[view].header.notes


def test_a_file_for_each_slice_and_classic_files_beside_them(nifti: Path, tmp_path: Path) -> None:
    by_slice: dict[tuple, list[Dataset]] = {}
    for file in classic(nifti, "sa"):
        by_slice.setdefault(tuple(file.ImagePositionPatient), []).append(file)
    first, *others = by_slice.values()
    _, voxels = read(tmp_path, [*first, *map(enhanced, others)], "sa")
    np.testing.assert_array_equal(voxels, read_volume(nifti / "sa.nii.gz")[1])


def test_compressed_frames_and_their_own_rescaling(nifti: Path, tmp_path: Path) -> None:
    files = classic(nifti, "la_2ch")
    for number, file in enumerate(files):
        file.RescaleSlope, file.RescaleIntercept = 1 + number / 4, number
    expected = {float(file.TriggerTime): file.pixel_array * (1 + n / 4) + n for n, file in enumerate(files)}
    whole = enhanced(files)
    _, plain = read(tmp_path / "plain", [whole], "la_2ch")
    np.testing.assert_allclose(plain[:, 0], [expected[time] for time in sorted(expected)], rtol=1e-6)
    whole.compress(RLELossless)
    _, unpacked = read(tmp_path / "packed", [whole], "la_2ch")
    np.testing.assert_array_equal(unpacked, plain)


def test_without_times_the_temporal_index_orders_frames(nifti: Path, tmp_path: Path) -> None:
    header, voxels = read(tmp_path, [enhanced(classic(nifti, "la_2ch"), times=False)], "la_2ch")
    np.testing.assert_array_equal(voxels, read_volume(nifti / "la_2ch.nii.gz", planar=True)[1])
    assert header.notes == ("trigger times are missing; frames are in the order of InstanceNumber",)


def test_frames_that_nothing_tells_apart_are_refused(nifti: Path, tmp_path: Path) -> None:
    with pytest.raises(ScanError, match="lacks its trigger time"):
        read(tmp_path / "a", [enhanced(classic(nifti, "la_2ch"), times=False, indices=False)], "la_2ch")
    placeless = enhanced(classic(nifti, "la_2ch"))
    del placeless.PerFrameFunctionalGroupsSequence[3].PlanePositionSequence
    with pytest.raises(ScanError, match="its place in the scanner"):
        read(tmp_path / "b", [placeless], "la_2ch")
    fewer = enhanced(classic(nifti, "la_2ch"))
    fewer.PerFrameFunctionalGroupsSequence = list(fewer.PerFrameFunctionalGroupsSequence)[:5]
    with pytest.raises(ScanError, match="does not describe as many frames as it has"):
        read(tmp_path / "c", [fewer], "la_2ch")
    short = enhanced(classic(nifti, "la_2ch"))
    short.PixelData = short.PixelData[:-200]
    with pytest.raises(ScanError, match="no pixel data"):
        read(tmp_path / "d", [short], "la_2ch")
    colour = enhanced(classic(nifti, "la_2ch"))
    colour.SamplesPerPixel = 3
    with pytest.raises(ScanError, match="one grey image"):
        read(tmp_path / "e", [colour], "la_2ch")


def test_all_long_axis_views_in_one_file_are_told_by_their_planes(nifti: Path, tmp_path: Path) -> None:
    any_dicom.write(tmp_path, [enhanced(classic(nifti, "sa", 3))])
    views = [classic(nifti, view) for view in VIEWS[1:]]
    files = [file for files in views for file in files]
    random.Random(0).shuffle(files)
    whole = enhanced(files)
    for group, file in zip(whole.PerFrameFunctionalGroupsSequence, files, strict=True):
        own = Dataset()
        own.ImageOrientationPatient = file.ImageOrientationPatient  # counts before what all frames share
        group.PlaneOrientationSequence = [own]
    any_dicom.write(tmp_path, [whole])
    (found,) = found_in(tmp_path)
    assert len({path for view in VIEWS[1:] for path in found.dicom[view]}) == 1
    for view, image in images_of(found).items():
        np.testing.assert_array_equal(image.stored_tzyx, read_volume(nifti / f"{view}.nii.gz", planar=view != "sa")[1])
        assert (
            len(set(sum(image.header.dicom.numbers_zt, ()))) == image.stored_tzyx.shape[0] * image.stored_tzyx.shape[1]
        )


def test_files_converted_by_highdicom_are_read(nifti: Path, tmp_path: Path) -> None:
    """An independent writer: classic files as a Legacy Converted Enhanced MR image."""
    legacy = pytest.importorskip("highdicom.legacy")
    files = classic(nifti, "la_2ch")
    for file in files:
        file.SeriesDate = file.ContentDate = file.AcquisitionDate = "20200101"
        file.ContentTime = file.AcquisitionTime = "120000"
        file.ImageType, file.BodyPartExamined = ["ORIGINAL", "PRIMARY", "OTHER"], "HEART"
    encoded = [Dataset.from_json(file.to_json()) for file in files]
    for own, file in zip(encoded, files, strict=True):
        own.file_meta = file.file_meta
    whole = legacy.LegacyConvertedEnhancedMRImage(encoded, generate_uid(), 9, generate_uid(), 1)
    _, voxels = read(tmp_path, [whole], "la_2ch")
    np.testing.assert_array_equal(voxels, read_volume(nifti / "la_2ch.nii.gz", planar=True)[1])


def test_damaged_enhanced_files_cost_themselves(nifti: Path, tmp_path: Path) -> None:
    """Other bytes in the header and the functional groups: read, or refused in words."""
    whole = bytearray(dicom_scans.encode(enhanced(classic(nifti, "la_2ch"))))
    ends, refused = len(whole) - 8 * 12 * 14 * 2, 0
    for seed in range(100):
        chance, data = random.Random(seed), bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(132, ends)] = chance.choice([0, 45, 57, 92, 255, chance.randrange(256)])
        path = tmp_path / f"{seed}.dcm"
        path.write_bytes(data)
        studies_in(tmp_path, 100)
        try:
            assert read_dicom_files([str(path)], "la_2ch", 100)[1].ndim == 4
        except ScanError:
            refused += 1
        path.unlink()
    assert 5 < refused < 95


def test_a_number_of_too_few_bytes_costs_the_file(nifti: Path, tmp_path: Path) -> None:
    """Rows of two bytes becomes a tag of one byte, which pydicom finds out when the number is asked for."""
    file = classic(nifti, "la_2ch")[0]
    data = dicom_scans.encode(file)
    rows = b"\x28\x00\x10\x00US\x02\x00"
    assert data.count(rows) == 1
    (tmp_path / "odd.dcm").write_bytes(data.replace(rows + b"\x0c\x00", b"\x28\x00\x10\x00US\x01\x00\x0c"))
    (study,) = studies_in(tmp_path, 100)
    (series,) = study.series.values()
    assert (series.others, series.planes) == (1, [])


def test_frames_of_one_series_at_two_places(nifti: Path, tmp_path: Path) -> None:
    """The few frames that lie elsewhere come later, or first: those of the other place are the view."""
    for moved in (slice(-2, None), slice(0, 2)):
        files = any_dicom.files_of(nifti, "la_2ch", STUDY, 4)
        for file in files[moved]:
            file.ImagePositionPatient = [value + 30 for value in file.ImagePositionPatient]
        header, voxels = read(tmp_path / str(moved.start), files, "la_2ch")
        assert voxels.shape[:2] == (6, 1)
        assert all(note.endswith("the series before it was taken") for note in header.notes)


def test_the_helper_writes_what_pydicom_reads(nifti: Path) -> None:
    files = classic(nifti, "la_2ch")
    whole = enhanced(files)
    assert dicom_scans.encode(whole)[128:132] == b"DICM"
    np.testing.assert_array_equal(whole.pixel_array[3], files[3].pixel_array)
