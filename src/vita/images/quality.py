"""Quality control as data: measured values per view, the rules that they break, and views that cannot be used."""

import numpy as np
import scipy  # its parts are imported where they are first used

from vita.images.header import ScanError
from vita.images.layout import LVBP
from vita.images.quality_rules import RULES, Quality
from vita.images.settings import ImageSettings


def unsuitable(view: str, slices: int, frames: int | None, settings: ImageSettings) -> str | None:
    """Why a view of this shape cannot be used; None if it can. `frames` is None where they are not known yet."""
    if frames is not None and frames < 2:
        return "no cine: a single frame"
    if frames is not None and frames != settings.frames and settings.time == "refuse":
        return f"{frames} frames instead of {settings.frames} (images.time is refuse)"
    if view == "sa" and slices < settings.sa_slices:
        return f"the short-axis stack has {slices} slices, {settings.sa_slices} are needed"
    if view != "sa" and slices != 1:
        return f"{slices} slices in a long-axis view instead of 1"
    return None


def measure_image(
    view: str,
    spacing_mm: tuple[float, ...],
    frames: int,
    kept_sthw: np.ndarray,
    lows_st: np.ndarray,
    highs_st: np.ndarray,
) -> dict[str, float]:
    """Values for the rules on images.

    Args:
        view: sa, la_2ch, la_3ch or la_4ch.
        spacing_mm: (slice, row, column).
        frames: as stored in the file.
        kept_sthw: the planes that are kept.
        lows_st, highs_st: darkest and brightest value of each of their frames.
    """
    values = {
        "pixel_mm": max(spacing_mm[1:]),
        "few_frames": frames,
        "constant_frames": int((lows_st == highs_st).any(axis=0).sum()),
        "saturated": float(np.count_nonzero(kept_sthw == highs_st.max()) / kept_sthw.size),
        "frame_jump": _frame_jump(kept_sthw.reshape(*kept_sthw.shape[:2], -1)),
    }
    if view == "sa":
        values["slice_gap_mm"] = spacing_mm[0]
    return values


def _frame_jump(flat_stp: np.ndarray) -> float:
    """Largest mean change between neighbouring frames, in standard deviations of the image; on every fourth pixel."""
    part = flat_stp[..., ::4].astype(np.float32)
    spread = float(part.std())
    if part.shape[1] < 2 or spread == 0:
        return 0.0
    return float(np.abs(np.diff(part, axis=1)).mean(axis=2).max()) / spread


def measure_mask(classes_tsyx: np.ndarray, lv_ml: np.ndarray) -> dict[str, float]:
    """Values for the rules on a short-axis mask: loose parts of the LV cavity in frame of its largest volume, jumps."""
    if not np.isfinite(lv_ml).any():
        return {}
    largest = int(np.nanargmax(lv_ml))
    cavity = classes_tsyx[largest] == LVBP
    numbers, count = scipy.ndimage.label(cavity[(slice(None), *_box(cavity))])
    sizes = np.bincount(numbers.ravel(), minlength=count + 1)[1:]
    steps = np.abs(np.diff(lv_ml))
    jump = float(np.nanmax(steps) / lv_ml[largest]) if np.isfinite(steps).any() else float("nan")
    volume = float(lv_ml[largest])
    loose = 1 - float(sizes.max() / sizes.sum())
    return {"loose_parts": loose, "curve_jump": jump, "small_lv_ml": volume, "large_lv_ml": volume}


def _box(mask_syx: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns that hold the structure in any slice."""
    box = []
    for other in ((0, 2), (0, 1)):
        where = np.flatnonzero(mask_syx.any(axis=other))
        box.append(slice(int(where[0]), int(where[-1]) + 1))
    return box[0], box[1]


def judge(view: str, values: dict[str, float], quality: Quality) -> list[dict[str, object]]:
    """Rows of the column `quality`: view, rule, value, limit, broken.

    Raises:
        ScanError: a rule that leaves out is broken.
    """
    rows = []
    for rule, value in values.items():
        limit = quality.limits[rule]
        if limit is None:
            continue
        broken = quality.broken(rule, value)
        if broken and rule in quality.exclude:
            raise ScanError(f"quality rule {rule}: {value:.3g}, limit {limit:g} ({RULES[rule].meaning})")
        rows.append({"view": view, "rule": rule, "value": float(value), "limit": float(limit), "broken": broken})
    return rows
