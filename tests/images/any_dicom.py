"""A study as any scanner writes it: folders of DICOM files whose names and descriptions say nothing."""

import random
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from images import dicom_scans

PATIENT = "Nobody^At All"


def fill(file: Dataset, study: str, number: int, description: str) -> Dataset:
    """What every real file says beside its pixels."""
    file.PatientName, file.PatientID, file.PatientBirthDate, file.PatientSex = PATIENT, "AB-77", "", "O"
    file.StudyInstanceUID, file.StudyID, file.StudyDate, file.StudyTime = study, "1", "20200101", "120000"
    file.AccessionNumber, file.ReferringPhysicianName, file.Modality = "", "", "MR"
    file.FrameOfReferenceUID, file.PositionReferenceIndicator = generate_uid(entropy_srcs=[study]), ""
    file.SeriesNumber, file.SeriesDescription = number, description
    for tag in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        setattr(file, tag, [round(float(value), 8) for value in file[tag].value])  # a decimal string has 16 characters
    file.Manufacturer, file.ManufacturerModelName = "Scanner", "One"
    return file


def write(folder: Path, files: list[Dataset]) -> None:
    """One folder per series, files named by what is no word."""
    for number, file in enumerate(files):
        place = folder / f"{int(file.SeriesNumber):03d}" / f"IM{number:05d}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(dicom_scans.encode(file))


def files_of(scans: Path, view: str, study: str, number: int, *, one_series: bool = True) -> list[Dataset]:
    """The frames of a view; a stack as one series, or a series for each slice from `number` on."""
    result: list[Dataset] = []
    numbers: dict[str, int] = {}
    whole = generate_uid()
    for _, file in dicom_scans.slice_files(scans / f"{view}.nii.gz", view):
        place = numbers.setdefault(str(file.SeriesInstanceUID), len(numbers))
        if one_series:
            file.SeriesInstanceUID = whole
        file.InstanceNumber = len(result) + 1 if one_series else file.InstanceNumber
        result.append(fill(file, study, number if one_series else number + place, "cine"))
    return result


def localisers(like: Dataset, study: str, number: int) -> list[Dataset]:
    """Seven transversal planes of one frame."""
    uid, result = generate_uid(), []
    for place in range(7):
        file = dicom_scans.dicom_file(np.ones((12, 12), np.int16), np.diag([3.0, 3.0, 8.0, 1.0]), 0.05, 0, "x", uid)
        file.ImagePositionPatient = [0, 0, 8.0 * place]
        file.InstanceNumber = place + 1
        result.append(fill(file, study, number, ""))
    return result


def chest_cines(study: str, number: int, frames: int = 6) -> list[Dataset]:
    """A stack of transversal cines, as many protocols have beside the short-axis stack."""
    uid, result = generate_uid(), []
    for place in range(7):
        for time in range(frames):
            matrix = np.diag([3.0, 3.0, 8.0, 1.0])
            matrix[2, 3] = 8.0 * place
            file = dicom_scans.dicom_file(np.full((12, 12), time, np.int16), matrix, 0.05, time, "x", uid)
            file.InstanceNumber = place * frames + time + 1
            result.append(fill(file, study, number, ""))
    return result


def write_study(
    folder: Path, scans: Path, views: tuple[str, ...] = ("sa", "la_2ch", "la_3ch", "la_4ch"), *, one_series: bool = True
) -> str:
    """A whole study: localisers 1, transversal cines 2, 4-, 2- and 3-chamber views 3 to 5, the stack from 10 on."""
    study = generate_uid()
    write(folder, localisers(Dataset(), study, 1))
    write(folder, chest_cines(study, 2))
    for number, view in enumerate(("la_4ch", "la_2ch", "la_3ch"), 3):
        if view in views:
            write(folder, files_of(scans, view, study, number))
    if "sa" in views:
        write(folder, files_of(scans, "sa", study, 10, one_series=one_series))
    return study


def shuffled_files(nifti: Path, view: str, study: str, number: int = 4) -> list[Dataset]:
    """Files of a view in an order of their own."""
    files = files_of(nifti, view, study, number)
    random.Random(number).shuffle(files)
    return files
