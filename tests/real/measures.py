"""How a short-axis slice looks, in numbers that do not depend on its scanner's units, for phantoms and real hearts."""

import itertools
from pathlib import Path

import nibabel
import numpy as np
from scipy import ndimage

from vita.phantom.scans import Scanner

PIXEL_MM = 3.6  # of the default run's planes, to which real scans are brought
AROUND_MM = 30.0  # how far the surroundings of the heart go
WINDOW_MM = 160.0  # of the spectrum
PERIODS_MM = (60.0, 12.0)  # over which its slope is measured
LVBP, LVMYO = 1, 2
MEASURES = ("heart", "surroundings", "spread_around", "slope", "edge_per_mm")


def measured(image: np.ndarray, labels: np.ndarray, low: float, high: float) -> dict[str, float]:
    """Numbers of a slice.

    Args:
        image: (rows, columns) of pixels of PIXEL_MM.
        labels: 1 LV cavity, 2 myocardium, 3 RV cavity.
        low, high: range of the whole scan, which is mapped to 0 to 1.

    Returns:
        `heart`, `surroundings`: median intensity of the heart (0 to 1), and of what is within AROUND_MM of it;
        `spread_around`: interquartile range of the latter; `slope`: of log power over log spatial frequency, between
        PERIODS_MM; `edge_per_mm`: mean gradient at the endocardium, over the contrast of blood and muscle.
    """
    scaled = (image - low) / (high - low)
    heart = ndimage.binary_fill_holes(labels > 0)
    away_mm = ndimage.distance_transform_edt(~heart) * PIXEL_MM
    around = scaled[(away_mm > 0) & (away_mm <= AROUND_MM)]
    cavity = labels == LVBP
    border = (cavity & ndimage.binary_dilation(labels == LVMYO)) | ((labels == LVMYO) & ndimage.binary_dilation(cavity))
    gradient = np.hypot(*np.gradient(scaled, PIXEL_MM))
    contrast = np.median(scaled[cavity]) - np.median(scaled[labels == LVMYO])
    low_quarter, high_quarter = np.percentile(around, [25, 75])
    return {
        "heart": float(np.median(scaled[labels > 0])),
        "surroundings": float(np.median(around)),
        "spread_around": float(high_quarter - low_quarter),
        "slope": _slope(scaled, heart),
        "edge_per_mm": float(gradient[border].mean() / contrast),
    }


def _slope(scaled: np.ndarray, heart: np.ndarray) -> float:
    """Slope of the radial spectrum in a square around the heart, tapered at its edges."""
    half = int(WINDOW_MM / PIXEL_MM / 2)
    row, column = (round(place) for place in ndimage.center_of_mass(heart))
    padded = np.pad(scaled, half, mode="reflect")[row : row + 2 * half, column : column + 2 * half]
    window = np.hanning(2 * half)
    power = np.abs(np.fft.fft2((padded - padded.mean()) * np.outer(window, window))) ** 2
    axis = np.fft.fftfreq(2 * half, PIXEL_MM)
    frequency = np.hypot(axis[:, None], axis[None])
    edges = np.geomspace(1 / PERIODS_MM[0], 1 / PERIODS_MM[1], 7)
    rings = [(frequency >= low) & (frequency < high) for low, high in itertools.pairwise(edges)]
    middles = np.sqrt(edges[1:] * edges[:-1])
    known = [(middle, power[ring].mean()) for middle, ring in zip(middles, rings, strict=True) if ring.any()]
    return float(np.polyfit(*np.log(np.array(known)).T, 1)[0])


def of_real(folder: Path, mask: str) -> list[dict[str, float]]:
    """Of every slice of a real short-axis scan that shows cavity and muscle, in the frame with the largest cavity."""
    scan = nibabel.load(folder / "sa.nii.gz")
    cine, labels = np.asarray(scan.dataobj, float), np.asarray(nibabel.load(folder / mask).dataobj)
    both = [((labels[..., t] == LVBP).sum() if (labels[..., t] == LVMYO).any() else 0) for t in range(cine.shape[3])]
    frame, pixel = int(np.argmax(both)), float(scan.header.get_zooms()[0])
    found = []
    for place in range(cine.shape[2]):
        own = labels[:, :, place, frame]
        if (own == LVBP).any() and (own == LVMYO).any():
            smooth = ndimage.gaussian_filter(cine[:, :, place, frame], 0.42 * PIXEL_MM / pixel)
            image = ndimage.zoom(smooth, pixel / PIXEL_MM, order=1)
            small = ndimage.zoom(own, pixel / PIXEL_MM, order=0)
            found.append(measured(image, small, cine.min(), cine.max()))
    return found


def of_phantom(scanner: Scanner) -> list[dict[str, float]]:
    """The same of a phantom's slices at end-diastole; its labels have no more than these three classes."""
    cine, classes = scanner.acquire("sa")
    found = []
    for image, own in zip(cine[0].astype(float), classes[0], strict=True):
        labels = np.where(own <= 3, own, 0)
        if (labels == LVBP).sum() > 4 and (labels == LVMYO).any():
            found.append(measured(image, labels, float(cine.min()), float(cine.max())))
    return found
