"""A case's stack as NIfTI, written and read without any change."""

from pathlib import Path

import nibabel as nib
import numpy as np

from vita.nnunet.layout import SLICE_GAP_MM
from vita.runtime.errors import UserError


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
