"""The scanner's receiver: the effect of coils, gain, point spread and noise on the signal."""

from dataclasses import dataclass

import numpy as np
import scipy  # its parts are imported where they are first used

HARMONICS = 3  # of slow changes over the cycle
BLOOD_SD, GAIN_SD = 0.1, 0.055  # of these changes: flow, and the receiver with the breath
# Skin next to a coil is several times brighter than the same tissue at the depth of the heart, and sets the range of a
# scan: in real scans the heart's median is at a tenth to a fifth of it.
NEAR_RANGE, REACH_RANGE_MM = (1.8, 6.0), (9.0, 18.0)
BLUR_RANGE = (0.1, 0.2)


def drift(frames: int, slices: int, spread: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth random curves over the cycle, (frames, slices) factors around 1 with the standard deviation `spread`.

    Each slice is a separate breath-hold. Without these curves the mean brightness of a frame would reveal the filling
    of the ventricle.
    """
    angle = 2 * np.pi * np.arange(frames)[:, None] * np.arange(1, HARMONICS + 1) / frames
    weights = rng.normal(0, spread / np.sqrt(HARMONICS), (2, HARMONICS, slices))
    factors: np.ndarray = 1 + np.cos(angle) @ weights[0] + np.sin(angle) @ weights[1]
    return factors


@dataclass(frozen=True)
class Receiver:
    """Coils, gain and noise of one view of a participant.

    Attributes:
        gain: factor of everything.
        slope: (3,) relative change of sensitivity per 100 mm from the heart, along scanner axes.
        curvature: relative loss at 100 mm from the heart.
        near, reach: what the coils' elements add to the sensitivity at the skin, and the depth in mm at which it has
            fallen to 1/e.
        noise: standard deviation in each of the two channels, in stored units, before `blur`.
        blur: share of a pixel's signal that each neighbour in a row or column gets.
    """

    gain: float
    slope: np.ndarray
    curvature: float
    near: float
    reach: float
    noise: float
    blur: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Receiver":
        """Coils lie on the chest, so the sensitivity decreases towards the back."""
        gain = float(np.exp(rng.normal(0, 0.2)))
        return cls(
            gain=gain,
            slope=rng.normal([0, 0.25, 0], 0.25),
            curvature=float(rng.uniform(0.02, 0.3)),
            near=float(np.exp(rng.uniform(*np.log(NEAR_RANGE)))),
            reach=float(rng.uniform(*REACH_RANGE_MM)),
            noise=float(gain * rng.uniform(2.0, 3.2)),
            blur=float(rng.uniform(*BLUR_RANGE)),
        )

    def sensitivity(self, from_heart_mm: np.ndarray, depth_mm: np.ndarray) -> np.ndarray:
        """(...,) factor relative to the heart at points (..., 3) at these depths (...,) below the skin."""
        scaled = from_heart_mm * np.float32(0.01)
        factor: np.ndarray = np.float32(self.gain) * np.exp(
            scaled @ self.slope.astype(np.float32) - np.float32(self.curvature) * (scaled * scaled).sum(axis=-1)
        )
        factor *= 1 + np.float32(self.near) * np.exp(np.maximum(depth_mm, 0) / np.float32(-self.reach))
        return factor

    def receive(self, signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Magnitude of the signal (..., row, column) with noise in both channels (Rician), rounded to int16.

        Signal and noise go through the scanner's point spread function.
        """
        sigma = np.float32(self.noise)
        real = self._spread(signal + sigma * rng.standard_normal(signal.shape, dtype=np.float32))
        imaginary = self._spread(sigma * rng.standard_normal(signal.shape, dtype=np.float32))
        magnitude: np.ndarray = np.rint(np.sqrt(real * real + imaginary * imaginary)).astype(np.int16)
        return magnitude

    def _spread(self, channel: np.ndarray) -> np.ndarray:
        kernel = np.array([self.blur, 1 - 2 * self.blur, self.blur], np.float32)
        rows: np.ndarray = scipy.ndimage.correlate1d(channel, kernel, axis=-2, mode="nearest")
        both: np.ndarray = scipy.ndimage.correlate1d(rows, kernel, axis=-1, mode="nearest")
        return both
