"""Masks that the network of the package draws on two real hearts, beside their references: numbers and a figure.

Nothing may be chosen by them: run it once for weights that are decided upon, and write what it prints into the guide to
new scans.

    PYTHONPATH=src:tests python -m real.contours --figure workflow/report/images/contours_real_heart.png
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from contouring.hearts import dice, read
from shared import SHARED
from vita.contouring.drawing import draw_view
from vita.contouring.network import load
from vita.contouring.quality import sizes
from vita.images.geometry import canonical, orient
from vita.images.layout import LVBP, LVMYO, RVBP
from vita.images.nifti import read_volume

NAMES = {"LV": LVBP, "wall": LVMYO, "RV": RVBP}
# Folder, view, file of the reference, its frames of ED and ES, and structures that it has in each.
SUNNYBROOK = ("sunnybrook_SC-HF-I-1", "sa", "seg_sa_lv_manual.nii.gz", (18, 7), (("LV", "wall"), ("LV",)))
BIV_ME = tuple(("biv-me_patient1", view, f"seg_{view}_auto.nii.gz") for view in ("sa", "la_2ch", "la_4ch"))
BOX_MM, SHOWN = 130.0, 5


def drawn_and_reference(folder: str, view: str, file: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple]:
    """Image, classes drawn, classes of the reference (time, slice, row, column), and the spacing in mm."""
    where = SHARED / "data/real" / folder
    image = read(where, view)
    header, stored = read_volume(where / file, planar=view != "sa")
    reference = canonical(stored, orient(header, view, like=image.orientation))
    shown = canonical(image.stored_tzyx, image.orientation)
    return shown, draw_view(load(), image).classes_tsyx, reference, image.orientation.spacing_mm


def compare(folder: str, view: str, drawn: np.ndarray, reference: np.ndarray, spacing_mm: tuple, frames: tuple) -> None:
    """Print Dice and sizes at ED and ES."""
    for moment, frame in zip(("ED", "ES"), frames, strict=True):
        for name, number in NAMES.items():
            if not (reference[frame] == number).any():
                continue
            both = [float(sizes(each[frame : frame + 1], spacing_mm, view, number)[0]) for each in (drawn, reference)]
            score = dice(drawn[frame], reference[frame], number)
            print(f"{folder} {view} {moment} {name}: Dice {score:.2f}, drawn {both[0]:.1f}, reference {both[1]:.1f}")


def picture(shown: np.ndarray, drawn: np.ndarray, reference: np.ndarray, spacing_mm: tuple, path: Path) -> None:
    """Contours of the Sunnybrook heart at ED and ES, and its volumes over the cycle."""
    frames = SUNNYBROOK[3]
    own = np.flatnonzero((reference[frames[0]] == LVBP).any(axis=(1, 2)))
    slices = own[np.linspace(0, len(own) - 1, SHOWN).round().astype(int)]
    middle = [int(where.mean()) for where in np.nonzero(reference[frames[0]])[1:]]
    half = [int(BOX_MM / 2 / mm) for mm in spacing_mm[1:]]
    box = tuple(slice(at - by, at + by) for at, by in zip(middle, half, strict=True))
    figure, axes = plt.subplots(2, SHOWN + 1, figsize=(13, 4.6), width_ratios=[1] * SHOWN + [1.7], layout="constrained")
    for row, frame, moment in zip(axes, frames, ("end-diastole", "end-systole"), strict=True):
        for axis, place in zip(row, slices, strict=False):
            axis.imshow(shown[frame, place][box], cmap="gray", vmax=np.quantile(shown[frame, place][box], 0.99))
            for classes, colour in ((reference, "#f0e442"), (drawn, "#56b4e9")):
                for number, style in ((LVBP, "-"), (LVMYO, "--")):
                    inside = np.isin(classes[frame, place][box], (LVBP, number))
                    if inside.any() and (classes[frame] == number).any():
                        axis.contour(inside, [0.5], colors=colour, linewidths=1, linestyles=style)
            axis.set(xticks=[], yticks=[])
        row[0].set_ylabel(moment)
    for number, axis, name in ((LVBP, axes[0, -1], "LV cavity"), (LVMYO, axes[1, -1], "LV wall")):
        axis.plot(sizes(drawn, spacing_mm, "sa", number), color="#0072b2", label="drawn")
        known = [frame for frame in frames if (reference[frame] == number).any()]
        volumes = sizes(reference, spacing_mm, "sa", number)[known]
        axis.plot(known, volumes, "o", color="#d8b500", label="manual")
        axis.set(ylabel=f"{name}, ml", ylim=(0, 1.1 * max(volumes.max(), sizes(drawn, spacing_mm, "sa", number).max())))
        axis.legend(loc="lower right", frameon=False)
    axes[1, -1].set_xlabel("frame")
    figure.savefig(path, dpi=90)


def main() -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figure", type=Path, required=True, help="picture of the heart that is in the public domain")
    args = parser.parse_args()
    shown, drawn, reference, spacing_mm = drawn_and_reference(*SUNNYBROOK[:3])
    compare(*SUNNYBROOK[:2], drawn, reference, spacing_mm, SUNNYBROOK[3])
    picture(shown, drawn, reference, spacing_mm, args.figure)
    frames: tuple[int, int] | None = None
    for folder, view, file in BIV_ME:
        _, drawn, reference, spacing_mm = drawn_and_reference(folder, view, file)
        cavity = sizes(reference, spacing_mm, view, LVBP)
        frames = frames or (int(cavity.argmax()), int(cavity.argmin()))
        compare(folder, view, drawn, reference, spacing_mm, frames)
        if view == "sa":
            own = sizes(drawn, spacing_mm, view, LVBP)
            print(f"{folder} {view}: largest and smallest drawn {own.max():.0f}, {own.min():.0f} ml")


if __name__ == "__main__":
    main()
