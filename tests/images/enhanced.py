"""Enhanced DICOM files, of many frames, by hand from the classic files of these frames."""

from collections.abc import Sequence

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, generate_uid

OF_FILE = ("SeriesInstanceUID", "SeriesNumber", "StudyInstanceUID", "PatientID", "PatientName", "Modality", "Rows")
OF_FILE += ("Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel")
OF_FILE += ("PhotometricInterpretation", "SeriesDescription", "FrameOfReferenceUID")


def item(**values: object) -> Dataset:
    result = Dataset()
    for name, value in values.items():
        setattr(result, name, value)
    return result


def enhanced(files: Sequence[Dataset], *, times: bool = True, indices: bool = True) -> Dataset:
    """One file of these frames, in this order; `times` and `indices` say when in the cycle each is."""
    first = files[0]
    result = Dataset()
    result.file_meta = FileMetaDataset()
    result.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    result.file_meta.MediaStorageSOPClassUID = result.SOPClassUID = EnhancedMRImageStorage
    result.file_meta.MediaStorageSOPInstanceUID = result.SOPInstanceUID = generate_uid()
    for name in OF_FILE:
        setattr(result, name, first[name].value)
    result.InstanceNumber, result.NumberOfFrames = 1, len(files)
    measures = item(PixelSpacing=first.PixelSpacing, SliceThickness=6.0)
    orientation = item(ImageOrientationPatient=first.ImageOrientationPatient)
    result.SharedFunctionalGroupsSequence = [
        item(PixelMeasuresSequence=[measures], PlaneOrientationSequence=[orientation])
    ]
    result.PerFrameFunctionalGroupsSequence = [_group(file, files, times, indices) for file in files]
    result.PixelData = b"".join(file.PixelData for file in files)
    return result


def _group(file: Dataset, files: Sequence[Dataset], times: bool, indices: bool) -> Dataset:
    moments = sorted({float(each.TriggerTime) for each in files})
    content = item(StackID="1")
    if indices:
        content.TemporalPositionIndex = 1 + moments.index(float(file.TriggerTime))
    group = item(FrameContentSequence=[content])
    group.PlanePositionSequence = [item(ImagePositionPatient=file.ImagePositionPatient)]
    heart = item(RRIntervalTimeNominal=800.0)
    if times:
        heart.NominalCardiacTriggerDelayTime = float(file.TriggerTime)
    group.CardiacSynchronizationSequence = [heart]
    if "RescaleSlope" in file:
        scaling = item(RescaleSlope=file.RescaleSlope, RescaleIntercept=file.RescaleIntercept)
        group.PixelValueTransformationSequence = [scaling]
    return group
