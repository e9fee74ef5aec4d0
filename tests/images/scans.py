"""Tiny scans for tests: a beating heart of two ellipsoids, sampled on oblique planes and written as NIfTI."""

from pathlib import Path

import nibabel
import numpy as np

APEX = np.array([-0.6, 0.6, -0.53])
CENTRE = np.array([-30.0, 20.0, 10.0])
SPACING = 3.0


def frame(normal: np.ndarray) -> np.ndarray:
    """(3, 3) columns x, y, normal: an orthonormal frame whose last axis is `normal`."""
    normal = normal / np.linalg.norm(normal)
    x = np.cross([0.0, 0.0, 1.0], normal)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(normal, x), normal], axis=1)


def affine(axes: np.ndarray, steps: tuple[float, float, float], shape: tuple[int, int, int]) -> np.ndarray:
    """Affine of a grid with its centre at CENTRE."""
    result = np.eye(4)
    result[:3, :3] = axes * np.array(steps)
    result[:3, 3] = CENTRE - result[:3, :3] @ ((np.array(shape) - 1) / 2)
    return result


def planes(view: str, shape: tuple[int, int, int]) -> np.ndarray:
    """Affine of a view: the stack along APEX, long-axis planes turned around it."""
    along = frame(APEX)
    if view == "sa":
        return affine(along, (SPACING, SPACING, 8.0), shape)
    angle = {"la_2ch": 1.2, "la_3ch": 2.2, "la_4ch": 0.1}[view]
    across = np.cos(angle) * along[:, 0] + np.sin(angle) * along[:, 1]
    return affine(np.stack([across, along[:, 2], np.cross(across, along[:, 2])], axis=1), (SPACING, SPACING, 6), shape)


def positions(matrix: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """(x, y, z, 3) scanner positions of voxels."""
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), axis=-1)
    return grid @ matrix[:3, :3].T + matrix[:3, 3]


def heart(view: str, shape: tuple[int, int, int], frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Affine, image (x, y, z, t) and mask: cavity 1 in a wall 2, RV 3 beside it; an atrium 1 on long axes."""
    matrix = planes(view, shape)
    place = positions(matrix, shape) - CENTRE
    along, across = place @ frame(APEX)[:, 2], place @ frame(APEX)[:, :2]
    radius = np.hypot(across[..., 0], across[..., 1])
    image, mask = [], []
    for number in range(frames):
        size = 1 - 0.15 * np.sin(np.pi * number / frames)
        labels = np.zeros(shape, np.uint8)
        if view == "sa":
            labels[np.hypot(np.hypot(across[..., 0] - 25, across[..., 1]), along / 2) < 12 * size] = 3
            labels[np.hypot(radius, along / 2) < 18] = 2
            labels[np.hypot(radius, along / 2) < 12 * size] = 1
        else:
            labels[np.hypot(radius / 0.8, along + 15) < 20 / size] = 1
        image.append(300 + 100.0 * labels + place[..., 2] + along)
        mask.append(labels)
    return matrix, np.rint(np.stack(image, -1)).astype(np.int16), np.stack(mask, -1)


def write(path: Path, values: np.ndarray, matrix: np.ndarray, frame_s: float = 0.05) -> None:
    """Write (x, y, z, t) values as UK Biobank's conversion does."""
    image = nibabel.Nifti1Image(values, matrix)
    image.header.set_xyzt_units("mm", "sec")
    steps = np.linalg.norm(matrix[:3, :3], axis=0)
    image.header["pixdim"][1:5] = [*steps, frame_s]
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(image, path)


def write_participant(folder: Path, frames: int = 8, size: tuple[int, int] = (40, 36), slices: int = 9) -> None:
    """A participant with all views and masks."""
    for view in ("sa", "la_2ch", "la_3ch", "la_4ch"):
        matrix, image, mask = heart(view, (*size, slices if view == "sa" else 1), frames)
        write(folder / f"{view}.nii.gz", image, matrix)
        if view != "la_3ch":
            write(folder / f"seg_{view}.nii.gz", mask, matrix)
