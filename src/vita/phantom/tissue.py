"""Which tissue is at a point of the heart at a moment: from signed distances to the chambers' surfaces.

A surface's implicit function over the length of its gradient is, near the surface, the distance in mm (negative
inside). Averaged over a box as wide as the voxel along the surface's normal, it gives the share of the voxel inside,
which is the partial-volume effect; its sign gives the masks, so that images and masks share one geometry.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from vita.phantom.hearts import INFARCT_WIDTH, RV_HALF_WIDTH, SEPTUM_MM, Heart, Shape, taper

LVBP, LVMYO, RVBP, LABP, RABP = range(1, 6)
RV_WALL_MM = 2.5
ATRIAL_WALL_MM = 1.8
VALVE_MM = 2.5
AORTA_LENGTH_MM = 70.0
AORTA_SLOPE = (-0.1, 0.3)  # drift in x and y per mm above the base
TRABECULATED_MM = 4.0  # how far trabeculae reach into a ventricle


class Papillary(NamedTuple):
    """A papillary muscle: `angle` in rad from the lateral wall, `radius` and `thickness` over the cavity's radius, and
    `height` over its half axis towards the apex.
    """

    angle: float
    radius: float
    thickness: float
    height: float


PAPILLARIES = (Papillary(0.75, 0.63, 0.14, 0.22), Papillary(-0.85, 0.63, 0.14, 0.22))


@dataclass(frozen=True)
class Points:
    """Quantities of n points that stay constant over the cycle; arrays (n,) float32, lengths in mm.

    Attributes:
        x, y, z: heart coordinates, after stretch and shear.
        r2: squared distance from the long axis; r: its root.
        septal: cosine profile of the RV's width, 1 towards the septum, below 0 past the insertions.
        infarct: profile of the infarcted sector, 1 in its middle.
        la_r2, ra_r2, aorta_r: (squared) distances from the atria's and the aorta's axes.
        pixel: width of a voxel in the plane; slice_z: its extent along the long axis.
        trabeculae: (n,) how much of the blood next to the wall trabeculae displace; masks count them to the cavity, as
            contours do.
        papillaries: the muscles of this heart.
    """

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    r2: np.ndarray
    r: np.ndarray
    septal: np.ndarray
    infarct: np.ndarray
    la_r2: np.ndarray
    ra_r2: np.ndarray
    aorta_r: np.ndarray
    pixel: float
    slice_z: float
    trabeculae: np.ndarray | float = 0.0
    papillaries: tuple[Papillary, ...] = PAPILLARIES

    @property
    def cut(self) -> float:
        """Width of the blur of surfaces across the long axis."""
        return max(self.pixel, self.slice_z)


def points(xyz_n3: np.ndarray, heart: Heart, pixel: float, slice_z: float) -> Points:
    """Prepare points given in plain heart coordinates (n, 3) in mm."""
    x, y, z = np.moveaxis(deform(xyz_n3, heart), -1, 0).astype(np.float32)
    r2 = x * x + y * y
    from_septum = np.arctan2(y, -x)
    from_infarct = np.angle(np.exp(1j * (np.arctan2(y, x) - heart.infarct_angle))).astype(np.float32)
    limits = np.float32(np.pi / 2)
    (la_x, la_y), (ra_x, ra_y), (aorta_x, aorta_y) = centres(heart)
    above = -z
    return Points(
        x=x,
        y=y,
        z=z,
        r2=r2,
        r=np.sqrt(r2),
        septal=np.cos(np.clip(from_septum * np.float32(np.pi / 2 / RV_HALF_WIDTH), -np.pi, np.pi)),
        infarct=np.cos(np.clip(from_infarct * np.float32(np.pi / 2 / INFARCT_WIDTH), -limits, limits)),
        la_r2=(x - la_x) ** 2 + (y - la_y) ** 2,
        ra_r2=(x - ra_x) ** 2 + (y - ra_y) ** 2,
        aorta_r=np.hypot(x - aorta_x - AORTA_SLOPE[0] * above, y - aorta_y - AORTA_SLOPE[1] * above),
        pixel=pixel,
        slice_z=slice_z,
    )


def deform(xyz_n3: np.ndarray, heart: Heart) -> np.ndarray:
    """Stretch across and shear along the long axis, a map of determinant 1."""
    x, y, z = np.moveaxis(xyz_n3, -1, 0)
    x, y = x * heart.oval, y / heart.oval
    return np.stack([x, y, z + heart.tilt[0] * -x + heart.tilt[1] * y], axis=-1)


def centres(heart: Heart) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float]]:
    """(x, y) of the axes of LA, RA and aorta: side by side, apart at their largest by the atrial septum."""
    largest = heart.shape(np.array([heart.cycle.end_systole + 0.02]))
    la = 4.0
    ra = la - float(largest.la_a[0] + largest.ra_a[0]) - SEPTUM_MM
    return (la, 0.0), (ra, 0.0), (-6.0, float(largest.la_a[0]) + heart.aorta - 4.0)


def share(distance: np.ndarray, width: np.ndarray | float) -> np.ndarray:
    """Share of a voxel of this width that lies inside a surface at this signed distance (mm)."""
    return np.clip(0.5 - distance / width, 0, 1)


def ellipsoid(r2: np.ndarray, z: np.ndarray, a: float, c: float, at: Points) -> tuple[np.ndarray, np.ndarray]:
    """Signed distance to an ellipsoid of revolution and the blur width there, both in mm."""
    slope_r2, slope_z = r2 / a**4, z / c**2
    gradient = np.sqrt(slope_r2 + slope_z * slope_z) + 1e-6
    distance = (r2 / a**2 + (z / c) ** 2 - 1) / (2 * gradient)
    width = np.sqrt(at.pixel**2 + (at.slice_z * slope_z / gradient) ** 2)
    return distance, width


@dataclass(frozen=True)
class Signals:
    """Signal of each tissue before coils and gain; of blood one, or one for each point."""

    blood: float | np.ndarray
    muscle: float


def paint(
    at: Points, shape: Shape, frame: int, signals: Signals, around: np.ndarray, aorta: float
) -> tuple[np.ndarray, np.ndarray]:
    """Signal and class of every point in one frame.

    Args:
        at: the points.
        shape, frame: surfaces, and which of its moments.
        signals: of blood and muscle.
        around: (n,) signal of what surrounds the heart.
        aorta: radius in mm.

    Returns:
        (n,) signal float32 and (n,) class uint8 (0 background, 1 LV cavity, 2 LV wall, 3 RV, 4 LA, 5 RA).
    """
    f = {name: float(values[frame]) for name, values in vars(shape).items()}
    zc = at.z - np.float32(f["centre"])
    below = np.float32(f["base"]) - at.z  # signed distance to the ventricles' side of the base plane
    in_base, over_base = share(below, at.cut), share(-below, at.cut)
    lagging = 1 + f["infarct"] * at.infarct
    norm2 = 1 + 2 * f["infarct"] * (2 * INFARCT_WIDTH / np.pi**2) + f["infarct"] ** 2 * INFARCT_WIDTH / (2 * np.pi)
    outer, outer_width = ellipsoid(at.r2, zc, f["outer_a"], f["outer_c"], at)
    cavity, cavity_width = ellipsoid(at.r2 * (norm2 / lagging**2), zc, f["a"], f["c"], at)
    rv = _rv_distance(at, zc, f)
    la, la_width = ellipsoid(at.la_r2, at.z - np.float32(f["la_z"]), f["la_a"], f["la_c"], at)
    ra, ra_width = ellipsoid(at.ra_r2, at.z - np.float32(f["ra_z"]), f["ra_a"], f["ra_c"], at)
    vessel = np.maximum(at.aorta_r - aorta, -(at.z + AORTA_LENGTH_MM))

    blood, muscle = np.float32(signals.blood), np.float32(signals.muscle)
    signal = around.copy()
    _mix(signal, muscle, share(vessel - ATRIAL_WALL_MM, at.pixel) * over_base)
    _mix(signal, blood * np.float32(0.95), share(vessel, at.pixel) * over_base)
    atria = np.minimum(la, ra)
    _mix(signal, muscle, share(atria - ATRIAL_WALL_MM, at.pixel) * over_base)
    _mix(signal, muscle, share(rv - RV_WALL_MM, at.pixel) * in_base)
    in_rv = share(rv, at.pixel) * in_base
    _mix(signal, blood, in_rv)
    _mix(signal, muscle, _trabeculae(at, rv, 1.0) * in_rv)
    _mix(signal, muscle, share(outer, outer_width) * in_base)
    in_lv = share(cavity, cavity_width) * in_base
    _mix(signal, blood, in_lv)
    _mix(signal, muscle, _trabeculae(at, cavity, 0.6) * in_lv)
    _mix(signal, muscle, _papillaries(at, f) * np.float32(0.8))
    _mix(signal, blood, np.maximum(share(la, la_width), share(ra, ra_width)) * over_base)
    leaflet = np.clip(1 - np.abs(below) / VALVE_MM, 0, 1) * (np.minimum(np.minimum(cavity, rv), atria) < 3)
    _mix(signal, muscle, leaflet * np.float32(0.4))
    return signal, _classes(below, outer, cavity, rv, la, ra)


def _mix(signal: np.ndarray, value: np.float32, covered: np.ndarray) -> None:
    signal += (value - signal) * covered


def _rv_distance(at: Points, zc: np.ndarray, f: dict[str, float]) -> np.ndarray:
    """Signed distance, taken along the radius, to the RV's outside; the inside of the LV's wall is painted over it."""
    radius = np.float32(f["outer_a"]) * np.sqrt(np.maximum(1 - (zc / np.float32(f["outer_c"])) ** 2, 0))
    from_base = np.clip((at.z - f["base"]) / (f["outer_c"] + f["centre"] - f["base"]), 0, 1)
    past_apex = zc - np.float32(f["outer_c"])
    distance: np.ndarray = np.maximum(at.r - radius * (1 + f["bulge"] * taper(from_base) * at.septal), past_apex)
    return distance


def _trabeculae(at: Points, distance: np.ndarray, density: float) -> np.ndarray:
    """Share of trabeculae in the blood at this signed distance (mm) to a ventricle's surface."""
    share_of_blood: np.ndarray = np.float32(density) * at.trabeculae * np.clip(1 + distance / TRABECULATED_MM, 0, 1)
    return share_of_blood


