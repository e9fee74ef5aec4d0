"""The tabular encoder: one token per feature, then a transformer."""

import torch
from torch import Tensor, nn

from vita.models.blocks import Block, initialise, run_block, token_parameter
from vita.models.positions import tabular_positions
from vita.models.settings import ModelSettings
from vita.runtime.errors import UserError

_BINARY_CLASSES = 2


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
