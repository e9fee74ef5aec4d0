"""A new scan, read in the same way as the training's scans: by the images package, with the settings of the run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vita.apply.records import Decisions
from vita.images.folders import Found
from vita.images.header import ScanError
from vita.images.index import index_participant
from vita.images.layout import FIRST_SA_PLANE, PLANE_OF_VIEW
from vita.images.participant import cut_participant, read_images
from vita.images.settings import ImageSettings
from vita.images.shards import intensities
from vita.images.view import Image
from vita.runtime.errors import UserError

_SAME_SIZE = 1.05  # pixel sizes up to 5 % larger or smaller than those of the training are not resampled


@dataclass
class Scan:
    """A participant's scan, ready for the models.

    Attributes:
        cine_sthw: (9, frames kept, size, size) float32 in [0, 1], of the training's planes.
        images: the views as read.
        record: columns of a shard's table: crop, spacing, slices, frames.
        settings: that the scan was cut with.
        notes: problems and unusual properties that leave the scan usable.
    """

    cine_sthw: np.ndarray
    images: dict[str, Image]
    record: dict[str, Any]
    settings: ImageSettings
    notes: list[str]

    @property
    def range_of_view(self) -> dict[str, tuple[float, float]]:
        """Darkest and brightest value of each view, which are mapped to 0 and 1."""
        places = {view: PLANE_OF_VIEW.get(view, FIRST_SA_PLANE) for view in self.images}
        return {view: (self.record["range_low"][p], self.record["range_high"][p]) for view, p in places.items()}


def image_settings(decisions: Decisions) -> ImageSettings:
    """The settings of the training's shards, without masks.

    Raises:
        UserError: the crops of the training needed a mask, which a new scan does not have.
    """
    settings = ImageSettings.from_dict({"images": decisions["images"]})
    for key, value in settings.needing_masks.items():
        raise UserError(
            f"these models were trained with images.{key}: {value}, which needs a segmentation of every scan; "
            f"train with images.{key}: {'center' if key == 'crop' else 'even'} to read new scans without one"
        )
    return replace(settings, write_nifti=None)


def read_scan(found: Found, settings: ImageSettings, seen: Mapping[str, list[float]], frames: int) -> Scan:
    """Read a participant.

    Args:
        found: files.
        settings: from `image_settings`.
        seen: range of the training's pixel sizes, slice distances and frames.
        frames: that the models take.

    Raises:
        ScanError: a view is missing or not what the models were trained for; the message starts with the view.
    """
    rows = {row["view"]: row | {"seg_path": None, "seg4_path": None} for row in index_participant(0, found, settings)}
    images, notes = read_images(rows, settings)
    if not images:
        raise ScanError("; ".join(notes) or "no image of any view was found")
    for view, image in images.items():
        if image.header.shape_xyzt[3] < frames:
            raise ScanError(f"{view}: {image.header.shape_xyzt[3]} frames, the models need {frames}")
    settings, more = _sized(images, settings, seen)
    read = cut_participant(images, rows, [*notes, *more], settings)
    record = read.record
    cine = intensities(read.voxels_sthw, record["range_low"], record["range_high"])
    broken = [f"{row['view']}: {row['rule']} is {row['value']:.3g}" for row in record["quality"] if row["broken"]]
    return Scan(cine, images, record, settings, record["notes"] + broken)


def _sized(
    images: Mapping[str, Image], settings: ImageSettings, seen: Mapping[str, list[float]]
) -> tuple[ImageSettings, list[str]]:
    """Settings that bring pixels of a size that the training never saw to the nearest one it saw, and what is unusual.

    A crop is a number of pixels, so that a finer scan would otherwise show only the middle of the heart.
    """
    notes = []
    pixels = [mm for image in images.values() for mm in image.orientation.spacing_mm[1:]]
    low, high = seen["pixel_mm"]
    if settings.resample_mm is None and not low / _SAME_SIZE <= min(pixels) <= max(pixels) <= high * _SAME_SIZE:
        wanted = float(np.clip(np.median(pixels), low, high))
        notes.append(
            f"pixels of {_span(min(pixels), max(pixels), 2)} mm are resampled to {wanted:.2f} mm, which the models know"
        )
        settings = replace(settings, resample_mm=wanted)
    if "sa" in images and "slice_mm" in seen:
        gap, (low, high) = images["sa"].orientation.spacing_mm[0], seen["slice_mm"]
        if not low / _SAME_SIZE <= gap <= high * _SAME_SIZE:
            notes.append(f"short-axis slices are {gap:.1f} mm apart, in the training {_span(low, high, 1)} mm")
    return settings, notes


def _span(low: float, high: float, digits: int) -> str:
    first, last = f"{low:.{digits}f}", f"{high:.{digits}f}"
    return first if first == last else f"{first} to {last}"
