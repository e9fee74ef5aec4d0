"""Masks of one view: where the heart is, what the network draws on every slice and frame, and what is kept of it.

The network sees squares of 192 mm around the heart. The heart is looked for in the image's middle and where the image
moves most; the place where more of it is drawn is taken, and the square is moved onto it. What it draws is brought back
to the image's own pixels by its probabilities.
"""

from dataclasses import dataclass

import numpy as np
import scipy  # its parts are imported where they are first used
import torch
from torch import Tensor

from vita.contouring import quality
from vita.contouring.conventions import as_read
from vita.contouring.network import Contours
from vita.contouring.pictures import KEPT
from vita.contouring.square import likeliest, on_pixels, pictures, square
from vita.images.crop import Crop
from vita.images.geometry import canonical
from vita.images.header import ScanError
from vita.images.layout import LVBP, LVMYO, VIEWS
from vita.images.view import Image

BATCH = 16
PROBES = (0.0, 0.4, 0.7)  # of the cycle, in which the heart is looked for
PROBED_SLICES = (0.3, 0.5, 0.7)  # of the stack
MOTION_MM = 12.0  # extent in which motion is looked for
MARGIN = 2  # pixels around the heart, where its outline is looked at
_BESIDE = np.ones((1, 1, 3, 3), bool)
FEWEST_PIXELS = 40  # of the network's, in all probes together; less is no heart


@dataclass(frozen=True)
class Drawn:
    """Masks of a view in the convention's orientation, (time, slice, row, column) uint8, and how good they seem."""

    classes_tsyx: np.ndarray
    scores: quality.Scores


def draw_view(network: Contours, image: Image) -> Drawn:
    """Draw every slice and frame of a view.

    Args:
        network: in evaluation mode.
        image: the view as read, of any number of slices and frames.

    Raises:
        ScanError: the image cannot be used, or there is no heart to be seen in it.
    """
    signal = signal_of(image)
    crop = heart_square(network, signal, image)
    shown = [pictures(signal[:, number], crop) for number in range(signal.shape[1])]
    whole = np.stack([on_pixels(_logits(network, each, image.view), crop) for each in shown], axis=1)
    whole = np.asarray([0, *KEPT[image.view]], np.uint8)[whole]
    if not whole.any():
        raise ScanError("no heart is seen in the image")
    box = _around(whole)
    own = tidy(whole[box])
    if image.view == "sa":
        own = as_read(own, image.orientation.spacing_mm[1:])
    own[~np.isin(own, network.known)] = 0
    whole[box] = own
    if not whole.any():
        raise ScanError("no heart is seen in the image")
    main = quality.sizes(whole, image.orientation.spacing_mm, image.view)
    chosen = sorted({int(main.argmax()), int(main.argmin())})
    known = torch.tensor(network.known, dtype=torch.long)

    def classes_of(pictures: Tensor) -> Tensor:
        classes = _classes(network, pictures, image.view)
        return torch.where(torch.isin(classes, known), classes, 0)

    again = quality.agreement(classes_of, torch.cat([each[chosen] for each in shown]))
    odd = quality.impossible(whole, image.orientation.spacing_mm, image.view, network.known)
    return Drawn(whole, quality.Scores(again, quality.smoothness(main), float(not odd)))


def signal_of(image: Image) -> np.ndarray:
    """Voxels (time, slice, row, column) in the convention's orientation, brighter where the tissue is.

    Raises:
        ScanError: some are no finite numbers.
    """
    signal = canonical(image.stored_tzyx, image.orientation)
    if signal.dtype.kind == "f" and not np.isfinite(signal).all():
        raise ScanError("voxels are not finite numbers (NaN or infinite)")
    return -signal.astype(np.float32) if image.header.slope < 0 else signal


def heart_square(network: Contours, signal_tsyx: np.ndarray, image: Image) -> Crop:
    """The square around the heart.

    Raises:
        ScanError: no heart is seen.
    """
    frames, slices, *shape = signal_tsyx.shape
    spacing = image.orientation.spacing_mm[1:]
    numbers = sorted({int(part * (slices - 1)) for part in PROBED_SLICES})
    times = sorted({int(part * (frames - 1)) for part in PROBES})
    probed = signal_tsyx[:, numbers]
    centres = [np.array([(extent - 1) / 2 for extent in shape]), _most_motion(probed, spacing)]
    found: list[tuple[float, np.ndarray]] = []
    for centre in centres:
        for _ in range(2):  # the second time around what was seen
            crop = square(centre, spacing, shape)
            seen = [
                _classes(network, pictures(probed[:, place], crop)[times], image.view) for place in range(len(numbers))
            ]
            heart = largest_parts((torch.stack(seen) > 0).numpy())
            if heart.sum() < FEWEST_PIXELS:
                break
            middle = np.array([where.mean() for where in np.nonzero(heart)[2:]])
            centre = np.array(crop.first) + np.array(crop.step) * middle
            found.append((float(heart.sum()), centre))
    if not found:
        raise ScanError("no heart is seen in the image")
    return square(max(found, key=lambda each: each[0])[1], spacing, shape)


