"""Masks as DICOM SEG: the same as the NIfTI masks, and every frame refers to its own file of the scan."""

from collections import defaultdict
from pathlib import Path

import highdicom
import nibabel
import numpy as np
import pandas as pd
import pydicom
import pytest

from images import any_dicom, dicom_scans, scans
from vita.apply.dicom_seg import NAMES, write_segs
from vita.apply.predict import main
from vita.images.dicom import read_dicom, read_dicom_files
from vita.images.header import Header, ScanError

# Attributes that the standard wants in a SEG (PS3.3 A.51, C.8.20), beside those of each frame.
NEEDED = {
    "patient and study": "PatientID PatientName PatientBirthDate PatientSex StudyInstanceUID StudyDate",
    "request": "StudyTime StudyID AccessionNumber ReferringPhysicianName",
    "series": "Modality SeriesInstanceUID SeriesNumber FrameOfReferenceUID ReferencedSeriesSequence",
    "equipment": "Manufacturer ManufacturerModelName DeviceSerialNumber SoftwareVersions",
    "instance": "SOPClassUID SOPInstanceUID InstanceNumber ContentDate ContentTime ContentLabel ImageType",
    "pixels": "SamplesPerPixel PhotometricInterpretation BitsAllocated BitsStored HighBit PixelRepresentation",
    "segments": "LossyImageCompression SegmentationType SegmentSequence NumberOfFrames",
    "frames": "SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence",
    "dimensions": "DimensionOrganizationSequence DimensionIndexSequence",
}


@pytest.fixture(scope="module")
def nifti(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nifti")
    scans.write_participant(folder, size=(14, 12), slices=6)
    return folder


def unpacked(paths: list[Path], header: Header) -> np.ndarray:
    """Classes (time, slice, row, column) of the SEGs of a view, by the files that their frames refer to."""
    structure = {name: number for number, name in NAMES.items()}
    places = defaultdict(list)
    for z, names in enumerate(header.dicom.names_zt):
        for t, name in enumerate(names):
            places[str(pydicom.dcmread(name, stop_before_pixels=True).SOPInstanceUID)].append((z, t))
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
            uid = frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
            for z, t in places[uid]:
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
    assert [name for names in NEEDED.values() for name in names.split() if name not in seg] == []
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
