"""Stage III's learner for segmentation, its masks and the areas they give."""

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vita.images.layout import PLANES, STRUCTURES
from vita.mask_classes import NOT_ANNOTATED
from vita.models.segmentation_loss import Loss, segmentation_loss
from vita.models.segmenter import Segmenter
from vita.training.batches import in_order
from vita.training.data import Batch, Samples
from vita.training.learner import Learner
from vita.training.settings import Settings


class SegmentationLearner(Learner):
    """Trains a segmenter on what is annotated, by Dice with cross-entropy or by Dice alone."""

    model: Segmenter

    def __init__(self, model: Segmenter, settings: Settings, pretrained: bool) -> None:
        super().__init__(model, settings)
        self.pretrained = pretrained
        self.loss: Loss = "dice" if settings.stage.loss == "dice" else "dice_ce"

    def parameter_groups(self) -> list[tuple[float, torch.nn.Module]]:
        """A pretrained encoder has its own learning rate."""
        scale = self.settings.stage.encoder_lr_scale if self.pretrained else 1.0
        return [(scale, self.model.encoder), (1.0, self.model)]

    def training_loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Loss over all planes."""
        return segmentation_loss(self.model(batch["images"]), batch["masks"], self.loss)

    def validation_values(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Loss of the batch, and pixel counts of each participant and structure."""
        masks = batch["masks"]
        logits = self.model(batch["images"])
        loss = segmentation_loss(logits, masks, self.loss)
        classes = logits.argmax(dim=1).to(masks.dtype).where(masks != NOT_ANNOTATED, NOT_ANNOTATED)
        counts = torch.stack([_counts(classes, masks, number) for number in STRUCTURES.values()], dim=1)
        return {"loss": loss.expand(len(masks)), "counts": counts}

    def summary(self, values: dict[str, Tensor]) -> dict[str, float]:
        """Loss, and Dice of each structure over the whole split."""
        both, predicted, truth = values["counts"].sum(dim=0).unbind(dim=1)
        dice = 2 * both / (predicted + truth)
        named = {f"dice_{name}": dice[i].item() for i, name in enumerate(STRUCTURES) if truth[i] + predicted[i] > 0}
        return {"val_loss": values["loss"].mean().item(), **named}


def _counts(first: Tensor, second: Tensor, number: int) -> Tensor:
    """(batch, 3) pixels of a class in both, in the first and in the second."""
    a, b = (first == number).flatten(1), (second == number).flatten(1)
    return torch.stack([(a & b).sum(dim=1), a.sum(dim=1), b.sum(dim=1)], dim=1).double()


@torch.inference_mode()
def segment(learner: SegmentationLearner, samples: Samples, device: torch.device) -> dict[str, np.ndarray]:
    """Masks of all participants, in their order.

    Returns:
        `eid` (n,), `truth` and `prediction` uint8 (n, plane, time, height, width), truth 255 where not annotated, and
        `spacing_mm` (n, plane, 2) of rows and columns.
    """
    model = learner.model.to(device).eval()
    truth, prediction = [], []
    for batch in in_order(samples, learner.settings.stage.batch, learner.settings.training.workers):
        prediction.append(model(batch["images"].to(device)).argmax(dim=1).to(torch.uint8).cpu())
        truth.append(batch["masks"])
    spacing = np.stack([full_spacing_mm(samples.reader.spacing_mm(int(eid))) for eid in samples.eids])
    return {
        "eid": samples.eids,
        "truth": torch.cat(truth).numpy(),
        "prediction": torch.cat(prediction).numpy(),
        "spacing_mm": spacing,
    }


def full_spacing_mm(spacing_p2: np.ndarray) -> np.ndarray:
    """Spacing with that of the other planes where a plane is missing (its masks are empty, nothing is measured)."""
    there = (spacing_p2 > 0).all(axis=1)
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
