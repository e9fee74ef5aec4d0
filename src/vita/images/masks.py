"""Reference masks: read, checked against their image, brought to this project's classes."""

from dataclasses import dataclass

import numpy as np

from vita.images.geometry import LEFT, Orientation, canonical, orient, same_place
from vita.images.header import Header, ScanError
from vita.images.layout import LABP, LVBP, LVMYO, RABP, RVBP, STRUCTURES
from vita.images.nifti import read_volume
from vita.mask_classes import NOT_ANNOTATED

# A mask with a grid that is further off than this does not belong to the image.
PLACE_TOLERANCE_MM = 1.0
_UNKNOWN = 254
# Share of the border of the LV cavity that touches the myocardium: 0.95 to 1 in manual and automatic masks, 0.3 for an
# RV.
ENCLOSED = 0.6
CHECKED_FRAMES = 3
# Share of the border of the RV that touches the wall: 0.3 in masks of hearts, nearly 1 of an infarct within the wall.
WITHIN_WALL = 0.8
# Share of it that touches the LV cavity: none in masks of hearts, since the septum lies between.
BESIDE_CAVITY = 0.1
# An RV or atrium that was not annotated lies within this many mm of the annotated structures.
REACH_MM = 80.0


@dataclass(frozen=True)
class Mask:
    """Classes of a view, turned as its image is, and how many pixels each class has.

    Attributes:
        classes_tsyx: uint8 classes of `layout.STRUCTURES`, (time, slice, row, column).
        counts: pixels per frame by class, (time,) each, for the structures that the mask knows.
    """

    classes_tsyx: np.ndarray
    counts: dict[int, np.ndarray]


def read_mask(path: str, labels: dict[int, int], view: str, frames: int, place: Orientation, max_mb: float) -> Mask:
    """Read the mask of a view, which may be stored with its axes in another order than the image.

    Args:
        path: of the mask file.
        labels: label in the file to class.
        view: of the image.
        frames, place: of the image that the mask belongs to.
        max_mb: as in `read_volume`.

    Raises:
        ScanError: unreadable, of another shape or place than the image, unknown labels, or empty.
    """
    return mask_of(*read_volume(path, planar=view != "sa", max_mb=max_mb), labels, view, frames, place)


def mask_of(
    header: Header, stored_tzyx: np.ndarray, labels: dict[int, int], view: str, frames: int, place: Orientation
) -> Mask:
    """As `read_mask`, of a file that was read."""
    orientation = orient(header, view, like=place)
    if orientation.shape != place.shape or header.shape_xyzt[3] != frames:
        raise ScanError("the mask's shape differs from its image's")
    if not same_place(orientation, place, PLACE_TOLERANCE_MM):
        raise ScanError("the mask and its image are at different positions")
    classes = _classes(stored_tzyx, header, labels)
    boxed = _boxed(classes)  # counting background takes longer than all else
    counts = {name: _count(boxed, name) for name in sorted(set(labels.values()))}
    if not any(count.any() for count in counts.values()):
        raise ScanError("the mask is empty")
    if view == "sa":
        _check_wall(boxed, counts)
    turned = canonical(classes, orientation)
    if view == "la_4ch" and header.oriented:
        _check_atria(turned, orientation)
    return Mask(turned, counts)


def _classes(stored: np.ndarray, header: Header, labels: dict[int, int]) -> np.ndarray:
    """Labels of a file to classes, through a table of 256 entries."""
    values = stored
    if (header.slope, header.intercept) != (1.0, 0.0):
        values = stored * header.slope + header.intercept
    if values.dtype != np.uint8:
        whole = np.rint(values)
        if not (np.isfinite(whole).all() and whole.min() >= 0 and whole.max() < _UNKNOWN):
            raise ScanError("the mask holds values that are not labels")
        values = whole.astype(np.uint8)
    if all(label == name for label, name in labels.items()) and values.max() <= max(labels):
        return values  # labels are classes already, as in a short-axis mask
    table = np.full(256, _UNKNOWN, np.uint8)
    table[0] = 0
    for label, name in labels.items():
        table[label] = name
    classes: np.ndarray = table[values]
    if classes.max() == _UNKNOWN:
        raise ScanError(f"the mask holds labels other than {sorted(labels)}")
    return classes


def _check_wall(classes_tzyx: np.ndarray, counts: dict[int, np.ndarray]) -> None:
    """Check that the myocardium surrounds the LV cavity and not the RV, which fails if labels are in another order or
    have another meaning. A few frames with the structure and the wall are examined. Other data sets use another order
    (ACDC: 1 RV, 3 LV) or label something else (EMIDEC: 3 is an infarct).

    Raises:
        ScanError: less of the cavity's border than ENCLOSED touches the wall, more of the RV's than WITHIN_WALL does,
            or more of it than BESIDE_CAVITY touches the cavity.
    """
    advice = "if its labels are in another order, set images.masks.labels"
    around_lv = _touching(classes_tzyx, counts, LVBP)
    if around_lv < ENCLOSED:
        raise ScanError(f"the wall surrounds {around_lv:.0%} of the LV cavity of the mask; {advice}")
    around_rv = _touching(classes_tzyx, counts, RVBP)
    if around_rv > WITHIN_WALL:
        raise ScanError(f"the wall surrounds {around_rv:.0%} of the RV of the mask; {advice}")
    beside = _touching(classes_tzyx, counts, RVBP, LVBP)
    if beside > BESIDE_CAVITY:
        raise ScanError(f"the LV cavity touches {beside:.0%} of the border of the RV of the mask; {advice}")


