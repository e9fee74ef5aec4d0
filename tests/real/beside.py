"""A figure of three phantoms beside a real heart, at end-diastole and end-systole, for the guide to results.

PYTHONPATH=src:tests python -m real.beside --figure workflow/report/images/phantom_beside_real.png
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import nibabel
import numpy as np
from scipy import ndimage

import filled
from real.measures import LVBP, PIXEL_MM
from shared import SHARED
from vita.phantom.people import draw_people
from vita.phantom.scans import Scanner

FOLDER, ED, ES = "sunnybrook_SC-HF-I-1", 18, 7  # frames of the manual contours
PHANTOMS, HALF, MIDDLE = 3, 25, 14  # pixels: half of the picture, and of what sets its brightness


def phantom_frames(person: dict, settings: object) -> list[np.ndarray]:
    """The slice with the largest cavity, at end-diastole and at the smallest cavity, around its middle."""
    cine, classes = Scanner(person, settings).acquire("sa")
    areas = (classes == LVBP).sum(axis=(2, 3))
    place = int(areas[0].argmax())
    middle = ndimage.center_of_mass(classes[0, place] > 0)
    return [around(cine[frame, place], middle) for frame in (0, int(areas[:, place].argmin()))]


def real_frames() -> list[np.ndarray]:
    """The same of the real heart, brought to the phantom's pixels."""
    scan = nibabel.load(SHARED / "data/real" / FOLDER / "sa.nii.gz")
    labels = np.asarray(nibabel.load(SHARED / "data/real" / FOLDER / "seg_sa_lv_manual.nii.gz").dataobj)
    pixel = float(scan.header.get_zooms()[0])
    place = int((labels[..., ED] == LVBP).sum(axis=(0, 1)).argmax())
    middle = np.array(ndimage.center_of_mass(labels[:, :, place, ED] > 0)) * pixel / PIXEL_MM
    found = []
    for frame in (ED, ES):
        smooth = ndimage.gaussian_filter(np.asarray(scan.dataobj[:, :, place, frame], float), 0.42 * PIXEL_MM / pixel)
        found.append(around(ndimage.zoom(smooth, pixel / PIXEL_MM, order=1), middle).T)
    return found


def around(image: np.ndarray, middle: tuple[float, float]) -> np.ndarray:
    """A square of an image."""
    row, column = (round(at) + HALF for at in middle)
    return np.pad(image, HALF)[row - HALF : row + HALF, column - HALF : column + HALF]


def main() -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", type=Path, required=True, help="PNG to write")
    settings = filled.phantom(seed=7, participants=40, broken_scans=0, withdrawn=0)
    people = draw_people(settings).head(PHANTOMS).to_dict("records")
    columns = {f"Phantom {number}": phantom_frames(each, settings) for number, each in enumerate(people, 1)}
    columns["Real heart (heart failure)"] = real_frames()
    figure, axes = plt.subplots(2, len(columns), figsize=(8, 4.2), layout="constrained")
    for (name, frames), own in zip(columns.items(), axes.T, strict=True):
        own[0].set_title(name, fontsize=8)
        centre = slice(HALF - MIDDLE, HALF + MIDDLE)
        high = np.percentile(frames[0][centre, centre], 99.5)
        for axis, frame in zip(own, frames, strict=True):
            axis.imshow(frame, cmap="gray", vmin=0, vmax=high)
            axis.set(xticks=[], yticks=[])
    for axis, moment in zip(axes[:, 0], ("End-diastole", "End-systole"), strict=True):
        axis.set_ylabel(moment, fontsize=8)
    figure.savefig(parser.parse_args().figure, dpi=110)


if __name__ == "__main__":
    main()
