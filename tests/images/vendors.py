"""Enhanced DICOM cines as two scanners lay them out, by hand from the classic files of the same frames.

Siemens writes one file for each slice or view, and says the time in CardiacSynchronizationSequence, with a
TemporalPositionIndex and a private sequence beside it. Philips writes one file for a whole stack, or for several views
as stacks of one file; TemporalPositionIndex counts repetitions and is 1, the phase of the heart is a dimension that a
private tag numbers, and a private sequence repeats classic tags, some with other values.
"""

import copy
from collections.abc import Sequence

import numpy as np
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from images.enhanced import enhanced, item

PHILIPS_PHASE, PHILIPS_PHASES_OF = 0x20011008, "Philips Imaging DD 001"
PHILIPS_GROUP, PHILIPS_GROUP_OF = 0x2005140F, "Philips MR Imaging DD 005"
SIEMENS_GROUP, SIEMENS_GROUP_OF = 0x002111FE, "SIEMENS MR SDI 02"
RR_MS = 800.0


def _dimensions(file: Dataset, *pointers: int) -> None:
    file.DimensionIndexSequence = [item(DimensionIndexPointer=pointer) for pointer in pointers]


def _private(group: Dataset, tag: int, creator: str, value: object) -> None:
    block = group.private_block(tag >> 16, creator, create=True)
    block.add_new(tag & 0xFF, "SQ" if isinstance(value, list) else "IS", value)


def _moment(file: Dataset, files: Sequence[Dataset]) -> int:
    """Which phase of the cycle a frame is, from 1."""
    return 1 + sorted({float(each.TriggerTime) for each in files}).index(float(file.TriggerTime))


def _place(file: Dataset, files: Sequence[Dataset]) -> int:
    """Which slice of its stack a frame is, from 1."""
    normal = np.cross(*np.array(file.ImageOrientationPatient, float).reshape(2, 3))
    depths = sorted({round(float(np.array(each.ImagePositionPatient, float) @ normal), 3) for each in files})
    return 1 + depths.index(round(float(np.array(file.ImagePositionPatient, float) @ normal), 3))


def siemens(files: Sequence[Dataset], *, nominal: bool = True) -> Dataset:
    """Frames of one plane; without `nominal` the times of the planned triggers are zero, and the real ones count."""
    whole = enhanced(files)
    whole.PulseSequenceName = "*tfi2d1_20"
    whole.ComplexImageComponent, whole.AcquisitionContrast = "MAGNITUDE", "UNKNOWN"
    tags = ("StackID", "InStackPositionNumber", "TemporalPositionIndex")
    _dimensions(whole, *map(tag_for_keyword, tags))
    shared = whole.SharedFunctionalGroupsSequence[0]
    del shared.PlaneOrientationSequence
    shared.CardiacSynchronizationSequence = [item(RRIntervalTimeNominal=RR_MS)]
    for group, file in zip(whole.PerFrameFunctionalGroupsSequence, files, strict=True):
        moment, time_ms = _moment(file, files), float(file.TriggerTime)
        content = item(StackID="1", InStackPositionNumber=1, TemporalPositionIndex=moment)
        content.DimensionIndexValues = [1, 1, moment]
        group.FrameContentSequence = [content]
        group.PlaneOrientationSequence = [item(ImageOrientationPatient=file.ImageOrientationPatient)]
        heart = item(NominalCardiacTriggerDelayTime=time_ms if nominal else 0.0, ActualCardiacTriggerDelayTime=time_ms)
        group.CardiacSynchronizationSequence = [heart]
        group.MRImageFrameTypeSequence = [item(FrameType=["ORIGINAL", "PRIMARY", "CARDIAC", "NONE"])]
        _private(group, SIEMENS_GROUP, SIEMENS_GROUP_OF, [item(InstanceNumber=99 - moment)])
    return whole


def philips(stacks: Sequence[Sequence[Dataset]], *, times: str = "standard", phase: bool = False) -> Dataset:
    """Frames of one or several stacks; `phase` adds for each a frame of phase, as scanners can.

    Args:
        stacks: classic files of each.
        times: that are in the `standard` place, in the `private` sequence alone, or `nowhere`.
        phase: a frame of phase at the same place and time follows each frame.
    """
    files = [file for stack in stacks for file in stack]
    if phase:
        files = [each for file in files for each in (file, _of_phase(file))]
    whole = enhanced(files)
    whole.ImageType, whole.ComplexImageComponent = ["ORIGINAL", "PRIMARY", "M_FFE", "M"], "MIXED"
    _dimensions(whole, tag_for_keyword("StackID"), tag_for_keyword("InStackPositionNumber"), PHILIPS_PHASE)
    shared = whole.SharedFunctionalGroupsSequence[0]
    del shared.PlaneOrientationSequence
    for group, file in zip(whole.PerFrameFunctionalGroupsSequence, files, strict=True):
        stack = next(
            n for n, each in enumerate(stacks) if file.ImageOrientationPatient == each[0].ImageOrientationPatient
        )
        moment, place = _moment(file, files), _place(file, stacks[stack])
        content = item(StackID=str(stack + 1), InStackPositionNumber=place, TemporalPositionIndex=1)
        content.DimensionIndexValues = [stack + 1, place, moment]
        group.FrameContentSequence = [content]
        group.PlaneOrientationSequence = [item(ImageOrientationPatient=file.ImageOrientationPatient)]
        heart = item(RRIntervalTimeNominal=RR_MS)
        if times == "standard":
            heart.NominalCardiacTriggerDelayTime = float(file.TriggerTime)
        group.CardiacSynchronizationSequence = [heart]
        group.MRImageFrameTypeSequence = [item(ComplexImageComponent=file.get("ComplexImageComponent", "MAGNITUDE"))]
        group.PixelValueTransformationSequence = [item(RescaleSlope=2.0, RescaleIntercept=0.0)]
        own = item(RescaleSlope=7.25, RescaleIntercept=3.0, InstanceNumber=1, SpacingBetweenSlices=0.0)
        if times == "private":
            own.TriggerTime = float(file.TriggerTime)
        _private(own, PHILIPS_PHASE, PHILIPS_PHASES_OF, moment)
        _private(group, PHILIPS_GROUP, PHILIPS_GROUP_OF, [own])
    return whole


def _of_phase(file: Dataset) -> Dataset:
    result = copy.deepcopy(file)
    result.ComplexImageComponent, result.PixelData = "PHASE", bytes(len(file.PixelData))
    return result
