"""Overlap and boundary distances of masks: from two masks to one row per participant, structure, view and phase.

Boundaries and percentiles follow MONAI: a mask's boundary is the mask without its 4-neighbour erosion (everything
outside the image counts as background), and HD95 is the larger of the two directed 95th percentiles.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import scipy  # its parts are imported where they are first used

from vita.mask_classes import BACKGROUND, NOT_ANNOTATED
from vita.names import STRUCTURE_NAMES

PERCENTILE = 0.95
TWO_CHAMBER, FOUR_CHAMBER = 0, 2
SHORT_AXIS = range(3, 9)
VENTRICLES = (1, 2, 3)
# The two-chamber reference contains only the left atrium; the three-chamber plane has no reference.
PLANES = {
    **dict.fromkeys(VENTRICLES, (FOUR_CHAMBER, *SHORT_AXIS)),
    4: (TWO_CHAMBER, FOUR_CHAMBER),
    5: (FOUR_CHAMBER,),
}


def boundaries(masks_nhw: np.ndarray) -> np.ndarray:
    """Boundary pixels of each mask; input and output are bool (n, height, width)."""
    padded = np.pad(masks_nhw, ((0, 0), (1, 1), (1, 1)))
    inside = padded[:, :-2, 1:-1] & padded[:, 2:, 1:-1] & padded[:, 1:-1, :-2] & padded[:, 1:-1, 2:]
    boundary: np.ndarray = masks_nhw & ~inside
    return boundary


def boundary_points(masks_nhw: np.ndarray) -> list[np.ndarray]:
    """Boundary pixels of each of n masks as (points, 2) row and column indices."""
    number, row, column = np.nonzero(boundaries(masks_nhw))
    cuts = np.searchsorted(number, np.arange(1, len(masks_nhw)))
    return np.split(np.stack([row, column], axis=1).astype(float), cuts)


def _percentile(values: np.ndarray) -> float:
    """Linear 95th percentile of (n,) values, with a tenth of numpy's overhead on short vectors."""
    values = np.sort(values)
    place = PERCENTILE * (values.size - 1)
    below = int(place)
    above = min(below + 1, values.size - 1)
    return float(values[below] + (values[above] - values[below]) * (place - below))


def hausdorff(first: np.ndarray, second: np.ndarray, spacing_mm: np.ndarray) -> tuple[float, float]:
    """Hausdorff distance and its 95th percentile between two sets of boundary pixels, in mm.

    Args:
        first: (p, 2) row and column indices, p > 0.
        second: (q, 2), q > 0.
        spacing_mm: (2,) row and column spacing.

    Returns:
        HD and HD95 in mm.
    """
    distance = scipy.spatial.distance.cdist(first * spacing_mm, second * spacing_mm)
    forward, backward = distance.min(axis=1), distance.min(axis=0)
    return float(max(forward.max(), backward.max())), max(_percentile(forward), _percentile(backward))


