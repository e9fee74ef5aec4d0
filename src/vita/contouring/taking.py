"""Pictures taken of a cohort's scans, for a training that goes on with them.

Of each participant a few short-axis slices and every long-axis view are kept, each at a few moments with the frames
before and after, and with its place in the scanner. Moments are drawn for each slice, or once for all views of a
participant, so that these can be compared. Delivered masks are kept with them; a pixel without a known class is
NOT_ANNOTATED.
"""

import logging
from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vita.contouring.crossing import Places, half_mm, plane
from vita.contouring.drawing import heart_square, signal_of
from vita.contouring.network import Contours
from vita.contouring.own_pictures import OwnPictures
from vita.contouring.pictures import CLASSES
from vita.contouring.quality import FEWEST_FRAMES
from vita.contouring.square import pictures
from vita.images.crop import cut_mask
from vita.images.geometry import orient
from vita.images.header import ScanError
from vita.images.layout import VIEWS
from vita.images.masks import Mask, mark_beside, mark_not_annotated
from vita.images.participant import read_file
from vita.images.rows import IndexRow
from vita.images.settings import ImageSettings
from vita.images.view import Image, read_masks
from vita.mask_classes import BACKGROUND, NOT_ANNOTATED

log = logging.getLogger(__name__)

SLICES, MOMENTS = 4, 2  # of a short-axis stack; of every slice


class _Picture(NamedTuple):
    """One picture; the fields of `OwnPictures` and `Places` without the person."""

    image_fhw: Tensor
    view: int
    mask_hw: Tensor
    annotated_c: Tensor
    phase: float
    frame: float
    affine: np.ndarray
    half_mm: float
    placed: bool


def read_pictures(
    index: Iterable[IndexRow],
    settings: ImageSettings,
    network: Contours,
    rng: np.random.Generator,
    together: bool = False,
) -> OwnPictures:
    """Pictures of the scans in the index's rows; a scan that cannot be used is left out.

    Args:
        index: rows of views that are to be learnt from, those of a participant one after the other.
        settings: how scans and masks are read; masks are looked at only where `mask_source` is `both`.
        network: finds the heart.
        rng: chooses slices and moments.
        together: whether all views of a participant are taken at the same moments.
    """
    parts: list[_Picture] = []
    people: list[int] = []
    refused = 0
    for person, (_, rows) in enumerate(groupby(index, key=lambda row: row["eid"])):
        phases = (rng.random() + np.arange(MOMENTS) / MOMENTS) % 1 if together else None
        for row in rows:
            try:
                header, stored = read_file(row, settings)
                image = Image(row["view"], header, stored, orient(header, row["view"]))
                found = _of_view(image, row, settings, network, rng, phases)
            except ScanError as error:
                refused += 1
                log.debug("%s left out: %s", row["view"], error)
                continue
            parts.extend(found)
            people.extend([person] * len(found))
    if refused:
        log.info("%d views cannot be used", refused)
    return _joined(parts, people)


def _joined(parts: list[_Picture], people: list[int]) -> OwnPictures:
    if not parts:
        empty = torch.empty(0)
        nowhere = Places(empty.long(), empty, empty, empty.double().view(0, 4, 4), empty, empty.bool())
        return OwnPictures(empty, empty.long(), empty.byte(), empty.bool(), nowhere)
    images, views, masks, annotated, phases, frames, affines, halves, placed = zip(*parts, strict=True)
    places = Places(
        torch.tensor(people),
        torch.tensor(phases),
        torch.tensor(frames),
        torch.from_numpy(np.stack(affines)),
        torch.tensor(halves),
        torch.tensor(placed),
    )
    return OwnPictures(torch.stack(images), torch.tensor(views), torch.stack(masks), torch.stack(annotated), places)


def _of_view(
    image: Image,
    row: IndexRow,
    settings: ImageSettings,
    network: Contours,
    rng: np.random.Generator,
    phases: np.ndarray | None,
) -> list[_Picture]:
    """The pictures of a view; of any moments, or of those nearest to parts of the cycle."""
    signal = signal_of(image)
    frames, slices = signal.shape[:2]
    crop = heart_square(network, signal, image)
    mask = next(iter(read_masks(image, row, settings, [])), None) if settings.mask_source == "both" else None
    known = [BACKGROUND]
    drawn = np.arange(frames)
    if mask is not None:
        known += [name for name, count in mask.counts.items() if count.any()]
        drawn = np.flatnonzero(sum(mask.counts.values()))
        marked = _marked(mask, image.orientation.spacing_mm[1:])
    annotated = torch.zeros(CLASSES, dtype=torch.bool)
    annotated[known] = True
    found = []
    for place in sorted(rng.choice(slices, min(SLICES, slices), replace=False)):
        shown = pictures(signal[:, place], crop)
        at = plane(image.orientation, crop, place)
        for moment in _moments(drawn, frames, rng, phases):
            near = (-1, 0, 1) if frames >= FEWEST_FRAMES else (0, 0, 0)
            own = shown[[(moment + step) % frames for step in near]].half()
            labels = torch.full(own.shape[1:], NOT_ANNOTATED, dtype=torch.uint8)
            if mask is not None:
                labels = torch.from_numpy(cut_mask(marked[moment : moment + 1, place], crop)[0].copy())
            picture = _Picture(
                own,
                VIEWS.index(image.view),
                labels,
                annotated,
                phase=float(moment / frames),
                frame=1 / frames,
                affine=at,
                half_mm=half_mm(image.orientation),
                placed=image.header.oriented,
            )
            found.append(picture)
    return found


def _moments(drawn: np.ndarray, frames: int, rng: np.random.Generator, phases: np.ndarray | None) -> np.ndarray:
    """Some of the frames: at random, or for each part of the cycle the one nearest to it."""
    if phases is None:
        return rng.choice(drawn, min(MOMENTS, len(drawn)), replace=False)
    apart = np.abs(drawn[:, None] / frames - phases) % 1
    return np.unique(drawn[np.minimum(apart, 1 - apart).argmin(axis=0)])


def _marked(mask: Mask, spacing_mm: tuple[float, float]) -> np.ndarray:
    """The mask's classes, NOT_ANNOTATED where a frame or a structure was not drawn."""
    return mark_beside(mark_not_annotated(mask.classes_tsyx, mask.counts), mask.counts, spacing_mm)
