"""Analytic hearts: every chamber's surface at every moment, with volumes known exactly.

Heart coordinates in mm: z runs along the long axis from the base at end-diastole (0) to the apex, x to the lateral wall
(away from the RV), y to the anterior wall. The coordinates are first stretched across the axis and sheared along it, by
a map of determinant 1, which gives the oval sections and oblique valve planes of real hearts and changes no volume.

* LV cavity: an ellipsoid of revolution with half axes a, c, cut by the base plane at BASE_CUT * c above its centre.
* LV wall: an outer ellipsoid (a + w, c + APEX_THINNING * w) cut by the same plane; w follows from the conserved mass.
* RV: around the septal direction the space from the outer ellipsoid outwards by a share `bulge` of its radius, fading
  to the insertions (cosine) and to the apex.
* LA, RA: ellipsoids of revolution above the base plane, which cuts them at ATRIAL_CUT of their half axis.
"""

from dataclasses import dataclass

import numpy as np

from vita.phantom.cycle import Cycle

BASE_CUT = 0.3
ATRIAL_CUT = 0.85
APEX_THINNING = 0.6
RV_HALF_WIDTH = np.deg2rad(78)
MYOCARDIUM_G_PER_ML = 1.05
INFARCT_WIDTH = 1.1  # rad, half width of the hypokinetic sector of the wall
SEPTUM_MM = 3.0
PROFILE_NODES, PROFILE_WEIGHTS = np.polynomial.legendre.leggauss(32)


def cut_ellipsoid_ml(a: np.ndarray, c: np.ndarray, cut: np.ndarray) -> np.ndarray:
    """Volume in ml of an ellipsoid of revolution (half axes a, a, c mm), apex to a plane `cut` mm past its centre."""
    t = cut / c
    volume: np.ndarray = np.pi * a**2 * c * ((1 + t) - (1 + t**3) / 3) / 1000
    return volume


@dataclass(frozen=True)
class Shape:
    """Surfaces in every frame; arrays are (time,), lengths in mm.

    Attributes:
        base, centre: z of the base plane and of the ellipsoids' centre.
        a, c: half axes of the LV cavity; outer_a, outer_c: of the wall's outside.
        bulge: RV width over the outer radius in the septal direction at the base.
        infarct: reduced motion of the infarcted sector, as a share of the radius.
        la_a, la_c, la_z, ra_a, ra_c, ra_z: half axes and centres of the atria.
    """

    base: np.ndarray
    centre: np.ndarray
    a: np.ndarray
    c: np.ndarray
    outer_a: np.ndarray
    outer_c: np.ndarray
    bulge: np.ndarray
    infarct: np.ndarray
    la_a: np.ndarray
    la_c: np.ndarray
    la_z: np.ndarray
    ra_a: np.ndarray
    ra_c: np.ndarray
    ra_z: np.ndarray


