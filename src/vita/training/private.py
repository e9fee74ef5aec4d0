"""Differential privacy in Stage III: DP-SGD (Abadi et al., 2016) with opacus.

Each step takes every participant with the same probability, independently of the others (Poisson sampling). The
gradient of each is clipped, and Gaussian noise is added to their sum, so the loss of a participant may not depend on
others in the batch. Sampling and noise are drawn from a secret that is not kept: whoever knows the seed, which the
configuration tells, could otherwise subtract the noise. Two such trainings differ, and so does one that was resumed,
whose remaining steps are as private as those before.
"""

import importlib.util
import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from vita.runtime.errors import UserError
from vita.training.batches import TrainingOrder
from vita.training.settings import StageSettings, TrainingSettings

INSTALL = "install it with pip install 'vita[privacy]'"
# settings that exclude differential privacy: the values, what to set them to, and why
_OF_STAGE: Mapping[str, tuple[tuple[Any, ...], str, str]] = {
    "head": (("ridge",), "mlp", "whose closed-form fit has no noise"),
    "optimizer": (("muon",), "adamw", "which enlarges the noise to the size of the gradient in every direction"),
    "imbalance": (("sampling",), "weights", "which takes some participants more often than others"),
}
_OF_MACHINE: Mapping[str, tuple[tuple[Any, ...], str, str]] = {
    "precision": (("bf16", "fp16"), '"32"', "in which the gradients of participants are too coarse to be clipped"),
    "compile": ((True,), "false", "which leaves no gradients of participants"),
}
NOT_RESNET = (
    "resnet50 has batch norm, which mixes the participants of a batch; set 'systems.resnet50.stage.dp' to null, or "
    "take the system out"
)
NOT_SEGMENTATION = (
    "segmentation cannot be trained with it, since its loss weighs the voxels of a whole batch; set "
    "'stage3.tasks.segmentation.dp' to null"
)


def conflicts(stage: Mapping[str, Any], training: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Settings that cannot be combined with `dp`: the key of each, and the rest of a sentence about it.

    Args:
        stage: settings of a training of Stage III.
        training: the block `training`.
    """
    if not stage.get("dp"):
        return
    for block, values, title in ((_OF_STAGE, stage, ""), (_OF_MACHINE, training, "training.")):
        for key, (excluded, wanted, reason) in block.items():
            if values.get(key) in excluded:
                yield title + key, f"is {str(values[key]).lower()}, {reason}; set it to {wanted}"
    if stage.get("probe_epochs"):
        yield "probe_epochs", f"is {stage['probe_epochs']}, which fits the head without noise; set it to 0"
    if training.get("nodes", 1) > 1:
        yield "training.nodes", f"is {training['nodes']}, and noise is drawn in one process; set it to 1"


def check_private(stage: StageSettings, training: TrainingSettings) -> None:
    """Check that the settings of a training allow differential privacy, if it is asked for.

    Raises:
        UserError: a setting excludes it, several devices share the training, or opacus is missing.
    """
    if not stage.dp:
        return
    for key, words in conflicts(vars(stage), vars(training)):
        name = key if key.startswith("training.") else f"stage3.defaults.{key}"
        raise UserError(f"config: 'stage3.defaults.dp' is set, but '{name}' {words}, or set dp to null")
    if training.devices > 1:
        raise UserError(
            "config: 'stage3.defaults.dp' is set, but 'resources.rules.train_stage3.gpus' is "
            f"{training.devices}, and noise is drawn in one process; set it to 1, or set dp to null"
        )
    if not available():
        raise UserError(f"config: 'stage3.defaults.dp' needs opacus, which is missing; {INSTALL}, or set dp to null")


def available() -> bool:
    """Whether opacus is installed."""
    return importlib.util.find_spec("opacus") is not None


class PoissonOrder(TrainingOrder):
    """Batches that include each participant independently with the same probability; some may be empty.

    Unlike those of `TrainingOrder`, they are drawn from a secret seed. A resumed epoch draws its remaining batches
    anew.
    """

    def __init__(self, participants: int, batch: int, key: str = "batch") -> None:
        super().__init__(participants, batch, secrets.randbits(63), None, key)
        self.rate = batch / participants
        self._generator = torch.Generator().manual_seed(self.seed)

    def epoch(self, epoch: int) -> list[list[int]]:
        """Rows of each batch."""
        drawn = torch.rand(self.steps, self.participants, generator=self._generator, dtype=torch.float64) < self.rate
        return [row.nonzero()[:, 0].tolist() for row in drawn]


def hold_gradients(model: nn.Module) -> None:
    """Have the model keep the gradient of each participant from now on.

    Parameters outside linear maps and norms (the class token) stay as they are, since their gradients would not be
    separate.
    """
    from opacus.grad_sample import GradSampleHooks

    for module in model.modules():
        if not isinstance(module, nn.Linear | nn.LayerNorm):
            for parameter in module.parameters(recurse=False):
                parameter.requires_grad_(False)
    # the buffers of these models are constants; those of batch norm, which a strict check looks for, are refused before
    GradSampleHooks(model, loss_reduction="sum", strict=False)


def summed(raw_bo: Tensor, targets_bt: Tensor, loss: Callable[[Tensor, Tensor], Tensor], batch: int) -> Tensor:
    """The sum of the losses of single participants, divided by the expected size of the batch.

    Args:
        raw_bo: (participants, outputs), of at least one.
        targets_bt: (participants, targets).
        loss: of a batch.
        batch: expected number of participants.
    """
    parts = [loss(raw_bo[row : row + 1], targets_bt[row : row + 1]) for row in range(len(raw_bo))]
    return torch.stack(parts).sum() / batch


def nobody(model: nn.Module) -> Tensor:
    """The loss of an empty batch, 0, with the gradients of no participants; the step then is noise alone."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.grad_sample = parameter.new_zeros(0, *parameter.shape)  # type: ignore[attr-defined]
    return torch.stack([parameter.sum() for parameter in trained]).sum() * 0.0


def private(optimizer: torch.optim.Optimizer, dp: Mapping[str, float], batch: int) -> torch.optim.Optimizer:
    """The optimiser with clipped and noisy gradients; it needs a model that holds gradients, and losses by `summed`."""
    from opacus.optimizers import DPOptimizer

    parameter = optimizer.param_groups[0]["params"][0]
    generator = torch.Generator(parameter.device).manual_seed(secrets.randbits(63))
    found: torch.optim.Optimizer = DPOptimizer(
        optimizer,
        noise_multiplier=dp["noise"],
        max_grad_norm=dp["clip"] / batch,  # the losses are divided by it too
        expected_batch_size=None,
        loss_reduction="sum",
        generator=generator,
    )
    return found


def spent(dp: Mapping[str, float], participants: int, batch: int, steps: int) -> dict[str, float]:
    """What a training guarantees, for config.json: epsilon and delta, and what they follow from.

    Epsilon holds for adding or leaving out one participant, by the Rényi accountant (Mironov et al., 2019).
    """
    from opacus.accountants import RDPAccountant

    accountant = RDPAccountant()
    accountant.history = [(dp["noise"], batch / participants, steps)]
    epsilon = float(accountant.get_epsilon(delta=dp["delta"])) if steps else 0.0
    return {"epsilon": epsilon, **dp, "sampling_rate": batch / participants, "steps": steps}