def _most_motion(probed_tsyx: np.ndarray, spacing_mm: tuple[float, float]) -> np.ndarray:
    """(row, column) around which the image changes most over the cycle; its middle where nothing changes."""
    changes = probed_tsyx.astype(np.float32).std(axis=0).mean(axis=0)
    if not changes.any():
        return np.array([(extent - 1) / 2 for extent in changes.shape])
    smooth = scipy.ndimage.gaussian_filter(changes, [MOTION_MM / mm for mm in spacing_mm], mode="constant")
    return np.array(np.unravel_index(int(smooth.argmax()), smooth.shape), float)


def _logits(network: Contours, pictures_nhw: Tensor, view: str) -> Tensor:
    """(n, 1 + kept classes, GRID, GRID) on the CPU: of background and of the classes that the view's masks have."""
    device = next(network.parameters()).device
    parts = []
    with torch.inference_mode():
        for part in torch.split(pictures_nhw, BATCH):
            views = torch.full((len(part),), VIEWS.index(view), device=device)
            parts.append(network(part.to(device), views)[:, [0, *KEPT[view]]].float().cpu())
        return torch.cat(parts)


def _classes(network: Contours, pictures_nhw: Tensor, view: str) -> Tensor:
    """(n, GRID, GRID) likeliest classes."""
    return torch.tensor([0, *KEPT[view]])[likeliest(_logits(network, pictures_nhw, view)).long()]


def _around(classes_tsyx: np.ndarray) -> tuple[slice, slice, slice, slice]:
    """All frames and slices, and the rows and columns between which anything is drawn (something is), with a margin."""
    _, _, *where = np.nonzero(classes_tsyx.any(axis=(0, 1), keepdims=True))
    rows, columns = (np.unique(each) for each in where)
    down, across = (slice(max(where[0] - MARGIN, 0), where[-1] + 1 + MARGIN) for where in (rows, columns))
    return slice(None), slice(None), down, across


def tidy(classes_tsyx: np.ndarray) -> np.ndarray:
    """Keep of each frame the largest connected heart and of it the largest part of each structure; fill the cavity.

    Parts with at most two pixels of a slice between them count as one heart, since walls of atria are background. The
    cavity connects parts of its wall: a long-axis view may show none at the apex. Wall in the cavity is cavity.

    Args:
        classes_tsyx: left as it is.
    """
    heart = largest_parts(scipy.ndimage.binary_dilation(classes_tsyx > 0, _BESIDE))
    kept = np.where(heart, classes_tsyx, 0)
    for name in np.unique(kept[kept > 0]):
        parts = kept == name
        joined = parts | (kept == LVBP) if name == LVMYO else parts
        kept[parts & ~largest_parts(joined)] = 0
    kept[_holes(kept == LVBP) & (kept == LVMYO)] = LVBP
    kept[_holes((kept == LVBP) | (kept == LVMYO)) & (kept == 0)] = LVBP
    return kept


def largest_parts(mask_tsyx: np.ndarray) -> np.ndarray:
    """The largest connected part of each frame, over slices too."""
    joined = np.zeros((3, 3, 3, 3), bool)
    joined[1] = True
    numbers, count = scipy.ndimage.label(mask_tsyx, structure=joined)
    result = np.zeros(mask_tsyx.shape, bool)
    if count:
        for frame, own in enumerate(numbers):
            sizes = np.bincount(own.ravel())
            sizes[0] = 0
            if len(sizes) > 1:
                result[frame] = own == sizes.argmax()
    return result


def _holes(mask_tsyx: np.ndarray) -> np.ndarray:
    """What a mask encloses within its plane."""
    flat = ~mask_tsyx.reshape(-1, *mask_tsyx.shape[2:])
    padded = np.pad(flat, ((0, 0), (1, 1), (1, 1)), constant_values=True)
    in_plane = np.zeros((3, 3, 3), bool)
    in_plane[1] = scipy.ndimage.generate_binary_structure(2, 1)
    numbers, _ = scipy.ndimage.label(padded, structure=in_plane)
    outside = np.unique(numbers[:, 0, 0])
    enclosed: np.ndarray = (padded & ~np.isin(numbers, outside))[:, 1:-1, 1:-1]
    return enclosed.reshape(mask_tsyx.shape)
