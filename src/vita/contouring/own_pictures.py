"""Pictures of a cohort's own scans, as the network sees them, for a training that goes on with them.

Of each participant a few short-axis slices and every long-axis view are kept, each at a few moments with the frames
before and after. Delivered masks are kept with them; a pixel without a known class is NOT_ANNOTATED.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from vita.contouring.drawing import heart_square, signal_of
from vita.contouring.network import Contours
from vita.contouring.pictures import CLASSES, KEPT
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
FRAMES = 3  # before, at and after a moment
MIDDLE = 1


@dataclass(frozen=True)
class OwnPictures:
    """Pictures of one cohort.

    Attributes:
        images_nfhw: (n, FRAMES, GRID, GRID) in [0, 1], 16-bit floats; neighbours are the frame itself where the cycle
            has too few frames for them to be alike.
        views_n: numbers of views in `VIEWS`.
        masks_nhw: uint8 classes of the middle frame, NOT_ANNOTATED where nothing is known.
        annotated_nc: (n, CLASSES) which classes the picture's mask tells from others; background always.
    """

    images_nfhw: Tensor
    views_n: Tensor
    masks_nhw: Tensor
    annotated_nc: Tensor

    def __len__(self) -> int:
        return len(self.views_n)

    def part(self, chosen: Tensor) -> "OwnPictures":
        """The pictures of these numbers."""
        return OwnPictures(*(getattr(self, each.name)[chosen] for each in fields(self)))

    @property
    def possible_nc(self) -> Tensor:
        """(n, CLASSES) classes that the pictures' views have."""
        table = torch.zeros(len(VIEWS), CLASSES, dtype=torch.bool)
        for number, view in enumerate(VIEWS):
            table[number, [BACKGROUND, *KEPT[view]]] = True
        return table[self.views_n]


def read_pictures(
    index: Iterable[IndexRow], settings: ImageSettings, network: Contours, rng: np.random.Generator
) -> OwnPictures:
    """Pictures of the scans in the index's rows; a scan that cannot be used is left out.

    Args:
        index: rows of views that are to be learnt from.
        settings: how scans and masks are read; masks are looked at only where `mask_source` is `both`.
        network: finds the heart.
        rng: chooses slices and moments.
    """
    parts: list[tuple[Tensor, int, Tensor, Tensor]] = []
    refused = 0
    for row in index:
        try:
            header, stored = read_file(row, settings)
            image = Image(row["view"], header, stored, orient(header, row["view"]))
            parts.extend(_of_view(image, row, settings, network, rng))
        except ScanError as error:
            refused += 1
            log.debug("%s left out: %s", row["view"], error)
    if refused:
        log.info("%d views cannot be used", refused)
    if not parts:
        empty = torch.empty(0)
        return OwnPictures(empty, empty.long(), empty.byte(), empty.bool())
    images, views, masks, annotated = zip(*parts, strict=True)
    return OwnPictures(torch.stack(images), torch.tensor(views), torch.stack(masks), torch.stack(annotated))


def _of_view(
    image: Image, row: IndexRow, settings: ImageSettings, network: Contours, rng: np.random.Generator
) -> list[tuple[Tensor, int, Tensor, Tensor]]:
    """Image, view, mask and annotated classes of each picture."""
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
        for moment in rng.choice(drawn, min(MOMENTS, len(drawn)), replace=False):
            near = (-1, 0, 1) if frames >= FEWEST_FRAMES else (0, 0, 0)
            own = shown[[(moment + step) % frames for step in near]].half()
            labels = torch.full(own.shape[1:], NOT_ANNOTATED, dtype=torch.uint8)
            if mask is not None:
                labels = torch.from_numpy(cut_mask(marked[moment : moment + 1, place], crop)[0].copy())
            found.append((own, VIEWS.index(image.view), labels, annotated))
    return found


def _marked(mask: Mask, spacing_mm: tuple[float, float]) -> np.ndarray:
    """The mask's classes, NOT_ANNOTATED where a frame or a structure was not drawn."""
    return mark_beside(mark_not_annotated(mask.classes_tsyx, mask.counts), mask.counts, spacing_mm)