@dataclass(frozen=True)
class Heart:
    """One participant's heart: volumes in ml, lengths in mm, rate in 1/min; see `traits.draw_heart`.

    `length` is the LV cavity's at end-diastole, `shortening` the share it loses, `la_length` and `ra_length` at
    end-diastole, `aorta` the radius of the ascending aorta, `tilt` the shear (x, y) and `oval` the stretch.
    """

    cycle: Cycle
    lvedv: float
    lvsv: float
    rvedv: float
    rvsv: float
    la_max: float
    la_min: float
    ra_max: float
    ra_min: float
    wall: float
    length: float
    shortening: float
    la_length: float
    ra_length: float
    aorta: float
    infarct_size: float
    infarct_angle: float
    tilt: tuple[float, float]
    oval: float

    @classmethod
    def of(cls, person: dict[str, float], rng: np.random.Generator) -> "Heart":
        """The heart of a row of people.parquet; what no trait decides is drawn from `rng`."""
        ef = person["lvsv"] / person["lvedv"]
        slender = 1.0 - 0.0035 * (person["age"] - 64) + 0.02 * rng.standard_normal()
        copied = ("lvedv", "lvsv", "rvedv", "rvsv", "la_max", "la_min", "ra_max", "ra_min")
        return cls(
            cycle=Cycle.of(person["heart_rate"], person["age"]),
            **{name: float(person[name]) for name in copied},
            wall=float(person["wall_mm"]),
            length=float(np.clip(81 * slender * (person["lvedv"] / 140) ** (1 / 3), 62, 100)),
            shortening=float(np.clip(0.33 * ef - 0.04 + 0.006 * rng.standard_normal(), 0.06, 0.2)),
            la_length=float(40 * (person["la_min"] / 30) ** (1 / 3) * (1 + 0.04 * rng.standard_normal())),
            ra_length=float(44 * (person["ra_min"] / 42) ** (1 / 3) * (1 + 0.04 * rng.standard_normal())),
            aorta=float(np.clip(12.5 + 0.13 * (person["age"] - 60) + 0.8 * rng.standard_normal(), 9, 19)),
            infarct_size=float(person["infarct_size"]),
            infarct_angle=float(person["infarct_angle"]),
            tilt=(-0.1 + 0.02 * rng.standard_normal(), 0.16 + 0.025 * rng.standard_normal()),
            oval=float(1 + 0.02 * rng.standard_normal()),
        )

    @property
    def mass_g(self) -> float:
        """Myocardial mass, the same at every moment."""
        a, c = self._cavity(np.array([self.lvedv]), np.array([self.length]))
        outer = cut_ellipsoid_ml(a + self.wall, c + APEX_THINNING * self.wall, BASE_CUT * c)
        return float(MYOCARDIUM_G_PER_ML * (outer[0] - self.lvedv))

    @staticmethod
    def _cavity(volume_ml: np.ndarray, length: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        c = length / (1 + BASE_CUT)
        return np.sqrt(volume_ml / cut_ellipsoid_ml(np.ones_like(c), c, BASE_CUT * c)), c

    def shape(self, time_s: np.ndarray) -> Shape:
        """Surfaces at the given times (time,) in s."""
        out, filled = self.cycle.ejected(time_s), self.cycle.atrial(time_s)
        descent = self.shortening * self.length * out
        a, c = self._cavity(self.lvedv - self.lvsv * out, self.length - descent)
        wall = _wall_mm(a, c, self.mass_g / MYOCARDIUM_G_PER_ML, self.wall)
        outer_a, outer_c = a + wall, c + APEX_THINNING * wall
        la = _atrium(self.la_min + (self.la_max - self.la_min) * filled, self.la_length + 0.7 * descent)
        ra = _atrium(self.ra_min + (self.ra_max - self.ra_min) * filled, self.ra_length + 0.7 * descent)
        return Shape(
            base=descent,
            centre=descent + BASE_CUT * c,
            a=a,
            c=c,
            outer_a=outer_a,
            outer_c=outer_c,
            bulge=_bulge(self.rvedv - self.rvsv * out, outer_a, outer_c, BASE_CUT * c),
            infarct=self.infarct_size * out,
            la_a=la[0],
            la_c=la[1],
            la_z=descent - ATRIAL_CUT * la[1],
            ra_a=ra[0],
            ra_c=ra[1],
            ra_z=descent - ATRIAL_CUT * ra[1],
        )

    def phenotypes(self) -> dict[str, float]:
        """The 18 phenotypes by name, in ml, %, l/min and g."""
        rate = 60 / self.cycle.period
        values = {"LVEDV": self.lvedv, "LVESV": self.lvedv - self.lvsv, "LVSV": self.lvsv}
        values |= {"LVEF": 100 * self.lvsv / self.lvedv, "LVCO": self.lvsv * rate / 1000, "LVM": self.mass_g}
        values |= {"RVEDV": self.rvedv, "RVESV": self.rvedv - self.rvsv, "RVSV": self.rvsv}
        values["RVEF"] = 100 * self.rvsv / self.rvedv
        for side, largest, smallest in (("LA", self.la_max, self.la_min), ("RA", self.ra_max, self.ra_min)):
            values |= {f"{side}V max": largest, f"{side}V min": smallest, f"{side}SV": largest - smallest}
            values[f"{side}EF"] = 100 * (1 - smallest / largest)
        return values


def _wall_mm(a: np.ndarray, c: np.ndarray, muscle_ml: float, start: float) -> np.ndarray:
    """Wall thickness that holds `muscle_ml` around the cavity, by Newton's method (the volume is convex in it)."""
    wall, cavity = np.full_like(a, start), cut_ellipsoid_ml(a, c, BASE_CUT * c)

    def muscle(w: np.ndarray) -> np.ndarray:
        volume: np.ndarray = cut_ellipsoid_ml(a + w, c + APEX_THINNING * w, BASE_CUT * c) - cavity
        return volume

    for _ in range(8):
        slope = (muscle(wall + 1e-3) - muscle(wall - 1e-3)) / 2e-3
        wall = wall - (muscle(wall) - muscle_ml) / slope
    return wall


def _atrium(volume_ml: np.ndarray, length: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half axes of a cut ellipsoid of this volume and length."""
    c = length / (1 + ATRIAL_CUT)
    return np.sqrt(volume_ml / cut_ellipsoid_ml(np.ones_like(c), c, ATRIAL_CUT * c)), c


def taper(u: np.ndarray) -> np.ndarray:
    """How the RV's width fades from the base (u = 0) to the apex (u = 1)."""
    fading: np.ndarray = 1 - u * u
    return fading


def _bulge(volume_ml: np.ndarray, outer_a: np.ndarray, outer_c: np.ndarray, cut: np.ndarray) -> np.ndarray:
    """RV width (relative to the outer radius) that gives the volume.

    At height z the section between the radii R and R (1 + b q cos(pi psi / 2W)) has the area
    R^2 (b q S1 + b^2 q^2 S2 / 2) with S1 = 4 W / pi, S2 = W; over z this is a quadratic equation in b.
    """
    u = (PROFILE_NODES[:, None] + 1) / 2
    z = u * (outer_c + cut) - cut
    radius2 = outer_a**2 * (1 - (z / outer_c) ** 2)
    weights = PROFILE_WEIGHTS[:, None] / 2 * (outer_c + cut)
    first = 4 * RV_HALF_WIDTH / np.pi * (weights * radius2 * taper(u)).sum(axis=0) / 1000
    second = RV_HALF_WIDTH / 2 * (weights * radius2 * taper(u) ** 2).sum(axis=0) / 1000
    width: np.ndarray = (np.sqrt(first**2 + 4 * second * volume_ml) - first) / (2 * second)
    return width
