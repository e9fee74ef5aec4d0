"""Phantom hearts that no network has learnt on: their scans as files, and as images with their true classes."""

from pathlib import Path

import numpy as np
import pandas as pd

import filled
from vita.images.geometry import canonical, orient
from vita.images.layout import LABP
from vita.images.nifti import read_volume
from vita.images.view import Image
from vita.phantom.people import draw_people
from vita.phantom.scans import make_batch

SETTINGS = filled.phantom(seed=4711, participants=40, frames=6, sa_slices=8, broken_scans=0, withdrawn=0)
TRUTH = {"sa": "seg_sa", "la_2ch": "seg_la_2ch", "la_4ch": "seg4_la_4ch"}


def write(folder: Path, count: int) -> list[int]:
    """Scans of so many people, a folder each; returns their numbers."""
    people = draw_people(SETTINGS).head(count)
    make_batch(people, SETTINGS, folder)
    return list(people["eid"])


def truths(folder: Path, count: int) -> pd.DataFrame:
    """True phenotypes of the same people, by eid; their scans are written once more."""
    return make_batch(draw_people(SETTINGS).head(count), SETTINGS, folder).set_index("eid")


def read(folder: Path, view: str) -> Image:
    """A view of a participant's folder."""
    header, stored = read_volume(folder / f"{view}.nii.gz", planar=view != "sa")
    return Image(view, header, stored, orient(header, view))


def true_classes(folder: Path, image: Image) -> np.ndarray:
    """(time, slice, row, column) of the delivered mask, turned as the image is."""
    header, stored = read_volume(folder / f"{TRUTH[image.view]}.nii.gz", planar=image.view != "sa")
    classes = canonical(stored, orient(header, image.view, like=image.orientation)).copy()
    if image.view == "la_2ch":
        classes[classes == 1] = LABP
    return classes


def dice(one: np.ndarray, other: np.ndarray, name: int) -> float:
    """Of a class, over everything."""
    both = np.count_nonzero((one == name) & (other == name))
    return 2 * both / (np.count_nonzero(one == name) + np.count_nonzero(other == name))
