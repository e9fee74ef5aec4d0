"""The static surroundings of the heart: pericardial fat, lungs, liver, spine, vessels, chest wall and fat.

Points are given in scanner space relative to the heart's origin (the middle of the LV's base).
"""

from dataclasses import dataclass

import numpy as np

from vita.phantom.hearts import Heart, Shape
from vita.phantom.tissue import deform, share

AIR, MUSCLE, FAT, LIVER, BONE = 2.0, 52.0, 150.0, 72.0, 60.0
# signals that are independent of size and disease, so that brightness is not a shortcut
LUNG_RANGE, HEART_FAT_RANGE = (6.0, 34.0), (20.0, 75.0)
HEART_TO_BODY_MM = np.array([-26.0, 7.0, 0.0])  # of the heart's base from the middle of the body
CHEST_WALL_MM = 14.0


@dataclass(frozen=True)
class Chest:
    """One participant's chest, in mm and signal.

    Attributes:
        half_width, half_depth: of the chest without skin fat.
        fat, heart_fat: thickness of skin fat and of the fat around the heart.
        lung, liver, heart_fat_signal: signals.
        diaphragm: height of the liver's dome below the heart.
        blood: signal of vessels.
    """

    half_width: float
    half_depth: float
    fat: float
    heart_fat: float
    lung: float
    liver: float
    heart_fat_signal: float
    diaphragm: float
    blood: float

    @classmethod
    def of(cls, person: dict[str, float], blood: float, rng: np.random.Generator) -> "Chest":
        """The chest of a row of people.parquet: its size and skin fat depend on the body, its signals on nothing."""
        size = (person["height_cm"] - 169) * 0.5 + (person["bmi"] - 27) * 0.8
        return cls(
            half_width=158 + size + rng.normal(0, 4),
            half_depth=100 + 0.7 * size + rng.normal(0, 3),
            fat=float(np.clip(3 + 0.55 * (person["body_fat"] - 12) + rng.normal(0, 1.2), 3, 40)),
            heart_fat=float(np.clip(rng.normal(4.5, 1.5), 1.5, 10)),
            lung=float(rng.uniform(*LUNG_RANGE)),
            liver=LIVER * float(np.exp(rng.normal(0, 0.15))),
            heart_fat_signal=float(rng.uniform(*HEART_FAT_RANGE)),
            diaphragm=float(rng.normal(38, 5)),
            blood=blood,
        )

    def depth_mm(self, from_heart: np.ndarray) -> np.ndarray:
        """(...,) depth in mm (rough) below the skin at points (..., 3), below 0 outside the body."""
        body = from_heart + HEART_TO_BODY_MM.astype(np.float32)
        return -_oval(body, self.half_width + self.fat, self.half_depth + self.fat)

    def inside(self, from_heart: np.ndarray, pixel: float) -> np.ndarray:
        """(...,) share of each voxel at points (..., 3) that lies inside the chest wall."""
        body = from_heart + HEART_TO_BODY_MM.astype(np.float32)
        return share(_oval(body, self.half_width - CHEST_WALL_MM, self.half_depth - CHEST_WALL_MM), pixel)

    def signal(
        self,
        from_heart: np.ndarray,
        pixel: float,
        vessels: np.ndarray | float = 0.0,
        inside: np.ndarray | None = None,
    ) -> np.ndarray:
        """(...,) signal at points (..., 3), float32.

        Args:
            from_heart: the points.
            pixel: width of a voxel in mm.
            vessels: (...,) share of each voxel that vessels fill where there is lung.
            inside: (...,) what `inside` gives for these points, if it has been computed already.
        """
        body = from_heart + HEART_TO_BODY_MM.astype(np.float32)
        skin = -self.depth_mm(from_heart)
        wall = _oval(body, self.half_width, self.half_depth)
        signal = np.full(skin.shape, AIR, np.float32)
        lung = np.float32(self.lung) + np.float32(self.blood - self.lung) * vessels
        for covered, value in ((share(skin, pixel), FAT), (share(wall, pixel), MUSCLE)):
            signal += (np.float32(value) - signal) * covered
        signal += (lung - signal) * (self.inside(from_heart, pixel) if inside is None else inside)
        for distance, value in self._organs(body, pixel):
            signal += (np.float32(value) - signal) * share(distance, pixel)
        return signal

    def _organs(self, body: np.ndarray, pixel: float) -> list[tuple[np.ndarray, float]]:
        """Signed distances and signals, later ones in front: vertebra, spinal canal, descending aorta, liver."""
        x, y, z = np.moveaxis(body, -1, 0)
        back = np.float32(self.half_depth)
        spine = np.hypot(x, y + back - 34) - 21
        canal = np.hypot(x, y + back - 8) - 8
        aorta = np.hypot(x + 26, y + back - 46) - 12
        top = np.float32(-self.diaphragm - 70)
        liver = np.sqrt((x - 45) ** 2 / 115**2 + y**2 / 95**2 + (z - top) ** 2 / 82**2)
        stomach = np.sqrt((x + 70) ** 2 / 60**2 + (y - 5) ** 2 / 70**2 + (z - top + 18) ** 2 / 75**2)
        return [
            (spine, BONE),
            (canal, 1.3 * BONE),
            (aorta, self.blood * 0.9),
            ((stomach - 1) * 60, MUSCLE * 0.8),
            ((liver - 1) * 85, self.liver),
        ]


def pericardium(xyz_n3: np.ndarray, heart: Heart, largest: Shape) -> np.ndarray:
    """Signed distance in mm (rough) to a smooth bag around the whole heart at end-diastole.

    Args:
        xyz_n3: heart coordinates (..., 3).
        heart: the heart.
        largest: its shape at end-diastole (frame 0) and end-systole (frame 1).
    """
    x, y, z = np.moveaxis(deform(xyz_n3, heart).astype(np.float32), -1, 0)
    outer = float(largest.outer_a[0])
    right = outer * (1 + float(largest.bulge[0])) + 6
    low, high = -right, outer + 3
    roof = float((largest.la_z - largest.la_c).min()) - 4
    apex = float(largest.centre[0] + largest.outer_c[0]) + 3
    scaled = [
        (x - (low + high) / 2) / ((high - low) / 2),
        y / (outer + 8),
        (z - (roof + apex) / 2) / ((apex - roof) / 2),
    ]
    distance: np.ndarray = (sum(np.abs(s) ** 3 for s in scaled) ** (1 / 3) - 1) * outer
    return distance


def _oval(body: np.ndarray, half_width: float, half_depth: float) -> np.ndarray:
    """Signed distance in mm (first order) to an elliptic cylinder along the body."""
    x2, y2 = body[..., 0] ** 2, body[..., 1] ** 2
    slope = np.sqrt(x2 / half_width**4 + y2 / half_depth**4) + np.float32(1e-6)
    return (x2 / half_width**2 + y2 / half_depth**2 - 1) / (2 * slope)
