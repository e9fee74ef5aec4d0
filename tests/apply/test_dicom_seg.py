"""Masks as DICOM SEG: the same as the NIfTI masks, and every frame refers to its own file of the scan."""

import random
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import highdicom
import nibabel
import numpy as np
import pandas as pd
import pydicom
import pytest
from highdicom._standard_utils import check_required_attributes, get_iod_module_map
from pydicom.config import disable_value_validation

from images import any_dicom, dicom_scans, scans
from images.enhanced import enhanced
from images.test_any_dicom import VIEWS, images_of
from images.vendors import philips
from vita.apply.dicom_seg import NAMES, write_segs
from vita.apply.predict import main
from vita.apply.scans import new_scans
from vita.images.dicom import read_dicom, read_dicom_files
from vita.images.header import Header, ScanError

DCIODVFY = shutil.which("dciodvfy")
needs_dciodvfy = pytest.mark.skipif(DCIODVFY is None, reason="dciodvfy (Debian's dicom3tools) is not installed")


def missing(seg: pydicom.Dataset) -> list[str]:
    """What the standard's tables (PS3.3) want in every SEG and is not there, also within sequences.

    Not of functional groups, which may be those of each frame or shared.
    """
    found = []
    for module in get_iod_module_map()["segmentation"]:
        if module["usage"] == "M" and not module["key"].endswith("functional-groups"):
            try:
                check_required_attributes(seg, module["key"])
            except AttributeError as error:
                found.append(str(error))
    return found


