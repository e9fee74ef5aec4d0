"""Sections through random hearts: which tissue lies at each place, for images that are made from them.

Hearts are drawn far more widely than a cohort's (65 to 330 ml, ejection fractions of 10 to 80 %, thick and thin walls),
and cut at any moment of the cycle. Sections are larger than what the network sees, so that they can be turned.
"""

from dataclasses import dataclass, replace

import numpy as np

from vita.config.blocks import block
from vita.images.layout import LVBP, VIEWS
from vita.phantom.acquisition import Plane, Pose, plan
from vita.phantom.chest import Chest, pericardium
from vita.phantom.hearts import Heart, Shape
from vita.phantom.settings import PhantomSettings
from vita.phantom.tissue import Signals, paint, points, share

PIXEL_MM, PIXELS = 1.5, 176
SHARP_MM = 0.5  # tissues end within so much, so that every pixel is of one
SLICES, SLICE_MM = 15, 8.0  # of the stack that short-axis sections are taken from: past base and apex
BLOOD, MUSCLE, LUNG, HEART_FAT = 130.0, 52.0, 20.0, 100.0
# Classes 0 to 5 are the heart's; what surrounds it is told apart by its signal in the phantom, up to these limits.
LIMITS = (10.0, 30.0, 46.0, 56.0, 66.0, 80.0, 110.0, 140.0)
AIR_LIKE, LUNG_LIKE, STOMACH, MUSCLE_LIKE, BONE, LIVER, FAT_OF_HEART, VESSEL, FAT = range(6, 15)
PAPILLARY = 15
TISSUES = 16
SA_PER_HEART, MOMENTS = 4, 2


@dataclass(frozen=True)
class Sections:
    """Tissues (n, PIXELS, PIXELS) uint8 and the number of each section's view in `VIEWS` (n,)."""

    tissues_nhw: np.ndarray
    views_n: np.ndarray


def draw_sections(hearts: int, rng: np.random.Generator) -> Sections:
    """Sections of so many hearts: of each, short-axis slices at two moments and each long-axis view at one."""
    tissues, views = [], []
    for _ in range(hearts):
        for view, tissue in _of_one_heart(rng):
            tissues.append(tissue)
            views.append(VIEWS.index(view))
    return Sections(np.stack(tissues), np.array(views))


def draw_heart(rng: np.random.Generator) -> Heart:
    """A heart of any size and function."""
    lvedv = float(np.exp(rng.uniform(np.log(65), np.log(330))))
    ef = float(np.clip(rng.uniform(0.1, 0.8), 0, 1 - 14 / lvedv))
    rvedv = lvedv * float(np.exp(rng.normal(0, 0.25)))
    la, ra = (float(np.exp(rng.uniform(np.log(30), np.log(180)))) for _ in range(2))
    person = {
        "age": rng.uniform(30, 85),
        "lvedv": lvedv,
        "lvsv": lvedv * ef,
        "rvedv": rvedv,
        "rvsv": rvedv * rng.uniform(0.15, 0.7),
        "la_max": la,
        "la_min": la * rng.uniform(0.25, 0.9),
        "ra_max": ra,
        "ra_min": ra * rng.uniform(0.25, 0.9),
        "heart_rate": rng.uniform(45, 100),
        "wall_mm": rng.uniform(4.5, 15),
        "infarct_size": 0.3 * rng.random() if rng.random() < 0.4 else 0.0,
        "infarct_angle": rng.uniform(-np.pi, np.pi),
    }
    heart = Heart.of(person, rng)
    tilt = (rng.normal(-0.1, 0.08), rng.normal(0.16, 0.08))
    return replace(heart, length=heart.length * rng.uniform(0.88, 1.12), tilt=tilt, oval=rng.uniform(0.9, 1.1))


def _of_one_heart(rng: np.random.Generator) -> list[tuple[str, np.ndarray]]:
    heart, pose = draw_heart(rng), Pose.draw(rng)
    body = {"height_cm": rng.normal(169, 9), "bmi": rng.normal(27, 4), "body_fat": rng.uniform(10, 50)}
    chest = replace(Chest.of(body, BLOOD, rng), lung=LUNG, liver=72.0, heart_fat_signal=HEART_FAT)
    own = {"matrix": [PIXELS, PIXELS], "pixel_mm": PIXEL_MM, "sa_slices": SLICES, "sa_spacing_mm": SLICE_MM}
    planes = plan(heart, pose, PhantomSettings.from_dict({"seed": 0, "phantom": block("phantom", own)}), rng)
    extremes = heart.shape(np.array([0, heart.cycle.end_systole]))
    found = []
    for view, plane in planes.items():
        if view == "sa":
            numbers = rng.choice(np.arange(1, SLICES - 1), SA_PER_HEART, replace=False)
            cuts = [_slice(plane, number + rng.uniform(-0.5, 0.5)) for number in numbers]
        else:
            cuts = [plane]
        for cut in cuts:
            moments = rng.uniform(0, heart.cycle.period, MOMENTS if view == "sa" else 1)
            if view == "sa":  # one at end-diastole or end-systole, which are what volumes are measured at
                moments[0] = rng.choice([0, heart.cycle.end_systole])
            found += [(view, tissue) for tissue in _tissues(cut, heart, pose, chest, extremes, moments)]
    return found


def _slice(stack: Plane, number: float) -> Plane:
    """One plane of a stack, also between two of its slices."""
    return replace(stack, first=stack.first + number * stack.spacing * stack.across, shape=(1, *stack.shape[1:]))


def _tissues(
    plane: Plane, heart: Heart, pose: Pose, chest: Chest, extremes: Shape, moments: np.ndarray
) -> list[np.ndarray]:
    """Tissue (PIXELS, PIXELS) uint8 of a plane at each moment (s)."""
    scanner = plane.points()[0] - pose.origin.astype(np.float32)
    xyz = scanner @ pose.axes.T.astype(np.float32)
    around = chest.signal(scanner, SHARP_MM)
    bag = pericardium(xyz, heart, extremes)
    around += (np.float32(HEART_FAT) - around) * share(bag - chest.heart_fat, SHARP_MM)
    inside = bag < chest.heart_fat + 3
    at, shape = points(xyz[inside], heart, SHARP_MM, SHARP_MM), heart.shape(moments)
    result = []
    for moment in range(len(moments)):
        signal, classes = around.copy(), np.zeros(around.shape, np.uint8)
        signals = Signals(BLOOD, MUSCLE)
        signal[inside], classes[inside] = paint(at, shape, moment, signals, around[inside], heart.aorta)
        tissue = np.where(classes > 0, classes, AIR_LIKE + np.digitize(signal, LIMITS)).astype(np.uint8)
        tissue[(classes == LVBP) & (signal < (BLOOD + MUSCLE) / 2)] = PAPILLARY
        result.append(tissue)
    return result
