"""The position of a NIfTI file in the scanner: its two affines, its unit of length, and what to do if they disagree."""

from typing import Protocol

import numpy as np

LENGTHS_MM = {"meter": 1e3, "mm": 1.0, "micron": 1e-3}
# A pixel of a cine is 0.3 to 10 mm wide; the unit that gives such a one is the right one, whatever the header says.
PIXEL_MM = (0.3, 10.0)
# Affines whose pixel sizes differ by more than this part do not describe the same pixels.
SAME_STEPS = 0.01
# Voxels of any scanner are larger and smaller than this, and lie nearer to its middle; numbers beyond are damage.
VOXEL_MM, FARTHEST_MM = (1e-2, 1e3), 1e5


class NiftiHeader(Protocol):
    """What is used of nibabel's headers; most of their own methods carry no types."""

    def __getitem__(self, item: str) -> np.ndarray: ...

    def get_data_shape(self) -> tuple[int, ...]:
        """Voxels along each axis."""

    def get_data_dtype(self) -> np.dtype:
        """Type of the voxels as stored."""

    def get_slope_inter(self) -> tuple[float | None, float | None]:
        """Stored value to signal; None where the header has none."""

    def get_xyzt_units(self) -> tuple[str, str]:
        """Units of length and of time."""

    def get_sform(self) -> np.ndarray:
        """(4, 4) of the sform."""

    def get_qform(self) -> np.ndarray:
        """(4, 4) of the qform."""

    def get_best_affine(self) -> np.ndarray:
        """(4, 4) of the sform, else the qform, else the pixel sizes."""

    def get_base_affine(self) -> np.ndarray:
        """(4, 4) of the pixel sizes alone."""


def says_where(header: NiftiHeader) -> bool:
    """Whether the file gives the position of the image in the scanner: a code above 0, and an affine other than the
    identity, which tools write if they do not know the position.
    """
    if header["sform_code"] > 0 and not _is_identity(header.get_sform(), header):
        return True
    return bool(header["qform_code"] > 0 and not _is_identity(header.get_qform(), header))


def fault_of(affine: np.ndarray) -> str | None:
    """What is impossible about a (4, 4) affine in mm, of whatever file; None if nothing is."""
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        return "is not invertible"
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    if steps.min() < VOXEL_MM[0] or steps.max() > VOXEL_MM[1]:
        return f"has voxels of {' x '.join(f'{step:.3g}' for step in steps)} mm"
    if (farthest := np.abs(affine[:3, 3]).max()) > FARTHEST_MM:
        return f"begins {farthest:.3g} mm from the scanner's middle"
    return None


def _is_identity(affine: np.ndarray, header: NiftiHeader) -> bool:
    return bool(np.array_equal(affine, np.eye(4)) and max(header.get_data_shape()[:3]) > 1)


def affine_of(header: NiftiHeader) -> tuple[np.ndarray, float, tuple[str, ...]]:
    """The affine in mm.

    Returns:
        (4, 4), how far apart a corner lies by the two affines of the file in mm, and notes.
    """
    affine = np.asarray(header.get_best_affine(), dtype=float)
    notes: list[str] = []
    pixdim = np.abs(np.asarray(header["pixdim"][1:4], dtype=float))
    if header["sform_code"] > 0 and not _same_steps(affine, pixdim):
        has_other = header["qform_code"] > 0
        affine = np.asarray(header.get_qform() if has_other else header.get_base_affine(), dtype=float)
        notes.append(
            "the sform's pixels are not those of pixdim; " + ("the qform is used" if has_other else "it is not used")
        )
    factor = _factor(header, affine)
    if factor != _declared(header):
        notes.append("the unit of length in the header cannot be; the one that gives pixels of a heart's image is used")
    affine = np.diag([factor, factor, factor, 1.0]) @ affine
    return affine, _apart_mm(header, factor), tuple(notes)


def _same_steps(affine: np.ndarray, pixdim: np.ndarray) -> bool:
    """Whether the columns are as long as pixdim says; also if pixdim says nothing."""
    if not (np.isfinite(pixdim).all() and (pixdim > 0).all()) or np.array_equal(pixdim, np.ones(3)):
        return True
    return bool(np.allclose(np.linalg.norm(affine[:3, :3], axis=0), pixdim, rtol=SAME_STEPS))


def _declared(header: NiftiHeader) -> float:
    try:
        return LENGTHS_MM.get(header.get_xyzt_units()[0], 1.0)
    except KeyError:
        return 1.0


def _factor(header: NiftiHeader, affine: np.ndarray) -> float:
    """The factor from lengths to mm: that of the declared unit, unless only another one gives possible pixel sizes."""
    pixel = float(np.sort(np.linalg.norm(affine[:3, :3], axis=0))[:2].max())
    declared = _declared(header)
    possible = [factor for factor in LENGTHS_MM.values() if PIXEL_MM[0] <= pixel * factor <= PIXEL_MM[1]]
    return possible[0] if possible and declared not in possible else declared


def _apart_mm(header: NiftiHeader, factor: float) -> float:
    if not (header["sform_code"] > 0 and header["qform_code"] > 0):
        return 0.0
    shift = (np.asarray(header.get_sform(), float) - np.asarray(header.get_qform(), float))[:3] * factor
    shape = (*header.get_data_shape(), 1, 1)[:3]
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape], indexing="ij")).reshape(3, -1)
    return float(np.linalg.norm(shift[:, :3] @ corners + shift[:, 3:], axis=0).max())
