"""How the shapes of real hearts differ, beyond the phantom's hearts: a random form for each heart.

Ranges are wide, after what cardiac MRI shows: oval and lobed sections, a flattened septum, walls of uneven thickness,
an outflow tract that leaves the ventricle between septum and mitral valve, an RV from a crescent to a triangle with a
tract of its own in front of the LV's base, and trabeculae and papillary muscles of any size.
"""

from dataclasses import dataclass, replace

import numpy as np

from vita.contouring.worlds import WIDE, World

WAVES = 5  # whose sum is the pattern of trabeculae
BESIDE_WALL = (0.75, 1.0)  # distance from the axis of papillary muscles that stand at the wall, as many do


@dataclass(frozen=True)
class Papillary:
    """A papillary muscle: its angle (rad from lateral), distance from the axis and height as shares of the cavity's
    radius and length, and its half width in mm and half length as a share.
    """

    angle: float
    away: float
    height: float
    half_width_mm: float
    half_length: float


@dataclass(frozen=True)
class Tract:
    """A tube of blood that leaves a ventricle upwards.

    Attributes:
        at: (x, y) of its axis at the base plane, as shares of the LV's radius.
        drift: (x, y) in mm for each mm above it.
        radius_mm: its half width.
        depth_mm: how far below the base plane it begins.
        valve_mm: height of its valve above the base plane.
    """

    at: tuple[float, float]
    drift: tuple[float, float]
    radius_mm: float
    depth_mm: float
    valve_mm: float


@dataclass(frozen=True)
class Layer:
    """The trabeculated layer between the LV's compacted wall and the pool: muscle and blood, counted as cavity.

    In adults it is 1 to 5 mm thick in most places, thicker towards the apex, where it may exceed twice the compacted
    wall, and all but absent at the septum's base (Dawson et al., Circ Cardiovasc Imaging 2011; Kawel et al., the same,
    2012). Its muscle keeps its volume while blood is pressed out of it in systole (Visoiu et al., medRxiv 2024), so
    that it is thicker and denser then.

    Attributes:
        mm: thickness at end-diastole, half-way down the ventricle.
        towards_apex: growth from there to the apex, as a share; it is thinner by as much at the base.
        spared, spared_at: by which share it is thinner at the septum's base, and that place's angle.
        muscle: share of muscle in it at end-diastole.
        gradient: how much denser it is at the wall than in its middle, as a share.
        rv_septal_mm: thickness of such a layer on the septum's right side.
        waves_per_mm, phases: of its pattern, finer than that of `Form`.
    """

    mm: float
    towards_apex: float
    spared: float
    spared_at: float
    muscle: float
    gradient: float
    rv_septal_mm: float
    waves_per_mm: np.ndarray
    phases: np.ndarray


@dataclass(frozen=True)
class Form:
    """The form of one heart; angles in rad from lateral towards anterior.

    Attributes:
        lobes: (times around, amplitude, angle) of the LV's radius.
        flat: how far the septum is flattened, as a share of the radius.
        bullet: exponent of the profile along the axis; 2 is an ellipsoid, more is blunter, less more pointed.
        uneven, thick_at: wall thickness from angle to angle, as a share, and where it is largest.
        rim_mm, rim_at: obliquity of the end of the muscle at the base.
        outflow, rv_outflow: tracts of LV and RV.
        rv_half_width, rv_turn, rv_power, rv_end, rv_flare: of the RV's section: half its angle, where its middle is,
            how pointed it is, where it ends as a share of the LV's length, and how much wider it is at the base.
        rv_wall_mm: thickness.
        tricuspid_mm: its plane below the mitral one.
        la_shift_mm, ra_shift_mm: (x, y) of the atria.
        atrial_wall_mm: thickness.
        trabeculated, rv_trabeculated_mm: depth of trabeculae from the wall: share of the LV's radius, and mm.
        waves_per_mm, phases, dense: of their pattern, and above which value of it there is muscle.
        papillaries: muscles in the LV.
        layer: trabeculated, if there is one; papillary muscles thicken with it.
    """

    lobes: tuple[tuple[int, float, float], ...]
    flat: float
    bullet: float
    uneven: float
    thick_at: float
    rim_mm: float
    rim_at: float
    outflow: Tract
    rv_outflow: Tract
    rv_half_width: float
    rv_turn: float
    rv_power: float
    rv_end: float
    rv_flare: float
    rv_wall_mm: float
    tricuspid_mm: float
    la_shift_mm: tuple[float, float]
    ra_shift_mm: tuple[float, float]
    atrial_wall_mm: float
    trabeculated: float
    rv_trabeculated_mm: float
    waves_per_mm: np.ndarray
    phases: np.ndarray
    dense: float
    papillaries: tuple[Papillary, ...]
    layer: Layer | None = None


