"""A model with its losses, in the form that Lightning trains.

A step's randomness (order, masks, augmentation, dropout) is a function of seed and step, so that a resumed training
takes the same steps as an uninterrupted one.
"""

import math
from abc import abstractmethod

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from vita.training.augment import Augmentation
from vita.training.batches import mixed_seed
from vita.training.checkpoint import Progress
from vita.training.data import Batch, Samples
from vita.training.optimisation import learning_rate_factor, make_optimizer
from vita.training.settings import Settings

TRIVIAL = "trivial_loss"  # column of the history
_TRAIN, _VALIDATE = 1, 2  # streams of random numbers


class Learner(LightningModule):
    """A model with its losses; each stage implements three methods, and gives the loss of an answer without images.

    Args:
        model: the model to train and to write.
        settings: of the stage.
    """

    trivial_name = "loss of a constant answer"
    matrices_of: tuple[type[nn.Module], ...] = (nn.Linear,)  # parts whose weights Muon takes

    def __init__(self, model: nn.Module, settings: Settings) -> None:
        super().__init__()
        self.model, self.settings, self.progress = model, settings, Progress()
        self.steps_per_epoch = 1
        self.metrics: dict[str, float] = {}
        self.judged = math.inf  # of the last epoch; lower is better
        self._values: list[dict[str, Tensor]] = []
        stage = settings.stage
        changes = stage.rotation_degrees, stage.contrast, stage.flip, stage.autocontrast
        self.augmentation = Augmentation(*changes) if stage.augment else None

    @abstractmethod
    def training_loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The scalar loss of a batch; random numbers come from `generator`, which is on the CPU."""

    @abstractmethod
    def validation_values(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Tensors of a batch that `summary` needs, each with participants first."""

    @abstractmethod
    def summary(self, values: dict[str, Tensor]) -> dict[str, float]:
        """Metrics of the whole validation split, including `val_loss`."""

    def metric(self, values: dict[str, Tensor], metrics: dict[str, float]) -> float:
        """The value that selects the weights if `select` is metric, from the input and output of `summary`; lower
        is better.
        """
        return metrics["val_loss"]

    def trivial_loss(self, values: dict[str, Tensor]) -> float | None:
        """Validation loss of an answer that ignores the images; None unless a stage knows one."""
        return None

    def warm_start(self, train: Samples, validate: Samples) -> bool:
        """Called once, before the first step; does nothing unless a stage overrides it.

        Returns:
            Whether the model is already a candidate, so that training has to improve on it.
        """
        return False

    def parameter_groups(self) -> list[tuple[float, nn.Module]]:
        """Parts of the model, each with its factor on the learning rate."""
        return [(1.0, self.model)]

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Augment and compute the loss."""
        seed = mixed_seed(self.settings.seed, _TRAIN, self.progress.step, self.global_rank)
        torch.manual_seed(seed)  # for dropout
        generator = torch.Generator().manual_seed(seed)
        if self.augmentation is not None:
            images, masks = self.augmentation(batch["images"], batch.get("masks"), generator)
            batch = batch | {"images": images} | ({} if masks is None else {"masks": masks})
        return self.training_loss(batch, generator)

    def validation_step(self, batch: Batch, index: int) -> None:
        """Collect what the summary needs."""
        generator = torch.Generator().manual_seed(mixed_seed(self.settings.seed, _VALIDATE, index))
        self._values.append(self.validation_values(batch, generator))

    def on_validation_epoch_end(self) -> None:
        """Metrics over the whole split; every rank evaluates all of it and gets the same result."""
        values = {key: torch.cat([v[key] for v in self._values]) for key in self._values[0]}
        self.metrics = self.summary(values)
        by_metric = self.settings.stage.select == "metric"
        self.judged = self.metric(values, self.metrics) if by_metric else self.metrics["val_loss"]
        if (trivial := self.trivial_loss(values)) is not None:
            self.metrics[TRIVIAL] = trivial
        self.forget()

    def forget(self) -> None:
        """Drop what validation has collected."""
        self._values.clear()

    @property
    def epochs(self) -> int:
        """Passes over the training split: those that a budget of time has set, or the stage's."""
        return self.progress.epochs or self.settings.stage.epochs

    def learning_rate(self) -> float:
        """Learning rate of the next step."""
        stage = self.settings.stage
        constant = stage.schedule == "constant"
        # in a training without an end, the learning rate stays at its peak
        epochs = math.inf if constant else self.epochs
        factor = learning_rate_factor(self.progress.step, self.steps_per_epoch, epochs, stage.warmup_epochs)
        return stage.lr * factor

    def on_train_batch_start(self, batch: Batch, index: int) -> None:
        """Set the learning rate."""
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = self.learning_rate() * group["scale"]

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip by the norm of all gradients, which are unscaled here; Lightning refuses to clip for fused
        optimisers.
        """
        if gradient_clip_val:
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            torch.nn.utils.clip_grad_norm_(parameters, gradient_clip_val)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The stage's optimiser."""
        fused = self.settings.training.precision != "fp16"
        return make_optimizer(self.parameter_groups(), self.settings.stage, fused, self.matrices_of)


def learner_of(module: LightningModule) -> Learner:
    """Cast the module that Lightning passes to callbacks to this class, which Lightning's own types do not express."""
    assert isinstance(module, Learner)
    return module
