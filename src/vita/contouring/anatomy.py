"""Which tissue lies at a point of a heart of a given form: the phantom's mechanics with the anatomy that it leaves out.

Sizes at each moment are the phantom's (`vita.phantom.hearts`), so that cavities and walls belong together through the
cycle; `vita.contouring.form` gives the shapes. Labels follow UK Biobank's readers: papillary muscles and trabeculae are
cavity, the outflow tracts belong to their ventricles up to the valves, and atria and vessels are background in stacks.
"""

from dataclasses import dataclass

import numpy as np
import scipy  # its parts are imported where they are first used

from vita.contouring.form import Form, Layer, Tract
from vita.images.layout import LABP, LVBP, LVMYO, RABP, RVBP
from vita.phantom.hearts import Heart, Shape, taper
from vita.phantom.tissue import centres, deform

# Tissues beyond the five structures, which are 1 to 5. Those up to FAT differ in their signal in the phantom.
AIR_LIKE, LUNG_LIKE, STOMACH, MUSCLE_LIKE, BONE, LIVER, FAT_OF_HEART, VESSEL, FAT = range(6, 15)
PAPILLARY, RV_TRABECULA, GREAT_VESSEL, THIN_WALL = range(15, 19)  # muscle in LV and RV, blood and walls of no ventricle
TISSUES = 19
VESSEL_MM, TRACT_WALL_MM = 60.0, 1.8
MOST_LAYER, MOST_MUSCLE = (
    0.6,
    0.95,
)  # of the trabeculated layer: depth as a share of the cavity's radius, share of muscle
ANNULUS_MM, ANNULUS = 10.0, 0.8  # blood above the mitral valve: so high, and so wide as a share of the cavity's radius


@dataclass(frozen=True)
class _Place:
    """Coordinates of n points: heart's x and y, distance and angle from the axis, depth below the base plane."""

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    r: np.ndarray
    angle: np.ndarray
    below: np.ndarray


def tissues_of(
    xyz_n3: np.ndarray, around_n: np.ndarray, heart: Heart, shape: Shape, moment: int, form: Form
) -> np.ndarray:
    """Tissue (n,) uint8 of each point.

    Args:
        xyz_n3: heart coordinates in mm.
        around_n: tissue where the heart is not.
        heart: whose shape it is.
        shape, moment: surfaces, and which of its moments.
        form: of the heart.
    """
    f = {name: float(values[moment]) for name, values in vars(shape).items()}
    x, y, z = np.moveaxis(deform(xyz_n3, heart), -1, 0).astype(np.float32)
    at = _Place(x, y, z, np.hypot(x, y), np.arctan2(y, x), z - np.float32(f["base"]))
    tissue: np.ndarray = around_n.copy()
    _paint_atria(tissue, at, heart, f, form)
    radius, outer, cavity = _ventricle(at, f, form)
    pattern = np.cos(xyz_n3 @ form.waves_per_mm.T.astype(np.float32) + form.phases.astype(np.float32)).sum(axis=-1)
    _paint_rv(tissue, at, f, form, radius, pattern)
    _paint_tract(tissue, at, f, form.rv_outflow, RVBP)
    in_ventricle = at.below + form.rim_mm * np.cos(at.angle - form.rim_at) > 0
    tissue[in_ventricle & (outer < 0)] = LVMYO
    blood = in_ventricle & (cavity < 0)
    tissue[blood] = LVBP
    _paint_tract(tissue, at, f, form.outflow, LVBP)
    edge = (1 - form.trabeculated) ** 2 - 1
    tissue[blood & (cavity > edge) & (pattern > form.dense)] = PAPILLARY
    squeezed = float(np.sqrt(heart.shape(np.zeros(1)).a[0] / f["a"])) if form.layer else 1.0
    tissue[blood & _in_papillaries(at, f, form, squeezed)] = PAPILLARY
    if form.layer:
        _paint_layer(tissue, at, f, form.layer, cavity, squeezed, xyz_n3)
        of_rv = (tissue == RVBP) & (at.r - radius < form.layer.rv_septal_mm)
        tissue[_is_muscle(form.layer, of_rv, xyz_n3, form.layer.muscle)] = RV_TRABECULA
    return tissue


def _ventricle(at: _Place, f: dict[str, float], form: Form) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distance of the LV's outside from the axis (mm), and two functions that are below 0 within it and its cavity."""
    lobes = 1 + sum(share * np.cos(times * (at.angle - angle)) for times, share, angle in form.lobes)
    lobes = lobes / (1 + form.flat * np.clip(-np.cos(at.angle), 0, None) ** 2)
    uneven = form.uneven * (f["outer_a"] - f["a"]) * np.cos(at.angle - form.thick_at)
    outside = (f["outer_a"] + uneven) * lobes
    from_centre = np.abs(at.z - f["centre"])
    down = (from_centre / f["outer_c"]) ** form.bullet
    outer = (at.r / outside) ** 2 + down - 1
    cavity = (at.r / (f["a"] * lobes)) ** 2 + (from_centre / f["c"]) ** form.bullet - 1
    return outside * np.sqrt(np.clip(1 - down, 0, None)), outer, cavity


