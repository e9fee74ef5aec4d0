"""The names of this project's planes, classes and participants in nnU-Net's files.

nnU-Net gets one data set per view, since a view's reference masks do not label everything that it shows: the left
ventricle is background on the two-chamber plane but a structure on the four-chamber plane, and no input of nnU-Net
names the view. It also plans patch, batch and spacing from a data set, which should therefore be of one kind.

A case is a participant's stack of one view: planes x frames along the first axis, rows, columns. nnU-Net's 2d
configuration handles each slice of a stack separately.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from vita.images.layout import (
    BACKGROUND,
    FIRST_SA_PLANE,
    FOUR_CHAMBER_LABELS,
    LABELS,
    PLANE_OF_VIEW,
    SA_PLANES,
    STRUCTURES,
)
from vita.mask_classes import NOT_ANNOTATED

# Each view has separate folders, so that the data sets of all views can have the same name.
DATASET_NUMBER, DATASET = 1, "Dataset001_heart"
CONFIGURATION, PLANS, TRAINER, FOLD = "2d", "nnUNetPlans", "nnUNetTrainer", 0
FILE_ENDING = ".nii.gz"
CHANNEL = "_0000"  # the suffix of an image's channel in nnU-Net; a cine has one channel
# not a distance, but larger than any pixel, so that nnU-Net takes the first axis for that of the slices
SLICE_GAP_MM = 100.0
_UNKNOWN = 254


@dataclass(frozen=True)
class View:
    """A view that nnU-Net is trained on.

    Attributes:
        planes: of the shards.
        classes: of this project, in the order of nnU-Net's labels 1, 2, ...
    """

    planes: tuple[int, ...]
    classes: tuple[int, ...]

    @property
    def ignore(self) -> int:
        """nnU-Net's label for what is not annotated; it must be the highest."""
        return len(self.classes) + 1

    def labels(self) -> dict[str, int]:
        """Names and nnU-Net's labels of the structures."""
        names = {number: name for name, number in STRUCTURES.items()}
        return {names[number]: label for label, number in enumerate(self.classes, 1)}

    def slices(self, planes_pthw: np.ndarray) -> np.ndarray:
        """The view's planes of a whole heart (plane, time, height, width), plane by plane: (slices, height, width)."""
        own = planes_pthw[list(self.planes)]
        return own.reshape(-1, *own.shape[2:])

    def to_labels(self, classes: np.ndarray) -> np.ndarray:
        """This project's classes (uint8, 255 where not annotated) as nnU-Net's labels.

        Raises:
            ValueError: a class cannot occur in this view.
        """
        table = np.full(256, _UNKNOWN, np.uint8)
        table[[BACKGROUND, *self.classes, NOT_ANNOTATED]] = range(len(self.classes) + 2)
        labels: np.ndarray = table[classes]
        if (labels == _UNKNOWN).any():
            raise ValueError("a class that this view cannot show")
        return labels

    def to_classes(self, labels: np.ndarray) -> np.ndarray:
        """nnU-Net's labels, without the one for what is not annotated, as this project's classes (uint8)."""
        found: np.ndarray = np.array([BACKGROUND, *self.classes], np.uint8)[labels]
        return found


VIEWS = {
    "sa": View(tuple(range(FIRST_SA_PLANE, FIRST_SA_PLANE + SA_PLANES)), tuple(LABELS["sa"].values())),
    "la_2ch": View((PLANE_OF_VIEW["la_2ch"],), tuple(LABELS["la_2ch"].values())),
    "la_4ch": View((PLANE_OF_VIEW["la_4ch"],), tuple(FOUR_CHAMBER_LABELS.values())),
}


def model_folder(folder: Path) -> Path:
    """Where nnU-Net keeps a view's model, below the view's folder."""
    return folder / "trained" / DATASET / f"{TRAINER}__{PLANS}__{CONFIGURATION}"


def number_cases(split: pd.Series, seed: int) -> pd.DataFrame:
    """Name each participant by a number that reveals nothing about the id.

    Args:
        split: of each participant, indexed by eid.
        seed: seed of the shuffle.

    Returns:
        Columns eid, split, case, in the order of `split`.
    """
    numbers = np.random.default_rng(seed).permutation(len(split))
    cases = [f"case_{number:06d}" for number in numbers]
    return pd.DataFrame({"eid": split.index.to_numpy(np.int64), "split": split.to_numpy(), "case": cases})
