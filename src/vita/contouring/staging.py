"""Files between this project and the user's command: scans written for it, and its masks read and checked.

The three forms of a command find different files (`template.FORMS`). In a folder of participants they are named as
UK Biobank's are; single frames as nnU-Net names them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vita.contouring.template import FOLDERS, FRAMES, VIEW, Template
from vita.images.header import Header, ScanError
from vita.images.layout import FOUR_CHAMBER_LABELS
from vita.images.masks import Mask, mask_of
from vita.images.nifti import read_volume, write_nifti
from vita.images.settings import ImageSettings
from vita.images.view import Image

_CHANNEL = "_0000"  # that nnU-Net expects at the end of an image's name
_AFFINE_MM = 1e-3


@dataclass(frozen=True)
class Folders:
    """Where a call's files lie.

    Attributes:
        root: of them all; what the command prints is `output` in it.
        template: of the command.
    """

    root: Path
    template: Template

    @property
    def scans(self) -> Path:
        """Folder of the scans."""
        return self.root / "scans"

    @property
    def masks(self) -> Path:
        """Folder of the masks; beside the scans where a command for folders names no other."""
        beside = self.template.form == FOLDERS and not self.template.names("masks")
        return self.scans if beside else self.root / "masks"

    def places(self, case: str, view: str) -> dict[str, str | Path]:
        """The values for the command's placeholders; those of a view's scan if it runs once for each."""
        if self.template.form != VIEW:
            return {"scans": self.scans, "frames": self.scans, "masks": self.masks}
        return {"scan": self.scans / case / f"{view}.nii.gz", "mask": self.masks / f"seg_{view}.nii.gz", "view": view}

    def write(self, image: Image, case: str) -> None:
        """Write a view's scan."""
        header, voxels = image.header, _signal(image)
        if self.template.form != FRAMES:
            write_nifti(header, voxels, self.scans / case / f"{image.view}.nii.gz")
            return
        for frame, own in enumerate(voxels):
            write_nifti(header, own, self.scans / f"{_frame_name(case, image.view, frame)}{_CHANNEL}.nii.gz")

    def read(self, image: Image, case: str, settings: ImageSettings) -> Mask:
        """Read and check a view's masks.

        Args:
            image: its voxels are not looked at.
            case: the participant's name in this call.
            settings: labels of the short axis, and the limit of size.

        Raises:
            ScanError: a file is missing or cannot be read, or holds no masks of this image.
        """
        view, frames, limit = image.view, image.header.shape_xyzt[3], settings.max_file_mb
        labels = settings.labels_of(view) if view == "sa" else FOUR_CHAMBER_LABELS
        if self.template.form == FRAMES:
            names = [f"{_frame_name(case, view, frame)}.nii.gz" for frame in range(frames)]
            header, stored = _joined(_volume(self.masks / name, view, limit) for name in names)
        else:
            path = self.masks / f"seg_{view}.nii.gz"
            if self.template.form == FOLDERS:
                path, labels = self._in_folder(case, view, settings)
            header, stored = _volume(path, view, limit)
        return mask_of(header, stored, labels, view, frames, image.orientation)

    def _in_folder(self, case: str, view: str, settings: ImageSettings) -> tuple[Path, dict[int, int]]:
        """The mask in a participant's folder and its labels: of all that a long-axis view shows, or of the atria."""
        named = {f"seg_{view}.nii.gz": settings.labels_of(view)}
        if view != "sa":
            named = {f"seg4_{view}.nii.gz": FOUR_CHAMBER_LABELS} | named
        possible = {self.masks / case / name: labels for name, labels in named.items() if labels}
        path = next((path for path in possible if path.exists()), next(iter(possible)))
        return path, possible[path]


def _frame_name(case: str, view: str, frame: int) -> str:
    return f"{case}_{view}_{frame:03d}"


def _signal(image: Image) -> np.ndarray:
    """Voxels as any reader of the file should see them; a falling scale is applied."""
    stored = image.stored_tzyx
    if image.header.slope < 0:
        return np.asarray(stored * image.header.slope + image.header.intercept, np.float32)
    return stored.astype(np.float32) if stored.dtype.itemsize == 8 else stored


def _volume(path: Path, view: str, max_mb: float) -> tuple[Header, np.ndarray]:
    if not path.exists():
        raise ScanError(f"the command wrote no {path.name}")
    return read_volume(path, planar=view != "sa", max_mb=max_mb)


def _joined(frames: Iterator[tuple[Header, np.ndarray]]) -> tuple[Header, np.ndarray]:
    """Masks of single frames as those of a cycle."""
    header, first = next(frames)
    parts = [first]
    for other, voxels in frames:
        if other.shape_xyzt != header.shape_xyzt or not np.allclose(other.affine, header.affine, atol=_AFFINE_MM):
            raise ScanError("the masks of the frames differ in shape or place")
        parts.append(voxels)
    shape = (*header.shape_xyzt[:3], header.shape_xyzt[3] * len(parts))
    return replace(header, shape_xyzt=shape), np.concatenate(parts)
