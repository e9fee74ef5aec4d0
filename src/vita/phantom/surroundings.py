"""What makes the tissue around the heart uneven: vessels in the lungs, fat in patches, texture.

Like all signals of the surroundings, this is independent of size and disease.
"""

from dataclasses import dataclass

import numpy as np

from vita.phantom.texture import Pattern

WAVES = 8
VESSELS_MM, PATCHES_MM, TEXTURE_MM = (14.0, 30.0), (30.0, 90.0), (15.0, 120.0)  # shortest and longest waves
VESSELS_FROM = 1.7  # standard deviations of their pattern
TEXTURE_SD = 0.12


@dataclass(frozen=True)
class Surroundings:
    """One participant's patterns: of vessels in the lung, of fat in the bag around the heart, and of all tissue."""

    vessel: Pattern
    patch: Pattern
    texture: Pattern

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Surroundings":
        """Patterns of their own for each participant."""
        return cls(*(Pattern.draw(*waves_mm, WAVES, rng) for waves_mm in (VESSELS_MM, PATCHES_MM, TEXTURE_MM)))

    def vessels(self, points_mm: np.ndarray) -> np.ndarray:
        """(...,) share of each voxel of lung that vessels fill, at points (..., 3)."""
        filled: np.ndarray = np.clip(self.vessel.at(points_mm) - np.float32(VESSELS_FROM), 0, 1)
        return filled

    def heart_fat(self, points_mm: np.ndarray, lung: float, fat: float) -> np.ndarray:
        """(...,) signal of the bag around the heart: fat in patches, and between them as dark as lung."""
        filled = np.clip(np.float32(0.4) + np.float32(0.4) * self.patch.at(points_mm), 0, 1)
        signal: np.ndarray = np.float32(lung) + np.float32(fat - lung) * filled
        return signal

    def unevenness(self, points_mm: np.ndarray) -> np.ndarray:
        """(...,) factor of the signal of all tissue around the heart."""
        factor: np.ndarray = np.exp(np.float32(TEXTURE_SD) * self.texture.at(points_mm))
        return factor