def draw_form(rng: np.random.Generator, world: World = WIDE) -> Form:
    """A random form."""
    direction = _directions(rng)
    form = Form(
        lobes=tuple(
            (times, abs(rng.normal(0, sd)), rng.uniform(-np.pi, np.pi)) for times, sd in ((2, 0.05), (3, 0.03))
        ),
        flat=max(0.0, rng.normal(0.03, 0.09)),
        bullet=rng.uniform(1.7, 3.4),
        uneven=abs(rng.normal(0, 0.22)),
        thick_at=rng.uniform(-np.pi, np.pi),
        rim_mm=abs(rng.normal(0, 4)),
        rim_at=rng.uniform(-np.pi, np.pi),
        outflow=_outflow(rng),
        rv_outflow=_rv_outflow(rng),
        rv_half_width=np.deg2rad(rng.uniform(58, 98)),
        rv_turn=rng.normal(0, 0.15),
        rv_power=float(np.exp(rng.normal(-0.1, 0.35))),
        rv_end=rng.uniform(0.72, 1.05),
        rv_flare=max(0.0, rng.normal(0.1, 0.2)),
        rv_wall_mm=rng.uniform(1.5, 4.5),
        tricuspid_mm=rng.normal(0, 5),
        la_shift_mm=(rng.normal(0, 5), rng.normal(-7, 5)),
        ra_shift_mm=(rng.normal(-2, 5), rng.normal(-5, 6)),
        atrial_wall_mm=rng.uniform(1, 3),
        trabeculated=rng.uniform(0.05, 0.35) if rng.random() < 0.65 else 0.0,
        rv_trabeculated_mm=rng.uniform(2, 12) if rng.random() < 0.75 else 0.0,
        waves_per_mm=direction * (2 * np.pi / rng.uniform(6, 16, (WAVES, 1))),
        phases=rng.uniform(-np.pi, np.pi, WAVES),
        dense=rng.uniform(-0.4, 1.6),
        papillaries=_papillaries(rng),
    )
    if not world.layered or rng.random() >= world.layered:
        return form
    papillaries = tuple(
        replace(muscle, away=rng.uniform(*BESIDE_WALL)) if rng.random() < 0.5 else muscle for muscle in form.papillaries
    )
    return replace(form, layer=_layer(rng), papillaries=papillaries)


def _directions(rng: np.random.Generator) -> np.ndarray:
    direction = rng.normal(size=(WAVES, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return direction


def _layer(rng: np.random.Generator) -> Layer:
    return Layer(
        mm=rng.uniform(0.8, 4.5),
        towards_apex=rng.uniform(0, 0.8),
        spared=rng.uniform(0.3, 1),
        spared_at=np.pi + rng.normal(0, 0.3),
        muscle=rng.uniform(0.2, 0.75),
        gradient=rng.uniform(0, 0.5),
        rv_septal_mm=rng.uniform(0, 4),
        waves_per_mm=_directions(rng) * (2 * np.pi / rng.uniform(2.5, 7, (WAVES, 1))),
        phases=rng.uniform(-np.pi, np.pi, WAVES),
    )


def _outflow(rng: np.random.Generator) -> Tract:
    angle, away = rng.normal(2.2, 0.25), rng.uniform(0.4, 0.75)
    return Tract(
        at=(away * np.cos(angle), away * np.sin(angle)),
        drift=(rng.normal(-0.15, 0.12), rng.normal(0.12, 0.15)),
        radius_mm=rng.uniform(8.5, 14),
        depth_mm=rng.uniform(2, 14),
        valve_mm=rng.uniform(2, 15),
    )


def _rv_outflow(rng: np.random.Generator) -> Tract:
    angle, away = rng.normal(1.85, 0.2), rng.uniform(1.15, 1.5)
    return Tract(
        at=(away * np.cos(angle), away * np.sin(angle)),
        drift=(rng.normal(0.25, 0.12), rng.normal(-0.15, 0.15)),
        radius_mm=rng.uniform(9, 18),
        depth_mm=rng.uniform(10, 35),
        valve_mm=rng.uniform(5, 30),
    )


def _papillaries(rng: np.random.Generator) -> tuple[Papillary, ...]:
    found = []
    for middle in (0.75, -0.85):
        for _ in range(int(rng.choice([0, 1, 2, 3], p=[0.08, 0.57, 0.25, 0.1]))):
            found.append(
                Papillary(
                    angle=middle + rng.normal(0, 0.3),
                    away=rng.uniform(0.4, 0.95),
                    height=rng.normal(0.2, 0.12),
                    half_width_mm=rng.uniform(2, 7),
                    half_length=rng.uniform(0.15, 0.4),
                )
            )
    return tuple(found)