def _paint_layer(
    tissue: np.ndarray,
    at: _Place,
    f: dict[str, float],
    layer: Layer,
    cavity: np.ndarray,
    squeezed: float,
    xyz_n3: np.ndarray,
) -> None:
    """Muscle between blood inside the LV's compacted wall.

    Args:
        tissue: of points; changed.
        cavity: below 0 in the cavity; 1 more is the square of the distance from its centre, as a share of that of its
            border in the same direction.
        squeezed: root of the cavity's radius at end-diastole over that of now; the layer is so much thicker and denser.
        xyz_n3: heart coordinates in mm, for the pattern.
    """
    part = np.sqrt(np.clip(cavity + 1, 1e-4, None))
    depth_mm = np.hypot(at.r, at.z - f["centre"]) * (1 / part - 1)
    down = np.clip(at.below / (f["c"] + f["centre"] - f["base"]), 0, 1)
    spared = layer.spared * np.clip(np.cos(at.angle - layer.spared_at), 0, 1) * (1 - down)
    thick_mm = layer.mm * squeezed * (1 + layer.towards_apex * (2 * down - 1)) * (1 - spared)
    within = (tissue == LVBP) & (cavity < 0) & (depth_mm < np.minimum(thick_mm, MOST_LAYER * f["a"]))
    from_wall = depth_mm[within] / thick_mm[within]
    muscle = layer.muscle * squeezed * (1 + layer.gradient * (1 - 2 * from_wall))
    tissue[_is_muscle(layer, within, xyz_n3, muscle)] = PAPILLARY


def _is_muscle(layer: Layer, where: np.ndarray, xyz_n3: np.ndarray, share: np.ndarray | float) -> np.ndarray:
    """Points (n,) of those `where` that are muscle by the layer's pattern, whose values are about normal."""
    pattern = np.cos(xyz_n3[where] @ layer.waves_per_mm.T.astype(np.float32) + layer.phases.astype(np.float32)).sum(-1)
    limit = -np.sqrt(len(layer.phases) / 2) * scipy.special.ndtri(np.clip(share, 0, MOST_MUSCLE))
    found = np.zeros(len(where), bool)
    found[where] = pattern > limit
    return found


def _paint_rv(
    tissue: np.ndarray, at: _Place, f: dict[str, float], form: Form, radius: np.ndarray, pattern: np.ndarray
) -> None:
    """The RV around the LV's outside, which is painted over it later."""
    from_middle = np.angle(np.exp(1j * (np.arctan2(at.y, -at.x) - form.rv_turn)))
    middle = np.cos(np.clip(from_middle * (np.pi / 2 / form.rv_half_width), -np.pi, np.pi))
    middle = np.sign(middle) * np.abs(middle) ** form.rv_power
    down = at.below / ((f["outer_c"] + f["centre"] - f["base"]) * form.rv_end)
    depth = np.clip(down, 0, 1)
    width = f["bulge"] * taper(depth) * (1 + form.rv_flare * (1 - depth))
    outwards = at.r - radius * (1 + width * middle)
    there = (at.below > form.tricuspid_mm) & (down < 1)
    tissue[there & (outwards < form.rv_wall_mm) & (middle > -0.05)] = THIN_WALL
    blood = there & (outwards < 0) & (middle > 0)
    tissue[blood] = RVBP
    tissue[blood & (outwards > -form.rv_trabeculated_mm) & (pattern > form.dense)] = RV_TRABECULA


def _paint_atria(tissue: np.ndarray, at: _Place, heart: Heart, f: dict[str, float], form: Form) -> None:
    (la_x, la_y), (ra_x, ra_y), _ = centres(heart)
    for name, x, y, shift in (("ra", ra_x, ra_y, form.ra_shift_mm), ("la", la_x, la_y, form.la_shift_mm)):
        half, length = f[f"{name}_a"], f[f"{name}_c"]
        across = (at.x - x - shift[0]) ** 2 + (at.y - y - shift[1]) ** 2
        along = (at.z - f[f"{name}_z"]) ** 2
        wall = form.atrial_wall_mm
        limit = form.tricuspid_mm if name == "ra" else 0.0
        above = at.below <= limit
        tissue[above & (across / (half + wall) ** 2 + along / (length + wall) ** 2 < 1)] = THIN_WALL
        tissue[above & (across / half**2 + along / length**2 < 1)] = RABP if name == "ra" else LABP
    over_valve = (at.below <= 0) & (at.below > -ANNULUS_MM) & (at.r < ANNULUS * f["a"])
    tissue[over_valve & (tissue != RABP)] = LABP


def _paint_tract(tissue: np.ndarray, at: _Place, f: dict[str, float], tract: Tract, name: int) -> None:
    """A tube of blood: the ventricle's below its valve, a vessel above it, with a thin wall."""
    x, y = (share * f["outer_a"] - drift * at.below for share, drift in zip(tract.at, tract.drift, strict=True))
    outwards = np.hypot(at.x - x, at.y - y) - tract.radius_mm
    there = (at.below < tract.depth_mm) & (at.below > -VESSEL_MM)
    own = (tissue == name) | (tissue == LVMYO)  # where the tract comes out of its ventricle it has no wall of its own
    tissue[there & (outwards < TRACT_WALL_MM) & ~own] = THIN_WALL
    tissue[there & (outwards < 0)] = np.where(-at.below < tract.valve_mm, name, GREAT_VESSEL)[there & (outwards < 0)]


def _in_papillaries(at: _Place, f: dict[str, float], form: Form, thicker: float) -> np.ndarray:
    inside = np.zeros(at.x.shape, bool)
    for muscle in form.papillaries:
        away = muscle.away * f["a"]
        across = (at.x - away * np.cos(muscle.angle)) ** 2 + (at.y - away * np.sin(muscle.angle)) ** 2
        along = (at.z - f["centre"] - muscle.height * f["c"]) / (muscle.half_length * f["c"])
        inside |= across / (thicker * muscle.half_width_mm) ** 2 + along**2 < 1
    return inside
