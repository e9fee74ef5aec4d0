"""Files that lie where they do not belong, are there twice, or show something else: who is lost, and who is not."""

import copy
import os
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian, generate_uid

import filled
from images import any_dicom, dicom_scans, scans
from images.test_any_dicom import VIEWS, found_in, images_of
from vita.apply.scans import new_scans
from vita.images.dicom import read_dicom
from vita.images.header import ScanError
from vita.images.index import index_shard
from vita.images.nifti import read_volume
from vita.images.participant import read_participant

EID = 1000011
SETTINGS = filled.images(frames=8, size=16)


@pytest.fixture(scope="module")
def nifti(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nifti") / str(EID)
    scans.write_participant(folder, size=(14, 12), slices=6)
    return folder


def voxels_of(nifti: Path, view: str) -> np.ndarray:
    return read_volume(nifti / f"{view}.nii.gz", planar=view != "sa")[1]


def again(files: list[tuple[str, Dataset]], number: int, name: str | None = None) -> list[tuple[str, Dataset]]:
    """The files as a later series, in black."""
    uid, result = generate_uid(), []
    for series, file in files:
        other = copy.deepcopy(file)
        other.SeriesInstanceUID, other.SeriesNumber, other.PixelData = uid, number, bytes(len(file.PixelData))
        other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        result.append((name or series, other))
    return result


def read_zip(path: Path, files: list[tuple[str, Dataset]], view: str):
    dicom_scans.write_zip(path / "a.zip", files)
    return read_dicom(str(path / "a.zip"), view, 100)


@pytest.mark.parametrize("later_ms", [0, 25])
def test_frames_of_two_series_of_one_name_are_not_mixed(nifti: Path, tmp_path: Path, later_ms: int) -> None:
    """Of a zip; at the same times of the cycle, or at times between those of the first series."""
    files = dicom_scans.slice_files(nifti / "la_2ch.nii.gz", "la_2ch")
    repeat = again(files, 9)
    for _, file in repeat:
        file.TriggerTime = float(file.TriggerTime) + later_ms
    _, voxels = read_zip(tmp_path, files + repeat, "la_2ch")
    assert (voxels.shape[0], voxels.max()) == (8, 0)
    for _, file in repeat:
        file.SeriesNumber = 3  # the other one is the later
    np.testing.assert_array_equal(read_zip(tmp_path, files + repeat, "la_2ch")[1], voxels_of(nifti, "la_2ch"))


def test_series_of_one_number_and_description_are_not_mixed(nifti: Path, tmp_path: Path) -> None:
    """Of any origin: every view is number 4 and called cine."""
    any_dicom.write(tmp_path, any_dicom.chest_cines("1.2.3", 4))
    for view in VIEWS:
        any_dicom.write(tmp_path / view, any_dicom.files_of(nifti, view, "1.2.3", 4))
    for view, image in images_of(found_in(tmp_path)[0]).items():
        np.testing.assert_array_equal(image.stored_tzyx, voxels_of(nifti, view))


def two_people(nifti: Path, folder: Path) -> None:
    for name in ("a", "b"):
        any_dicom.write_study(folder / name, nifti)
    for number, file in enumerate(sorted(folder.glob("a/003/*"))):  # who is who
        other = pydicom.dcmread(file)
        other.PixelData = np.full(14 * 12, number, np.int16).tobytes()
        file.write_bytes(dicom_scans.encode(other))


@pytest.mark.parametrize("place", ["b/stray", "b/004/stray"])
def test_a_file_in_another_participants_folder_costs_that_one_alone(nifti: Path, tmp_path: Path, place: str) -> None:
    two_people(nifti, tmp_path)
    stray = sorted(tmp_path.glob("a/003/*"))[-1]
    shutil.copy(stray, tmp_path / place)
    first, second = found_in(tmp_path)
    assert (first.folder, first.reason, second.folder) == ("a", None, "b")
    assert second.reason == "one folder holds DICOM files of 2 studies; give each study a separate folder"
    assert not second.dicom
    assert {Path(file).relative_to(tmp_path).parts[0] for files in first.dicom.values() for file in files} == {"a"}
    assert images_of(first)["la_4ch"].stored_tzyx.max() == 7


def test_a_file_in_another_series_folder_is_of_its_own_series(nifti: Path, tmp_path: Path) -> None:
    any_dicom.write_study(tmp_path, nifti)
    for number, file in enumerate(sorted(tmp_path.glob("003/*"))[::3]):
        file.rename(tmp_path / "010" / f"stray{number}")
    images = images_of(found_in(tmp_path)[0])
    assert set(images) == set(VIEWS)
    for view, image in images.items():
        np.testing.assert_array_equal(image.stored_tzyx, voxels_of(nifti, view))


def test_one_study_in_several_folders_is_one_scan(nifti: Path, tmp_path: Path) -> None:
    """Each series in a folder at the top; a second person has a folder around theirs."""
    any_dicom.write_study(tmp_path, nifti)
    (alone,) = found_in(tmp_path)
    any_dicom.write_study(tmp_path / "b", nifti)
    found = found_in(tmp_path)
    assert len(found) == 2
    assert [{view: sorted(files) for view, files in each.dicom.items()} for each in found].count(
        {view: sorted(files) for view, files in alone.dicom.items()}
    ) == 1


# What scanners call their pictures of flow and tags; a cine is M or M_FFE.
FLOW = {
    "Siemens": {"ImageType": ["DERIVED", "PRIMARY", "P", "ND"], "SequenceName": "*fl2d1_v150in"},
    "Philips": {"ImageType": ["ORIGINAL", "PRIMARY", "VELOCITY MAP", "P", "PCA"]},
    "GE": {"ImageType": ["DERIVED", "PRIMARY", "PHASE MAP"]},
    "magnitude": {"ImageType": ["ORIGINAL", "PRIMARY", "PHASE CONTRAST M", "P", "PCA"]},
}


def other_pictures(nifti: Path, folder: Path, view: str, number: int, tags: dict, study: str) -> None:
    files = any_dicom.files_of(nifti, view, study, number)
    for file in files:
        file.PixelData = bytes(len(file.PixelData))
        for tag, value in tags.items():
            setattr(file, tag, value)
    any_dicom.write(folder, files)


@pytest.mark.parametrize("scanner", FLOW)
def test_flow_is_no_cine(nifti: Path, tmp_path: Path, scanner: str) -> None:
    """Pictures of flow in the place of a long-axis view, or between two of them, and over the whole stack."""
    study = any_dicom.write_study(tmp_path, nifti)
    other_pictures(nifti, tmp_path, "la_2ch", 40, FLOW[scanner], study)
    other_pictures(nifti, tmp_path, "sa", 41, FLOW[scanner], study)
    (found,) = found_in(tmp_path)
    assert (found.absent, found.reason) == ({}, None)
    for view, image in images_of(found).items():
        np.testing.assert_array_equal(image.stored_tzyx, voxels_of(nifti, view))


def test_tagged_slices_are_not_put_between_those_of_the_stack(nifti: Path, tmp_path: Path) -> None:
    """Three tagged slices on the stack's grid, half a slice away, and one in the place of a long-axis view."""
    study = any_dicom.write_study(tmp_path, nifti)
    files = any_dicom.files_of(nifti, "sa", study, 40)
    normal = np.cross(*np.array(files[0].ImageOrientationPatient, float).reshape(2, 3))
    for file in files:
        file.SequenceVariant, file.SequenceName = ["SK", "SP"], "*fl2d7_tag"
        file.ImagePositionPatient = [*(np.array(file.ImagePositionPatient, float) + 4 * normal).round(6)]
    any_dicom.write(tmp_path, files[:24])
    (found,) = found_in(tmp_path)
    assert found.absent == {}
    np.testing.assert_array_equal(images_of(found)["sa"].stored_tzyx, voxels_of(nifti, "sa"))


def test_long_axis_views_are_of_the_stacks_sequence(nifti: Path, tmp_path: Path) -> None:
    """A tagged view beside the cines is none; if all are of another sequence than the stack, the user chooses."""
    study = any_dicom.write_study(tmp_path, nifti)
    other_pictures(nifti, tmp_path, "la_2ch", 40, {"SequenceName": "*fl2d7_tag"}, study)
    images = images_of(found_in(tmp_path)[0])
    np.testing.assert_array_equal(images["la_2ch"].stored_tzyx, voxels_of(nifti, "la_2ch"))
    other_pictures(nifti, tmp_path, "la_3ch", 41, {}, study)
    for path in sorted(tmp_path.glob("010/*")):
        file = pydicom.dcmread(path)
        file.SequenceName = "*tfi2d1_15"
        path.write_bytes(dicom_scans.encode(file))
    assert "4 planes across the short-axis stack" in found_in(tmp_path)[0].absent["la_2ch"]
    (named,) = found_in(tmp_path, "la_2ch=4,la_3ch=5,la_4ch=3")
    assert images_of(named)["la_2ch"].stored_tzyx.max() > 0


@pytest.fixture
def zips(nifti: Path, tmp_path: Path) -> Path:
    """UK Biobank's zips of two participants, in folders."""
    for eid in (EID, EID + 1):
        dicom_scans.write_zips(tmp_path / "scans" / str(eid), eid, nifti)
    return tmp_path / "scans"


def rows_of(scans_folder: Path) -> dict[int, list[dict]]:
    rows = index_shard(scans_folder, SETTINGS, set())
    return {eid: [row for row in rows if row["eid"] == eid] for eid in (EID, EID + 1)}


def test_a_zip_that_is_there_twice_is_the_one_in_its_own_folder(zips: Path) -> None:
    name = f"{EID}_20209_2_0.zip"
    (zips / str(EID + 1) / name).write_bytes(b"another")
    for people in (rows_of(zips), rows_of(zips)):
        assert all(row["usable"] for rows in people.values() for row in rows)
        assert next(row for row in people[EID] if row["view"] == "sa")["path"] == str(zips / str(EID) / name)
    (zips / str(EID) / name).rename(zips / name)  # now neither of them is in the participant's folder
    people = rows_of(zips)
    assert [(row["usable"], row["reason"]) for row in people[EID]] == [
        (False, "two zips of field 20209 stand for this participant; keep one of them")
    ]
    assert all(row["usable"] for row in people[EID + 1])


def test_a_scan_that_is_named_twice_is_one_and_two_of_a_name_are_none(zips: Path, tmp_path: Path) -> None:
    name = f"{EID}_20209_2_0.zip"
    link = tmp_path / "link"
    link.symlink_to(zips / str(EID))
    with new_scans([zips / str(EID) / name, link / name], 2, 100) as found:
        assert [(each.folder, each.reason) for each in found] == [(str(EID), None)]
    shutil.copytree(zips / str(EID), tmp_path / "copy")
    with new_scans([zips / str(EID) / name, tmp_path / "copy" / name, zips / str(EID + 1)], 2, 100) as found:
        assert [each.folder for each in found] == [str(EID), str(EID + 1)]
        assert found[0].reason.startswith("two of --scan hold a scan of this name")
        assert found[1].reason is None


@pytest.mark.parametrize("broken", ["header", "single frame", "pipe"])
def test_a_nifti_file_that_cannot_be_used_gives_way_to_the_zip(zips: Path, nifti: Path, broken: str) -> None:
    place = zips / str(EID) / "sa.nii.gz"
    if broken == "header":
        place.write_bytes(b"no NIfTI")
    elif broken == "pipe":
        os.mkfifo(place)
    else:
        scans.write(place, voxels_of(nifti, "sa")[0].transpose(2, 1, 0)[..., None], np.diag([3.0, 3, 8, 1]))
    rows = rows_of(zips)[EID]
    assert {row["path"].rsplit(".", 1)[1] for row in rows} == {"zip"}
    record = read_participant(rows, SETTINGS)
    assert record.record["planes_present"] == [True] * 9
    (zips / str(EID) / f"{EID}_20209_2_0.zip").write_bytes(b"no zip")
    refused = {row["view"]: row["reason"] for row in rows_of(zips)[EID]}
    reasons = {"header": "cut short", "single frame": "a single frame", "pipe": "not a regular file"}
    assert reasons[broken] in refused["sa"]  # that of the file which was looked at first
    assert refused["la_2ch"] is None


def test_a_nifti_file_whose_voxels_are_damaged_gives_way_too(zips: Path, nifti: Path) -> None:
    """Its header is sound, so that the index names the file; the zip is read once the voxels cannot be."""
    whole = (nifti / "sa.nii.gz").read_bytes()
    (zips / str(EID) / "sa.nii.gz").write_bytes(whole[: len(whole) // 2])
    rows = rows_of(zips)[EID]
    assert rows[0]["path"].endswith("sa.nii.gz")
    found = read_participant(rows, SETTINGS)
    whole_zip = read_participant(rows_of(zips)[EID + 1], SETTINGS)
    np.testing.assert_array_equal(found.voxels_sthw, whole_zip.voxels_sthw)
    (note,) = [note for note in found.record["notes"] if "instead" in note]
    assert note.startswith("sa: the zip was read instead of the NIfTI file: ")
    (zips / str(EID) / f"{EID}_20209_2_0.zip").unlink()
    with pytest.raises(ScanError, match=r"^sa: "):
        read_participant(rows_of(zips)[EID], SETTINGS)


def bare(file: Dataset, implicit: bool, meta: bool) -> bytes:
    """A file without the preamble, and with or without the group that says how it is encoded."""
    if implicit:
        file.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    data = dicom_scans.encode(file)[132:]
    if meta:
        return data
    length = int.from_bytes(data[8:12], "little")
    return data[12 + length :]


@pytest.mark.parametrize("meta", [True, False])
@pytest.mark.parametrize("implicit", [True, False])
def test_files_without_a_preamble_are_read(nifti: Path, tmp_path: Path, implicit: bool, meta: bool) -> None:
    study = tmp_path / "study"
    for number, view in enumerate(VIEWS, 3):
        for file in any_dicom.files_of(nifti, view, "1.2.3", number):
            place = study / str(number) / f"{file.InstanceNumber}"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(bare(file, implicit, meta))
    (study / "list.txt").write_text("no DICOM\n" * 100)
    for view, image in images_of(found_in(study)[0]).items():
        np.testing.assert_array_equal(image.stored_tzyx, voxels_of(nifti, view))
    files = [bare(file, implicit, meta) for _, file in dicom_scans.slice_files(nifti / "la_2ch.nii.gz", "la_2ch")]
    dicom_scans.write_encoded(tmp_path / "a.zip", files, dicom_scans.SERIES["la_2ch"])
    np.testing.assert_array_equal(read_dicom(str(tmp_path / "a.zip"), "la_2ch", 100)[1], voxels_of(nifti, "la_2ch"))


def test_a_slice_that_is_there_under_two_names_counts_once(nifti: Path, tmp_path: Path) -> None:
    """The later one, wherever its name would put it."""
    files = dicom_scans.slice_files(nifti / "sa.nii.gz", "sa")
    third = [entry for entry in files if entry[0].endswith("b3")]
    header, voxels = read_zip(tmp_path, files + again(third, 9, "CINE_segmented_SAX_b14"), "sa")
    expected = voxels_of(nifti, "sa").copy()
    expected[:, 2] = 0
    np.testing.assert_array_equal(voxels, expected)
    assert header.notes == ("two series lie at the same place; the later one was taken",)
    header, voxels = read_zip(tmp_path, files + again(third, 2, "CINE_segmented_SAX_b14"), "sa")
    np.testing.assert_array_equal(voxels, voxels_of(nifti, "sa"))


def test_slices_that_leave_a_gap_are_refused(nifti: Path, tmp_path: Path) -> None:
    files = dicom_scans.slice_files(nifti / "sa.nii.gz", "sa")
    for series, file in files:
        if series.endswith("b6"):
            normal = np.cross(*np.array(file.ImageOrientationPatient, float).reshape(2, 3))
            file.ImagePositionPatient = [*(np.array(file.ImagePositionPatient, float) + 2 * normal)]
    with pytest.raises(ScanError, match="not evenly spaced"):
        read_zip(tmp_path, files, "sa")


def test_a_gap_in_trigger_times_is_noted(nifti: Path, tmp_path: Path) -> None:
    """A frame that counts for the end of the cycle although it may be of the beginning."""
    files = dicom_scans.slice_files(nifti / "sa.nii.gz", "sa")
    assert read_zip(tmp_path, files, "sa")[0].notes == ()
    for series, file in files:
        if series.endswith("b3") and file.InstanceNumber == 8:
            file.TriggerTime = 50 * 6 + 50 * 4
    header, voxels = read_zip(tmp_path, files, "sa")
    assert header.notes == ("the trigger times of a slice have a gap; a frame may be out of its order",)
    assert voxels.shape[:2] == (8, 6)


def test_every_slice_may_have_a_series_of_one_name(nifti: Path, tmp_path: Path) -> None:
    """Without the slice's number in the name, places tell slices apart."""
    files = [("CINE_segmented_SAX", file) for _, file in dicom_scans.slice_files(nifti / "sa.nii.gz", "sa")]
    _, voxels = read_zip(tmp_path, files, "sa")
    np.testing.assert_array_equal(voxels, voxels_of(nifti, "sa"))
