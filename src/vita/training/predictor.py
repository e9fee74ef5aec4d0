"""Stage III's learner for numbers and classes: its losses skip unknown targets, and it can train the head first."""

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from vita.models.heads import LinearHead, Regressor, output_slices
from vita.training.batches import TrainingOrder, mixed_seed
from vita.training.data import Batch, Samples
from vita.training.device import device_of
from vita.training.frozen import mean_over_sections
from vita.training.head_start import start_head
from vita.training.learner import Learner
from vita.training.optimisation import learning_rate_factor
from vita.training.private import hold_gradients, nobody, private, summed
from vita.training.settings import Settings
from vita.training.task import Task, in_units, loss_weights, mean_weight, odds_shifts

_FOCUS = 2.0  # exponent of the focal loss (Lin et al., 2017)
_SMALLEST_SHARE = 1e-6  # of a class that no participant of the training split has
_PROBE = 4  # stream of random numbers
_PROBE_LR = 2e-3  # peak; the head is small and starts from scratch, so its rate does not depend on that of fine-tuning


class PredictionLearner(Learner):
    """Trains a predictor: images to raw outputs, whose columns `output_slices` assigns to targets.

    Args:
        model: `heads.Regressor` or `baselines.ResNet50`.
        settings: of the stage.
        task: targets with statistics.
        pretrained: part of the model that is trained with `encoder_lr_scale`; None if everything starts from scratch.
        numbers: through which a closed-form head may reach classes, by `eid`.
    """

    trivial_name = "mean guess"

    def __init__(
        self,
        model: nn.Module,
        settings: Settings,
        task: Task,
        pretrained: nn.Module | None = None,
        numbers: pd.DataFrame | None = None,
    ) -> None:
        super().__init__(model, settings)
        self._numbers = numbers
        self.task, self.slices = task, output_slices(task.outputs)
        # a list, so that it is not registered a second time
        self._pretrained = [] if pretrained is None else [pretrained]
        self.imbalance = settings.stage.imbalance
        shares = [statistics.shares for statistics in task.statistics]
        self.class_weights = [loss_weights(share, self.imbalance) for share in shares]
        self.mean_weights = [mean_weight(s or (1.0,), w) for s, w in zip(shares, self.class_weights, strict=True)]
        self.odds_shift = odds_shifts(task.statistics, self.imbalance)
        if settings.stage.dp:
            hold_gradients(model)

    def parameter_groups(self) -> list[tuple[float, nn.Module]]:
        """A pretrained encoder has a separate learning rate."""
        scale = self.settings.stage.encoder_lr_scale
        return [*((scale, module) for module in self._pretrained), (1.0, self.model)]

    def warm_start(self, train: Samples, validate: Samples) -> bool:
        """Fit only the head to the encoder's features first, so that its initial errors do not harm the encoder.

        Linear probing, then fine-tuning (Kumar et al., 2022). Features are computed only once, so this costs one pass.
        """
        stage, training = self.settings.stage, self.settings.training
        if not isinstance(self.model, Regressor):
            return False
        device = device_of(training)
        if isinstance(self.model.head, LinearHead):
            model, numbers = self.model.to(device), self._numbers
            start_head(model, self.task, self.odds_shift, train, validate, stage.batch, numbers)
            return True
        if self._pretrained and stage.probe_epochs:
            model = self.model.to(device).eval()
            features = mean_over_sections(model.features, model, train, stage.batch).to(device)
            self._fit_head(model.train().head, features, train.extra["targets"].to(device), stage.probe_epochs)
        return False

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

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """As every stage; with differential privacy, a batch may be empty."""
        if self.settings.stage.dp and not len(batch["images"]):
            return nobody(self.model)
        return super().training_step(batch, index)

    def training_loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Mean over targets; with differential privacy, of each participant separately."""
        raw, stage = self.model(batch["images"]), self.settings.stage
        return summed(raw, batch["targets"], self.loss, stage.batch) if stage.dp else self.loss(raw, batch["targets"])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The stage's optimiser, with differential privacy if it is asked for."""
        optimizer, stage = super().configure_optimizers(), self.settings.stage
        return private(optimizer, stage.dp, stage.batch) if stage.dp else optimizer

    def validation_values(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """The raw outputs and the targets."""
        return {"raw": self.model(batch["images"]).float(), "targets": batch["targets"]}

    def summary(self, values: dict[str, Tensor]) -> dict[str, float]:
        """The loss, and the mean absolute error of numbers in standard deviations."""
        raw, targets = values["raw"], values["targets"]
        metrics = {"val_loss": self.loss(raw, targets).item()}
        errors = [
            (self._number(raw[:, self.slices[target.name]], i) - targets[:, i]).abs().nanmean()
            for i, target in enumerate(self.task.targets)
            if target.kind == "numerical"
        ]
        return metrics | ({"val_mae_std": torch.stack(errors).nanmean().item()} if errors else {})

    def metric(self, values: dict[str, Tensor], metrics: dict[str, float]) -> float:
        """For numbers the mean absolute error; for classes the mean AUC, with several classes averaged over one
        against the rest.
        """
        if "val_mae_std" in metrics:
            return metrics["val_mae_std"]
        areas = [self._auc(values["raw"], values["targets"][:, i], i) for i in range(len(self.task.targets))]
        known = [area for area in areas if area is not None]
        return -sum(known) / len(known) if known else metrics["val_loss"]

    def _auc(self, raw: Tensor, truth: Tensor, column: int) -> float | None:
        """AUC of a class target among participants with a known class; None if they all have the same one."""
        known = ~truth.isnan()
        labels = truth[known].long().numpy(force=True)
        if len(set(labels.tolist())) < 2:
            return None
        scores = raw[known, self.slices[self.task.targets[column].name]].numpy(force=True)
        # a binary target has a single raw output, which gives the ranking
        each = [(labels == place, scores[:, place]) for place in range(scores.shape[1])]
        each = each if scores.shape[1] > 1 else [(labels == 1, scores[:, 0])]
        return float(np.mean([roc_auc_score(*pair) for pair in each if pair[0].any()]))

    def trivial_loss(self, values: dict[str, Tensor]) -> float:
        """Loss of the mean guess: the training mean of each number and the training shares of each class."""
        guess = torch.cat([self._guess(column) for column in range(len(self.task.targets))])
        return self.loss(guess.to(values["targets"]).expand(len(values["targets"]), -1), values["targets"]).item()

    def _guess(self, column: int) -> Tensor:
        """(width,) raw outputs for a target that ignore the image."""
        shares = self.task.statistics[column].shares
        if not shares:
            return torch.zeros(1)
        logits = torch.tensor(shares).clamp(min=_SMALLEST_SHARE).log() + self.class_weights[column].log()
        return logits.diff() if self.task.targets[column].kind == "binary" else logits

    def loss(self, raw_bo: Tensor, targets_bt: Tensor) -> Tensor:
        """Mean over the targets with a known value in the batch; 0, with gradients, if none is known.

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
        if self.imbalance in ("weights", "double"):
            total = F.cross_entropy(logits, truth.long(), weight=weights, reduction="sum")
            return total / (len(truth) * self.mean_weights[column])
        return F.cross_entropy(logits, truth.long())

    def _number(self, raw_b1: Tensor, column: int) -> Tensor:
        """(batch,) standardised numbers; with `rectify`, none is below 0 in the target's unit."""
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
