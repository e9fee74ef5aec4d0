"""The square that the network sees: cut from an image, and classes brought back to the image's own pixels."""

import numpy as np
import torch
from torch import Tensor

from vita.contouring.pictures import GRID, GRID_MM, HIGH, LOW, stretched
from vita.images.crop import Crop, cut_image

MIDDLE_MM = 60.0  # radius; holds the ventricles of most hearts
_FROM_MIDDLE_MM = (np.arange(GRID) - (GRID - 1) / 2) * GRID_MM
_MIDDLE = np.hypot(_FROM_MIDDLE_MM[:, None], _FROM_MIDDLE_MM) < MIDDLE_MM


def square(centre: np.ndarray, spacing_mm: tuple[float, float], shape: list[int]) -> Crop:
    """The square around a pixel (row, column) of an image with these rows and columns."""
    step = tuple(GRID_MM / mm for mm in spacing_mm)
    first = tuple(float(middle - (GRID - 1) / 2 * each) for middle, each in zip(centre, step, strict=True))
    return Crop((first[0], first[1]), (step[0], step[1]), GRID, (shape[0], shape[1]))


def pictures(signal_tyx: np.ndarray, crop: Crop) -> Tensor:
    """What the network sees of a slice (time, GRID, GRID); one range for all frames.

    Its upper end is that of the middle, where the heart is: skin next to a coil may be several times brighter, and
    would leave the heart without contrast.
    """
    cut = cut_image(signal_tyx.astype(np.float32), crop)
    low, high = np.quantile(cut, (LOW, HIGH))  # by partition; torch sorts, which takes twenty times as long
    high = min(high, np.quantile(cut[:, _MIDDLE], HIGH))
    return stretched(torch.from_numpy(cut), torch.tensor(low), torch.tensor(high))


def _pixels(crop: Crop, axis: int, places: tuple[int, int]) -> slice:
    """Pixels of the image between the first and the last of the square's places along an axis."""
    first, step, extent = crop.first[axis], crop.step[axis], crop.shape[axis]
    low, high = int(np.ceil(first + step * places[0])), int(np.floor(first + step * (places[1] - 1)))
    return slice(min(max(low, 0), extent), min(max(high + 1, 0), extent))


def likeliest(scores_nchw: Tensor) -> Tensor:
    """(n, height, width) number of the highest score, the first of equals; faster than argmax over so few."""
    best, number = scores_nchw[:, 0], torch.zeros_like(scores_nchw[:, 0], dtype=torch.uint8)
    for other in range(1, scores_nchw.shape[1]):
        number[scores_nchw[:, other] > best] = other
        best = torch.maximum(best, scores_nchw[:, other])
    return number


def on_pixels(logits_nchw: Tensor, crop: Crop) -> np.ndarray:
    """Numbers of the likeliest classes (n, rows, columns) of the image's pixels, probabilities being linear.

    Between places of which each is likeliest background (0), so is every pixel; these are not looked at.

    Args:
        logits_nchw: of the square's places.
        crop: the square.
    """
    result = np.zeros((len(logits_nchw), *crop.shape), np.uint8)
    seen = (likeliest(logits_nchw) > 0).any(dim=0)
    if not seen.any():
        return result
    spans, weights = [], []
    for axis in (0, 1):
        where = torch.nonzero(seen.any(dim=1 - axis))[:, 0]
        span = (max(int(where[0]) - 1, 0), min(int(where[-1]) + 2, crop.size))
        part = _pixels(crop, axis, span)
        places = (np.arange(part.start, part.stop) - crop.first[axis]) / crop.step[axis]
        sides = np.clip(1 - np.abs(places[:, None] - np.arange(*span)), 0, None)
        spans.append((slice(*span), part))
        weights.append(torch.from_numpy(sides.astype(np.float32)))
    (rows, down), (columns, across) = spans
    shares = logits_nchw[:, :, rows, columns].softmax(dim=1)
    result[:, down, across] = likeliest(weights[0] @ shares @ weights[1].T).numpy()
    return result
