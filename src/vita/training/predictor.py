"""Stage III's learner for numbers and classes: losses that skip unknown targets, predictions in units, a head first."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vita.models.heads import Regressor, output_slices
from vita.training.batches import TrainingOrder, in_order, mixed_seed
from vita.training.data import Batch, Samples
from vita.training.device import device_of
from vita.training.learner import Learner
from vita.training.optimisation import learning_rate_factor
from vita.training.settings import Settings
from vita.training.task import Task, class_weights, in_units, odds_shifts

_FOCUS = 2.0  # exponent of the focal loss (Lin et al., 2017)
_PROBE = 4  # stream of random numbers
_PROBE_LR = 2e-3  # peak; the head is small and starts anew, so its rate does not depend on that of fine-tuning


class PredictionLearner(Learner):
    """Trains a predictor: images to raw outputs, whose columns `output_slices` assigns to targets.

    Args:
        model: `heads.Regressor` or `baselines.ResNet50`.
        settings: of the stage.
        task: targets with statistics.
        pretrained: part of the model that learns at `encoder_lr_scale`; None if everything starts from scratch.
    """

    def __init__(self, model: nn.Module, settings: Settings, task: Task, pretrained: nn.Module | None = None) -> None:
        super().__init__(model, settings)
        self.task, self.slices = task, output_slices(task.outputs)
        self._pretrained = [] if pretrained is None else [pretrained]  # a list: not registered a second time
        self.imbalance = settings.stage.imbalance
        shares = [statistics.shares for statistics in task.statistics]
        self.class_weights = [
            class_weights(share) if share and self.imbalance == "weights" else torch.ones(max(len(share), 1))
            for share in shares
        ]
        self.odds_shift = odds_shifts(task.statistics, self.imbalance)

    def parameter_groups(self) -> list[tuple[float, nn.Module]]:
        """A pretrained encoder has its own learning rate."""
        scale = self.settings.stage.encoder_lr_scale
        return [*((scale, module) for module in self._pretrained), (1.0, self.model)]

    def warm_start(self, train: Samples) -> None:
        """Train the head alone on the pretrained encoder's features, so that its first errors do not harm the encoder.

        Linear probing, then fine-tuning (Kumar et al., 2022). Features are computed once, so this costs one pass.
        """
        stage, training = self.settings.stage, self.settings.training
        epochs = stage.probe_epochs if self._pretrained else 0
        if not epochs:
            return
        assert isinstance(self.model, Regressor)  # only its encoder can be pretrained
        device = device_of(training)
        features, targets = _features(self.model.to(device), train, stage.batch, device)
        self._fit_head(self.model.head, features, targets, epochs)

    def _fit_head(self, head: nn.Module, features: Tensor, targets: Tensor, epochs: int) -> None:
        stage = self.settings.stage
        order = TrainingOrder(len(features), stage.batch, mixed_seed(self.settings.seed, _PROBE))
        optimizer = torch.optim.AdamW(head.parameters(), lr=_PROBE_LR, weight_decay=stage.weight_decay)
        rows = [batch for epoch in range(epochs) for batch in order.epoch(epoch)]
        for step, batch in enumerate(rows):
            optimizer.param_groups[0]["lr"] = _PROBE_LR * learning_rate_factor(step, order.steps, epochs, 1)
            optimizer.zero_grad()
            torch.autograd.backward(self.loss(head(features[batch]), targets[batch]))
            optimizer.step()

    def training_loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Mean over targets."""
        return self.loss(self.model(batch["images"]), batch["targets"])

    def validation_values(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Raw outputs and targets."""
        return {"raw": self.model(batch["images"]).float(), "targets": batch["targets"]}

    def summary(self, values: dict[str, Tensor]) -> dict[str, float]:
        """Loss, and the mean absolute error of numbers in standard deviations."""
        raw, targets = values["raw"], values["targets"]
        metrics = {"val_loss": self.loss(raw, targets).item()}
        errors = [
            (self._number(raw[:, self.slices[target.name]], i) - targets[:, i]).abs().nanmean()
            for i, target in enumerate(self.task.targets)
            if target.kind == "numerical"
        ]
        return metrics | ({"val_mae_std": torch.stack(errors).nanmean().item()} if errors else {})

    def loss(self, raw_bo: Tensor, targets_bt: Tensor) -> Tensor:
        """Mean over the targets with a known value in the batch; 0, with gradients, where none is known.

        Args:
            raw_bo: (batch, outputs) raw outputs.
            targets_bt: (batch, targets) as `Task.add_to` gives them.
        """
        losses = []
        for column, target in enumerate(self.task.targets):
            known = ~targets_bt[:, column].isnan()
            if bool(known.any()):
                raw = raw_bo[known, self.slices[target.name]].float()
                losses.append(self._loss(raw, targets_bt[known, column], column))
        return torch.stack(losses).mean() if losses else raw_bo.sum() * 0.0

    def _loss(self, raw: Tensor, truth: Tensor, column: int) -> Tensor:
        kind, weights = self.task.targets[column].kind, self.class_weights[column].to(raw.device)
        if kind == "numerical":
            return _number_loss(self._number(raw, column), truth, self.settings.stage.loss or "mse")
        logits = F.pad(raw, (1, 0)) if kind == "binary" else raw  # class 0 of a binary target has logit 0
        if self.imbalance == "focal":
            log_probability = logits.log_softmax(dim=1).gather(1, truth.long()[:, None])[:, 0]
            return -((1 - log_probability.exp()) ** _FOCUS * log_probability).mean()
        return F.cross_entropy(logits, truth.long(), weight=weights)

    def _number(self, raw_b1: Tensor, column: int) -> Tensor:
        """(batch,) standardised numbers; with `rectify`, none below 0 in the target's unit."""
        known = self.task.statistics[column]
        return raw_b1[:, 0].clamp(min=-known.mean / known.std) if self.settings.stage.rectify else raw_b1[:, 0]

    def predict(self, raw_bo: Tensor) -> list[Tensor]:
        """Numbers in their units, and probabilities; see `task.in_units`."""
        statistics, rectify = self.task.statistics, self.settings.stage.rectify
        return in_units(raw_bo, self.task.outputs, statistics, self.odds_shift, rectify)


def _number_loss(prediction: Tensor, truth: Tensor, kind: str) -> Tensor:
    if kind == "l1":
        return F.l1_loss(prediction, truth)
    return F.mse_loss(prediction, truth) if kind == "mse" else F.smooth_l1_loss(prediction, truth)


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
