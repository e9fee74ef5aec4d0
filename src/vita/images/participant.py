"""One participant: from the files of the index to nine planes, masks and curves."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vita.images import curves, layout
from vita.images.crop import Crop, cut_image, cut_mask, place
from vita.images.geometry import Orientation, canonical, orient
from vita.images.masks import Mask, heart_box, mark_not_annotated, read_mask, unknown_structures
from vita.images.nifti import Header, ScanError, read_header, read_volume
from vita.images.settings import ImageSettings
from vita.images.slices import choose_slices, nearest_frames, resample_frames

PLANES = len(layout.PLANES)
INTEGER_TYPES = (np.uint8, np.int16, np.uint16, np.int32)


@dataclass
class Participant:
    """What a shard keeps of a participant.

    Attributes:
        voxels_sthw: (9, time, size, size) stored values, in the smallest type that holds them.
        masks_sthw: (9, time, size, size) classes, 255 where not annotated; None without any mask.
        record: columns of the shard's table.
    """

    voxels_sthw: np.ndarray
    masks_sthw: np.ndarray | None
    record: dict[str, Any]


@dataclass
class _Planes:
    """Planes as they come in, view by view."""

    settings: ImageSettings
    images: dict[int, np.ndarray] = field(default_factory=dict)
    masks: dict[int, np.ndarray] = field(default_factory=dict)
    spacing: np.ndarray = field(default_factory=lambda: np.zeros((PLANES, 2)))
    corner: np.ndarray = field(default_factory=lambda: np.zeros((PLANES, 2)))
    low: np.ndarray = field(default_factory=lambda: np.zeros(PLANES))
    high: np.ndarray = field(default_factory=lambda: np.zeros(PLANES))
    record: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_participant(views: list[dict[str, Any]], settings: ImageSettings) -> Participant:
    """Read every usable view of a participant, each file once.

    Args:
        views: rows of the index: view, path, seg_path, seg4_path, usable, reason.
        settings: the block `images`.

    Raises:
        ScanError: a required view cannot be used; the message starts with the view.
    """
    planes = _Planes(settings)
    by_name = {row["view"]: row for row in views}
    places = _places(by_name)
    for view in layout.VIEWS:
        row = by_name.get(view)
        if row is None:
            continue
        try:
            if not row["usable"]:
                raise ScanError(row["reason"])
            _add_view(planes, row, places)
        except ScanError as error:
            if view in settings.required_views:
                raise ScanError(f"{view}: {error}") from error
            planes.notes.append(f"{view}: {error}")
    return _finish(planes)


def _places(by_name: dict[str, dict[str, Any]]) -> dict[str, Orientation]:
    """Orientation of each usable view; long-axis views first, since the stack may need their centres."""
    places: dict[str, Orientation] = {}
    for view in reversed(layout.VIEWS):
        row = by_name.get(view)
        if row is not None and row["usable"]:
            try:
                header = read_header(row["path"], planar=view != "sa")
            except ScanError:
                continue  # reading the voxels meets the same error and reports it
            centres = [known.centre_mm for known in places.values()] if view == "sa" else []
            places[view] = orient(header, view, centres)
    return places


def _add_view(planes: _Planes, row: dict[str, Any], places: dict[str, Orientation]) -> None:
    """Read a view's image and masks, and put its planes in place."""
    view, settings = row["view"], planes.settings
    header, stored = read_volume(row["path"], planar=view != "sa", max_mb=settings.max_file_mb)
    if view not in places or places[view].shape != tuple(header.shape_xyzt[a] for a in places[view].axes):
        raise ScanError("the file changed while it was read")
    orientation = places[view]
    stack = places.get("sa")
    masks = _read_masks(planes, row, header, orientation)
    for number, mask in enumerate(masks):
        _measure(planes.record, view, mask, orientation, stack, all_chambers=number == len(masks) - 1)
    mask = masks[0] if masks else None
    boxed = mask is not None and "mask" in (settings.crop, settings.slices)
    box = heart_box(canonical(mask.classes_tzyx, orientation)) if boxed else None
    chosen = _chosen_slices(view, orientation, box, settings)
    crop = _crop(orientation, box, settings)
    first_plane = layout.PLANE_OF_VIEW.get(view, layout.FIRST_SA_PLANE)
    _place_images(planes, _signal(header, canonical(stored, orientation)), chosen, crop, first_plane)
    if mask:
        _place_masks(planes, mask, orientation, chosen, crop, first_plane)
    _describe(planes, view, header, orientation, chosen, crop, first_plane)


def _signal(header: Header, stored_tsyx: np.ndarray) -> np.ndarray:
    """Stored values where they rise with the signal; a falling scale is applied.

    Any rising scale leaves values relative to the range as they are, so whole numbers stay.
    """
    if header.slope > 0:
        return stored_tsyx
    return (stored_tsyx * header.slope + header.intercept).astype(np.float32)


def _read_masks(planes: _Planes, row: dict[str, Any], header: Header, orientation: Orientation) -> list[Mask]:
    """The view's masks, the one for segmentation first; a mask that cannot be used becomes a note."""
    view = row["view"]
    sources = [(row.get("seg4_path"), layout.FOUR_CHAMBER_LABELS), (row.get("seg_path"), layout.LABELS.get(view, {}))]
    found = []
    for path, labels in sources:
        if isinstance(path, str) and labels:
            try:
                found.append(read_mask(path, labels, view, header, orientation, planes.settings.max_file_mb))
            except ScanError as error:
                planes.notes.append(f"{view}: {error}")
    for mask in found:
        planes.notes.extend(f"{view}: no frame of the mask has {name}" for name in unknown_structures(mask.counts))
    return found


