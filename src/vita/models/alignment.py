"""Stage II: the tabular encoder, and a contrastive loss that aligns images and table rows in one embedding space."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vita.models.image_encoder import Block, ImageEncoder, initialise, run_block, token_parameter
from vita.models.settings import ModelSettings
from vita.models.tokens import tabular_positions
from vita.runtime.errors import UserError

_BINARY_CLASSES = 2


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


class TabularEncoder(nn.Module):
    """A linear map turns each number into a token, and a lookup each class; features are in the order of
    `encoded.parquet`.

    Args:
        settings: sizes (width, heads, tabular_depth).
        n_numerical: numerical features.
        n_binary: binary features.
        categories: number of classes of each categorical feature.
    """

    positions: Tensor
    first_row: Tensor
    classes: Tensor

    def __init__(self, settings: ModelSettings, n_numerical: int, n_binary: int, categories: list[int]) -> None:
        super().__init__()
        self.checkpointing = settings.checkpointing
        counts = [_BINARY_CLASSES] * n_binary + list(categories)
        sizes = torch.tensor(counts, dtype=torch.long)
        width = settings.width
        # One table for all lookups and one tensor for all linear maps: two operations instead of one per feature.
        self.lookup = nn.Embedding(sum(counts), width)
        self.scale = nn.Parameter(torch.empty(n_numerical, width).uniform_(-1, 1))
        self.shift = nn.Parameter(torch.empty(n_numerical, width).uniform_(-1, 1))
        self.class_token = token_parameter(width)
        self.blocks = nn.ModuleList(
            Block(width, settings.heads, settings.dropout) for _ in range(settings.tabular_depth)
        )
        self.norm = nn.LayerNorm(width)
        positions = tabular_positions(n_numerical + len(counts), width)
        self.register_buffer("positions", positions, persistent=False)
        self.register_buffer("classes", sizes, persistent=False)
        self.register_buffer("first_row", sizes.cumsum(0) - sizes, persistent=False)
        self.blocks.apply(initialise)

    def forward(self, numbers_bf: Tensor, classes_bf: Tensor) -> Tensor:
        """Encode rows of the table.

        Args:
            numbers_bf: (batch, numerical features), standardised.
            classes_bf: (batch, binary + categorical features) class indices from 0.

        Returns:
            (batch, 1 + features, width): the class token, then numerical, binary and categorical features.

        Raises:
            UserError: the number of features differs, or a class index is out of its feature's range.
        """
        self._check(numbers_bf, classes_bf)
        numbers = numbers_bf[..., None] * self.scale + self.shift
        classes = self.lookup(classes_bf.long() + self.first_row)
        class_token = self.class_token.expand(len(numbers), -1, -1)
        tokens = torch.cat([class_token, numbers, classes], dim=1) + self.positions
        for block in self.blocks:
            tokens = run_block(block, tokens, self.checkpointing)
        normed: Tensor = self.norm(tokens)
        return normed

    def _check(self, numbers_bf: Tensor, classes_bf: Tensor) -> None:
        given, expected = (numbers_bf.shape[1], classes_bf.shape[1]), (len(self.scale), len(self.classes))
        if given != expected:
            raise UserError(
                f"table of {given[0]} numerical and {given[1]} binary or categorical features, but the tabular encoder "
                f"was built for {expected[0]} and {expected[1]}; encode the table with the encoder of this model"
            )
        bad = ((classes_bf < 0) | (classes_bf >= self.classes)).any(dim=0)
        if bool(bad.any()):
            feature = int(bad.nonzero()[0])
            raise UserError(
                f"class feature {feature} (binary first, then categorical) has a class outside 0 to "
                f"{int(self.classes[feature]) - 1}; encode the table with the encoder of this model"
            )
