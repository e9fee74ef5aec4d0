"""The head of a predictor, trained alone on features of its encoder."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vita.models.heads import Regressor
from vita.training.batches import TrainingOrder, in_order, mixed_seed
from vita.training.data import Samples
from vita.training.device import device_of
from vita.training.schedule import learning_rate_factor

if TYPE_CHECKING:
    from vita.training.prediction import PredictionLearner

_PROBE = 4  # stream of random numbers
_PEAK_LR = 2e-3  # the head is small and starts anew: its rate does not depend on that of fine-tuning


def train_head(learner: "PredictionLearner", train: Samples, epochs: int) -> None:
    """Train `learner.model.head`, in place, on the pooled tokens of the frozen encoder.

    Args:
        learner: its model is a `Regressor`.
        train: the training split.
        epochs: passes over it.
    """
    model, stage = learner.model, learner.settings.stage
    assert isinstance(model, Regressor)
    device = next(model.to(device_of(learner.settings.training)).parameters()).device
    features, targets = _features(model, train, stage.batch, device)
    order = TrainingOrder(len(train), stage.batch, mixed_seed(learner.settings.seed, _PROBE))
    optimizer = torch.optim.AdamW(model.head.parameters(), lr=_PEAK_LR, weight_decay=stage.weight_decay)
    rows = [batch for epoch in range(epochs) for batch in order.epoch(epoch)]
    for step, batch in enumerate(rows):
        optimizer.param_groups[0]["lr"] = _PEAK_LR * learning_rate_factor(step, order.steps, epochs, 1)
        optimizer.zero_grad()
        learner.loss(model.head(features[batch]), targets[batch]).backward()
        optimizer.step()


@torch.no_grad()
def _features(model: Regressor, train: Samples, batch: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """What reaches the head (participants, inputs of the head), and targets (participants, targets)."""
    features: list[Tensor] = []
    targets: list[Tensor] = []
    hook = model.head.register_forward_pre_hook(lambda head, inputs: features.append(inputs[0]))
    model.eval()
    for part in in_order(train, batch):
        model(part["images"].to(device))
        targets.append(part["targets"].to(device))
    model.train()
    hook.remove()
    return torch.cat(features), torch.cat(targets)
