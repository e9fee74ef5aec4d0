"""A participant's images and masks as a case of nnU-Net, and the description of all cases."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd

from vita.images.layout import BACKGROUND
from vita.images.shards import ShardReader
from vita.mask_classes import NOT_ANNOTATED
from vita.nnunet.layout import CHANNEL, FILE_ENDING, SLICE_GAP_MM, VIEWS
from vita.runtime.atomic import write_text
from vita.runtime.errors import UserError
from vita.training.sections import even_frames


class Exporter:
    """Writes a view's cases.

    Args:
        view: name of the view.
        reader: shards.
        wanted: which frames, `frames` and `sampling` of the config's block model.
        folder: of nnU-Net's data set.

    Attributes:
        ignoring: whether a mask written so far has pixels without annotation.
    """

    def __init__(self, view: str, reader: ShardReader, wanted: Mapping[str, Any], folder: Path) -> None:
        self.view, self.reader, self.wanted, self.folder = VIEWS[view], reader, wanted, folder
        self.ignoring = False
        for name in ("imagesTr", "labelsTr", "imagesTs"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def write(self, eid: int, split: str, case: str) -> bool:
        """Write a participant's files and return whether there is something to learn from.

        Raises:
            UserError: the shards hold fewer frames than wanted.
        """
        spacing_mm = self.reader.spacing_mm(eid)[list(self.view.planes)]
        if not (spacing_mm > 0).all():
            return False  # the view was not scanned
        stored = self.reader.stored(eid)
        frames = even_frames(stored.shape[1], **self.wanted)
        images = self.view.slices(stored[:, frames])
        if split != "train":
            write_stack(self.folder / "imagesTs" / f"{case}{CHANNEL}{FILE_ENDING}", images, spacing_mm[0])
        if split == "test":
            return False
        return self._write_pair(case, images, self.view.slices(self.reader.masks(eid, frames)), spacing_mm[0])

    def _write_pair(self, case: str, images: np.ndarray, classes: np.ndarray, spacing_mm: np.ndarray) -> bool:
        # a slice without known background is not annotated, or only in part
        known = (classes == BACKGROUND).any(axis=(1, 2))
        if not known.any():
            return False
        images, classes = images[known], classes[known]
        self.ignoring |= bool((classes == NOT_ANNOTATED).any())
        write_stack(self.folder / "imagesTr" / f"{case}{CHANNEL}{FILE_ENDING}", images, spacing_mm)
        write_stack(self.folder / "labelsTr" / f"{case}{FILE_ENDING}", self.view.to_labels(classes), spacing_mm)
        return True


def describe(view: str, folder: Path, ignoring: bool, cases: pd.DataFrame) -> None:
    """Write dataset.json, and splits_final.json for the cases that have masks.

    Args:
        view: name of the view.
        folder: of nnU-Net's data set.
        ignoring: whether some pixels are not annotated.
        cases: split, case and annotated of each participant.

    Raises:
        UserError: nobody of the training or of the validation split has masks of the view.
    """
    names = {split: sorted(part["case"]) for split, part in cases[cases["annotated"]].groupby("split")}
    for split in ("train", "val"):
        if not names.get(split):
            raise UserError(
                f"nnU-Net: nobody in the {split} split has reference masks of the view {view}; take {view} out of "
                "'nnunet.views', or enlarge the split"
            )
    labels = {"background": BACKGROUND} | VIEWS[view].labels()
    record = {
        "channel_names": {"0": "cine"},
        "labels": labels | ({"ignore": VIEWS[view].ignore} if ignoring else {}),
        "numTraining": sum(map(len, names.values())),
        "file_ending": FILE_ENDING,
        "overwrite_image_reader_writer": "SimpleITKIO",
    }
    write_text(folder / "dataset.json", json.dumps(record, indent=2) + "\n")
    write_text(folder / "splits_final.json", json.dumps([names], indent=2) + "\n")


def write_stack(path: Path, stack_zyx: np.ndarray, spacing_mm: np.ndarray) -> None:
    """Write a stack (slices, rows, columns) with the distance of its rows and columns in mm.

    nnU-Net reads the axes of a NIfTI file from last to first, so columns come first in the file.
    """
    affine = np.diag([spacing_mm[1], spacing_mm[0], SLICE_GAP_MM, 1.0])
    image = nib.Nifti1Image(np.ascontiguousarray(stack_zyx.T), affine)  # type: ignore[no-untyped-call]  # nibabel's
    nib.save(image, path)


def read_labels(path: Path, shape_zyx: tuple[int, ...]) -> np.ndarray:
    """Read a stack of labels (slices, rows, columns), uint8.

    Raises:
        UserError: the file is missing, unreadable or of another shape.
    """
    try:
        stack = np.asarray(nib.Nifti1Image.from_filename(path).dataobj).T
    except (OSError, nib.filebasedimages.ImageFileError) as error:
        raise UserError(f"{path}: nnU-Net's mask cannot be read ({error}); predict again") from error
    if stack.shape != shape_zyx:
        raise UserError(f"{path}: nnU-Net's mask is {stack.shape}, its images are {shape_zyx}; predict both again")
    return stack.astype(np.uint8)