def _papillaries(at: Points, f: dict[str, float]) -> np.ndarray:
    """Share of the papillary muscles in each voxel; masks count them to the cavity, as contours do."""
    covered = np.zeros_like(at.x)
    length = 0.24 * f["c"]
    for muscle in at.papillaries:
        middle, width = f["centre"] + muscle.height * f["c"], muscle.thickness * f["a"] + 1.2
        x, y = (muscle.radius * f["a"] * turn(muscle.angle) for turn in (np.cos, np.sin))
        near = ((at.x - x) ** 2 + (at.y - y) ** 2) / width**2 + ((at.z - middle) / length) ** 2
        covered = np.maximum(covered, share((near - 1) * (width / 2), at.pixel))
    return covered


def _classes(
    below: np.ndarray, outer: np.ndarray, cavity: np.ndarray, rv: np.ndarray, la: np.ndarray, ra: np.ndarray
) -> np.ndarray:
    """Class of each point, from the signs of the distances."""
    classes = np.zeros(below.shape, np.uint8)
    ventricles = below <= 0
    classes[ventricles & (rv < 0)] = RVBP
    classes[ventricles & (outer < 0)] = LVMYO
    classes[ventricles & (cavity < 0)] = LVBP
    classes[~ventricles & (ra < 0)] = RABP
    classes[~ventricles & (la < 0)] = LABP
    return classes
