"""A patient of the Sunnybrook data: DICOM files to a cine, manual contours to a mask of the same grid.

A contour is a text file of points, x (column) and y (row) in pixels of the image that its number names:
IM-0001-0048-icontour-manual.txt is the border of the cavity in the image IM-*-0048.dcm, ocontour that of the muscle.
"""

import re
import tempfile
from pathlib import Path

import numpy as np

from vita.images.header import Header, ScanError
from vita.images.layout import LVBP, LVMYO

NUMBER = re.compile(r"-(\d+)(?:-[io]contour-manual\.txt|\.dcm)$")
_SAME_PLACE = 0.1  # as a fraction of the slice distance: how far a file may lie from its slice


def write_patient(files: list[Path], contours: list[Path], folder: Path) -> None:
    """Write sa.nii.gz and, with contours, seg_sa.nii.gz.

    Args:
        files: DICOM files of the short axis.
        contours: text files; those of papillary muscles are ignored.
        folder: to write into.

    Raises:
        ScanError: the files are not a stack of cines, or a contour belongs to no image.
    """
    from vita.elsewhere.public import write_zip
    from vita.images.dicom import read_dicom
    from vita.images.nifti import write_nifti

    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "sa.zip"
        write_zip(_series(files), path)
        header, voxels_tzyx = read_dicom(str(path), "sa", 2000)
    write_nifti(header, voxels_tzyx, folder / "sa.nii.gz")
    drawn = [path for path in contours if NUMBER.search(path.name)]
    if drawn:
        write_nifti(header, masks(files, drawn, header, voxels_tzyx.shape), folder / "seg_sa.nii.gz")


def _series(files: list[Path]) -> list[tuple[Path, str]]:
    """Files with one series name per slice, whether the scanner wrote one series or several."""
    import pydicom

    numbers: dict[tuple[float, ...], int] = {}
    found = []
    for path in files:
        position = pydicom.dcmread(path, stop_before_pixels=True).ImagePositionPatient
        number = numbers.setdefault(tuple(round(float(each), 1) for each in position), len(numbers) + 1)
        found.append((path, f"CINE_segmented_SAX_b{number}"))
    return found


def masks(files: list[Path], contours: list[Path], header: Header, shape_tzyx: tuple[int, ...]) -> np.ndarray:
    """Classes uint8 (time, z, y, x) of the contours; frames and slices without contours stay 0.

    Raises:
        ScanError: a contour belongs to no image.
    """
    places = places_of(files, header)
    found = np.zeros(shape_tzyx, np.uint8)
    # the epicardial border first, so that the cavity is drawn over it
    for path in sorted(contours, key=lambda path: "ocontour" not in path.name):
        image = _number(path)
        if image not in places:
            raise ScanError(f"a contour belongs to image {image}, for which there is no DICOM file")
        frame, place = places[image]
        inside = filled(np.loadtxt(path).reshape(-1, 2), shape_tzyx[2:])
        found[frame, place][inside] = LVMYO if "ocontour" in path.name else LVBP
    return found


def places_of(files: list[Path], header: Header) -> dict[int, tuple[int, int]]:
    """Frame and slice of each image, by the number in its file's name.

    Raises:
        ScanError: an image lies in none of the slices.
    """
    import pydicom

    inverse = np.linalg.inv(header.affine)
    of_slice: dict[int, list[tuple[float, float, int]]] = {}
    for path in files:
        file = pydicom.dcmread(path, stop_before_pixels=True)
        position = np.asarray(file.ImagePositionPatient, float) * [-1, -1, 1]  # LPS to RAS
        place = float((inverse @ [*position, 1.0])[2])
        if abs(place - round(place)) > _SAME_PLACE:
            raise ScanError("an image lies between two slices of the stack")
        time = float(file.get("TriggerTime") or 0.0)
        of_slice.setdefault(round(place), []).append((time, float(file.get("InstanceNumber") or 0), _number(path)))
    return {
        number: (frame, place)
        for place, images in of_slice.items()
        for frame, (_, _, number) in enumerate(sorted(images))
    }


def filled(points_n2: np.ndarray, shape_yx: tuple[int, ...]) -> np.ndarray:
    """Pixels (y, x) whose centres lie within a closed line of (x, y) points."""
    from matplotlib.path import Path as Line

    y, x = np.mgrid[: shape_yx[0], : shape_yx[1]]
    inside = Line(points_n2).contains_points(np.column_stack([x.ravel(), y.ravel()]))
    return np.asarray(inside, bool).reshape(shape_yx)


def _number(path: Path) -> int:
    match = NUMBER.search(path.name)
    if match is None:
        raise ScanError("a DICOM file's name has no number")
    return int(match[1])
