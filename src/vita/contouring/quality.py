"""How good masks seem that nobody has checked: whether turning the image changes them, whether they move smoothly, and
whether a heart can be of that size. The score is the lowest of the three, from 0 to 1.
"""

import math
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vita.images.layout import LABP, LVBP, LVMYO, RVBP

TURN_DEGREES = 20.0
FEWEST_FRAMES = 15  # of a cycle whose curve can be called smooth or not; with fewer, a sound heart jumps
# Structures that are measured, and the plausible range of their largest size: ml of the stack, cm2 of a long-axis
# plane.
MAIN = {"sa": LVBP, "la_2ch": LABP, "la_3ch": LVBP, "la_4ch": LVBP}
POSSIBLE = {
    "sa": {LVBP: (25, 600), LVMYO: (25, 500), RVBP: (15, 700)},
    "la_2ch": {LABP: (3, 80)},
    "la_3ch": {LVBP: (8, 120)},
    "la_4ch": {LVBP: (8, 120), LABP: (3, 80)},
}


@dataclass(frozen=True)
class Scores:
    """Parts of the score of a view's masks, 0 to 1.

    Attributes:
        agreement: mean Dice with masks of the same image turned by TURN_DEGREES and turned back; NaN if not known.
        smoothness: 1 less the largest bend of the main structure's curve over the cycle, relative to its largest.
        plausible: 1 where every size is possible, or else 0.
    """

    agreement: float
    smoothness: float
    plausible: float

    @property
    def score(self) -> float:
        """The lowest of those that are known."""
        return min(part for part in (self.agreement, self.smoothness, self.plausible) if not math.isnan(part))

    def as_row(self, classes_tsyx: np.ndarray) -> dict[str, float]:
        """Columns of the table of made masks for a view with these classes."""
        frames, slices = classes_tsyx.shape[:2]
        return {"frames": frames, "slices": slices, "score": self.score, **asdict(self)}


def sizes(classes_tsyx: np.ndarray, spacing_mm: tuple[float, ...], view: str, name: int | None = None) -> np.ndarray:
    """(time,) ml of a structure in a stack, or cm2 in a long-axis plane; by default of the view's main structure."""
    counts = (classes_tsyx == (MAIN[view] if name is None else name)).sum(axis=(1, 2, 3))
    unit = np.prod(spacing_mm) / 1000 if view == "sa" else np.prod(spacing_mm[1:]) / 100
    return np.asarray(counts * unit)


def smoothness(curve_t: np.ndarray) -> float:
    """1 less the largest bend (second difference) of a curve relative to its largest value; 1 with few frames."""
    if not curve_t.max() > 0:
        return 0.0
    if len(curve_t) < FEWEST_FRAMES:
        return 1.0
    bend = np.abs(np.diff(curve_t, 2))
    return float(max(0.0, 1 - bend.max() / curve_t.max()))


def impossible(classes_tsyx: np.ndarray, spacing_mm: tuple[float, ...], view: str, known: Collection[int]) -> list[int]:
    """Structures, of those that the network knows, that at their largest are of no heart's size."""
    found = []
    for name, (low, high) in POSSIBLE[view].items():
        if name in known and not low <= sizes(classes_tsyx, spacing_mm, view, name).max() <= high:
            found.append(name)
    return found


def agreement(classes_of: Callable[[Tensor], Tensor], pictures_nhw: Tensor) -> float:
    """Mean Dice over structures of masks with those of the turned pictures, over all pictures together.

    Args:
        classes_of: classes (n, height, width) of pictures.
        pictures_nhw: in [0, 1].
    """
    plain = classes_of(pictures_nhw)
    turned = turn(classes_of(turn(pictures_nhw, TURN_DEGREES, "bilinear")).float(), -TURN_DEGREES, "nearest").long()
    dice = []
    for name in range(1, int(max(plain.max(), turned.max())) + 1):
        one, other = plain == name, turned == name
        if total := int(one.sum() + other.sum()):
            dice.append(2 * int((one & other).sum()) / total)
    return float(np.mean(dice)) if dice else 0.0


def turn(images_nhw: Tensor, degrees: float, mode: str) -> Tensor:
    """Images turned around their centre; pixels from outside are 0.

    Args:
        images_nhw: of any kind, such as pictures or probabilities.
        degrees: by which they are turned.
        mode: bilinear | nearest.
    """
    angle = math.radians(degrees)
    matrix = torch.tensor([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0]])
    grid = F.affine_grid(matrix.expand(len(images_nhw), 2, 3), [len(images_nhw), 1, *images_nhw.shape[1:]], False)
    return F.grid_sample(images_nhw[:, None], grid, mode=mode, padding_mode="zeros", align_corners=False)[:, 0]
