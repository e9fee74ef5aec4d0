"""Thick sections through random hearts: which tissues lie at each place, for images that are made from them.

Hearts are drawn far more widely than a cohort's (60 to 380 ml, ejection fractions of 10 to 80 %, thick and thin walls),
some with the phantom's plain shapes and most with a form of their own, and cut at any moment of the cycle: most often
at end-diastole and end-systole, and around the base, where contours err most. A section is a few layers through the
slice's thickness, so that images have its partial volumes. Sections are larger than what the network sees, so that
they can be turned.
"""

from dataclasses import dataclass, replace

import numpy as np
import scipy  # its parts are imported where they are first used

from vita.config.blocks import block
from vita.contouring.anatomy import AIR_LIKE, GREAT_VESSEL, PAPILLARY, THIN_WALL, tissues_of
from vita.contouring.conventions import WALL_SHARE, wall_share
from vita.contouring.form import Form, draw_form
from vita.contouring.worlds import FAILING_EF, FAILING_ML, FAILING_WALL_MM, WIDE, World, draw_wall_mm
from vita.images.layout import LVBP, LVMYO, VIEWS
from vita.phantom.acquisition import Plane, Pose, plan
from vita.phantom.chest import Chest, pericardium
from vita.phantom.hearts import APEX_THINNING, Heart, Shape
from vita.phantom.settings import PhantomSettings
from vita.phantom.tissue import Signals, paint, points, share

PIXEL_MM, PIXELS = 1.5, 176
SHARP_MM = 0.5  # distance over which a tissue ends, so that every pixel belongs to one
LAYERS = (-1, 0, 1)  # of a slice, seen from its middle
MIDDLE = 1  # layer whose tissues are the labels
BLOOD, MUSCLE, LUNG, HEART_FAT = 130.0, 52.0, 20.0, 100.0
LIMITS = (10.0, 30.0, 46.0, 56.0, 66.0, 80.0, 110.0, 140.0)  # of the phantom's signals, between AIR_LIKE and FAT
PLAIN = 0.25  # part of the hearts that are the phantom's
SA_PER_HEART = 9
BASAL, BASAL_MM = 0.45, (-16.0, 14.0)  # part of the short-axis sections, and where below the base plane they lie
TILT_SD_DEGREES = 5.0  # of a short-axis stack
LEAN_MM = 14.0


@dataclass(frozen=True)
class Sections:
    """Tissues (n, layers, PIXELS, PIXELS) uint8 and the number of each section's view in `VIEWS` (n,)."""

    tissues_nlhw: np.ndarray
    views_n: np.ndarray


@dataclass(frozen=True)
class Body:
    """A heart in its place: what sections are cut from; no form is the phantom's own."""

    heart: Heart
    form: Form | None
    pose: Pose
    chest: Chest
    turn: np.ndarray  # (3, 3) of the stack against the heart
    lean_mm: float  # by which fat around the heart ends within the phantom's bag

    @classmethod
    def draw(cls, rng: np.random.Generator, world: World = WIDE) -> "Body":
        """A random one."""
        person = {"height_cm": rng.normal(169, 9), "bmi": rng.normal(27, 4), "body_fat": rng.uniform(10, 50)}
        chest = replace(Chest.of(person, BLOOD, rng), lung=LUNG, liver=72.0, heart_fat_signal=HEART_FAT)
        form = None if rng.random() < PLAIN else draw_form(rng, world)
        turn = scipy.spatial.transform.Rotation.from_rotvec(np.deg2rad(rng.normal(0, TILT_SD_DEGREES, 3)))
        lean = 0.0 if form is None else float(rng.uniform(0, LEAN_MM))
        return cls(draw_heart(rng, world), form, Pose.draw(rng), chest, turn.as_matrix(), lean)


def draw_sections(hearts: int, rng: np.random.Generator, world: World = WIDE) -> Sections:
    """Sections of a number of hearts: SA_PER_HEART short-axis slices and each long-axis view of each, at one moment."""
    tissues, views = [], []
    for _ in range(hearts):
        for view, tissue in _of_one_heart(Body.draw(rng, world), rng, world):
            tissues.append(tissue)
            views.append(VIEWS.index(view))
    return Sections(np.stack(tissues), np.array(views))


def draw_heart(rng: np.random.Generator, world: World = WIDE) -> Heart:
    """A heart of any size and function."""
    lvedv = float(np.exp(rng.uniform(np.log(60), np.log(380))))
    ef = float(np.clip(rng.uniform(0.1, 0.8), 0, 1 - 12 / lvedv))
    rvedv = lvedv * float(np.exp(rng.normal(0, 0.25))) if rng.random() < 0.5 else rng.uniform(80, 320)
    la, ra = (float(np.exp(rng.uniform(np.log(30), np.log(180)))) for _ in range(2))
    wall_mm: float | None = None
    if world.failing and rng.random() < world.failing:
        lvedv = float(np.exp(rng.uniform(*np.log(FAILING_ML))))
        ef, wall_mm = rng.uniform(*FAILING_EF), rng.uniform(*FAILING_WALL_MM)
    person = {
        "age": rng.uniform(30, 85),
        "lvedv": lvedv,
        "lvsv": lvedv * ef,
        "rvedv": rvedv,
        "rvsv": rvedv * rng.uniform(0.15, 0.75),
        "la_max": la,
        "la_min": la * rng.uniform(0.25, 0.9),
        "ra_max": ra,
        "ra_min": ra * rng.uniform(0.25, 0.9),
        "heart_rate": rng.uniform(45, 100),
        "wall_mm": wall_mm or draw_wall_mm(rng, world),
        "infarct_size": 0.3 * rng.random() if rng.random() < 0.4 else 0.0,
        "infarct_angle": rng.uniform(-np.pi, np.pi),
    }
    heart = Heart.of(person, rng)
    tilt = (rng.normal(-0.1, 0.1), rng.normal(0.16, 0.1))
    return replace(heart, length=heart.length * rng.uniform(0.85, 1.15), tilt=tilt, oval=rng.uniform(0.9, 1.1))


