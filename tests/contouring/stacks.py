"""Short-axis stacks of synthetic hearts that are harder than the phantom's and unlike the pictures of the training.

Shapes are drawn beyond the training's ranges and bent once more. Images have the signals that bSSFP gives to tissues
instead of random ones, coils and Rician noise, slices of 8 mm in pixels of 1.4 mm that breath-holds have shifted
against each other, and no patches. Classes are those of each slice's middle, drawn as UK Biobank's readers do.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import scipy

from contouring import hearts
from vita.contouring import anatomy
from vita.contouring.form import Form, draw_form
from vita.contouring.sections import (
    Body,
    draw_heart,
    is_drawn,
    layer_tissues,
    moved,
    plan_views,
    without_left_ventricle,
)
from vita.contouring.worlds import WIDE, World
from vita.images.geometry import canonical
from vita.images.layout import LVBP, LVMYO, RVBP
from vita.images.view import Image
from vita.phantom.acquisition import Plane
from vita.phantom.hearts import Heart
from vita.phantom.scans import encode_nifti, write_file

PIXEL_MM, PIXELS, SLICES, SPACING_MM = 1.4, 160, 12, 10.0
LAYERS_MM = (-3.4, -1.7, 0.0, 1.7, 3.4)
MIDDLE = 2
SHIFT_SD_MM, THROUGH_SD_MM = 1.5, 0.8
BENDS_MM = 3.0
# Mean signal and relative spread between people, of bSSFP at 1.5 T; blood is 1.
SIGNALS = {
    LVMYO: (0.36, 0.15),
    anatomy.PAPILLARY: (0.36, 0.15),
    anatomy.RV_TRABECULA: (0.4, 0.2),
    anatomy.THIN_WALL: (0.4, 0.2),
    anatomy.AIR_LIKE: (0.02, 0.3),
    anatomy.LUNG_LIKE: (0.1, 0.4),
    anatomy.STOMACH: (0.5, 0.5),
    anatomy.MUSCLE_LIKE: (0.35, 0.2),
    anatomy.BONE: (0.45, 0.3),
    anatomy.LIVER: (0.42, 0.3),
    anatomy.FAT_OF_HEART: (0.9, 0.35),
    anatomy.VESSEL: (0.95, 0.05),
    anatomy.FAT: (1.2, 0.2),
}


@dataclass(frozen=True)
class Stack:
    """An image of two frames, end-diastole and end-systole, and its classes (frame, slice, row, column).

    The classes are turned as masks that are drawn on the image are.
    """

    image: Image
    classes_tsyx: np.ndarray

    def ml(self, classes_tsyx: np.ndarray, name: int) -> np.ndarray:
        """(2,) volumes of a class."""
        counts: np.ndarray = (classes_tsyx == name).sum(axis=(1, 2, 3))
        return counts * np.prod(self.image.orientation.spacing_mm) / 1000


def stack(number: int, folder: Path, world: World = WIDE) -> Stack:
    """Heart of this number, with walls as this world's; a file is written on the way, to be read as any scan is."""
    rng = np.random.default_rng([815, number])
    body = _body(rng, world)
    planes = plan_views(body, {"matrix": [PIXELS, PIXELS], "pixel_mm": PIXEL_MM, "sa_slices": 1}, rng)
    shape_of = body.heart.shape
    first = -(SLICES // 2 - 1) * SPACING_MM + rng.uniform(-5, 5)
    signals, tissues = [], []
    bend, values = _bend(rng), _values(rng)
    shifts = rng.normal(0, [SHIFT_SD_MM, SHIFT_SD_MM, THROUGH_SD_MM], (SLICES, 3))
    for moment in (0.0, body.heart.cycle.end_systole):
        shape = shape_of(np.array([moment]))
        for place in range(SLICES):
            plane = _shifted(moved(planes["sa"], first + place * SPACING_MM), shifts[place])
            layers = np.stack([layer_tissues(moved(plane, mm), body, shape, True) for mm in LAYERS_MM])
            layers = layers[:, bend[0], bend[1]]
            signals.append(values[layers].mean(axis=0))
            middle = layers[MIDDLE]
            tissues.append(middle if is_drawn(middle) else without_left_ventricle(middle))
    whole = replace(moved(planes["sa"], first), shape=(SLICES, PIXELS, PIXELS), spacing=SPACING_MM)
    sizes = (2, SLICES, PIXELS, PIXELS)
    image = _scanned(np.stack(signals).reshape(sizes), rng)
    write_file(folder / "sa.nii.gz", encode_nifti(image, whole, 0.03))
    classes = np.zeros(anatomy.TISSUES, np.uint8)
    classes[[LVBP, anatomy.PAPILLARY]], classes[LVMYO], classes[[RVBP, anatomy.RV_TRABECULA]] = LVBP, LVMYO, RVBP
    scan = hearts.read(folder, "sa")
    return Stack(scan, canonical(classes[np.stack(tissues)].reshape(sizes), scan.orientation))


def _body(rng: np.random.Generator, world: World) -> Body:
    """Every third heart fails, every third is small and strong, others are anyhow."""
    body = replace(Body.draw(rng), form=_beyond(draw_form(rng, world), rng))
    heart, kind = draw_heart(rng, world), rng.integers(3)
    while kind < 2 and not (_failing(heart) if kind == 0 else _strong(heart)):
        heart = draw_heart(rng, world)
    return replace(body, heart=heart)


def _failing(heart: Heart) -> bool:
    return heart.lvedv > 200 and heart.lvsv < 0.4 * heart.lvedv and heart.wall < 10


def _strong(heart: Heart) -> bool:
    return heart.lvedv < 130 and heart.lvsv > 0.6 * heart.lvedv


def _beyond(form: Form, rng: np.random.Generator) -> Form:
    """Further from an ellipse than in training, with denser trabeculae."""
    return replace(
        form,
        lobes=tuple((times, 1.4 * share, angle) for times, share, angle in form.lobes),
        uneven=1.3 * form.uneven,
        rim_mm=1.3 * form.rim_mm,
        trabeculated=rng.uniform(0.1, 0.35),
        rv_trabeculated_mm=rng.uniform(3, 12),
        dense=rng.uniform(0, 1.2),
    )


def _bend(rng: np.random.Generator) -> np.ndarray:
    """(2, rows, columns) from where each pixel is taken, the same in all slices and frames."""
    fields = scipy.ndimage.gaussian_filter(rng.normal(size=(2, PIXELS, PIXELS)), (0, 14, 14), mode="wrap")
    fields *= BENDS_MM / PIXEL_MM / fields.std()
    return np.clip(np.rint(np.indices((PIXELS, PIXELS)) + fields), 0, PIXELS - 1).astype(int)


def _values(rng: np.random.Generator) -> np.ndarray:
    values = rng.normal(1, 0.04, anatomy.TISSUES)
    for name, (mean, spread) in SIGNALS.items():
        values[name] = mean * np.exp(rng.normal(0, spread))
    values[anatomy.PAPILLARY] = values[LVMYO]
    return values


def _shifted(plane: Plane, mm: np.ndarray) -> Plane:
    return replace(plane, first=plane.first + mm[0] * plane.column + mm[1] * plane.row + mm[2] * plane.across)


def _scanned(signal_tsyx: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur in the plane, flow from slice to slice, coils and noise; stored integers."""
    blurred = scipy.ndimage.gaussian_filter(signal_tsyx, (0, 0, 0.6, 0.6))
    row, column = np.meshgrid(*[np.linspace(-1, 1, PIXELS)] * 2, indexing="ij")
    slope = rng.normal(0, 0.35, 2)
    coils = np.exp(slope[0] * row + slope[1] * column - rng.uniform(0, 0.4) * (row**2 + column**2))
    shown = blurred * coils * np.exp(rng.normal(0, 0.05, (1, SLICES, 1, 1)))
    noise = rng.uniform(0.01, 0.04) * rng.normal(size=(2, *shown.shape))
    return np.rint(300 * np.hypot(shown + noise[0], noise[1])).astype(np.int16)
