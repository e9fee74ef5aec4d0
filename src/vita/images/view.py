"""One view of a participant: its image and masks, measured whole, then cut to the planes that a shard keeps."""

from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np

from vita.images import curves, layout
from vita.images.crop import (
    Crop,
    choose_slices,
    cut_image,
    cut_mask,
    nearest_frames,
    place,
    resample_frames,
    slices_from_base,
)
from vita.images.geometry import Orientation, canonical
from vita.images.header import Header, ScanError, can_be_cycle
from vita.images.masks import Mask, heart_box, mark_beside, mark_not_annotated, read_mask, unknown_structures
from vita.images.quality import judge, measure_image, measure_mask, unsuitable
from vita.images.rows import IndexRow
from vita.images.settings import ImageSettings

# Differences of larger values are not finite in 32-bit floats.
LARGEST_VALUE = 1e30
# Below this cosine a plane hardly contains the heart's long axis.
LONG_AXIS_IN_PLANE = 0.5
# A short-axis stack is 60 to 150 mm long; a file whose slices and frames were exchanged has some 400 mm.
LONGEST_STACK_MM = 250.0


@dataclass(frozen=True)
class Image:
    """A view as read: header, stored voxels (time, z, y, x), and how to turn them."""

    view: str
    header: Header
    stored_tzyx: np.ndarray
    orientation: Orientation


@dataclass
class ViewPlanes:
    """What a shard keeps of a view.

    Attributes:
        first_plane: number of its first plane.
        images_sthw, masks_sthw: (planes, time, size, size); masks are None without a mask.
        spacing_mm: (row, column) of the planes.
        crop: how planes were cut.
        lows_st, highs_st: (planes, time) darkest and brightest value.
        record: columns of the shard's table.
        notes: what is wrong but leaves the view usable.
        quality: what was measured for the rules of quality control.
    """

    first_plane: int
    images_sthw: np.ndarray
    crop: Crop
    spacing_mm: tuple[float, float]
    lows_st: np.ndarray
    highs_st: np.ndarray
    masks_sthw: np.ndarray | None = None
    record: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    quality: list[dict[str, Any]] = field(default_factory=list)


def as_stored(mask_tsyx: np.ndarray, image: Image) -> tuple[Header, np.ndarray]:
    """Classes in the convention's orientation turned back to the file's own axes: header and (time, z, y, x)."""
    orientation = image.orientation
    steps = [slice(None, None, -1 if flip else 1) for flip in orientation.flips]
    turned = mask_tsyx[(slice(None), *steps)]
    places = [3 - axis for axis in orientation.axes]  # of slice, row and column among (time, z, y, x)
    stored = np.moveaxis(turned, (1, 2, 3), places)
    header = replace(image.header, dtype=np.dtype(np.uint8), slope=1.0, intercept=0.0)
    return header, np.ascontiguousarray(stored.astype(np.uint8))