def _of_one_heart(body: Body, rng: np.random.Generator, world: World) -> list[tuple[str, np.ndarray]]:
    heart = body.heart
    least, most = world.apart_mm
    apart_mm = rng.uniform(least, most) if least < most else least
    planes = plan_views(body, {"matrix": [PIXELS, PIXELS], "pixel_mm": PIXEL_MM, "sa_slices": 1}, rng)
    found = []
    for view, plane in planes.items():
        for _ in range(SA_PER_HEART if view == "sa" else 1):
            moments = np.array([rng.choice([0, heart.cycle.end_systole, rng.uniform(0, heart.cycle.period)])])
            shape, cut = heart.shape(moments), plane
            if view == "sa":
                cut = moved(plane, _height(shape, rng) - apex_mm(heart) / 2)
            layers = [layer_tissues(moved(cut, apart_mm * at), body, shape, view == "sa") for at in LAYERS]
            if view == "sa" and not is_drawn(layers[MIDDLE]):
                layers = [without_left_ventricle(layer) for layer in layers]
            found.append((view, np.stack(layers)))
    return found


def plan_views(body: Body, settings: dict[str, object], rng: np.random.Generator) -> dict[str, Plane]:
    """The phantom's planes of a body's heart; the stack of one slice lies in the middle of the LV."""
    own = PhantomSettings.from_dict({"seed": 0, "phantom": block("phantom", settings)})
    return plan(body.heart, body.pose, own, rng)


def apex_mm(heart: Heart) -> float:
    """The apex's height in heart coordinates at end-diastole, the outside of its wall."""
    return heart.length + APEX_THINNING * heart.wall


def _height(shape: Shape, rng: np.random.Generator) -> float:
    """Where a short-axis section lies in heart coordinates."""
    base, apex = float(shape.base[0]), float(shape.centre[0] + shape.outer_c[0])
    return base + float(rng.uniform(*BASAL_MM)) if rng.random() < BASAL else float(rng.uniform(base + 8, apex + 6))


def moved(plane: Plane, mm: float) -> Plane:
    """A plane shifted along its normal."""
    return replace(plane, first=plane.first + mm * plane.across)


def layer_tissues(plane: Plane, body: Body, shape: Shape, tilted: bool) -> np.ndarray:
    """Tissue (rows, columns) uint8 of an infinitely thin plane at the moment of `shape`."""
    scanner = plane.points()[0] - body.pose.origin.astype(np.float32)
    xyz = scanner @ body.pose.axes.T.astype(np.float32)
    if tilted:
        middle = np.array([0, 0, apex_mm(body.heart) / 2], np.float32)
        xyz = (xyz - middle) @ body.turn.astype(np.float32) + middle
    around = body.chest.signal(scanner, SHARP_MM)
    extremes = body.heart.shape(np.array([0, body.heart.cycle.end_systole]))
    bag = pericardium(xyz, body.heart, extremes)
    around += (np.float32(HEART_FAT) - around) * share(bag - body.chest.heart_fat + body.lean_mm, SHARP_MM)
    tissue: np.ndarray = (AIR_LIKE + np.digitize(around, LIMITS)).astype(np.uint8)
    inside = bag < body.chest.heart_fat + 12
    if body.form is None:
        tissue[inside] = _phantom_tissues(xyz[inside], around[inside], body.heart, shape)
    else:
        tissue[inside] = tissues_of(xyz[inside], tissue[inside], body.heart, shape, 0, body.form)
    return tissue


def _phantom_tissues(xyz_n3: np.ndarray, around_n: np.ndarray, heart: Heart, shape: Shape) -> np.ndarray:
    at = points(xyz_n3, heart, SHARP_MM, SHARP_MM)
    signal, classes = paint(at, shape, 0, Signals(BLOOD, MUSCLE), around_n, heart.aorta)
    tissue: np.ndarray = np.where(classes > 0, classes, AIR_LIKE + np.digitize(signal, LIMITS)).astype(np.uint8)
    tissue[(classes == LVBP) & (signal < (BLOOD + MUSCLE) / 2)] = PAPILLARY
    return tissue


def is_drawn(tissue_hw: np.ndarray) -> bool:
    """Whether a reader would still draw the left ventricle on this short-axis section (see `conventions`)."""
    cavity = (tissue_hw == LVBP) | (tissue_hw == PAPILLARY)
    return wall_share(tissue_hw, cavity) >= WALL_SHARE


def without_left_ventricle(tissue_hw: np.ndarray) -> np.ndarray:
    """The section with the ventricle's blood and muscle as those of something else."""
    result = tissue_hw.copy()
    result[tissue_hw == LVBP] = GREAT_VESSEL
    result[(tissue_hw == LVMYO) | (tissue_hw == PAPILLARY)] = THIN_WALL
    return result
