"""Masks of a new scan: every frame and every slice, in the geometry of the scan's own files.

The run's segmenter takes a few frames, evenly from the cycle, of nine planes. Further frames come from the same ones
shifted along the cycle; further short-axis slices take the place of the nearest slice that the training would have
chosen. Models without a segmenter leave masks to the network that comes with the package (`draw_scan`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from vita.apply.reading import Scan
from vita.contouring.drawing import draw_view
from vita.contouring.network import Contours
from vita.images.crop import Crop, cut_mask, nearest_frames, place
from vita.images.header import ScanError
from vita.images.layout import FIRST_SA_PLANE, PLANE_OF_VIEW, SA_PLANES, STRUCTURES
from vita.images.shards import intensities
from vita.images.view import cut_planes
from vita.mask_classes import NOT_ANNOTATED
from vita.models.segmenter import Segmenter, largest_class
from vita.training.sections import frame_sets

BATCH = 8


@dataclass
class ViewMask:
    """Classes of a view in the convention's orientation.

    Attributes:
        cropped_tsyx: (frames kept, slices, size, size) as the model gives them.
        crop: where the crop lies in the image.
        spacing_mm: of the crop (slice, row, column).
    """

    cropped_tsyx: np.ndarray
    crop: Crop
    spacing_mm: tuple[float, float, float]

    def whole(self, frames: int) -> np.ndarray:
        """(frames, slices, rows, columns) on the image's own pixels and frames; 0 outside the crop."""
        nearest = nearest_frames(len(self.cropped_tsyx), frames)
        picks, inside = [], []
        for axis in (0, 1):
            at = np.rint((np.arange(self.crop.shape[axis]) - self.crop.first[axis]) / self.crop.step[axis]).astype(int)
            inside.append((at >= 0) & (at < self.crop.size))
            picks.append(at.clip(0, self.crop.size - 1))
        result = self.cropped_tsyx[nearest][..., picks[0], :][..., picks[1]]
        return np.asarray(result * (inside[0][:, None] & inside[1]))


def segment_scan(
    model: Segmenter, scan: Scan, annotated: Mapping[str, list[str]], device: torch.device
) -> dict[str, ViewMask]:
    """Masks of the views for which the training had any.

    Args:
        model: on the device, in evaluation mode.
        scan: as read.
        annotated: structures that the training's masks showed, by plane; other structures are not written.
        device: to compute on.
    """
    cines = {view: _all_slices(scan, view) for view in scan.images if _names(view, annotated)}
    found = {view: np.zeros(cine.shape, np.uint8) for view, (cine, _) in cines.items()}
    done = {view: np.zeros(cine.shape[:2], bool) for view, (cine, _) in cines.items()}
    for slots, frames, classes in _passes(model, scan, cines, device):
        for view, numbers in slots.items():
            first = PLANE_OF_VIEW.get(view, FIRST_SA_PLANE)
            for offset, number in enumerate(numbers):
                for place_in_time, frame in enumerate(frames):
                    if not done[view][number, frame]:
                        found[view][number, frame] = classes[first + offset, place_in_time]
                        done[view][number, frame] = True
    result = {}
    for view, (_, crop) in cines.items():
        known = [STRUCTURES[name] for name in _names(view, annotated)]
        classes_tsyx = np.where(np.isin(found[view], known), found[view], 0).swapaxes(0, 1)
        steps = scan.images[view].orientation.spacing_mm
        spacing = (steps[0], steps[1] * crop.step[0], steps[2] * crop.step[1])
        result[view] = ViewMask(classes_tsyx, crop, spacing)
    return result


