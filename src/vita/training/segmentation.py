"""Stage III's learner for segmentation, the masks that it makes, and the areas measured on them."""

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vita.images.layout import PLANES, SA_PLANES, STRUCTURES
from vita.mask_classes import NOT_ANNOTATED
from vita.models.frame_decoder import DRAWN_FRAMES
from vita.models.segmenter import Loss, Segmenter, largest_class, segmentation_loss
from vita.training.augment import Intensities
from vita.training.batches import in_order
from vita.training.data import Batch, Samples
from vita.training.learner import Learner
from vita.training.optimisation import CONVOLUTIONS
from vita.training.sections import frame_sets
from vita.training.settings import Settings

_PASSES = 8  # of one heart, computed at once


class SegmentationLearner(Learner):
    """Trains a segmenter on annotated voxels, with Dice and cross-entropy or with Dice alone."""

    model: Segmenter
    # the encoder's linear maps would take Muon as long as the rest of a step on one heart
    matrices_of = CONVOLUTIONS

    def __init__(self, model: Segmenter, settings: Settings, pretrained: bool) -> None:
        super().__init__(model, settings)
        self.pretrained = pretrained
        self.loss: Loss = "dice" if settings.stage.loss == "dice" else "dice_ce"
        self.intensities = Intensities()

    def parameter_groups(self) -> list[tuple[float, torch.nn.Module]]:
        """A pretrained encoder has a separate learning rate."""
        scale = self.settings.stage.encoder_lr_scale if self.pretrained else 1.0
        return [(scale, self.model.encoder), (1.0, self.model)]

    def training_loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Loss over all planes of the frames drawn, on images with slightly changed brightness."""
        images, masks = self.intensities(batch["images"], generator), batch["masks"]
        frames = self._frames(images.shape[2], generator)
        if frames is not None:
            frames = frames.to(images.device)
            masks = masks[:, :, frames]
        return segmentation_loss(self.model(images, frames), masks, self.loss)

    def _frames(self, available: int, generator: torch.Generator) -> Tensor | None:
        """Places of a few random frames in order; None, for all, with the published decoder, which draws them
        together.
        """
        if not self.settings.model["segmenter_frames"]:
            return None
        drawn, _ = torch.randperm(available, generator=generator)[:DRAWN_FRAMES].sort()
        return drawn

    def validation_values(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """The loss of the batch, and the pixel counts of each participant and structure."""
        masks = batch["masks"]
        logits = self.model(batch["images"])
        loss = segmentation_loss(logits, masks, self.loss)
        classes = largest_class(logits).where(masks != NOT_ANNOTATED, NOT_ANNOTATED)
        counts = torch.stack([_counts(classes, masks, number) for number in STRUCTURES.values()], dim=1)
        return {"loss": loss.expand(len(masks)), "counts": counts}

    def summary(self, values: dict[str, Tensor]) -> dict[str, float]:
        """The loss, and the Dice of each structure over the whole split."""
        both, predicted, truth = values["counts"].sum(dim=0).unbind(dim=1)
        dice = 2 * both / (predicted + truth)
        named = {f"dice_{name}": dice[i].item() for i, name in enumerate(STRUCTURES) if truth[i] + predicted[i] > 0}
        return {"val_loss": values["loss"].mean().item(), **named}

    def metric(self, values: dict[str, Tensor], metrics: dict[str, float]) -> float:
        """The mean Dice of structures."""
        found = [value for name, value in metrics.items() if name.startswith("dice_")]
        return -sum(found) / len(found) if found else metrics["val_loss"]


def _counts(first: Tensor, second: Tensor, number: int) -> Tensor:
    """(batch, 3) numbers of pixels of a class in both masks, in the first and in the second."""
    a, b = (first == number).flatten(1), (second == number).flatten(1)
    return torch.stack([(a & b).sum(dim=1), a.sum(dim=1), b.sum(dim=1)], dim=1).double()


@torch.inference_mode()
def segment(learner: SegmentationLearner, samples: Samples, device: torch.device) -> dict[str, np.ndarray]:
    """Masks of all participants, in order, on every frame of `samples`; planes that the model does not see stay empty.

    For whole cycles, further masks show whether a model looks at the image or only counts frames: those of a cycle that
    starts at end-systole, and of still hearts at end-diastole and at end-systole. The model's own masks define both
    phases, by the largest and the smallest cavity.

    Returns:
        `eid` (n,), `truth` and `prediction` uint8 (n, 9, time, height, width), truth 255 where not annotated;
        `spacing_mm` (n, 9, 2) of rows and columns; `trained` (frames,) the frames that an unshifted pass takes.
        For whole cycles also `es_frames` (n, frames) and `es_prediction` (n, 9, frames, height, width) of the cycle
        from end-systole; `still_prediction` (n, 2, 9, frames, height, width) of still hearts, end-diastole first.
    """
    model = learner.model.to(device).eval()
    passes = frame_sets(len(samples.frames), model.settings.frames, model.settings.sampling)
    found: dict[str, np.ndarray] = {}
    for row, batch in enumerate(in_order(samples, 1, learner.settings.training.workers)):
        images = batch["images"].to(device)
        masks = cycle_masks(model, images, passes)
        parts = {"truth": _nine(batch["masks"][0].numpy(), samples.planes, NOT_ANNOTATED)}
        parts["prediction"] = _nine(masks, samples.planes, 0)
        if samples.choice == "whole":
            parts |= _probes(model, images, masks, passes[0], samples.planes)
        for name, value in parts.items():
            # made at once for everybody: small arrays kept between the network's large tensors fragment the memory
            if name not in found:
                found[name] = np.empty((len(samples), *value.shape), value.dtype)
            found[name][row] = value
    spacing = np.stack([full_spacing_mm(samples.reader.spacing_mm(int(eid))) for eid in samples.eids])
    fixed = {"eid": samples.eids, "spacing_mm": spacing, "trained": np.array(passes[0])}
    return fixed | found


def _probes(
    model: Segmenter, images_1sthw: Tensor, masks_sthw: np.ndarray, even: list[int], planes: slice
) -> dict[str, np.ndarray]:
    """For one participant: masks of the cycle from end-systole on, and of the still heart in both phases."""
    ed, es = extreme_frames(masks_sthw)
    from_es = [(frame + es) % masks_sthw.shape[1] for frame in even]
    classes = _classes(model, images_1sthw, [from_es, [ed] * len(even), [es] * len(even)])
    shifted, *still = (_nine(one, planes, 0) for one in classes)
    return {"es_frames": np.array(from_es), "es_prediction": shifted, "still_prediction": np.stack(still)}


def cycle_masks(model: Segmenter, images_1sthw: Tensor, passes: list[list[int]]) -> np.ndarray:
    """Classes uint8 (plane, time, height, width) of every frame of a cycle, each taken from the first pass that has
    it.
    """
    classes = _classes(model, images_1sthw, passes)
    found = np.zeros(images_1sthw.shape[1:], np.uint8)
    for frames, one in reversed(list(zip(passes, classes, strict=True))):
        found[:, frames] = one
    return found


def extreme_frames(masks_sthw: np.ndarray) -> tuple[int, int]:
    """Frames with the largest and the smallest LV cavity or, without a cavity, area of all structures together.

    The cavity is measured on the short axis if it is drawn there, and otherwise on all planes.
    """
    short = masks_sthw[-SA_PLANES:] if len(masks_sthw) >= SA_PLANES else masks_sthw
    for shown in (short == STRUCTURES["LVBP"], masks_sthw > 0):
        pixels = shown.sum(axis=(0, 2, 3))
        if pixels.any():
            return int(pixels.argmax()), int(np.where(pixels > 0, pixels, pixels.max() + 1).argmin())
    return 0, 0


def _classes(model: Segmenter, images_1sthw: Tensor, passes: list[list[int]]) -> np.ndarray:
    """(passes, plane, frames, height, width) uint8."""
    batches = (
        torch.cat([images_1sthw[:, :, frames] for frames in passes[at : at + _PASSES]])
        for at in range(0, len(passes), _PASSES)
    )
    return np.concatenate([largest_class(model(batch)).cpu().numpy() for batch in batches])


def _nine(own_sthw: np.ndarray, planes: slice, empty: int) -> np.ndarray:
    """Put the planes of a model among the nine of the heart."""
    whole = np.full((len(PLANES), *own_sthw.shape[1:]), empty, np.uint8)
    whole[planes] = own_sthw
    return whole


def full_spacing_mm(spacing_p2: np.ndarray) -> np.ndarray:
    """Spacing, where a missing plane gets that of the other planes (its masks are empty, so nothing is measured)."""
    there = np.all(spacing_p2 > 0, axis=1)
    return np.where(there[:, None], spacing_p2, spacing_p2[there].mean(axis=0))


def area_table(masks: dict[str, np.ndarray], split: pd.Series, frames: list[int]) -> pd.DataFrame:
    """Areas in mm2 on every annotated plane and frame.

    Returns:
        Columns eid, split, target (structure), plane, frame (of the cycle), truth, prediction.
    """
    area_mm2 = masks["spacing_mm"].prod(axis=2)[..., None]  # (n, plane, 1)
    annotated = (masks["truth"] != NOT_ANNOTATED).any(axis=(3, 4))  # (n, plane, time)
    row, plane, time = np.nonzero(annotated)
    parts = []
    for name, number in STRUCTURES.items():
        part: dict[str, Any] = {"eid": masks["eid"][row], "split": split.loc[masks["eid"][row]].to_numpy()}
        part |= {"target": name, "plane": np.array(PLANES)[plane], "frame": np.array(frames)[time]}
        known = masks["truth"] != NOT_ANNOTATED
        for column in ("truth", "prediction"):
            areas = ((masks[column] == number) & known).sum(axis=(3, 4)) * area_mm2
            part[column] = areas[row, plane, time]
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)
