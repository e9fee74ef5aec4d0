"""NIfTI scans as UK Biobank would deliver them: zips of DICOM files with a manifest."""

import io
import random
import zipfile
from pathlib import Path

import nibabel
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

SERIES = {"la_2ch": "CINE_segmented_LAX_2Ch", "la_3ch": "CINE_segmented_LAX_3Ch", "la_4ch": "CINE_segmented_LAX_4Ch"}
MANIFEST = "filename,patientid,date,series discription,modality\n"


def dicom_file(pixels: np.ndarray, matrix: np.ndarray, frame_s: float, number: int, series: str, uid: str) -> Dataset:
    """One frame of a slice; `pixels` (columns, rows) and `matrix` as in NIfTI, for a slice of its own."""
    file = Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.file_meta.MediaStorageSOPClassUID = file.SOPClassUID = MRImageStorage
    file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID = generate_uid()
    lps = np.diag([-1.0, -1.0, 1.0]) @ matrix[:3]
    steps = np.linalg.norm(lps[:, :3], axis=0)
    file.ImageOrientationPatient = [*(lps[:, 0] / steps[0]), *(lps[:, 1] / steps[1])]
    file.ImagePositionPatient = [*lps[:, 3]]
    file.PixelSpacing = [float(steps[1]), float(steps[0])]
    file.SpacingBetweenSlices, file.SliceThickness = float(steps[2]), 6.0
    file.TriggerTime = frame_s * 1000 * number
    file.SeriesDescription, file.SeriesInstanceUID = series, uid
    file.SeriesNumber, file.InstanceNumber = 7, number + 1
    file.Rows, file.Columns = pixels.shape[::-1]
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.BitsAllocated = file.BitsStored = 16
    file.HighBit, file.PixelRepresentation = 15, 1
    file.PixelData = np.ascontiguousarray(pixels.T).astype("<i2").tobytes()
    return file


def encode(file: Dataset) -> bytes:
    buffer = io.BytesIO()
    file.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def slice_files(path: Path, view: str) -> list[tuple[str, Dataset]]:
    """Every frame of every slice of a NIfTI file, with its series."""
    image = nibabel.load(path)
    values = np.asarray(image.dataobj)
    frame_s = float(image.header["pixdim"][4])
    files = []
    for z in range(values.shape[2]):
        matrix = image.affine.copy()
        matrix[:3, 3] += z * matrix[:3, 2]
        series = SERIES.get(view, f"CINE_segmented_SAX_b{z + 1}")
        uid = generate_uid()
        for t in range(values.shape[3]):
            files.append((series, dicom_file(values[:, :, z, t], matrix, frame_s, t, series, uid)))
    return files


def write_zip(path: Path, files: list[tuple[str, Dataset]], manifest: str | None = "manifest.csv") -> None:
    """Files in random order, as UK Biobank's names are, and the manifest with its unquoted comma in the date."""
    files = list(files)
    random.Random(0).shuffle(files)
    lines = [MANIFEST]
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number, (series, file) in enumerate(files):
            name = f"1.3.12.{number}.dcm"
            archive.writestr(name, encode(file))
            lines.append(f"{name},ID,Aug 9, 2014,{series},MR\n")
        if manifest:
            archive.writestr(manifest, "".join(lines))


def write_encoded(path: Path, files: list[bytes], series: str) -> None:
    """Encoded files of one series, whatever they hold."""
    with zipfile.ZipFile(path, "w") as archive:
        for number, data in enumerate(files):
            archive.writestr(f"{number}.dcm", data)
        lines = "".join(f"{number}.dcm,ID,Aug 9, 2014,{series},MR\n" for number in range(len(files)))
        archive.writestr("manifest.csv", MANIFEST + lines)


def write_zips(
    folder: Path, eid: int, scans: Path, manifest: str | None = "manifest.cvs", study: str | None = None
) -> None:
    """The two zips of a participant from their NIfTI files, of this study if it is given."""
    long_axis = [file for view in SERIES for file in slice_files(scans / f"{view}.nii.gz", view)]
    short_axis = slice_files(scans / "sa.nii.gz", "sa")
    if study:
        for _, file in long_axis + short_axis:
            file.StudyInstanceUID, file.FrameOfReferenceUID = study, generate_uid(entropy_srcs=[study])
    write_zip(folder / f"{eid}_20208_2_0.zip", long_axis, manifest)
    write_zip(folder / f"{eid}_20209_2_0.zip", short_axis, manifest)