def dice(intersection: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Dice from pixel counts of any shape; NaN if both masks are empty."""
    total = np.asarray(first + second, dtype=float)
    score: np.ndarray = np.full(total.shape, np.nan)
    np.divide(2 * intersection, total, out=score, where=total > 0)
    return score


def annotated_frames(truth_thw: np.ndarray) -> np.ndarray:
    """Frames (time,) in which the background is annotated, at least in part, as for a crop that extends beyond the
    image. A frame without known background was not annotated, or only partly: structures may be missing there.
    """
    known: np.ndarray = (truth_thw == BACKGROUND).any(axis=(1, 2))
    return known


def annotated_planes(truth_pthw: np.ndarray, structure: int) -> list[int]:
    """The planes on which a participant's reference could show the structure. Some four-chamber references contain only
    the atria; there the ventricles count as not annotated.
    """
    planes = [plane for plane in PLANES[structure] if annotated_frames(truth_pthw[plane]).any()]
    if structure in VENTRICLES and FOUR_CHAMBER in planes:
        labels = truth_pthw[FOUR_CHAMBER]
        if not ((labels >= min(VENTRICLES)) & (labels <= max(VENTRICLES))).any():
            planes.remove(FOUR_CHAMBER)
    return planes


def end_systole(truth_pthw: np.ndarray) -> int:
    """Index of the frame with the smallest short-axis LV cavity; 0 if the reference has none."""
    cavity = (truth_pthw[list(SHORT_AXIS)] == 1).sum(axis=(0, 2, 3))
    return int(np.where(cavity > 0, cavity, np.iinfo(np.int64).max).argmin()) if cavity.any() else 0


def end_diastole(truth_pthw: np.ndarray, ed: str = "first") -> int:
    """Index of the first frame or, if `ed` is "largest", of the frame with the largest short-axis LV cavity."""
    return int((truth_pthw[list(SHORT_AXIS)] == 1).sum(axis=(0, 2, 3)).argmax()) if ed == "largest" else 0


def compare_planes(truth_nhw: np.ndarray, prediction_nhw: np.ndarray, spacing_n2: np.ndarray) -> dict[str, np.ndarray]:
    """Pixel counts and distances of n pairs of masks (height, width), bool.

    Returns:
        `intersection`, `truth`, `prediction` in pixels and `hd_mm`, `hd95_mm`, each (n,); distances are NaN where
        a mask is empty.
    """
    counts = {
        "intersection": (truth_nhw & prediction_nhw).sum(axis=(1, 2)),
        "truth": truth_nhw.sum(axis=(1, 2)),
        "prediction": prediction_nhw.sum(axis=(1, 2)),
    }
    both = np.flatnonzero((counts["truth"] > 0) & (counts["prediction"] > 0))
    distances = np.full((2, len(truth_nhw)), np.nan)
    if both.size:
        first, second = boundary_points(truth_nhw[both]), boundary_points(prediction_nhw[both])
        for place, a, b in zip(both, first, second, strict=True):
            distances[:, place] = hausdorff(a, b, spacing_n2[place])
    return counts | {"hd_mm": distances[0], "hd95_mm": distances[1]}


def _summary(compared: dict[str, np.ndarray], chosen: np.ndarray) -> dict[str, float | int]:
    """One row of metrics over the chosen planes and frames, (n,) bool."""
    part = {name: values[chosen] for name, values in compared.items()}
    in_truth, in_prediction = part["truth"] > 0, part["prediction"] > 0
    both = in_truth & in_prediction
    total = {name: part[name].sum() for name in ("intersection", "truth", "prediction")}
    return {
        "dice": float(dice(total["intersection"], total["truth"], total["prediction"])),
        "hd_mm": part["hd_mm"][both].mean() if both.any() else np.nan,
        "hd95_mm": part["hd95_mm"][both].mean() if both.any() else np.nan,
        "compared": int(both.sum()),
        "missed": int((in_truth & ~in_prediction).sum()),
        "spurious": int((~in_truth & in_prediction).sum()),
        "absent": int((~in_truth & ~in_prediction).sum()),
    }


def _participant(
    truth_pthw: np.ndarray,
    prediction_pthw: np.ndarray,
    spacing_p2: np.ndarray,
    groups: list[tuple[str, str]],
    trained: np.ndarray,
    ed: str,
) -> Iterator[dict[str, object]]:
    """Rows of one participant."""
    diastole, systole = end_diastole(truth_pthw, ed), end_systole(truth_pthw)
    judged = sorted({*trained.tolist(), diastole, systole})
    truth_pthw, prediction_pthw, frames = truth_pthw[:, judged], prediction_pthw[:, judged], len(judged)
    for structure, name in STRUCTURE_NAMES.items():
        planes = annotated_planes(truth_pthw, structure)
        if not planes:
            continue
        kept = np.concatenate([annotated_frames(truth_pthw[plane]) for plane in planes])
        known = truth_pthw[planes] != NOT_ANNOTATED
        first = (truth_pthw[planes] == structure).reshape(-1, *truth_pthw.shape[2:])[kept]
        second = ((prediction_pthw[planes] == structure) & known).reshape(-1, *truth_pthw.shape[2:])[kept]
        compared = compare_planes(first, second, np.repeat(spacing_p2[planes], frames, axis=0)[kept])
        short = np.repeat([plane in SHORT_AXIS for plane in planes], frames)[kept]
        frame = np.tile(judged, len(planes))[kept]
        views = {"all": np.full(short.shape, True), "SA": short, "LA": ~short}
        phases = {"all": np.isin(frame, trained), "ED": frame == diastole, "ES": frame == systole}
        for view, phase in groups:
            chosen = views[view] & phases[phase]
            if chosen.any():
                yield {"target": name, "view": view, "phase": phase, **_summary(compared, chosen)}


def per_participant(
    eid: np.ndarray,
    truth: np.ndarray,
    prediction: np.ndarray,
    spacing_mm: np.ndarray,
    groups: list[tuple[str, str]],
    trained: np.ndarray | None = None,
    ed: str = "first",
) -> pd.DataFrame:
    """Metrics of every participant.

    Args:
        eid: (n,).
        truth: (n, 9, time, height, width) uint8 labels, 255 where not annotated.
        prediction: same shape.
        spacing_mm: (n, 9, 2) row and column spacing.
        groups: (view, phase) pairs to report.
        trained: frames of phase "all", which an unshifted pass of a model takes; without it, all frames.
        ed: first or largest, the frame of end-diastole; end-systole is found among all frames.

    Returns:
        Rows sorted by structure, group and participant: `eid`, `target`, `view`, `phase`, `dice`, `hd_mm`,
        `hd95_mm`, and the counts of planes and frames `compared`, `missed`, `spurious`, `absent`.
    """
    phases = np.arange(truth.shape[2]) if trained is None else trained
    rows = [
        {"eid": int(number)} | row
        for number, a, b, spacing in zip(eid, truth, prediction, spacing_mm, strict=True)
        for row in _participant(a, b, spacing, groups, phases, ed)
    ]
    columns = ["eid", "target", "view", "phase", "dice", "hd_mm", "hd95_mm"]
    table = pd.DataFrame(rows, columns=[*columns, "compared", "missed", "spurious", "absent"])
    order = {name: place for place, name in enumerate(STRUCTURE_NAMES.values())}
    rank = pd.Series({group: place for place, group in enumerate(groups)})
    table["_rank"] = [rank[group] for group in zip(table["view"], table["phase"], strict=True)]
    table["_order"] = table["target"].map(order)
    return table.sort_values(["_order", "_rank", "eid"]).drop(columns=["_rank", "_order"]).reset_index(drop=True)
