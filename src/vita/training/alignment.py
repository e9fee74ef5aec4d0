"""Stage II's learner: images and table rows of the same participant close together, others apart."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from vita.models.alignment import Alignment, clip_loss, retrieval_accuracy
from vita.models.masking import kept_count, random_order
from vita.runtime.errors import UserError
from vita.tabular.encoder import Encoder
from vita.training.data import Batch, Samples
from vita.training.learner import Learner
from vita.training.settings import Settings


class AlignmentLearner(Learner):
    """Trains both encoders and projectors; images are masked in training and whole in validation."""

    model: Alignment

    def __init__(self, model: Alignment, settings: Settings, lr_scale: float = 1.0) -> None:
        super().__init__(model, settings)
        self.tokens = model.image_encoder.settings.tokens
        self.keep = kept_count(self.tokens, settings.stage.mask_ratio)
        self.lr_scale = lr_scale

    def parameter_groups(self) -> list[tuple[float, torch.nn.Module]]:
        """The pretrained encoder may learn slower."""
        return [(self.lr_scale, self.model.image_encoder), (1.0, self.model)]

    def training_loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Contrastive loss of the batch."""
        images = batch["images"]
        order = random_order(len(images), self.tokens, generator)
        image, table = self._project(images, batch["numbers"], batch["classes"], order)
        return self._loss(gathered(image), gathered(table))

    def _project(self, images: Tensor, numbers: Tensor, classes: Tensor, order: Tensor) -> tuple[Tensor, Tensor]:
        """Projections (batch, projection) of images and table rows, with gradient caching.

        Only the projections outlive a chunk. In the backward pass each chunk is computed again, with the same random
        numbers, before the next: activations of one chunk are in memory, and the loss still sees the whole batch.
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
        """Loss over the whole split as one batch, and retrieval of the own row among all of the split."""
        image, table = values["image"], values["table"]
        return {
            "val_loss": self._loss(image, table).item(),
            "top1": retrieval_accuracy(image, table, 1),
            "top5": retrieval_accuracy(image, table, 5),
        }

    def _loss(self, image: Tensor, table: Tensor) -> Tensor:
        stage = self.settings.stage
        return clip_loss(image.float(), table.float(), stage.tau, stage.lam, stage.denominator)


def add_table(samples: Samples, encoded: Path, encoder: Encoder) -> None:
    """Give the batches `numbers` and `classes` of each participant's table row.

    Raises:
        UserError: there is no table, or a feature or a participant is missing from it.
    """
    if not encoded.is_file():
        raise UserError(f"no encoded table {encoded}; run the rule that encodes the table first")
    table = pd.read_parquet(encoded).set_index("eid")
    names = {feature.name: feature.kind == "numerical" for feature in encoder.features}
    if missing := [name for name in names if name not in table.columns]:
        raise UserError(f"{encoded} has no column '{missing[0]}', which encoder.json lists; encode the table again")
    absent = int((~pd.Index(samples.eids).isin(table.index)).sum())
    if absent:
        raise UserError(
            f"{encoded} has no row for {absent} of the {len(samples)} participants of the split; encode the table again"
        )
    rows = table.loc[samples.eids]
    numbers = rows[[name for name, numerical in names.items() if numerical]].to_numpy(np.float32, copy=True)
    classes = rows[[name for name, numerical in names.items() if not numerical]].to_numpy(np.int64, copy=True)
    samples.add("numbers", torch.from_numpy(numbers))
    samples.add("classes", torch.from_numpy(classes))


class _Gather(torch.autograd.Function):
    """Rows of all processes; backward, a process gets the sum of all processes' gradients for its rows."""

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
    """Rows of all processes, one process after the other; the rows themselves in a single process.

    Where each process computes the loss of the whole batch and gradients are averaged afterwards (as DDP does), the
    result is the gradient of the whole batch.

    Args:
        embeddings_bp: (batch, width), as many rows in every process.

    Returns:
        (processes * batch, width).
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return embeddings_bp
    gather: Callable[[Tensor], Tensor] = _Gather.apply
    return gather(embeddings_bp)
