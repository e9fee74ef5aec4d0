"""Smooth random patterns in space: what real tissue has in place of one signal.

A pattern is a sum of cosine waves of random directions, lengths and phases, so it is known at any point without a grid,
and planes that cross show the same pattern where they meet.
"""

from dataclasses import dataclass

import numpy as np


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
