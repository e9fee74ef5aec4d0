"""The distance of a scan from the training cohort: in the encoder's features, in intensities and in geometry.

Each of the three is a vector. A normal distribution of few directions is fitted to the training participants; the limit
comes from the validation participants, who were not fitted: 0.25 % of scans like theirs lie beyond one of the three.
What is stored are means, spreads, directions and limits; no participant's vector.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import t as student

from vita.runtime.privacy import SMALLEST_COUNT

# What is compared, in words that the page prints.
KINDS = {
    "appearance": "what the image encoder sees",
    "intensity": "brightness, contrast and motion of the planes",
    "geometry": "pixel size, slices and timing",
}
FALSE_ALARMS = 0.0025  # of scans like the validation's, by all kinds together; those of `upright` come on top
_DIRECTIONS = 16  # at most, and one for every four participants
_SAME = 1e-3  # a spread below this fraction of the mean, or of 1, means that all participants share the value
_DIGITS = 6


@dataclass(frozen=True)
class Typical:
    """A normal distribution with separate variances along `directions` and one variance for all others.

    Attributes:
        mean: (size,) of the vectors.
        spread: (size,) that they are divided by.
        directions: (directions, size) of unit length.
        variances: (directions,) along them.
        rest: variance in each of the other directions.
        limit: of the distance; larger ones are not typical.
    """

    mean: np.ndarray
    spread: np.ndarray
    directions: np.ndarray
    variances: np.ndarray
    rest: float
    limit: float

    def distance(self, vectors_nd: np.ndarray) -> np.ndarray:
        """(n,) root of the mean squared deviation, in units of the spread expected; NaN adds nothing."""
        scaled = np.nan_to_num((vectors_nd - self.mean) / self.spread, nan=0.0, posinf=1e6, neginf=-1e6)
        along = scaled @ self.directions.T
        others = np.maximum((scaled**2).sum(axis=1) - (along**2).sum(axis=1), 0)
        return np.asarray(np.sqrt(((along**2 / self.variances).sum(axis=1) + others / self.rest) / len(self.mean)))

    def record(self) -> dict[str, Any]:
        """The numbers as JSON takes them."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def from_record(record: Mapping[str, Any]) -> Typical:
    """The distribution that `record` wrote."""
    arrays = {name: np.asarray(record[name], float) for name in ("mean", "spread", "directions", "variances")}
    return Typical(**arrays, rest=float(record["rest"]), limit=float(record["limit"]))


def fit(train_nd: np.ndarray, val_nd: np.ndarray, kinds: int = len(KINDS)) -> Typical | None:
    """Fit the training participants' vectors, and set the limit by the validation participants'.

    Args:
        train_nd: (participants, size), NaN where unknown.
        val_nd: (participants, size).
        kinds: that a scan is judged by; the false alarms are shared out among them.

    Returns:
        None where training or validation have fewer participants than may be shown.
    """
    if min(len(train_nd), len(val_nd)) < SMALLEST_COUNT:
        return None
    known = np.isfinite(train_nd).any(axis=0)
    mean = np.where(known, np.nanmean(np.where(known, train_nd, 0), axis=0), 0)
    spread = np.nanstd(np.where(known, train_nd, 0), axis=0)
    # if all participants have the same value, a different one is unusual, but not within rounding
    spread = np.maximum(spread, _SAME * np.maximum(np.abs(mean), 1))
    scaled = np.nan_to_num((train_nd - mean) / spread)
    size = scaled.shape[1]
    count = min(_DIRECTIONS, len(scaled) // 4, size)
    _, lengths, directions = np.linalg.svd(scaled, full_matrices=False)
    variances = np.maximum(lengths**2 / (len(scaled) - 1), _SAME)
    left = max(float((scaled**2).sum() / (len(scaled) - 1) - variances[:count].sum()), 0)
    rest = max(left / max(size - count, 1), _SAME)
    found = Typical(mean, spread, directions[:count], variances[:count], rest, np.inf)
    return Typical(mean, spread, directions[:count], variances[:count], rest, _limit(found.distance(val_nd), kinds))


def _limit(distances: np.ndarray, kinds: int) -> float:
    """The distance that only a given share of scans exceeds, from a log-normal distribution, since a quantile would
    be the value of one person.
    """
    logs = np.log(np.maximum(distances, 1e-9))
    n = len(logs)
    factor = student.ppf(1 - FALSE_ALARMS / kinds, n - 1) * np.sqrt(1 + 1 / n)
    return float(np.exp(logs.mean() + factor * logs.std(ddof=1)))


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_plain(each) for each in value.tolist()]
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return float(f"{value:.{_DIGITS}g}")


def intensity_vector(cine_sthw: np.ndarray) -> np.ndarray:
    """(3 x planes,) mean, standard deviation and mean change between frames of each plane in [0, 1]."""
    flat = cine_sthw.reshape(*cine_sthw.shape[:2], -1)
    change = np.abs(np.diff(flat, axis=1)).mean(axis=(1, 2)) if flat.shape[1] > 1 else np.zeros(len(flat))
    return np.concatenate([flat.mean(axis=(1, 2)), flat.std(axis=(1, 2)), change]).astype(float)


def geometry_vector(row: Mapping[str, Any]) -> np.ndarray:
    """(4,) logarithms of pixel size, slice distance, slices of the stack and duration of the cycle; NaN if unknown.

    Args:
        row: of a shard's table, or the record of a new scan.
    """
    pixels = np.concatenate([np.asarray(row[f"spacing_{axis}_mm"], float) for axis in ("row", "column")])
    pixels = pixels[np.isfinite(pixels) & (pixels > 0)]
    cycle_s = _number(row.get("frame_s_sa")) * _number(row.get("frames_sa"))
    values = [pixels.mean() if len(pixels) else np.nan, _number(row.get("sa_spacing_mm")), _number(row.get("sa_stack"))]
    found = np.array([*values, cycle_s], float)
    return np.log(np.where(found > 0, found, np.nan))


def _number(value: Any) -> float:
    return np.nan if value is None else float(value)


def unusual(typical: Mapping[str, Mapping[str, Any]], vectors: Mapping[str, np.ndarray]) -> list[str]:
    """A sentence for each kind in which a scan is not like the training's.

    Args:
        typical: records by kind, as stored in decisions.json.
        vectors: of the scan, by kind.
    """
    found = []
    for kind, record in typical.items():
        if kind in vectors:
            known = from_record(record)
            distance = float(known.distance(vectors[kind][None])[0])
            if not distance <= known.limit:
                found.append(
                    f"unlike the training's scans in {KINDS[kind]}: "
                    f"distance {distance:.3g}, at most {known.limit:.3g} is usual"
                )
    return found