def read_view(image: Image, row: IndexRow, stack: Orientation | None, settings: ImageSettings) -> ViewPlanes:
    """Measure a view's masks and cut its planes.

    Args:
        image: the view.
        row: of the index; its seg_path and seg4_path are read, and the mask_score of masks that the run made.
        stack: orientation of the short-axis stack, if there is one.
        settings: the block `images`.

    Raises:
        ScanError: the image cannot be used.
    """
    slices, frames = image.orientation.shape[0], image.header.shape_xyzt[3]
    if reason := unsuitable(image.view, slices, frames, settings):
        raise ScanError(reason)
    notes = [f"{image.view}: {note}" for note in image.header.notes]
    if image.view == "sa" and (reason := _impossible_rate(image.header)):
        notes.append(f"sa: {reason}")
    length_mm = slices * image.orientation.spacing_mm[0]
    if image.view == "sa" and length_mm > LONGEST_STACK_MM:
        notes.append(f"sa: the stack of {slices} slices is {length_mm:.0f} mm long; they may be frames")
    masks = read_masks(image, row, settings, notes)
    record = _describe(image)
    if masks:
        record |= _measure(image, masks[-1], stack)
    mask = masks[0] if masks else None
    boxed = bool(settings.needing_masks)
    box = heart_box(mask.classes_tsyx) if mask is not None and boxed else None
    if mask is not None and image.view == "sa" and settings.slices == "base":
        chosen = slices_from_base(mask.classes_tsyx[0] == layout.LVBP, settings.sa_slices)
    else:
        chosen = _chosen_slices(image, box, settings)
    crop = _crop(image.orientation, box, settings)
    planes = cut_planes(image, chosen, crop, settings.frames)
    planes.record, planes.notes = record, notes
    if settings.quantize_bits and quantize(planes, settings.quantize_bits):
        notes.append(f"{image.view}: fractions quantised to {settings.quantize_bits} bits")
    values = measure_image(
        image.view, image.orientation.spacing_mm, frames, planes.images_sthw, planes.lows_st, planes.highs_st
    )
    values |= {"no_place": float(not image.header.oriented), "forms_apart_mm": image.header.forms_apart_mm}
    if row.get("mask_score") is not None:
        values["mask_score"] = row["mask_score"]
    if mask and image.view == "sa":
        values |= measure_mask(mask.classes_tsyx, record["lv_ml"])
    planes.quality = judge(image.view, values, settings.quality)
    if image.view == "sa":
        planes.record["sa_slices"] = chosen
    if mask:
        planes.masks_sthw = _cut_masks(image, mask, chosen, crop, settings.frames)
    return planes


def _impossible_rate(header: Header) -> str | None:
    """Why the heart rate cannot be used; None if it can, or is not known."""
    cycle_s = header.frame_s * header.shape_xyzt[3]
    if can_be_cycle(cycle_s) or not cycle_s > 0:
        return None
    return f"{60 / cycle_s:.3g} heart beats a minute ({header.rate_source}) cannot be; LVCO is missing"


def read_masks(image: Image, row: IndexRow, settings: ImageSettings, notes: list[str]) -> list[Mask]:
    """The view's masks, the one to learn segmentation from first; one that cannot be used becomes a note."""
    four = layout.FOUR_CHAMBER_LABELS
    made = row.get("mask_score") is not None
    if made and settings.quality.broken("mask_score", row["mask_score"]):
        return []
    labels = layout.LABELS.get(image.view, {}) if made else settings.labels_of(image.view)
    sources = [(row.get("seg4_path"), four), (row.get("seg_path"), labels)]
    found, frames = [], image.header.shape_xyzt[3]
    for path, labels in sources:
        if path and labels:
            try:
                found.append(read_mask(path, labels, image.view, frames, image.orientation, settings.max_file_mb))
            except ScanError as error:
                notes.append(f"{image.view}: {error}")
    for mask in found:
        notes.extend(f"{image.view}: no frame of the mask has {name}" for name in unknown_structures(mask.counts))
    return found


def _describe(image: Image) -> dict[str, Any]:
    name = "sa" if image.view == "sa" else image.view[3:]
    record = {
        f"frames_{name}": image.header.shape_xyzt[3],
        f"frame_s_{name}": image.header.frame_s,
        f"oriented_{name}": image.header.oriented,
    }
    if image.view == "sa":
        record["sa_stack"] = image.orientation.shape[0]
        record["sa_spacing_mm"] = image.orientation.spacing_mm[0]
    return record


def _measure(image: Image, mask: Mask, stack: Orientation | None) -> dict[str, np.ndarray]:
    """Curves over the cycle: of the ventricles from the stack, of the atria from the long-axis views.

    Of two masks of the 4-chamber view the atrial one, which comes last, is measured.
    """
    spacing = image.orientation.spacing_mm
    if image.view == "sa":
        names = {"lv_ml": layout.LVBP, "myo_ml": layout.LVMYO, "rv_ml": layout.RVBP}
        return {name: curves.volume_ml(mask.counts[structure], spacing) for name, structure in names.items()}
    long_axis = image.orientation.in_plane(stack.slice_direction) if stack else None
    if long_axis is not None and np.linalg.norm(long_axis) < LONG_AXIS_IN_PLANE:
        long_axis = None
    classes = mask.classes_tsyx[:, 0]
    record = {}
    for side, structure in (("la", layout.LABP), ("ra", layout.RABP)):
        if structure in mask.counts:
            name = side + image.view[2:]
            measured = curves.area_and_length(classes == structure, spacing[1:], long_axis)
            record[f"{name}_mm2"], record[f"{name}_mm"] = measured
    return record


