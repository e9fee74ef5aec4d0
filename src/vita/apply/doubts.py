"""Reasons to doubt a prediction: for a whole scan, for its masks, and for single numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vita.apply.records import Prediction
from vita.images.planes import ANGLE_OF_VIEW, name_planes
from vita.images.view import Image

RANGE_SD = 3.0  # beyond this many standard deviations from the mean there are too few training values to learn from
# Both ventricles pump the same volume. Manual contours of healthy hearts differ by some 10 %.
STROKE_VOLUMES = 0.3
# Muscle cannot be compressed: its volume is the same in every frame, apart from slices at base and apex.
WALL = 0.3
LEAST_ANGLE = 45.0  # degrees between a long-axis plane's normal and the short-axis stack's; they are about 90 apart
_MASK_ERROR = 0.1  # relative difference between masks and manual contours
_Z99 = 2.576


@dataclass(frozen=True)
class Verdict:
    """The doubts about a scan.

    Attributes:
        whole: reasons that concern every number.
        of_its_masks: reasons that concern what was measured on the masks.
        judged: whether the run had enough participants to determine what is typical.
        strict: whether doubtful numbers are withheld.
    """

    whole: list[str]
    of_its_masks: list[str]
    judged: bool
    strict: bool


def of_views(images: Mapping[str, Image]) -> list[str]:
    """Long-axis views in the plane of another view, or that do not cross the short-axis stack."""
    return _mixed_up(images) + _not_across(images)


def _mixed_up(images: Mapping[str, Image]) -> list[str]:
    """Views whose angles around the long axis are those of other views."""
    views = [view for view in ANGLE_OF_VIEW if view in images and images[view].header.oriented]
    normals = [np.cross(*images[view].orientation.affine[:3, 1:3].T) for view in views]
    planes = name_planes([normal / np.linalg.norm(normal) for normal in normals])
    found = [] if planes is None else [(views[place], view) for view, place in planes.items() if views[place] != view]
    return [f"{name} lies as a plane of {view} does" for name, view in found]


def _not_across(images: Mapping[str, Image]) -> list[str]:
    if "sa" not in images or not images["sa"].header.oriented:
        return []
    axis, found = images["sa"].orientation.slice_direction, []
    for view, image in images.items():
        if view == "sa" or not image.header.oriented:
            continue
        cosine = abs(float(np.dot(axis, image.orientation.slice_direction)))
        angle = float(np.degrees(np.arccos(min(cosine, 1.0))))
        if angle < LEAST_ANGLE:
            found.append(f"{view} lies {angle:.0f} degrees from the short-axis planes, which it should cross")
    return found


def of_masks(curves: pd.DataFrame, measured: Mapping[str, float]) -> list[str]:
    """Properties of the masks that no heart can have.

    Args:
        curves: from `measuring`; only trained phases count.
        measured: phenotypes of the masks by name.
    """
    found = []
    left, right = measured.get("LVSV", np.nan), measured.get("RVSV", np.nan)
    if np.isfinite(left) and np.isfinite(right) and abs(left - right) > STROKE_VOLUMES * max(abs(left), abs(right)):
        found.append(f"by the masks the left ventricle pumps {left:.0f} ml and the right one {right:.0f} ml")
    wall = curves[(curves["structure"] == "LVMYO") & curves["trained_phase"].astype(bool)]["volume_ml"].dropna()
    if len(wall) and wall.max() - wall.min() > WALL * wall.mean():
        found.append(f"by the masks the wall's volume changes from {wall.min():.0f} to {wall.max():.0f} ml in a cycle")
    return found


def mark(rows: Sequence[Prediction], verdict: Verdict) -> None:
    """Write into each row its `doubt` and `own_doubt` (None without one); withhold what is in doubt if strict.

    Args:
        rows: of `models.predict_task`, those of phenotypes with `measured`.
        verdict: on the scan; with `strict`, numbers in doubt become NaN.
    """
    for row in rows:
        of_its_masks = verdict.of_its_masks if np.isfinite(row.get("measured", np.nan)) else []
        own = _own(row)
        row["doubt"] = "; ".join([*verdict.whole, *of_its_masks, *own]) or None
        row["own_doubt"] = "; ".join(own) or None
        if verdict.strict and row["doubt"]:
            for number in ("value", "low", "high", "measured", "uncalibrated"):
                if number in row:
                    row[number] = np.nan
            for answer in ("positive", "class", "meaning"):
                if answer in row:
                    row[answer] = None
            row["withheld"] = True


def _own(row: Prediction) -> list[str]:
    if row["kind"] != "numerical":
        return []
    found, value, unit = [], row["value"], f" {row['unit']}" if row["unit"] else ""
    low, high = (row["training_mean"] + sign * RANGE_SD * row["training_sd"] for sign in (-1, 1))
    if not low <= value <= high:
        found.append(f"outside the training's range, {max(low, 0) if value >= 0 else low:.4g} to {high:.4g}{unit}")
    measured, spread = row.get("measured", np.nan), row.get("error_sd", np.nan)
    if np.isfinite(measured) and np.isfinite(spread):
        allowed = _Z99 * spread + _MASK_ERROR * abs(value)
        if abs(measured - value) > allowed:
            found.append(f"the masks give {measured:.4g}{unit}; a difference of {allowed:.2g}{unit} would be allowed")
    return found
