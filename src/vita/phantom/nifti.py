"""NIfTI-1 files, written fast and the same bytes each time."""

from pathlib import Path
from typing import Any

import numpy as np
from isal import igzip

from vita.phantom.acquisition import Plane
from vita.runtime.atomic import replacing

GZIP_LEVEL = 2


def encode(array_tsrc: np.ndarray, plane: Plane, frame_s: float) -> bytes:
    """A gzipped NIfTI file.

    Args:
        array_tsrc: (time, slice, row, column) voxels; NIfTI's order is the reverse, so the bytes stay as they are.
        plane: where the voxels lie.
        frame_s: duration of a frame in s.
    """
    import nibabel  # start-up

    header: Any = nibabel.Nifti1Header()  # type: ignore[no-untyped-call]  # nibabel leaves its headers unannotated
    header.set_data_dtype(array_tsrc.dtype)
    header.set_data_shape(array_tsrc.shape[::-1])
    header.set_zooms((plane.pixel, plane.pixel, plane.spacing, frame_s))
    header.set_xyzt_units("mm", "sec")
    header.set_qform(plane.affine, code="scanner")
    header.set_sform(plane.affine, code="scanner")
    header["magic"] = b"n+1"
    header["vox_offset"] = 352
    data = header.binaryblock + bytes(4) + np.ascontiguousarray(array_tsrc).tobytes()
    return igzip.compress(data, compresslevel=GZIP_LEVEL, mtime=0)


def write(path: Path, data: bytes) -> None:
    """Write a file as a whole."""
    with replacing(path) as part:
        part.write_bytes(data)
