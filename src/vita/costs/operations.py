"""Floating-point operations of the models, counted by PyTorch on tensors without contents; and their weights.

Counted are matrix products, attention and convolutions, of which nearly all work consists; a product of (a, b) and
(b, c) counts 2abc. Elementwise operations and the optimiser are not counted.
"""

import functools
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from vita.cohort.features import load_features
from vita.costs.trainings import Training
from vita.models.alignment import Alignment, pool
from vita.models.baselines import ResNet50
from vita.models.frame_decoder import DRAWN_FRAMES
from vita.models.heads import Output, Regressor
from vita.models.image_encoder import ImageEncoder
from vita.models.mae import MaskedAutoencoder
from vita.models.segmenter import Segmenter
from vita.models.settings import ModelSettings
from vita.models.tokens import kept_count

_BATCH = 2  # batch normalisation needs more than one
_COUNTED = ("mask_ratio", "chunk", "pooling", "head")  # keys of a stage that its operations depend on
Pass = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Operations:
    """What a model costs.

    Attributes:
        training_flop: forward and backward pass of a participant in training.
        validation_flop: forward pass of a participant in validation.
        parameters: numbers in its weights.
    """

    training_flop: float
    validation_flop: float
    parameters: int


def epoch_flop(training: Training, cost: Operations, sizes: dict[str, int]) -> float:
    """Operations of an epoch of a training.

    Args:
        training: of the run.
        cost: of a participant.
        sizes: from `split_sizes`.
    """
    train = sizes["train" if training.kind in ("stage1", "stage2") else "labelled"]
    return training.share * (train * cost.training_flop + sizes["val"] * cost.validation_flop)


def operations(training: Training, features: Path) -> Operations:
    """Count a model's operations.

    Args:
        training: what is trained.
        features: features.tsv, the rows that Stage II aligns images with.
    """
    stage = {key: training.stage[key] for key in _COUNTED if key in training.stage}
    return _counted(
        json.dumps(asdict(replace(training, step="", models=1, stage=stage, share=1.0)), sort_keys=True), features
    )


@functools.cache
def _counted(alike: str, features: Path) -> Operations:
    """Operations of a training, given as JSON: most trainings of a run are alike, and counting one takes seconds."""
    training = Training(**json.loads(alike))
    sizes = ModelSettings.from_dict(training.model)
    with torch.device("meta"):
        model, train, validate = _BUILDERS[training.kind](training, sizes, features)
        images = torch.rand(_BATCH, sizes.planes, sizes.frames, sizes.size, sizes.size)
        both = _count(lambda: torch.autograd.backward(train(images).sum()))
        # a chunk is computed again before its backward pass
        again = _count(lambda: train(images)) if training.kind == "stage2" and training.stage.get("chunk") else 0
        valid = _count(lambda: validate(images))
    return Operations(both + again, valid, sum(part.numel() for part in model.parameters()))


def _count(action: Callable[[], object]) -> float:
    """Operations of a participant."""
    with FlopCounterMode(display=False) as counter:
        action()
    each: float = counter.get_total_flops() / _BATCH
    return each


def _masked(training: Training, sizes: ModelSettings) -> tuple[Tensor, int]:
    """An order of the patches, and how many are seen."""
    order = torch.zeros(_BATCH, sizes.tokens, dtype=torch.long)
    return order, kept_count(sizes.tokens, training.stage["mask_ratio"])


def _stage1(training: Training, sizes: ModelSettings, features: Path) -> tuple[nn.Module, Pass, Pass]:
    model, (order, keep) = MaskedAutoencoder(sizes), _masked(training, sizes)

    def loss(images: Tensor) -> Tensor:
        found: Tensor = model(images, order, keep).loss
        return found

    return model, loss, loss


def _stage2(training: Training, sizes: ModelSettings, features: Path) -> tuple[nn.Module, Pass, Pass]:
    inputs = [feature for feature in load_features(features) if feature.role == "input"]
    counts = {kind: sum(each.kind == kind for each in inputs) for kind in ("numerical", "binary")}
    categories = [len(each.classes) for each in inputs if each.kind == "categorical"]
    model, (order, keep) = Alignment(sizes, counts["numerical"], counts["binary"], categories), _masked(training, sizes)

    def table() -> Tensor:
        tokens = torch.rand(_BATCH, 1 + len(inputs), sizes.width)  # lookups read values, which such tensors do not have
        for block in model.tabular_encoder.blocks:
            tokens = block(tokens)
        found: Tensor = model.table_projector(pool(tokens))
        return found

    def masked(images: Tensor) -> Tensor:
        return model.project_image(images, order, keep) @ table().T

    return model, masked, lambda images: model.project_image(images) @ table().T


def _predictor(training: Training, sizes: ModelSettings, features: Path) -> tuple[nn.Module, Pass, Pass]:
    outputs = [Output(str(number), "numerical") for number in range(training.outputs)]
    if training.kind == "resnet50":
        model: nn.Module = ResNet50(sizes, outputs)
    else:
        pooling, head = training.stage["pooling"], training.stage["head"]
        model = Regressor(sizes, ImageEncoder(sizes), outputs, pooling, head)
    return model, model, model


def _segmenter(training: Training, sizes: ModelSettings, features: Path) -> tuple[nn.Module, Pass, Pass]:
    model = Segmenter(sizes, ImageEncoder(sizes))
    if not sizes.segmenter_frames:
        return model, model, model
    drawn = torch.arange(min(DRAWN_FRAMES, sizes.frames))
    return model, lambda images: model(images, drawn), model


_BUILDERS = {
    "stage1": _stage1,
    "stage2": _stage2,
    "predictor": _predictor,
    "resnet50": _predictor,
    "segmenter": _segmenter,
}
