"""What makes the tissue around the heart uneven: vessels in the lungs, fat in patches, texture.

Each is a smooth random pattern in space: a sum of cosine waves of random directions, lengths and phases. It is known at
any point without a grid, and planes that cross show the same pattern where they meet. Like all signals of the
surroundings, the patterns are independent of size and disease.
"""

from dataclasses import dataclass

import numpy as np

WAVES = 8
VESSELS_MM, PATCHES_MM, TEXTURE_MM = (14.0, 30.0), (30.0, 90.0), (15.0, 120.0)  # shortest and longest waves
VESSELS_FROM = 1.7  # standard deviations of their pattern
TEXTURE_SD = 0.12


@dataclass(frozen=True)
class Pattern:
    """A stationary random field of mean 0 and standard deviation 1.

    Attributes:
        vectors: (3, waves) wave vectors in rad/mm.
        phases: (waves,) in rad.
    """

    vectors: np.ndarray
    phases: np.ndarray

    @classmethod
    def draw(cls, shortest_mm: float, longest_mm: float, waves: int, rng: np.random.Generator) -> "Pattern":
        """Waves of random directions, and of lengths spread evenly on a logarithmic scale."""
        directions = rng.standard_normal((3, waves))
        directions /= np.linalg.norm(directions, axis=0)
        lengths_mm = np.exp(rng.uniform(np.log(shortest_mm), np.log(longest_mm), waves))
        vectors = (2 * np.pi * directions / lengths_mm).astype(np.float32)
        return cls(vectors, rng.uniform(0, 2 * np.pi, waves).astype(np.float32))

    def at(self, points_mm: np.ndarray) -> np.ndarray:
        """(...,) values at points (..., 3) in mm, float32."""
        waves = np.cos(points_mm.astype(np.float32) @ self.vectors + self.phases)
        values: np.ndarray = waves.sum(axis=-1) * np.float32(np.sqrt(2 / len(self.phases)))
        return values


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
