"""Views of DICOM files of any origin are told by their planes, and what is not clear is not guessed."""

import shutil
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest

import filled
from images import any_dicom, dicom_scans
from vita.apply.scans import new_scans, read_series
from vita.images.dicom_studies import studies_in
from vita.images.folders import Found
from vita.images.header import ScanError
from vita.images.index import index_participant
from vita.images.nifti import read_volume
from vita.images.participant import read_images
from vita.runtime.errors import UserError

SETTINGS = filled.images(frames=8, size=16)
VIEWS = ("sa", "la_2ch", "la_3ch", "la_4ch")


def found_in(folder: Path, series: str | None = None) -> list[Found]:
    with new_scans([folder], 2, 100, read_series(series) if series else None) as found:
        return found


def images_of(found: Found) -> dict:
    rows = {row["view"]: row | {"seg_path": None, "seg4_path": None} for row in index_participant(0, found, SETTINGS)}
    return read_images(rows, SETTINGS)[0]


@pytest.mark.parametrize("one_series", [True, False])
def test_every_view_is_read_as_its_nifti_file(nifti: Path, tmp_path: Path, one_series: bool) -> None:
    any_dicom.write_study(tmp_path / "someone", nifti, one_series=one_series)
    (found,) = found_in(tmp_path / "someone")
    assert (found.folder, found.absent, found.reason) == ("someone", {}, None)
    images = images_of(found)
    assert set(images) == set(VIEWS)
    for view, image in images.items():
        header, stored = read_volume(nifti / f"{view}.nii.gz", planar=view != "sa")
        np.testing.assert_array_equal(image.stored_tzyx, stored)
        np.testing.assert_allclose(image.header.affine, header.affine, atol=1e-3)


def test_frames_know_their_files(nifti: Path, tmp_path: Path) -> None:
    any_dicom.write_study(tmp_path, nifti)
    image = images_of(found_in(tmp_path)[0])["sa"]
    names = image.header.dicom.names_zt
    assert (len(names), {len(part) for part in names}) == (6, {8})
    for z, t in ((0, 0), (2, 5), (5, 7)):
        np.testing.assert_array_equal(pydicom.dcmread(names[z][t]).pixel_array, image.stored_tzyx[t, z])


def test_swapped_numbers_and_descriptions_do_not_matter(nifti: Path, tmp_path: Path) -> None:
    study = any_dicom.write_study(tmp_path, nifti, ("sa",))
    for number, (view, lie) in enumerate((("la_2ch", "4CH"), ("la_4ch", "3CH"), ("la_3ch", "SAX")), 20):
        files = any_dicom.files_of(nifti, view, study, number)
        for file in files:
            file.SeriesDescription = lie
        any_dicom.write(tmp_path, files)
    for view, image in images_of(found_in(tmp_path)[0]).items():
        affine = nibabel.load(nifti / f"{view}.nii.gz").affine
        np.testing.assert_allclose(image.header.affine, affine, atol=1e-3)


def test_two_long_axis_views_are_not_guessed_but_can_be_named(nifti: Path, tmp_path: Path) -> None:
    any_dicom.write_study(tmp_path, nifti, ("sa", "la_2ch", "la_4ch"))
    (found,) = found_in(tmp_path)
    assert set(found.dicom) == {"sa"}
    assert found.absent["la_2ch"].startswith("2 planes across the short-axis stack do not say")
    for line in (
        "1: 7 planes of 1 frames, 12 x 12 pixels of 3.00 mm",
        "3 (cine): 1 plane of 8 frames, 12 x 14 pixels of 3.00 mm",
        "10 (cine): 6 planes of 8 frames",
    ):
        assert line in found.absent["la_2ch"]
    rows = index_participant(0, found, SETTINGS)
    assert [row["usable"] for row in rows] == [True, False, False, False]
    with pytest.raises(ScanError, match=r"la_2ch: 2 planes .* la_3ch: no series is told"):
        images_of(found)
    (named,) = found_in(tmp_path, "la_4ch=3,la_2ch=4")
    assert set(named.dicom) == {"sa", "la_2ch", "la_4ch"}
    assert {Path(file).parent.name for file in named.dicom["la_4ch"]} == {"003"}


def test_a_second_stack_makes_the_user_choose(nifti: Path, tmp_path: Path) -> None:
    study = any_dicom.write_study(tmp_path, nifti, ("la_2ch", "la_3ch", "la_4ch"), one_series=False)
    assert found_in(tmp_path)[0].absent["sa"].startswith("no sets of parallel planes")  # the chest's does not count
    any_dicom.write(tmp_path, any_dicom.files_of(nifti, "sa", study, 10, one_series=False))
    other = any_dicom.files_of(nifti, "sa", study, 30)
    for file in other:  # as finer pixels of the same planes
        file.PixelSpacing = [1.5, 1.5]
    any_dicom.write(tmp_path, other)
    assert found_in(tmp_path)[0].absent["sa"].startswith("2 sets of parallel planes can be")
    (named,) = found_in(tmp_path, "sa=10-15")
    assert {Path(file).parent.name for file in named.dicom["sa"]} == {f"{n:03d}" for n in range(10, 16)}
    assert set(named.dicom) == set(VIEWS)
    uid = str(other[0].SeriesInstanceUID)
    assert len(found_in(tmp_path, f"sa={uid}")[0].dicom["sa"]) == 48


