"""One participant: from the files of the index to nine planes, masks and curves."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vita.images import layout
from vita.images.geometry import orient
from vita.images.header import NOMINAL_INTERVAL, Header, ScanError
from vita.images.intensity import ranges
from vita.images.nifti import read_volume, write_nifti
from vita.images.rows import IndexRow
from vita.images.settings import ImageSettings
from vita.images.view import Image, ViewPlanes, read_view
from vita.mask_classes import NOT_ANNOTATED

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


def read_participant(views: list[IndexRow], settings: ImageSettings) -> Participant:
    """Read every usable view of a participant, each file once.

    Args:
        views: rows of the index: view, path, seg_path, seg4_path, usable, reason.
        settings: the block `images`.

    Raises:
        ScanError: a required view cannot be used; the message starts with the view.
    """
    rows = {row["view"]: row for row in views}
    images, notes = read_images(rows, settings)
    return cut_participant(images, rows, notes, settings)


def cut_participant(
    images: dict[str, Image], rows: dict[str, IndexRow], notes: list[str], settings: ImageSettings
) -> Participant:
    """Measure and cut the views that `read_images` gave.

    Raises:
        ScanError: a required view cannot be used; the message starts with the view.
    """
    stack = images["sa"].orientation if "sa" in images else None
    planes = []
    for view, image in images.items():
        try:
            planes.append(read_view(image, rows[view], stack, settings))
        except ScanError as error:
            notes.append(_note(view, error, settings))
    if not planes:
        raise ScanError("; ".join(notes) or "no view can be used")
    return _assemble(planes, notes, settings.intensity)


def read_images(rows: dict[str, IndexRow], settings: ImageSettings) -> tuple[dict[str, Image], list[str]]:
    """Read the images of the index rows of a participant, and notes on those that cannot be used.

    Long-axis views come first, since the stack may need to know where these lie.

    Raises:
        ScanError: a required view cannot be used.
    """
    refused = [f"{view}: {rows[view]['reason']}" for view in layout.VIEWS if view in rows and not rows[view]["usable"]]
    if refused and any(line.split(":")[0] in settings.required_views for line in refused):
        raise ScanError("; ".join(refused))
    images: dict[str, Image] = {}
    notes: list[str] = []
    for view in reversed(layout.VIEWS):
        if view not in rows:
            continue
        row = rows[view]
        try:
            if not row["usable"]:
                raise ScanError(row["reason"])
            header, stored = read_file(row, settings)
            centres = [image.orientation.centre_mm for image in images.values()] if view == "sa" else []
            images[view] = Image(view, header, stored, orient(header, view, centres))
        except ScanError as error:
            notes.append(_note(view, error, settings))
    return images, notes


def read_file(row: IndexRow, settings: ImageSettings) -> tuple[Header, np.ndarray]:
    """Read a view from NIfTI or zip; one from a zip is written as NIfTI too where the settings ask for it.

    Raises:
        ScanError: it cannot be used, nor can a zip beside it that holds the same view.
    """
    path, view = row["path"], row["view"]
    if row.get("files"):
        from vita.images.dicom import read_dicom_files  # as below

        return read_dicom_files(list(row["files"]), view, settings.max_file_mb, row["files"])
    if not path.lower().endswith(".zip"):
        try:
            header, stored = read_volume(path, planar=view != "sa", max_mb=settings.max_file_mb)
        except ScanError as error:
            if not isinstance(row.get("instead"), str):
                raise
            header, stored = read_file({**row, "path": row["instead"]}, settings)
            return replace(
                header, notes=(f"the zip was read instead of the NIfTI file: {error}", *header.notes)
            ), stored
        if row.get("rate_source") == NOMINAL_INTERVAL:  # of the zip beside it
            header = replace(header, frame_s=row["frame_s"], rate_source=NOMINAL_INTERVAL)
        return header, stored
    from vita.images.dicom import read_dicom  # pydicom takes a while to import, and NIfTI needs none

    header, stored = read_dicom(path, view, settings.max_file_mb)
    if settings.write_nifti:
        write_nifti(header, stored, Path(settings.write_nifti) / str(row["eid"]) / f"{view}.nii.gz")
    return header, stored


def _note(view: str, error: ScanError, settings: ImageSettings) -> str:
    """The error as a note; of a required view it is raised instead."""
    if view in settings.required_views:
        raise ScanError(f"{view}: {error}") from error
    return f"{view}: {error}"


def _assemble(views: list[ViewPlanes], notes: list[str], intensity: str) -> Participant:
    """Put the views' planes in their places, with the range that is mapped to [0, 1]."""
    like = views[0].images_sthw
    kind = np.result_type(*[view.images_sthw for view in views])
    voxels = np.zeros((PLANES, *like.shape[1:]), kind)
    masks = np.full(voxels.shape, NOT_ANNOTATED, np.uint8)
    per_plane = {name: [0.0] * PLANES for name in ("range_low", "range_high", "crop_row", "crop_column")}
    per_plane |= {name: [0.0] * PLANES for name in ("spacing_row_mm", "spacing_column_mm")}
    present = [False] * PLANES
    record: dict[str, Any] = {}
    for view, span in zip(views, ranges(views, intensity), strict=True):
        for plane in range(view.first_plane, view.first_plane + len(view.images_sthw)):
            present[plane] = True
            voxels[plane] = view.images_sthw[plane - view.first_plane]
            if view.masks_sthw is not None:
                masks[plane] = view.masks_sthw[plane - view.first_plane]
            values = (*span, *view.crop.first, *view.spacing_mm)
            for column, value in zip(per_plane.values(), values, strict=True):
                column[plane] = float(value)
        record |= view.record
    has_masks = any(view.masks_sthw is not None for view in views)
    notes = notes + [note for view in views for note in view.notes]
    record["quality"] = [row for view in views for row in view.quality]
    record |= {"planes_present": present, "has_masks": has_masks, "notes": notes, **per_plane}
    return Participant(
        _smallest(voxels, *_extremes(views)),
        masks if has_masks else None,
        record,
    )


def _extremes(views: list[ViewPlanes]) -> tuple[float, float]:
    """The darkest and the brightest value of all planes; those of missing views are 0."""
    missing = [0.0] if sum(len(view.images_sthw) for view in views) < PLANES else []
    lows, highs = [float(view.lows_st.min()) for view in views], [float(view.highs_st.max()) for view in views]
    return min(lows + missing), max(highs + missing)


def _smallest(voxels: np.ndarray, low: float, high: float) -> np.ndarray:
    """The same values, from `low` to `high`, in the smallest integer type; floats with fractions stay 32-bit floats."""
    if voxels.dtype.kind == "f" and not (voxels == np.rint(voxels)).all():
        return voxels.astype(np.float32, copy=False)
    for kind in INTEGER_TYPES:
        limits = np.iinfo(kind)
        if limits.min <= low and high <= limits.max:
            return voxels.astype(kind, copy=False)
    return voxels.astype(np.float32)
