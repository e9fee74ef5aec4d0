"""Volume curves and phenotypes of the predicted masks, by the same formulas as for the cohort's masks.

Training draws frames from the whole cycle, so that every frame has masks and counts.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from vita.apply.reading import Scan
from vita.apply.segmenting import ViewMask
from vita.images.curves import area_and_length, volume_ml
from vita.images.layout import LABP, LVBP, LVMYO, RABP, RVBP
from vita.images.phenotypes import atrial, left_atrial_ml, right_atrial_ml, ventricular


def measure_masks(
    masks: Mapping[str, ViewMask], scan: Scan, ed: str, phases: Sequence[int]
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Measure what the masks show.

    Args:
        masks: by view.
        scan: as read.
        ed: first | largest, which frame is end-diastole.
        phases: frames that training draws from.

    Returns:
        Curves (structure, frame, time_s, volume_ml, trained_phase), and phenotypes by name; NaN where they cannot
        be known.
    """
    curves: dict[str, np.ndarray] = {}
    values: dict[str, float] = {}
    chosen = list(phases)
    if "sa" in masks:
        curves = _ventricles(masks["sa"])
        frame_s = _cycle_s(scan, "sa") / len(curves["LV"])
        values = ventricular(curves["LV"], curves["LVMYO"], curves["RV"], frame_s, ed)[0]
    for side, volumes in _atria(masks).items():
        values |= atrial(volumes, side)
        curves[side] = volumes
    view = {"LA": "la_4ch", "RA": "la_4ch"}
    rows = [
        (name, frame, frame * _cycle_s(scan, view.get(name, "sa")) / len(volumes), volume, frame in chosen)
        for name, volumes in curves.items()
        for frame, volume in enumerate(volumes)
    ]
    return pd.DataFrame(rows, columns=["structure", "frame", "time_s", "volume_ml", "trained_phase"]), values


def _ventricles(mask: ViewMask) -> dict[str, np.ndarray]:
    numbers = {"LV": LVBP, "LVMYO": LVMYO, "RV": RVBP}
    counts = {name: (mask.cropped_tsyx == number).sum(axis=(1, 2, 3)) for name, number in numbers.items()}
    return {name: volume_ml(count, mask.spacing_mm) for name, count in counts.items()}


def _atria(masks: Mapping[str, ViewMask]) -> dict[str, np.ndarray]:
    def measured(view: str, number: int) -> tuple[np.ndarray, np.ndarray]:
        mask = masks[view]
        return area_and_length(mask.cropped_tsyx[:, 0] == number, mask.spacing_mm[1:], None)

    found = {}
    if {"la_2ch", "la_4ch"} <= set(masks):
        found["LA"] = left_atrial_ml(*measured("la_2ch", LABP), *measured("la_4ch", LABP))
    if "la_4ch" in masks:
        found["RA"] = right_atrial_ml(*measured("la_4ch", RABP))
    return found


def _cycle_s(scan: Scan, view: str) -> float:
    """Duration of the cycle in s; NaN where the file does not say."""
    header = scan.images[view].header
    return header.frame_s * header.shape_xyzt[3]
