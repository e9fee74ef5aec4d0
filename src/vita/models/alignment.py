"""Stage II: a contrastive loss aligns images and table rows in one embedding space."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vita.models.image_encoder import ImageEncoder
from vita.models.settings import ModelSettings
from vita.models.tabular_encoder import TabularEncoder
from vita.runtime.errors import UserError


class Alignment(nn.Module):
    """Both encoders, each followed by mean pooling over its tokens (without the class token) and a projector.

    Args:
        settings: sizes.
        n_numerical: numerical features of the table.
        n_binary: binary features.
        categories: number of classes of each categorical feature.
        projector: "plain", two linear maps, or "batchnorm", two without biases that are each followed by batch
            normalisation.
        class_token: include the class token in the mean, as the published code does.
    """

    def __init__(
        self,
        settings: ModelSettings,
        n_numerical: int,
        n_binary: int,
        categories: list[int],
        projector: Literal["plain", "batchnorm"] = "plain",
        class_token: bool = False,
    ) -> None:
        super().__init__()
        self.first_token = 0 if class_token else 1
        self.image_encoder = ImageEncoder(settings)
        self.tabular_encoder = TabularEncoder(settings, n_numerical, n_binary, categories)
        make = _projector if projector == "plain" else _normalised_projector
        self.image_projector, self.table_projector = make(settings), make(settings)

    def project_image(self, images_bsthw: Tensor, order: Tensor | None = None, keep: int | None = None) -> Tensor:
        """Images (batch, plane, time, height, width), masked as in `ImageEncoder`, to (batch, projection)."""
        projected: Tensor = self.image_projector(self._pool(self.image_encoder(images_bsthw, order, keep)))
        return projected

    def project_table(self, numbers_bf: Tensor, classes_bf: Tensor) -> Tensor:
        """Rows (batch, numerical) and (batch, binary + categorical) to (batch, projection)."""
        projected: Tensor = self.table_projector(self._pool(self.tabular_encoder(numbers_bf, classes_bf)))
        return projected

    def _pool(self, tokens_bnd: Tensor) -> Tensor:
        return pool(tokens_bnd) if self.first_token else tokens_bnd.mean(dim=1)

    def forward(
        self,
        images_bsthw: Tensor,
        numbers_bf: Tensor,
        classes_bf: Tensor,
        order: Tensor | None = None,
        keep: int | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Projections of images and of table rows, (batch, projection) each, not normalised.

        Args:
            images_bsthw: (batch, plane, time, height, width) in [0, 1].
            numbers_bf: (batch, numerical features).
            classes_bf: (batch, binary + categorical features).
            order: (batch, patches) an order of the patches, for masking.
            keep: number of visible patches.
        """
        return self.project_image(images_bsthw, order, keep), self.project_table(numbers_bf, classes_bf)


def pool(tokens_bnd: Tensor) -> Tensor:
    """Mean over all tokens except the class token: (batch, 1 + n, width) to (batch, width)."""
    return tokens_bnd[:, 1:].mean(dim=1)


def _projector(settings: ModelSettings) -> nn.Sequential:
    width = settings.width
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, settings.projection))


def _normalised_projector(settings: ModelSettings) -> nn.Sequential:
    """The default layers of `lightly.models.modules.SimCLRProjectionHead`, which the published code uses."""
    width, out = settings.width, settings.projection
    first, second = nn.Linear(width, width, bias=False), nn.Linear(width, out, bias=False)
    return nn.Sequential(first, nn.BatchNorm1d(width), nn.ReLU(), second, nn.BatchNorm1d(out))


def clip_loss(
    image_bp: Tensor,
    table_bp: Tensor,
    tau: float,
    lam: float,
    denominator: Literal["row", "equation3"] = "row",
) -> Tensor:
    """Contrastive loss between the images and the table rows of the same participants.

    Args:
        image_bp: (batch, projection), normalised here.
        table_bp: (batch, projection), row k belongs to the same participant as image k.
        tau: temperature.
        lam: weight of image-to-table; table-to-image weighs 1 - lam.
        denominator: "row" keeps the positive pair in the denominator (published code), "equation3" leaves it out
            (the paper's equation 3 as printed).

    Returns:
        () mean over participants.

    Raises:
        UserError: the batch has a single participant (nothing to contrast with), or the denominator is unknown.
    """
    if len(image_bp) < 2:
        raise UserError("the contrastive loss needs at least 2 participants in a batch; raise 'stage2.batch'")
    # logits reach 1 / tau and need the full precision of float32
    with torch.autocast(image_bp.device.type, enabled=False):
        logits = F.normalize(image_bp.float(), dim=1) @ F.normalize(table_bp.float(), dim=1).T / tau  # (image, table)
    positive = logits.diagonal()
    if denominator == "equation3":
        logits = logits.masked_fill(torch.eye(len(logits), dtype=torch.bool, device=logits.device), float("-inf"))
    elif denominator != "row":
        raise UserError(f"config: 'stage2.denominator' is '{denominator}'; choose row or equation3")
    from_image = logits.logsumexp(dim=1) - positive
    from_table = logits.logsumexp(dim=0) - positive
    return (lam * from_image + (1 - lam) * from_table).mean()


def retrieval_accuracy(image_bp: Tensor, table_bp: Tensor, best: int) -> float:
    """Share of images whose own table row is among the `best` most similar rows."""
    similarity = F.normalize(image_bp, dim=1) @ F.normalize(table_bp, dim=1).T
    rank = (similarity > similarity.diagonal()[:, None]).sum(dim=1)
    return (rank < best).float().mean().item()
