"""Stage III predictors of numbers and classes from images alone.

Every predictor (`Regressor`, `baselines.ResNet50`) maps images to one tensor of raw outputs, whose columns
`output_slices` assigns to the targets, so that one trainer works for all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from vita.models.image_encoder import ImageEncoder
from vita.models.settings import ModelSettings
from vita.runtime.errors import UserError

Pooling = Literal["mean", "flatten", "cls", "plane"]
Head = Literal["mlp", "ridge"]


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


def pooled_by_plane(tokens_bnd: Tensor, planes: int) -> Tensor:
    """Mean of the patch tokens of each plane: (batch, 1 + patches, width) to (batch, planes * width)."""
    patches = tokens_bnd[:, 1:]
    return patches.reshape(len(patches), planes, -1, patches.shape[2]).mean(dim=2).flatten(1)


class LinearHead(nn.Module):
    """Standardisation of the features and one linear map, whose weights a closed-form fit can supply.

    Args:
        inputs: features.
        outputs: raw outputs.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("std", torch.ones(inputs))
        self.linear = nn.Linear(inputs, outputs)

    def forward(self, features_bf: Tensor) -> Tensor:
        """Features (batch, inputs) to raw outputs (batch, outputs)."""
        outputs: Tensor = self.linear((features_bf - self.mean) / self.std)
        return outputs


class Regressor(nn.Module):
    """An image encoder, pooling of its tokens, and one head for all outputs.

    Args:
        settings: sizes.
        encoder: from scratch, from Stage I or from Stage II.
        outputs: targets of the task.
        pooling: "mean" over patch tokens, "flatten" all patch tokens, the class token ("cls"), or the concatenated
            means over the tokens of each "plane".
        head: "mlp" of two layers, or "ridge", a single linear layer for a closed-form fit.
    """

    def __init__(
        self,
        settings: ModelSettings,
        encoder: ImageEncoder,
        outputs: Sequence[Output],
        pooling: Pooling = "mean",
        head: Head = "mlp",
    ) -> None:
        super().__init__()
        if pooling not in get_args(Pooling):
            raise UserError(f"config: 'pooling' is '{pooling}'; choose one of {', '.join(get_args(Pooling))}")
        self.encoder, self.outputs, self.pooling, self.planes = encoder, tuple(outputs), pooling, settings.planes
        inputs = settings.width * {"flatten": settings.tokens, "plane": settings.planes}.get(pooling, 1)
        self.head: nn.Module
        if head == "ridge":
            self.head = LinearHead(inputs, total_width(outputs))
            return
        self.head = nn.Sequential(
            nn.Linear(inputs, settings.head_width),
            nn.GELU(),
            nn.Linear(settings.head_width, total_width(outputs)),
        )

    def forward(self, images_bsthw: Tensor) -> Tensor:
        """Images (batch, plane, time, height, width) to raw outputs (batch, `total_width`)."""
        outputs: Tensor = self.head(self.features(images_bsthw))
        return outputs

    def features(self, images_bsthw: Tensor) -> Tensor:
        """Pooled features (batch, inputs of the head), the input of the head."""
        return self._pool(self.encoder(images_bsthw))

    def _pool(self, tokens_bnd: Tensor) -> Tensor:
        if self.pooling == "cls":
            return tokens_bnd[:, 0]
        if self.pooling == "plane":
            return pooled_by_plane(tokens_bnd, self.planes)
        return tokens_bnd[:, 1:].mean(dim=1) if self.pooling == "mean" else tokens_bnd[:, 1:].flatten(1)
