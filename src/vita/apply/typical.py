"""The distance of a scan from the training cohort: in the encoder's features, in intensities and in geometry.

Each of the three is a vector. A normal distribution of few directions is fitted to the training participants; the limit
comes from the validation participants, who were not fitted (`tolerance`). What is stored are means, spreads, directions
and limits; no participant's vector.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from vita.apply.records import Known, TypicalScans
from vita.runtime.privacy import SMALLEST_COUNT

# What is compared, in words that the page prints.
KINDS = {
    "appearance": "what the image encoder sees",
    "intensity": "brightness, contrast, motion and texture of the planes",
    "geometry": "pixel size, slices and timing",
}
ORDER: Final = ("intensity", "geometry", "appearance")  # in which reasons are given
# At most, and one for every four participants. 8, 16, 32, 48, 64 and 128 were compared on phantoms of another seed that
# were blurred, sharpened, noisy, of another texture, contrast or size, against others as they were.
_DIRECTIONS = 48
_INNER = slice(1, -1)
_SIDES = ((slice(2, None), _INNER), (slice(-2), _INNER), (_INNER, slice(2, None)), (_INNER, slice(-2)))
_DARK = 1e-3  # added before the logarithm is taken
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
    limit: float = np.inf

    def distance(self, vectors_nd: np.ndarray) -> np.ndarray:
        """(n,) root of the mean squared deviation, in units of the spread expected, over what is not NaN."""
        known = np.maximum((~np.isnan(vectors_nd)).sum(axis=1), 1)
        scaled = np.nan_to_num((vectors_nd - self.mean) / self.spread, nan=0.0, posinf=1e6, neginf=-1e6)
        along = scaled @ self.directions.T
        others = np.maximum((scaled**2).sum(axis=1) - (along**2).sum(axis=1), 0)
        return np.asarray(np.sqrt(((along**2 / self.variances).sum(axis=1) + others / self.rest) / known))

    def record(self) -> Known:
        """The numbers as JSON takes them."""
        return {
            "mean": _plain(self.mean),
            "spread": _plain(self.spread),
            "directions": [_plain(each) for each in self.directions],
            "variances": _plain(self.variances),
            "rest": _rounded(self.rest),
            "limit": _rounded(self.limit),
        }


def from_record(record: Known) -> Typical:
    """The distribution that `record` wrote."""
    mean, spread, directions, variances = (
        np.asarray(record[name], float) for name in ("mean", "spread", "directions", "variances")
    )
    return Typical(mean, spread, directions, variances, rest=float(record["rest"]), limit=float(record["limit"]))


def fit(train_nd: np.ndarray) -> Typical | None:
    """Fit the training participants' vectors, without a limit.

    Args:
        train_nd: (participants, size), NaN where unknown.

    Returns:
        None where there are fewer participants than may be shown.
    """
    if len(train_nd) < SMALLEST_COUNT:
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
    return Typical(mean, spread, directions[:count], variances[:count], rest)


def _plain(values_n: np.ndarray) -> list[float]:
    return [_rounded(each) for each in values_n.tolist()]


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def intensity_vector(cine_sthw: np.ndarray) -> np.ndarray:
    """(5 x planes,) logarithms of what each plane shows in [0, 1]; NaN where a plane is missing.

    They are the mean, the standard deviation, the mean change between frames, the mean gradient, and the mean of the
    discrete Laplacian's absolute value, which tells texture, noise and blur.
    """
    flat = cine_sthw.reshape(*cine_sthw.shape[:2], -1)
    change = np.abs(np.diff(flat, axis=1)).mean(axis=(1, 2)) if flat.shape[1] > 1 else np.zeros(len(flat))
    gradient = sum(np.abs(np.diff(cine_sthw, axis=axis)).mean(axis=(1, 2, 3)) for axis in (2, 3))
    sides = sum(cine_sthw[:, :, rows, columns] for rows, columns in _SIDES)
    laplacian = np.abs(4 * cine_sthw[:, :, _INNER, _INNER] - sides).mean(axis=(1, 2, 3))
    values = np.stack([flat.mean(axis=(1, 2)), flat.std(axis=(1, 2)), change, gradient, laplacian]).astype(float)
    return np.where(flat.any(axis=(1, 2)), np.log(values + _DARK), np.nan).ravel()


def geometry_vector(row: Mapping[Any, Any]) -> np.ndarray:
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


def unusual(typical: TypicalScans, vectors: Mapping[str, np.ndarray]) -> list[str]:
    """A sentence for each kind in which a scan is not like the training's.

    Args:
        typical: records by kind, as stored in decisions.json.
        vectors: of the scan, by kind.
    """
    found = []
    for kind in ORDER:
        if kind in typical and kind in vectors:
            known = from_record(typical[kind])
            distance = float(known.distance(vectors[kind][None])[0])
            if not distance <= known.limit:
                found.append(
                    f"unlike the training's scans in {KINDS[kind]}: "
                    f"distance {distance:.3g}, at most {known.limit:.3g} is usual"
                )
    return found
