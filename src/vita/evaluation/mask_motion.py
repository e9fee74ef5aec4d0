"""Whether a system's masks follow the image: on frames between trained ones, with another start of the cycle, and on
still hearts.

A system that has memorised the frame number has a high Dice on the phases that it was trained on, but draws a beat on a
still heart and fails if the cycle starts at another phase. Nothing is reported for systems without such probes in their
masks file (they see one frame at a time, or the masks were made elsewhere).
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from vita.evaluation.mask_metrics import annotated_frames, annotated_planes, dice
from vita.evaluation.mask_phenotypes import annotated, atria, ventricles
from vita.evaluation.statistics import bland_altman
from vita.mask_classes import NOT_ANNOTATED
from vita.names import STRUCTURE_NAMES

MOVES_PERCENT = 5.0  # a system is marked if its masks of a still heart change by more
COLUMNS = ["dice_between", "dice_es_first", "still_ed", "still_es", "ef_reference", "ef_predicted"]
SUMMARY = [*COLUMNS[:4], "ef_n", "ef_bias", "ef_low", "ef_high", "ef_r", "moves_at_rest"]
_EJECTION = {"LVBP": "LVEF", "RVBP": "RVEF", "LABP": "LAEF", "RABP": "RAEF"}
# an ejection fraction has no unit of volume
_STACK = pd.Series({"sa_stack": 6, "sa_spacing_mm": 1.0, "frames_sa": 1, "frame_s_sa": 1.0})


def per_participant(masks: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """A row per participant and structure.

    Args:
        masks: as `mask_files.read_masks` gives them.

    Returns:
        `eid`, `target`, and NaN where unknown: `dice_between` (frames that were not trained), `dice_es_first` (the
        cycle starts at end-systole), `still_ed` and `still_es` (change of the area over the frames of a still heart, %
        of its mean), `ef_reference` and `ef_predicted` (%, over all frames; for the LV, end-diastole is the frame with
        its largest volume).
    """
    rows = [row for place in range(len(masks["eid"])) for row in _participant(masks, place)]
    return pd.DataFrame(rows, columns=["eid", "target", *COLUMNS])


def _participant(masks: Mapping[str, np.ndarray], place: int) -> Iterator[dict[str, object]]:
    truth, prediction = masks["truth"][place], masks["prediction"][place]
    between = [frame for frame in range(truth.shape[1]) if frame not in set(masks["trained"].tolist())]
    shifted = "es_prediction" in masks
    from_es = truth[:, masks["es_frames"][place]] if shifted else truth[:, :0]
    fractions = [_fractions(labels, truth, masks["spacing_mm"][place]) for labels in (truth, prediction)]
    for structure, name in STRUCTURE_NAMES.items():
        planes = annotated_planes(truth, structure)
        if not planes:
            continue
        row: dict[str, object] = {"eid": int(masks["eid"][place]), "target": name}
        row["dice_between"] = _dice(truth[planes][:, between], prediction[planes][:, between], structure)
        if shifted:
            row["dice_es_first"] = _dice(from_es[planes], masks["es_prediction"][place][planes], structure)
            still = masks["still_prediction"][place][:, planes] == structure
            row["still_ed"], row["still_es"] = (change_percent(one.sum(axis=(0, 2, 3))) for one in still)
        if name in _EJECTION:
            row["ef_reference"], row["ef_predicted"] = (each.get(_EJECTION[name], np.nan) for each in fractions)
        yield row


def change_percent(pixels_t: np.ndarray) -> float:
    """Largest minus smallest of (time,) sizes, in percent of their mean; NaN if nothing is drawn."""
    mean = pixels_t.mean()
    return float(100 * np.ptp(pixels_t) / mean) if mean > 0 else np.nan


def _dice(truth_sthw: np.ndarray, prediction_sthw: np.ndarray, structure: int) -> float:
    """Dice over all planes and annotated frames, as in `mask_metrics`."""
    kept = np.stack([annotated_frames(plane) for plane in truth_sthw])[..., None, None]
    first = (truth_sthw == structure) & kept
    second = (prediction_sthw == structure) & kept & (truth_sthw != NOT_ANNOTATED)
    return float(dice((first & second).sum(), first.sum(), second.sum()))


def _fractions(labels: np.ndarray, truth: np.ndarray, spacing_p2: np.ndarray) -> dict[str, float]:
    known = annotated(labels, truth)
    return ventricles(known, spacing_p2, _STACK, "largest") | atria(known, spacing_p2)


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Means over participants and the agreement of ejection fractions, by `target`; columns `SUMMARY`."""
    found = {}
    for target, group in rows.groupby("target", sort=False):
        row: dict[str, object] = {name: group[name].astype(float).mean() for name in COLUMNS[:4]}
        known = group[["ef_reference", "ef_predicted"]].astype(float).dropna()
        row["ef_n"] = len(known)
        if len(known) > 1:
            agreed = bland_altman(known["ef_reference"], known["ef_predicted"])
            row |= {"ef_bias": agreed["bias"], "ef_low": agreed["limit_low"], "ef_high": agreed["limit_high"]}
            row["ef_r"] = agreed["r"]
        still = [float(str(row[name])) for name in ("still_ed", "still_es")]
        row["moves_at_rest"] = np.nan if all(map(np.isnan, still)) else float(np.nanmax(still) > MOVES_PERCENT)
        found[target] = row
    return pd.DataFrame.from_dict(found, orient="index").reindex(columns=SUMMARY)
