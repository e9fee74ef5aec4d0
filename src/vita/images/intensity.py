"""The stored values that are mapped to 0 and 1: `images.intensity`, the same for shards and for new scans. minmax takes
the darkest and the brightest value of each view, as in the paper. minmax_joint takes those of all planes together, as
in the published code, so that views keep their relative brightness. percentile takes the 1st and the 99th percentile of
each view, so that a little bright fat near the coil does not darken the heart; values outside become 0 or 1.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from vita.images.view import ViewPlanes

MINMAX, JOINT, PERCENTILE = CHOICES = ("minmax", "minmax_joint", "percentile")
PERCENT = (1.0, 99.0)


def ranges(views: "Sequence[ViewPlanes]", intensity: str) -> list[tuple[float, float]]:
    """Of each view the values that become 0 and 1.

    Args:
        views: of a participant, cut.
        intensity: one of CHOICES.
    """
    whole = [(float(view.lows_st.min()), float(view.highs_st.max())) for view in views]
    if intensity == JOINT:
        return [(min(low for low, _ in whole), max(high for _, high in whole))] * len(views)
    if intensity == PERCENTILE:
        return [_percentiles(view.images_sthw, own) for view, own in zip(views, whole, strict=True)]
    return whole


def _percentiles(images_sthw: np.ndarray, whole: tuple[float, float]) -> tuple[float, float]:
    """Percentiles of a view; its whole range where nearly all of its values are the same."""
    low, high = (float(value) for value in np.percentile(images_sthw, PERCENT))
    return (low, high) if low < high else whole