def test_a_repeated_view_counts_once_and_the_later_one(nifti: Path, tmp_path: Path) -> None:
    study = any_dicom.write_study(tmp_path, nifti)
    repeat = any_dicom.files_of(nifti, "la_2ch", study, 40)
    for file in repeat:
        file.PixelData = bytes(len(file.PixelData))
    any_dicom.write(tmp_path, repeat)
    images = images_of(found_in(tmp_path)[0])
    assert images["la_2ch"].stored_tzyx.max() == 0
    assert images["la_3ch"].stored_tzyx.max() > 0


def test_perfusion_and_maps_are_no_cines(nifti: Path, tmp_path: Path) -> None:
    """Parallel planes of many frames, but all at one time of the cycle."""
    study = any_dicom.write_study(tmp_path, nifti, ("la_2ch", "la_3ch", "la_4ch"))
    files = any_dicom.files_of(nifti, "sa", study, 10)
    for file in files:
        file.TriggerTime = 500.0
    any_dicom.write(tmp_path, files)
    assert "sa" in found_in(tmp_path)[0].absent


def test_studies_in_folders_are_scans_and_mixed_ones_are_refused(nifti: Path, tmp_path: Path) -> None:
    any_dicom.write_study(tmp_path / "many" / "1001" / "9", nifti, ("la_2ch",))
    any_dicom.write_study(tmp_path / "many" / "b", nifti, ("la_4ch",))
    (tmp_path / "many" / "5123456").mkdir()
    found = found_in(tmp_path / "many")
    assert [each.folder for each in found] == ["1001", "5123456", "b"]  # the empty one stays, refused
    files = any_dicom.files_of(nifti, "la_2ch", "1.2.3", 4) + any_dicom.files_of(nifti, "la_4ch", "1.2.4", 4)
    any_dicom.write(tmp_path / "one", files)
    (mixed,) = found_in(tmp_path / "one")
    assert mixed.reason == "one folder holds DICOM files of 2 studies; give each study a separate folder"


def test_a_zip_of_dicom_and_other_files(nifti: Path, tmp_path: Path) -> None:
    any_dicom.write_study(tmp_path / "a", nifti)
    (tmp_path / "a" / "notes.txt").write_text("x" * 500)
    (tmp_path / "a" / "broken").write_bytes(bytes(128) + b"DICM" + bytes(50))
    shutil.make_archive(str(tmp_path / "export"), "zip", tmp_path / "a")
    with new_scans([tmp_path / "export.zip"], 2, 100) as found:
        assert found[0].folder == "export"
        assert set(images_of(found[0])) == set(VIEWS)


def test_descriptions_that_name_the_patient_are_not_shown(tmp_path: Path) -> None:
    files = any_dicom.chest_cines("1.2.3", 4)
    for file, text in zip(files, ("Cine of NOBODY", "1234567 cine", "a^b", "cine AB-77", "sax  b1"), strict=False):
        file.SeriesDescription, file.SeriesInstanceUID = text, f"1.2.{file.InstanceNumber}"
    any_dicom.write(tmp_path, files[:5])
    (study,) = studies_in(tmp_path, 100)
    assert sorted(each.called for each in study.series.values()) == ["", "", "", "", "sax b1"]


def test_files_with_many_frames_or_without_a_place_are_listed_not_read(tmp_path: Path) -> None:
    files = any_dicom.chest_cines("1.2.3", 4)[:2]
    files[0].NumberOfFrames = 20
    del files[1].ImagePositionPatient
    any_dicom.write(tmp_path, files)
    (found,) = found_in(tmp_path)
    assert "4: 2 files without a place or with several frames" in found.absent["sa"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sa", "'sa' is not VIEW=SERIES, as in sa=3"),
        ("la_5ch=3", "views are sa"),
        ("sa=9-3", "'9-3' is not a range"),
        ("sa=3,la_4ch=3", "3 is named twice"),
    ],
)
def test_a_list_of_series_that_is_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_series(text)


def test_series_by_hand() -> None:
    assert read_series("sa=3-5+1.2.840.9, la_4ch=7") == {"sa": ["3", "4", "5", "1.2.840.9"], "la_4ch": ["7"]}


def test_a_series_that_is_not_there_or_not_the_only_one(nifti: Path, tmp_path: Path) -> None:
    study = any_dicom.write_study(tmp_path / "a", nifti)
    assert "no series with planes is 99; there are 1: 7 planes" in found_in(tmp_path / "a", "sa=99")[0].reason
    any_dicom.write(tmp_path / "a" / "x", any_dicom.files_of(nifti, "sa", study, 10))
    assert "2 series are 10" in found_in(tmp_path / "a", "sa=10")[0].reason
    with pytest.raises(UserError, match="--scan has none"):
        found_in(nifti, "sa=10")


def test_too_much_is_refused_before_it_is_read(nifti: Path, tmp_path: Path) -> None:
    any_dicom.write(tmp_path, any_dicom.files_of(nifti, "la_2ch", "1.2.3", 1))
    with new_scans([tmp_path], 2, 0.001) as found:
        assert "max_file_mb" in found[0].reason
        assert not found[0].dicom


def test_helpers_write_what_dicom_files_hold() -> None:
    """The fixture's own pixels come back, so that the tests above compare what was meant."""
    file = any_dicom.chest_cines("1.2.3", 4)[3]
    assert dicom_scans.encode(file)[128:132] == b"DICM"
    assert int(file.TriggerTime) == 150
