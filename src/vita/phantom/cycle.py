"""The cardiac cycle in time: how far the ventricles have emptied and the atria have filled.

Systole lasts nearly the same number of milliseconds at any heart rate, so its share of the cycle depends on the heart
rate. It is followed by isovolumetric relaxation, early filling, diastasis and the atrial contraction.
"""

from dataclasses import dataclass

import numpy as np

RELAXATION_S = 0.07
EARLY_FILLING_S = 0.17
ATRIAL_CONTRACTION_S = 0.13


@dataclass(frozen=True)
class Cycle:
    """Moments of a cycle in s.

    Attributes:
        period: length of the cycle.
        end_systole: end of ejection.
        early_share: share of the stroke volume that flows in early, before the atrium contracts.
    """

    period: float
    end_systole: float
    early_share: float

    @classmethod
    def of(cls, heart_rate: float, age: float) -> "Cycle":
        """A cycle at a rate (1/min) and an age (years); early filling loses its share with age."""
        end_systole = 0.425 - 0.0016 * heart_rate
        return cls(60 / heart_rate, end_systole, float(np.clip(0.72 - 0.006 * (age - 60), 0.5, 0.82)))

    def times(self, frames: int) -> np.ndarray:
        """(frames,) times in s; frame 0 is end-diastole."""
        times_s: np.ndarray = np.arange(frames) * self.period / frames
        return times_s

    def ejected(self, time_s: np.ndarray) -> np.ndarray:
        """Share of the stroke volume that has left the ventricle, 0 at end-diastole, 1 at end-systole."""
        filling = self._filling(time_s, self.early_share)
        share: np.ndarray = _smooth_step(time_s / self.end_systole) * (1 - filling)
        return share

    def atrial(self, time_s: np.ndarray) -> np.ndarray:
        """Share of the atrial stroke volume that is in the atrium: 0 at end-diastole, 1 at end-systole."""
        filled = _smooth_step(time_s / (self.end_systole + 0.3 * RELAXATION_S))
        share: np.ndarray = filled * (1 - self._filling(time_s, 0.5))
        return share

    def _filling(self, time_s: np.ndarray, early_share: float) -> np.ndarray:
        """Share of ventricular filling done; at high rates early filling and atrial contraction are squeezed."""
        start = self.end_systole + RELAXATION_S
        squeeze = min(1.0, (self.period - start) / (EARLY_FILLING_S + ATRIAL_CONTRACTION_S))
        early = _smooth_step((time_s - start) / (EARLY_FILLING_S * squeeze))
        late = ATRIAL_CONTRACTION_S * squeeze
        kick = _smooth_step((time_s - (self.period - late)) / late)
        return early_share * early + (1 - early_share) * kick


def _smooth_step(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0, 1)
    step: np.ndarray = x * x * (3 - 2 * x)
    return step
