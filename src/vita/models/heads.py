"""Stage III predictors of numbers and classes, from images alone.

Every predictor (`Regressor`, `baselines.ResNet50`) maps images to one tensor of raw outputs, whose columns
`output_slices` assigns to the targets; so one trainer fits them all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from vita.models.image_encoder import ImageEncoder
from vita.models.settings import ModelSettings
from vita.runtime.errors import UserError

Pooling = Literal["mean", "flatten", "cls"]


@dataclass(frozen=True)
class Output:
    """A target.

    Attributes:
        name: as in targets.tsv.
        kind: numerical (one standardised number), binary (one logit) or categorical (a logit per class).
        classes: number of classes, for categorical targets.
    """

    name: str
    kind: Literal["numerical", "binary", "categorical"]
    classes: int = 1

    @property
    def width(self) -> int:
        """Number of raw output columns."""
        return self.classes if self.kind == "categorical" else 1


def output_slices(outputs: Sequence[Output]) -> dict[str, slice]:
    """Columns of each target in a predictor's raw outputs, by name, in the order given."""
    slices, start = {}, 0
    for output in outputs:
        slices[output.name] = slice(start, start + output.width)
        start += output.width
    return slices


def total_width(outputs: Sequence[Output]) -> int:
    """Number of raw output columns of all targets."""
    return sum(output.width for output in outputs)


class Regressor(nn.Module):
    """An image encoder, its tokens pooled, and a two-layer MLP to all outputs.

    Args:
        settings: sizes.
        encoder: from scratch, from Stage I or from Stage II.
        outputs: targets of the task.
        pooling: "mean" over patch tokens, "flatten" all patch tokens, or the class token ("cls").
    """

    def __init__(
        self,
        settings: ModelSettings,
        encoder: ImageEncoder,
        outputs: Sequence[Output],
        pooling: Pooling = "mean",
    ) -> None:
        super().__init__()
        if pooling not in ("mean", "flatten", "cls"):
            raise UserError(f"config: 'pooling' is '{pooling}'; choose mean, flatten or cls")
        self.encoder, self.outputs, self.pooling = encoder, tuple(outputs), pooling
        inputs = settings.width * (settings.tokens if pooling == "flatten" else 1)
        self.head = nn.Sequential(
            nn.Linear(inputs, settings.head_width),
            nn.GELU(),
            nn.Linear(settings.head_width, total_width(outputs)),
        )

    def forward(self, images_bsthw: Tensor) -> Tensor:
        """Images (batch, plane, time, height, width) to raw outputs (batch, `total_width`)."""
        return self.head(self._pool(self.encoder(images_bsthw)))

    def _pool(self, tokens_bnd: Tensor) -> Tensor:
        if self.pooling == "cls":
            return tokens_bnd[:, 0]
        return tokens_bnd[:, 1:].mean(dim=1) if self.pooling == "mean" else tokens_bnd[:, 1:].flatten(1)
