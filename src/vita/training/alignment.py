"""Stage II's learner: it pulls the image and the table row of a participant together and pushes others apart."""

import json
import logging
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from vita.models.alignment import Alignment, clip_loss, retrieval_accuracy
from vita.models.tokens import kept_count, random_order
from vita.training.data import Batch
from vita.training.learner import Learner
from vita.training.session import Session
from vita.training.settings import Settings

log = logging.getLogger(__name__)


class AlignmentLearner(Learner):
    """Trains both encoders and projectors; images are masked in training but not in validation."""

    model: Alignment
    trivial_name = "chance level"

    def __init__(self, model: Alignment, settings: Settings, lr_scale: float = 1.0) -> None:
        super().__init__(model, settings)
        self.tokens = model.image_encoder.settings.tokens
        self.keep = kept_count(self.tokens, settings.stage.mask_ratio)
        self.lr_scale = lr_scale

    def parameter_groups(self) -> list[tuple[float, torch.nn.Module]]:
        """The pretrained encoder may have a lower learning rate."""
        return [(self.lr_scale, self.model.image_encoder), (1.0, self.model)]

    def training_loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Contrastive loss of the batch."""
        images = batch["images"]
        order = random_order(len(images), self.tokens, generator)
        image, table = self._project(images, batch["numbers"], batch["classes"], order)
        return self._loss(gathered(image), gathered(table))

    def _project(self, images: Tensor, numbers: Tensor, classes: Tensor, order: Tensor) -> tuple[Tensor, Tensor]:
        """Projections (batch, projection) of images and table rows, with gradient caching.

        Only the projections of a chunk are kept. The backward pass computes one chunk after the other again, with the
        same random numbers, so that memory holds the activations of one chunk while the loss still sees the whole
        batch.
        """
        chunk = self.settings.stage.chunk
        if not chunk or chunk >= len(images):
            return cast(tuple[Tensor, Tensor], self.model(images, numbers, classes, order, self.keep))
        parts = zip(*(torch.split(tensor, chunk) for tensor in (images, numbers, classes, order)), strict=True)
        pairs = [checkpoint(self.model, *part, self.keep, use_reentrant=False) for part in parts]
        image, table = zip(*pairs, strict=True)
        return torch.cat(image), torch.cat(table)

    def validation_values(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Projections."""
        image, table = self.model(batch["images"], batch["numbers"], batch["classes"])
        return {"image": image.float(), "table": table.float()}

    def summary(self, values: dict[str, Tensor]) -> dict[str, float]:
        """Loss over the whole split as one batch, and retrieval of each participant's own row among all rows of the
        split.
        """
        image, table = values["image"], values["table"]
        return {
            "val_loss": self._loss(image, table).item(),
            "top1": retrieval_accuracy(image, table, 1),
            "top5": retrieval_accuracy(image, table, 5),
        }

    def trivial_loss(self, values: dict[str, Tensor]) -> float:
        """Loss if all similarities are equal: the logarithm of the number of rows in the denominator."""
        rows = len(values["image"])
        return math.log(rows if self.settings.stage.denominator == "row" else rows - 1)

    def _loss(self, image: Tensor, table: Tensor) -> Tensor:
        stage = self.settings.stage
        return clip_loss(image.float(), table.float(), stage.tau, stage.lam, stage.denominator)


def start_table_side(session: Session, model: Alignment, folder: Path, features: Sequence[str]) -> list[str]:
    """Fill the tabular encoder and both projectors from a folder that has them for the same features.

    Imported weights do not name their features; for those, the number of features and of their classes must agree.

    Returns:
        Names of the parts that were filled.
    """
    config = folder / "config.json"
    theirs = json.loads(config.read_text(encoding="utf-8")).get("features") if config.is_file() else None
    if theirs is not None and list(theirs) != list(features):
        log.warning("%s: its tabular encoder was trained on other features; this one starts from scratch", folder)
        return []
    started = session.start_rest({"tabular_encoder": model.tabular_encoder}, folder)
    projectors = {"image_projector": model.image_projector, "table_projector": model.table_projector}
    return started + (session.start_rest(projectors, folder) if started else [])


class _Gather(torch.autograd.Function):
    """Gathers the rows of all processes; in the backward pass a process gets the sum of all gradients for its rows."""

    @staticmethod
    def forward(context: Any, rows: Tensor) -> Tensor:
        context.rows = len(rows)
        parts = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        first = dist.get_rank() * context.rows
        return total[first : first + context.rows]


def gathered(embeddings_bp: Tensor) -> Tensor:
    """The rows of all processes, in the order of the processes; with a single process, its own rows.

    If each process computes the loss of the whole batch and the gradients are averaged afterwards (as DDP does), the
    result is the gradient of the whole batch.

    Args:
        embeddings_bp: (batch, width), the same number of rows in every process.

    Returns:
        (processes * batch, width).
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return embeddings_bp
    gather: Callable[[Tensor], Tensor] = _Gather.apply
    return gather(embeddings_bp)