@pytest.fixture(scope="module")
def nifti(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nifti")
    scans.write_participant(folder, size=(14, 12), slices=6)
    return folder


def unpacked(paths: list[Path], header: Header) -> np.ndarray:
    """Classes (time, slice, row, column) of the SEGs of a view, by the files that their frames refer to."""
    structure = {name: number for number, name in NAMES.items()}
    places = defaultdict(list)
    source = header.dicom
    read = {name: pydicom.dcmread(name, stop_before_pixels=True) for names in source.names_zt for name in set(names)}
    for z, (names, numbers) in enumerate(zip(source.names_zt, source.numbers_zt, strict=True)):
        for t, (name, number) in enumerate(zip(names, numbers, strict=True)):
            places[str(read[name].SOPInstanceUID), number].append((z, t))
    columns, rows, slices, times = header.shape_xyzt
    result = np.zeros((times, slices, rows, columns), np.uint8)
    for path in paths:
        seg = pydicom.dcmread(path)
        label = {int(each.SegmentNumber): structure[each.SegmentLabel] for each in seg.SegmentSequence}
        stored = seg.pixel_array.reshape(-1, rows, columns)
        for pixels, frame in zip(stored, seg.PerFrameFunctionalGroupsSequence, strict=True):
            shared = seg.SharedFunctionalGroupsSequence[0]  # says it where all frames are of one segment
            holder = frame if "SegmentIdentificationSequence" in frame else shared
            number = holder.SegmentIdentificationSequence[0].ReferencedSegmentNumber
            of_frame = frame.DerivationImageSequence[0].SourceImageSequence[0]
            key = of_frame.ReferencedSOPInstanceUID, of_frame.get("ReferencedFrameNumber", 1)
            for z, t in places[key]:
                result[t, z][pixels > 0] = label[number]
    return result


def of_view(nifti: Path, folder: Path, view: str, *, one_series: bool) -> tuple[Header, np.ndarray]:
    any_dicom.write(folder, any_dicom.files_of(nifti, view, "1.2.3", 5, one_series=one_series))
    return read_dicom_files(sorted(map(str, folder.rglob("IM*"))), view, 100)


@pytest.mark.parametrize(("view", "one_series"), [("la_4ch", True), ("sa", True), ("sa", False)])
def test_a_seg_holds_the_same_masks_and_its_frames_their_place(
    nifti: Path, tmp_path: Path, view: str, one_series: bool
) -> None:
    header, stored = of_view(nifti, tmp_path, view, one_series=one_series)
    mask = np.random.default_rng(0).integers(0, 4, stored.shape).astype(np.uint8)
    mask[2] = 0  # a frame without any structure
    write_segs(mask, header.dicom, view, tmp_path / "mask", 100)
    segs = sorted((tmp_path / "mask").iterdir())
    names = [f"sa_{slice_:02d}.dcm" for slice_ in range(1, 7)] if not one_series else [f"{view}.dcm"]
    assert [path.name for path in segs] == names
    np.testing.assert_array_equal(unpacked(segs, header), mask)
    read = [pydicom.dcmread(path) for path in segs]
    assert len({seg.SeriesNumber for seg in read}) == len({seg.SeriesInstanceUID for seg in read}) == len(read)
    files = {file.SOPInstanceUID: file for file in map(pydicom.dcmread, tmp_path.rglob("IM*"))}
    for seg in read:
        times = set()
        for frame in seg.PerFrameFunctionalGroupsSequence:
            source = files[frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID]
            assert frame.PlanePositionSequence[0].ImagePositionPatient == source.ImagePositionPatient
            content = frame.FrameContentSequence[0]
            assert content.TemporalPositionIndex == round(float(source.TriggerTime) / 50) + 1
            times.add(tuple(content.DimensionIndexValues))
            assert [each.SeriesInstanceUID for each in seg.ReferencedSeriesSequence] == [source.SeriesInstanceUID]
        slices = 6 if view == "sa" and one_series else 1
        assert len(times) == seg.NumberOfFrames == 7 * slices * 3  # no two share segment, place and time


def test_highdicom_reads_it_by_the_scans_files(nifti: Path, tmp_path: Path) -> None:
    header, stored = of_view(nifti, tmp_path, "la_2ch", one_series=True)
    mask = np.zeros(stored.shape, np.uint8)
    mask[:, :, 2:5, 3:9] = 4
    write_segs(mask, header.dicom, "la_2ch", tmp_path / "mask", 100)
    seg = highdicom.seg.segread(tmp_path / "mask" / "la_2ch.dcm")
    uids = [pydicom.dcmread(name).SOPInstanceUID for name in header.dicom.names_zt[0]]
    np.testing.assert_array_equal(seg.get_pixels_by_source_instance(uids)[..., 0], mask[:, 0] == 4)
    described = seg.get_segment_description(1)
    assert (described.segment_label, described.segmented_property_type.meaning) == ("left atrium", "Left atrium")


def test_it_has_what_the_standard_wants_and_the_patient_of_the_scan(nifti: Path, tmp_path: Path) -> None:
    header, stored = of_view(nifti, tmp_path, "la_2ch", one_series=True)
    write_segs(np.ones(stored.shape, np.uint8), header.dicom, "la_2ch", tmp_path / "a", 100)
    write_segs(np.ones(stored.shape, np.uint8), header.dicom, "la_2ch", tmp_path / "b", 100)
    seg, again = pydicom.dcmread(tmp_path / "a" / "la_2ch.dcm"), pydicom.dcmread(tmp_path / "b" / "la_2ch.dcm")
    assert missing(seg) == []
    del again.SegmentSequence[0].SegmentLabel
    assert "SegmentLabel" in missing(again)[0]  # the check can fail
    assert (seg.PatientName, seg.PatientID, seg.StudyInstanceUID) == (any_dicom.PATIENT, "AB-77", "1.2.3")
    assert seg.SeriesNumber == 7101
    assert seg.SOPInstanceUID == again.SOPInstanceUID  # the same masks of the same scan
    write_segs(np.full(stored.shape, 3, np.uint8), header.dicom, "la_2ch", tmp_path / "b", 100)
    assert seg.SOPInstanceUID != pydicom.dcmread(tmp_path / "b" / "la_2ch.dcm").SOPInstanceUID


def test_empty_masks_are_no_file_and_a_scan_without_its_study_has_none(nifti: Path, tmp_path: Path) -> None:
    header, stored = of_view(nifti, tmp_path, "la_2ch", one_series=True)
    write_segs(np.zeros(stored.shape, np.uint8), header.dicom, "la_2ch", tmp_path / "a", 100)
    assert not (tmp_path / "a" / "la_2ch.dcm").exists()
    name = header.dicom.names_zt[0][3]
    file = pydicom.dcmread(name)
    del file.FrameOfReferenceUID
    Path(name).write_bytes(dicom_scans.encode(file))
    with pytest.raises(ScanError, match="the scan's files lack FrameOfReferenceUID"):
        write_segs(np.ones(stored.shape, np.uint8), header.dicom, "la_2ch", tmp_path / "a", 100)


ODD = {"StudyTime": "1200-0", "SOPClassUID": "1.-.840", "FrameOfReferenceUID": ["1.2", "1.3"]}


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("tag", ODD)
def test_odd_tags_cost_the_seg_in_words(nifti: Path, tmp_path: Path, tag: str, many: bool) -> None:
    if many:
        header, stored, _ = many_frames(nifti, tmp_path, "la_2ch")
    else:
        header, stored = of_view(nifti, tmp_path, "la_2ch", one_series=True)
    with disable_value_validation():
        for name in set(header.dicom.names_zt[0]):
            file = pydicom.dcmread(name)
            setattr(file, tag, ODD[tag])
            Path(name).write_bytes(dicom_scans.encode(file))
    with pytest.raises(ScanError, match="no DICOM SEG: the scan's files have tags that cannot be used"):
        write_segs(np.ones(stored.shape, np.uint8), header.dicom, "la_2ch", tmp_path / "a", 100)
    assert not list(tmp_path.glob("a/*"))


def test_a_slice_with_odd_tags_leaves_no_part_of_the_view(nifti: Path, tmp_path: Path) -> None:
    """Each slice is a series, and the last one's files are odd; those before are not written either."""
    header, stored = of_view(nifti, tmp_path, "sa", one_series=False)
    with disable_value_validation():
        for name in header.dicom.names_zt[-1]:
            file = pydicom.dcmread(name)
            file.StudyTime = ODD["StudyTime"]
            Path(name).write_bytes(dicom_scans.encode(file))
    with pytest.raises(ScanError, match="no DICOM SEG"):
        write_segs(np.ones(stored.shape, np.uint8), header.dicom, "sa", tmp_path / "a", 100)
    assert not list(tmp_path.glob("a/*"))


def test_anonymised_files_and_a_zip_are_sources_too(nifti: Path, tmp_path: Path) -> None:
    files = []
    for file in any_dicom.files_of(nifti, "la_2ch", "1.2.3", 5):
        del file.PatientBirthDate, file.AccessionNumber
        files.append((dicom_scans.SERIES["la_2ch"], file))
    dicom_scans.write_zip(tmp_path / "1_20208_2_0.zip", files)
    header, stored = read_dicom(str(tmp_path / "1_20208_2_0.zip"), "la_2ch", 100)
    write_segs(np.ones(stored.shape, np.uint8), header.dicom, "la_2ch", tmp_path / "a", 100)
    seg = pydicom.dcmread(tmp_path / "a" / "la_2ch.dcm")
    named = [
        frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        for frame in seg.PerFrameFunctionalGroupsSequence
    ]
    assert sorted(named) == sorted(file.SOPInstanceUID for _, file in files)
    assert seg.AccessionNumber == ""


def many_frames(
    nifti: Path, folder: Path, view: str, files: int = 1
) -> tuple[Header, np.ndarray, list[pydicom.Dataset]]:
    """A view of enhanced files, each of some slices, whose frames are in an order of their own."""
    classic = any_dicom.files_of(nifti, view, "1.2.3", 5)
    for file in classic:
        file.SliceThickness = 6.0
    places = list(dict.fromkeys(tuple(file.ImagePositionPatient) for file in classic))
    whole = []
    for part in np.array_split(np.arange(len(places)), files):
        frames = [file for file in classic if places.index(tuple(file.ImagePositionPatient)) in part]
        random.Random(int(part[0])).shuffle(frames)
        whole.append(enhanced(frames))
    any_dicom.write(folder, whole)
    return *read_dicom_files(sorted(map(str, folder.rglob("IM*"))), view, 100), whole


@pytest.mark.parametrize("many", [False, True])
def test_files_with_one_number_have_no_seg(nifti: Path, tmp_path: Path, many: bool) -> None:
    """A reference to one of them would be one to all, and enhanced files would overwrite each other's masks."""
    if many:
        header, stored, _ = many_frames(nifti, tmp_path, "sa", 3)
    else:
        header, stored = of_view(nifti, tmp_path, "sa", one_series=False)
    for name in sorted({name for names in header.dicom.names_zt for name in names})[:2]:
        file = pydicom.dcmread(name)
        file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
        Path(name).write_bytes(dicom_scans.encode(file))
    with pytest.raises(ScanError, match="several of the scan's files have the same SOPInstanceUID"):
        write_segs(np.ones(stored.shape, np.uint8), header.dicom, "sa", tmp_path / "a", 100)
    assert not list(tmp_path.glob("a/*"))


@pytest.mark.parametrize(("view", "files"), [("la_4ch", 1), ("sa", 1), ("sa", 3)])
def test_enhanced_files_are_referred_to_by_frame(nifti: Path, tmp_path: Path, view: str, files: int) -> None:
    header, stored, whole = many_frames(nifti, tmp_path, view, files)
    mask = np.random.default_rng(1).integers(0, 4, stored.shape).astype(np.uint8)
    mask[4] = 0
    write_segs(mask, header.dicom, view, tmp_path / "mask", 100)
    segs = sorted((tmp_path / "mask").iterdir())
    assert [path.name for path in segs] == ([f"{view}.dcm"] if files == 1 else ["sa_01.dcm", "sa_02.dcm", "sa_03.dcm"])
    np.testing.assert_array_equal(unpacked(segs, header), mask)
    by_uid = {file.SOPInstanceUID: file for file in whole}
    for path in segs:
        seg, referred = pydicom.dcmread(path), set()
        assert missing(seg) == []
        for frame in seg.PerFrameFunctionalGroupsSequence:
            source = frame.DerivationImageSequence[0].SourceImageSequence[0]
            group = by_uid[source.ReferencedSOPInstanceUID].PerFrameFunctionalGroupsSequence
            own = group[source.ReferencedFrameNumber - 1]
            where = own.PlanePositionSequence[0].ImagePositionPatient
            assert frame.PlanePositionSequence[0].ImagePositionPatient == where
            moment = own.CardiacSynchronizationSequence[0].NominalCardiacTriggerDelayTime
            content = frame.FrameContentSequence[0]
            assert content.TemporalPositionIndex == round(moment / 50) + 1
            referred.add(tuple(content.DimensionIndexValues))
        slices = stored.shape[1] // files
        assert len(referred) == seg.NumberOfFrames == 7 * slices * 3  # no two share segment, place and time
        (series,) = seg.ReferencedSeriesSequence
        assert series.SeriesInstanceUID == whole[0].SeriesInstanceUID
        assert len(series.ReferencedInstanceSequence) == 1


def test_views_of_one_file_refer_to_their_own_frames(nifti: Path, tmp_path: Path) -> None:
    """All views, and a frame of phase after each of magnitude, in one file of a Philips scanner."""
    any_dicom.write(tmp_path, [philips([any_dicom.files_of(nifti, view, "1.2.3", 5) for view in VIEWS], phase=True)])
    with new_scans([tmp_path], 2, 100) as found:
        images = images_of(found[0])
    referred = []
    for number, (view, image) in enumerate(images.items()):
        mask = np.random.default_rng(number).integers(0, 4, image.stored_tzyx.shape).astype(np.uint8)
        write_segs(mask, image.header.dicom, view, tmp_path / "mask", 100)
        path = tmp_path / "mask" / f"{view}.dcm"
        np.testing.assert_array_equal(unpacked([path], image.header), mask)
        groups = pydicom.dcmread(path).PerFrameFunctionalGroupsSequence
        sources = [group.DerivationImageSequence[0].SourceImageSequence[0] for group in groups]
        referred += sorted({int(source.ReferencedFrameNumber) for source in sources})
    assert sorted(referred) == list(range(1, 2 * 9 * 8, 2))  # nine planes of eight times, without the phase


def test_highdicom_reads_it_by_the_frames_of_an_enhanced_file(nifti: Path, tmp_path: Path) -> None:
    header, stored, (file,) = many_frames(nifti, tmp_path, "la_2ch")
    mask = np.zeros(stored.shape, np.uint8)
    for t in range(len(mask)):
        mask[t, :, t : t + 3, 2:5] = 4
    write_segs(mask, header.dicom, "la_2ch", tmp_path / "mask", 100)
    seg = highdicom.seg.segread(tmp_path / "mask" / "la_2ch.dcm")
    numbers = list(header.dicom.numbers_zt[0])
    assert sorted(numbers) == list(range(1, 9)) != numbers
    found = seg.get_pixels_by_source_frame(file.SOPInstanceUID, numbers)
    np.testing.assert_array_equal(found[..., 0], mask[:, 0] == 4)


def test_frames_that_were_not_read_have_no_masks(nifti: Path, tmp_path: Path) -> None:
    """An enhanced file with an aborted repeat of its own slice: only the frames that were taken are referred to."""
    frames = any_dicom.files_of(nifti, "la_2ch", "1.2.3", 5)
    frames = [frame for frame in frames if frame.InstanceNumber != 4]  # one is missing: its neighbour counts twice
    whole = enhanced([frames[2], *frames])  # and one is there twice
    any_dicom.write(tmp_path, [whole])
    header, stored = read_dicom_files(sorted(map(str, tmp_path.rglob("IM*"))), "la_2ch", 100)
    write_segs(np.ones(stored.shape, np.uint8), header.dicom, "la_2ch", tmp_path / "mask", 100)
    seg = pydicom.dcmread(tmp_path / "mask" / "la_2ch.dcm")
    named = [
        frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber
        for frame in seg.PerFrameFunctionalGroupsSequence
    ]
    assert sorted(named) == sorted({number for numbers in header.dicom.numbers_zt for number in numbers})
    assert len(named) == 7


@needs_dciodvfy
@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("view", ["la_4ch", "sa"])
def test_dciodvfy_finds_no_error(nifti: Path, tmp_path: Path, view: str, many: bool) -> None:
    if many:
        header, stored, _ = many_frames(nifti, tmp_path, view)
    else:
        header, stored = of_view(nifti, tmp_path, view, one_series=True)
    mask = np.random.default_rng(0).integers(0, 4, stored.shape).astype(np.uint8)
    write_segs(mask, header.dicom, view, tmp_path / "mask", 100)
    path = tmp_path / "mask" / f"{view}.dcm"

    def errors() -> list[str]:
        done = subprocess.run([str(DCIODVFY), str(path)], capture_output=True, text=True, timeout=60, check=False)
        assert "Segmentation" in done.stderr + done.stdout  # it knew what the file is
        return [line for line in (done.stderr + done.stdout).splitlines() if line.startswith("Error")]

    assert errors() == []
    damaged = pydicom.dcmread(path)
    del damaged.SegmentSequence[0].SegmentLabel
    damaged.save_as(path)
    assert len(errors()) > 0  # the check can fail


def test_predict_refers_to_the_frames_of_enhanced_files(models: Path, scan: Path, tmp_path: Path) -> None:
    for number, view in enumerate(("la_4ch", "la_2ch", "la_3ch", "sa"), 3):
        frames = any_dicom.files_of(scan, view, "1.2.3", number)
        random.Random(number).shuffle(frames)
        any_dicom.write(tmp_path / "study", [enhanced(frames)])
    main(["--model", str(models), "--scan", str(tmp_path / "study"), "--out", str(tmp_path / "out"), "--seg"])
    row = pd.read_csv(tmp_path / "out" / "scans.csv").iloc[0]
    assert "SEG" not in str(row["notes"])
    masks = tmp_path / "out" / "scan_0001" / "masks"
    compared = 0
    for number, view in enumerate(("la_4ch", "la_2ch", "la_3ch", "sa"), 3):
        if (masks / f"{view}.nii.gz").exists():
            mask = np.asarray(nibabel.load(masks / f"{view}.nii.gz").dataobj).T
            header, _ = read_dicom_files(sorted(map(str, (tmp_path / f"study/{number:03d}").iterdir())), view, 100)
            segs = sorted(masks.glob(f"{view}.dcm"))
            assert bool(segs) == mask.any()
            np.testing.assert_array_equal(unpacked(segs, header), mask)  # Dice 1.0
            compared += bool(mask.any())
    assert compared >= 2


def test_the_list_of_scans_says_why_there_is_no_seg(models: Path, scan: Path, tmp_path: Path) -> None:
    """One view of a study lacks its frame of reference, and another scan is NIfTI; without --seg nothing is said."""
    any_dicom.write_study(tmp_path / "scans" / "study", scan)
    for path in (tmp_path / "scans" / "study" / "004").iterdir():  # la_2ch
        file = pydicom.dcmread(path)
        del file.FrameOfReferenceUID
        path.write_bytes(dicom_scans.encode(file))
    for name, options in {"out": ["--seg"], "plain": []}.items():
        out = tmp_path / name
        main(
            ["--model", str(models), "--scan", str(tmp_path / "scans"), "--out", str(out), "--device", "cpu", *options]
        )
    table = pd.read_csv(tmp_path / "out" / "scans.csv").set_index("folder")
    assert table["refused"].isna().all()
    said = {folder: [note for note in notes.split("; ") if "SEG" in note] for folder, notes in table["notes"].items()}
    assert said == {
        "study": ["la_2ch: no DICOM SEG: the scan's files lack FrameOfReferenceUID"],
        "5123456": [f"{view}: no DICOM SEG: the view is no DICOM" for view in ("la_4ch", "la_2ch", "sa")],
    }
    masks = tmp_path / "out" / str(table.loc["study", "scan"]) / "masks"
    assert (masks / "la_2ch.nii.gz").exists()
    assert {path.name for path in masks.glob("*.dcm")} <= {"sa.dcm", "la_4ch.dcm"}
    assert not pd.read_csv(tmp_path / "plain" / "scans.csv")["notes"].str.contains("SEG").any()


def test_predict_writes_both_and_they_agree(models: Path, scan: Path, tmp_path: Path) -> None:
    any_dicom.write_study(tmp_path / "study", scan, one_series=False)
    arguments = ["--model", str(models), "--scan", str(tmp_path / "study"), "--device", "cpu"]
    main([*arguments, "--out", str(tmp_path / "plain")])
    assert not list((tmp_path / "plain").rglob("*.dcm"))  # they name the patient: only where they are asked for
    main([*arguments, "--out", str(tmp_path / "out"), "--seg"])
    assert pd.read_csv(tmp_path / "out" / "scans.csv")["refused"].isna().all()
    masks = tmp_path / "out" / "scan_0001" / "masks"
    written = {path.name for path in masks.iterdir()}
    assert {"sa.nii.gz", "la_2ch.nii.gz", "la_4ch.nii.gz"} <= written
    for path in sorted(masks.glob("*.nii.gz")):
        mask = np.asarray(nibabel.load(path).dataobj).T
        segs = sorted(masks.glob(f"{path.name.removesuffix('.nii.gz')}*.dcm"))
        assert bool(segs) == mask.any()
        if mask.any():
            view = path.name.removesuffix(".nii.gz")
            series = {"la_4ch": "003", "la_2ch": "004"}.get(view)
            folders = [tmp_path / "study" / series] if series else sorted((tmp_path / "study").glob("01?"))
            files = [str(file) for folder in folders for file in sorted(folder.iterdir())]
            header, _ = read_dicom_files(files, view, 100)
            np.testing.assert_array_equal(unpacked(segs, header), mask)  # Dice 1.0
    page = (masks.parent / "report.html").read_text()
    assert "AB-77" not in page
    assert "Nobody" not in page
