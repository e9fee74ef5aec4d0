"""Pictures of a cohort's own scans, as the network sees them, for a training that goes on with them."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vita.contouring.crossing import Places
from vita.contouring.pictures import CLASSES, KEPT
from vita.images.layout import VIEWS
from vita.mask_classes import BACKGROUND
from vita.runtime import fingerprint

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
        places: where and when they were taken.
    """

    images_nfhw: Tensor
    views_n: Tensor
    masks_nhw: Tensor
    annotated_nc: Tensor
    places: Places

    def __len__(self) -> int:
        return len(self.views_n)

    def part(self, chosen: Tensor) -> "OwnPictures":
        """The pictures of these numbers."""
        images, views, masks = self.images_nfhw[chosen], self.views_n[chosen], self.masks_nhw[chosen]
        return OwnPictures(images, views, masks, self.annotated_nc[chosen], self.places.part(chosen))

    def digest(self) -> str:
        """Digest of the pictures, their masks and their places."""
        own = {name: part for name, part in vars(self).items() if name != "places"} | vars(self.places)
        parts = [f"{name} {tuple(own[name].shape)}".encode() + own[name].numpy().tobytes() for name in sorted(own)]
        return fingerprint.of_bytes(b"".join(parts))

    @property
    def possible_nc(self) -> Tensor:
        """(n, CLASSES) classes that the pictures' views have."""
        table = torch.zeros(len(VIEWS), CLASSES, dtype=torch.bool)
        for number, view in enumerate(VIEWS):
            table[number, [BACKGROUND, *KEPT[view]]] = True
        return table[self.views_n]