def draw_scan(network: Contours, scan: Scan, adapted: bool = False) -> dict[str, ViewMask]:
    """Masks of the views in which a heart is seen; why others have none is added to the scan's notes.

    Args:
        network: the one that comes with the package, or what a run made of it.
        scan: as read.
        adapted: it went on learning on scans.
    """
    result = {}
    for view, image in scan.images.items():
        try:
            drawn = draw_view(network, image)
        except ScanError as error:
            scan.notes.append(f"{view}: no masks: {error}")
            continue
        if scan.settings.quality.broken("mask_score", drawn.scores.score):
            scan.notes.append(f"{view}: the masks drawn are not to be trusted (score {drawn.scores.score:.2f})")
            continue
        crop, steps = _crop(scan, view), image.orientation.spacing_mm
        kept = drawn.classes_tsyx[nearest_frames(len(drawn.classes_tsyx), scan.settings.frames)]
        cut = np.stack([cut_mask(kept[:, number], crop) for number in range(kept.shape[1])], axis=1)
        cut[cut == NOT_ANNOTATED] = 0
        result[view] = ViewMask(cut, crop, (steps[0], steps[1] * crop.step[0], steps[2] * crop.step[1]))
    if result:
        learnt = "synthetic images and scans of the models' cohort" if adapted else "synthetic images"
        scan.notes.append(f"masks are drawn by a network trained on {learnt}, since the models segment none")
    return result


def _crop(scan: Scan, view: str) -> Crop:
    orientation, settings = scan.images[view].orientation, scan.settings
    return place(orientation.shape[1:], orientation.spacing_mm[1:], settings.size, settings.resample_mm)


def _names(view: str, annotated: Mapping[str, list[str]]) -> list[str]:
    planes = ["sa_1", "sa_2", "sa_3", "sa_4", "sa_5", "sa_6"] if view == "sa" else [view.removeprefix("la_")]
    return sorted({name for plane in planes for name in annotated.get(plane, [])})


def _all_slices(scan: Scan, view: str) -> tuple[np.ndarray, Crop]:
    """All slices of a view (slice, frames kept, size, size) in [0, 1], and their crop."""
    image, crop = scan.images[view], _crop(scan, view)
    kept = cut_planes(image, list(range(image.orientation.shape[0])), crop, scan.settings.frames).images_sthw
    low, high = scan.range_of_view[view]
    values = intensities(kept, [low] * len(kept), [high] * len(kept))
    return values.clip(0, 1), crop


def slice_sets(chosen: list[int], slices: int) -> list[list[int]]:
    """Which slice is put on each short-axis plane in each pass; the first pass is the choice made in training.

    Every slice of the stack is in one of the sets, on the plane whose chosen slice is nearest.
    """
    others: list[list[int]] = [[] for _ in chosen]
    for number in sorted(set(range(slices)) - set(chosen)):
        others[min(range(len(chosen)), key=lambda slot: abs(chosen[slot] - number))].append(number)
    extra = max(map(len, others))
    return [chosen] + [
        [slot[turn] if turn < len(slot) else own for slot, own in zip(others, chosen, strict=True)]
        for turn in range(extra)
    ]


def _passes(
    model: Segmenter, scan: Scan, cines: Mapping[str, tuple[np.ndarray, Crop]], device: torch.device
) -> Iterator[tuple[dict[str, list[int]], list[int], np.ndarray]]:
    """Slices of each view, frames, and the classes (9, frames, size, size) that the model gives them."""
    chosen = scan.record.get("sa_slices", list(range(SA_PLANES)))
    stacks = slice_sets(chosen, len(cines["sa"][0])) if "sa" in cines else [chosen]
    every = frame_sets(scan.cine_sthw.shape[1], model.settings.frames, model.settings.sampling)
    jobs, inputs = [], []
    for turn, numbers in enumerate(stacks):
        cine = scan.cine_sthw
        if turn:
            cine = cine.copy()
            cine[FIRST_SA_PLANE:] = cines["sa"][0][numbers]
        slots = {view: (numbers if view == "sa" else [0]) for view in cines}
        for frames in every:
            jobs.append((slots, frames))
            inputs.append(cine[:, frames])
    with torch.inference_mode():
        for start in range(0, len(inputs), BATCH):
            batch = torch.from_numpy(np.stack(inputs[start : start + BATCH])).to(device)
            classes = largest_class(model(batch)).cpu().numpy()
            for (slots, frames), one in zip(jobs[start : start + BATCH], classes, strict=True):
                yield slots, frames, one