def _measure(
    record: dict[str, Any],
    view: str,
    mask: Mask,
    orientation: Orientation,
    stack: Orientation | None,
    all_chambers: bool,
) -> None:
    """Add curves to the record: of the ventricles from the stack, of the atria from the atrial masks."""
    if view == "sa":
        for name, structure in (("lv_ml", layout.LVBP), ("myo_ml", layout.LVMYO), ("rv_ml", layout.RVBP)):
            record[name] = curves.volume_ml(mask.counts[structure], orientation.spacing_mm)
        return
    if not all_chambers:
        return
    direction = orientation.in_plane(stack.slice_direction) if stack else None
    if direction is not None and np.linalg.norm(direction) < 0.5:
        direction = None  # the plane hardly contains the long axis
    classes = canonical(mask.classes_tzyx, orientation)[:, 0]
    for prefix, structure in (("la", layout.LABP), ("ra", layout.RABP)):
        if structure in mask.counts:
            area, length = curves.area_and_length(classes == structure, orientation.spacing_mm[1:], direction)
            record[f"{prefix}{view[2:]}_mm2"], record[f"{prefix}{view[2:]}_mm"] = area, length


def _chosen_slices(
    view: str, orientation: Orientation, box: tuple[slice, ...] | None, settings: ImageSettings
) -> list[int]:
    if view != "sa":
        return [0]
    if settings.slices == "mask" and box and box[0].stop - box[0].start >= settings.sa_slices:
        return choose_slices(box[0].start, box[0].stop - 1, settings.sa_slices)
    return choose_slices(0, orientation.shape[0] - 1, settings.sa_slices)


def _crop(orientation: Orientation, box: tuple[slice, ...] | None, settings: ImageSettings) -> Crop:
    center = None
    if settings.crop == "mask" and box:
        center = tuple((part.start + part.stop - 1) / 2 for part in box[1:])
    return place(orientation.shape[1:], orientation.spacing_mm[1:], settings.size, settings.resample_mm, center)


def _place_images(planes: _Planes, signal_tsyx: np.ndarray, chosen: list[int], crop: Crop, first_plane: int) -> None:
    kept = [resample_frames(cut_image(signal_tsyx[:, number], crop), planes.settings.frames) for number in chosen]
    low, high = min(part.min() for part in kept), max(part.max() for part in kept)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ScanError("voxels are not finite numbers (NaN or infinite)")
    if low == high:
        raise ScanError("the image is constant")
    for offset, part in enumerate(kept):
        planes.images[first_plane + offset] = part
    planes.low[first_plane : first_plane + len(chosen)] = low
    planes.high[first_plane : first_plane + len(chosen)] = high


def _place_masks(
    planes: _Planes, mask: Mask, orientation: Orientation, chosen: list[int], crop: Crop, first_plane: int
) -> None:
    frames = nearest_frames(len(mask.classes_tzyx), planes.settings.frames)
    classes = canonical(mask.classes_tzyx, orientation)[frames][:, chosen]
    counts = {name: np.where(count.max() > 0, count[frames], 1) for name, count in mask.counts.items()}
    classes = mark_not_annotated(classes, counts)
    for offset in range(len(chosen)):
        planes.masks[first_plane + offset] = cut_mask(classes[:, offset], crop)


def _describe(
    planes: _Planes,
    view: str,
    header: Header,
    orientation: Orientation,
    chosen: list[int],
    crop: Crop,
    first_plane: int,
) -> None:
    span = slice(first_plane, first_plane + len(chosen))
    planes.spacing[span] = [mm * step for mm, step in zip(orientation.spacing_mm[1:], crop.step, strict=True)]
    planes.corner[span] = crop.first
    name = "sa" if view == "sa" else view[3:]
    planes.record[f"frames_{name}"] = header.shape_xyzt[3]
    planes.record[f"frame_s_{name}"] = header.frame_s
    planes.record[f"oriented_{name}"] = header.oriented
    if view == "sa":
        planes.record["sa_slices"] = chosen
        planes.record["sa_stack"] = orientation.shape[0]
        planes.record["sa_spacing_mm"] = orientation.spacing_mm[0]


def _finish(planes: _Planes) -> Participant:
    if not planes.images:
        raise ScanError("no view can be used")
    present = [number in planes.images for number in range(PLANES)]
    stack = np.stack([planes.images.get(n, np.zeros_like(next(iter(planes.images.values())))) for n in range(PLANES)])
    blank = np.full(stack.shape[1:], layout.NOT_ANNOTATED, np.uint8)
    masks = np.stack([planes.masks.get(n, blank) for n in range(PLANES)]) if planes.masks else None
    record = planes.record | {
        "planes_present": present,
        "spacing_row_mm": planes.spacing[:, 0],
        "spacing_column_mm": planes.spacing[:, 1],
        "crop_row": planes.corner[:, 0],
        "crop_column": planes.corner[:, 1],
        "range_low": planes.low,
        "range_high": planes.high,
        "has_masks": masks is not None,
        "notes": planes.notes,
    }
    return Participant(_smallest(stack), masks, record)


def _smallest(voxels: np.ndarray) -> np.ndarray:
    """The same values in the smallest integer type; floats that are not whole numbers stay 32-bit floats."""
    if voxels.dtype.kind == "f" and not (voxels == np.rint(voxels)).all():
        return voxels.astype(np.float32)
    low, high = voxels.min(), voxels.max()
    for kind in INTEGER_TYPES:
        limits = np.iinfo(kind)
        if limits.min <= low and high <= limits.max:
            return voxels.astype(kind)
    return voxels.astype(np.float32)