def _touching(classes_tzyx: np.ndarray, counts: dict[int, np.ndarray], structure: int, other: int = LVMYO) -> float:
    """Share of the structure's border in its slices that touches another, the wall; NaN where no frame has both."""
    absent = np.zeros(len(classes_tzyx))
    both = np.flatnonzero((counts.get(structure, absent) > 0) & (counts.get(other, absent) > 0))
    frames = classes_tzyx[both[np.linspace(0, len(both) - 1, min(len(both), CHECKED_FRAMES)).astype(int)]]
    touching = border = 0
    for axis in (2, 3):
        before = [slice(None)] * 4
        after = list(before)
        before[axis], after[axis] = slice(None, -1), slice(1, None)
        for inside, outside in ((before, after), (after, before)):
            beyond = frames[tuple(outside)][(frames[tuple(inside)] == structure)]
            border += int(np.count_nonzero(beyond != structure))
            touching += int(np.count_nonzero(beyond == other))
    return touching / border if border else float("nan")


def _check_atria(classes_tsyx: np.ndarray, place: Orientation) -> None:
    """Check that the left atrium lies to the patient's left of the right one, where the mask has both.

    Raises:
        ScanError: it lies to the right.
    """
    centres = {}
    for structure in (LABP, RABP):
        where = np.argwhere((classes_tsyx == structure).any(axis=0))
        if not len(where):
            return
        centres[structure] = place.affine[:3, :3] @ where.mean(axis=0)
    if (centres[LABP] - centres[RABP]) @ LEFT < 0:
        raise ScanError("the left atrium of the mask lies to the right of the right one; exchange its labels")


def _boxed(classes_tzyx: np.ndarray) -> np.ndarray:
    """The rows and columns between which anything is labelled."""
    seen = np.maximum.reduce(classes_tzyx, axis=0).any(axis=0)
    rows, columns = (np.flatnonzero(seen.any(axis=other)) for other in (1, 0))
    if not len(rows):
        return classes_tzyx[..., :0]
    return classes_tzyx[..., rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _count(classes_tzyx: np.ndarray, name: int) -> np.ndarray:
    return np.array([np.count_nonzero(frame == name) for frame in classes_tzyx])


def mark_not_annotated(classes_tsyx: np.ndarray, counts: dict[int, np.ndarray]) -> np.ndarray:
    """Set background to 255 in frames without a structure that other frames have.

    Structures of a heart never vanish, so such a frame was not, or only partly, annotated. Labelled pixels stay.

    Args:
        classes_tsyx: classes of a view or a part of it, time first; left as it is.
        counts: as in `Mask`.
    """
    missing = np.zeros(len(classes_tsyx), bool)
    for count in counts.values():
        missing |= (count == 0) & (count.max() > 0)
    if not missing.any():
        return classes_tsyx
    result = classes_tsyx.copy()
    part = result[missing]
    part[part == 0] = NOT_ANNOTATED
    result[missing] = part
    return result


def mark_beside(classes_tsyx: np.ndarray, counts: dict[int, np.ndarray], spacing_mm: tuple[float, float]) -> np.ndarray:
    """Set background to 255 where a structure may lie that the mask has in no frame: near what it has.

    Otherwise a mask of the LV alone would teach that the RV is background. Background further away stays.

    Args:
        classes_tsyx: classes of a view or a part of it; left as it is.
        counts: as in `Mask`.
        spacing_mm: (row, column).
    """
    if not unknown_structures(counts):
        return classes_tsyx
    result = classes_tsyx.copy()
    _, rows, columns = heart_box(np.where(classes_tsyx == NOT_ANNOTATED, 0, classes_tsyx))
    near = []
    for part, mm, size in zip((rows, columns), spacing_mm, classes_tsyx.shape[2:], strict=True):
        reach = int(np.ceil(REACH_MM / mm))
        near.append(slice(max(part.start - reach, 0), min(part.stop + reach, size)))
    around = result[:, :, near[0], near[1]]
    around[around == 0] = NOT_ANNOTATED
    return result


def unknown_structures(counts: dict[int, np.ndarray]) -> list[str]:
    """Names of structures that the mask should hold and has in no frame."""
    return [name for name, number in STRUCTURES.items() if number in counts and not counts[number].any()]


def heart_box(classes_tsyx: np.ndarray) -> tuple[slice, slice, slice]:
    """Bounding box (slice, row, column) of everything labelled in any frame; the mask must not be empty."""
    seen = (classes_tsyx != 0).any(axis=0)
    box = []
    for axis in range(3):
        rest = tuple(other for other in range(3) if other != axis)
        where = np.flatnonzero(seen.any(axis=rest))
        box.append(slice(int(where[0]), int(where[-1]) + 1))
    return box[0], box[1], box[2]