def _chosen_slices(image: Image, box: tuple[slice, ...] | None, settings: ImageSettings) -> list[int]:
    if image.view != "sa":
        return [0]
    if settings.slices == "mask" and box and box[0].stop - box[0].start >= settings.sa_slices:
        return choose_slices(box[0].start, box[0].stop - 1, settings.sa_slices)
    return choose_slices(0, image.orientation.shape[0] - 1, settings.sa_slices)


def _crop(orientation: Orientation, box: tuple[slice, ...] | None, settings: ImageSettings) -> Crop:
    center = None
    if settings.crop == "mask" and box:
        center = tuple((part.start + part.stop - 1) / 2 for part in box[1:])
    return place(orientation.shape[1:], orientation.spacing_mm[1:], settings.size, settings.resample_mm, center)


def cut_planes(image: Image, chosen: list[int], crop: Crop, frames: int) -> ViewPlanes:
    """Cut the chosen slices in space and time.

    Stored whole numbers stay: a rising scale (scl_slope) leaves values relative to their range as they are. Only a
    falling one is applied.
    """
    signal = canonical(image.stored_tzyx, image.orientation)
    if image.header.slope < 0:
        signal = (signal * image.header.slope + image.header.intercept).astype(np.float32)
    kept = np.stack([resample_frames(cut_image(signal[:, number], crop), frames) for number in chosen])
    lows, highs = kept.min(axis=(2, 3)), kept.max(axis=(2, 3))
    low, high = lows.min(), highs.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ScanError("voxels are not finite numbers (NaN or infinite)")
    if max(abs(float(low)), abs(float(high))) > LARGEST_VALUE:
        raise ScanError(f"voxels of {max(abs(float(low)), abs(float(high))):.1e} are larger than any signal")
    if low == high:
        raise ScanError("the image is constant")
    first = layout.PLANE_OF_VIEW.get(image.view, layout.FIRST_SA_PLANE)
    spacing = tuple(mm * step for mm, step in zip(image.orientation.spacing_mm[1:], crop.step, strict=True))
    return ViewPlanes(first, kept, crop, cast(tuple[float, float], spacing), lows, highs)


def quantize(planes: ViewPlanes, bits: int) -> bool:
    """Bring voxels with fractions to whole numbers, 0 the darkest and 2^bits - 1 the brightest of the view.

    Returns:
        Whether that was done; voxels without fractions stay as they are.
    """
    values = planes.images_sthw
    if values.dtype.kind != "f" or (values == np.rint(values)).all():
        return False
    low, high, top = planes.lows_st.min(), planes.highs_st.max(), 2**bits - 1
    kind = np.uint8 if bits <= 8 else np.uint16
    planes.images_sthw, planes.lows_st, planes.highs_st = (
        np.rint((part - low) * (top / (high - low))).astype(kind) for part in (values, planes.lows_st, planes.highs_st)
    )
    return True


def _cut_masks(image: Image, mask: Mask, chosen: list[int], crop: Crop, frames: int) -> np.ndarray:
    nearest = nearest_frames(len(mask.classes_tsyx), frames)
    cut = np.stack([cut_mask(mask.classes_tsyx[:, number], crop) for number in chosen], axis=1)
    # A structure that no frame has is not expected, hence 1.
    counts = {name: count[nearest] if count.any() else np.ones(frames) for name, count in mask.counts.items()}
    marked = mark_not_annotated(cut[nearest] if len(cut) != frames else cut, counts)
    if np.isin(marked, sorted(counts)).any():
        spacing = tuple(mm * step for mm, step in zip(image.orientation.spacing_mm[1:], crop.step, strict=True))
        marked = mark_beside(marked, mask.counts, cast(tuple[float, float], spacing))
    return marked.swapaxes(0, 1)
