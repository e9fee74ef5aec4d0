"""How weights are updated: the learning rate as a function of the step, and the optimiser with its groups."""

import math
from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor, nn

from vita.training.settings import StageSettings

# A step of Muon has a root mean square of 0.2 times its learning rate ("match_rms_adamw"), like AdamW late in a long
# training. AdamW's early steps have about 1 times the learning rate, and with this factor Muon's have too.
_MUON_RATE = 5.0
CONVOLUTIONS = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def learning_rate_factor(step: int, steps_per_epoch: int, epochs: float, warmup_epochs: float) -> float:
    """Share of the peak learning rate: linear warm-up in fractional epochs, then half a cosine down to zero.

    Args:
        step: optimiser step, from 0; steps after the end get the value at the end.
        steps_per_epoch: optimiser steps in a pass over the training split.
        epochs: passes over the training split.
        warmup_epochs: length of the warm-up in epochs; may be fractional, at most `epochs`.

    Returns:
        A value in [0, 1], taken in the middle of the step, so that neither the first nor the last step is zero.
    """
    epoch = min(max((step + 0.5) / steps_per_epoch, 0.0), float(epochs))
    warmup = min(warmup_epochs, epochs)
    if epoch < warmup:
        return epoch / warmup
    if warmup >= epochs:
        return 1.0
    return 0.5 * (1.0 + math.cos(math.pi * (epoch - warmup) / (epochs - warmup)))


def make_optimizer(
    parts: Iterable[tuple[float, nn.Module]],
    stage: StageSettings,
    fused: bool,
    matrices_of: tuple[type[nn.Module], ...] = (nn.Linear,),
) -> torch.optim.Optimizer:
    """The stage's optimiser; vectors (norms, biases, class tokens) have no weight decay.

    Args:
        parts: modules, each with its factor on the learning rate, which the groups store as `scale`. A parameter
            belongs to the first module that has it.
        stage: optimiser, learning rate and weight decay.
        fused: whether one kernel updates all parameters. With the gradient scaler of fp16 this is not allowed: a fused
            optimiser unscales the gradients itself, after they have been clipped.
        matrices_of: parts of a model whose weights Muon takes.
    """
    parts = list(parts)
    found = (p for _, module in parts for p in _matrices(module, matrices_of))
    matrices = {id(p) for p in found} if stage.optimizer == "muon" else set()
    muon: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    seen: set[int] = set()
    for scale, module in parts:
        fresh = [p for p in module.parameters() if id(p) not in seen and p.requires_grad]
        seen.update(map(id, fresh))
        if chosen := [p for p in fresh if id(p) in matrices]:
            decay = stage.weight_decay / _MUON_RATE  # it is multiplied by the learning rate
            muon.append({"params": chosen, "weight_decay": decay, "scale": scale * _MUON_RATE})
        for decay, flat in ((stage.weight_decay, False), (0.0, True)):
            if chosen := [p for p in fresh if id(p) not in matrices and is_flat(p) == flat]:
                others.append({"params": chosen, "weight_decay": decay, "scale": scale})
    if muon:
        return MuonWithAdamW(muon, others, stage.lr, fused)
    kind = torch.optim.Adam if stage.optimizer == "adam" else torch.optim.AdamW
    return kind(others, lr=stage.lr, fused=fused)


def is_flat(parameter: Tensor) -> bool:
    """Whether a parameter is a vector: at most one of its axes is longer than 1."""
    return max(parameter.shape, default=1) == parameter.numel()


def _matrices(module: nn.Module, kinds: tuple[type[nn.Module], ...]) -> list[Tensor]:
    """Weights of parts of some kinds; lookup tables are matrices only in form."""
    weights = [part.weight for part in module.modules() if isinstance(part, kinds)]
    return [weight for weight in weights if isinstance(weight, Tensor) and weight.requires_grad and not is_flat(weight)]


class Float32Muon(torch.optim.Optimizer):
    """Muon with its orthogonal steps computed in float32, and for weights of convolutions, too, as matrices with a row
    for each place on a weight's first axis.

    torch's own takes matrices alone and computes in bfloat16, for which most CPUs have no instructions, so that a step
    there is 16 times slower.

    Args:
        groups: parameter groups of weights with two axes or more.
        lr: learning rate.
        weight_decay: for groups without their own.
    """

    def __init__(self, groups: Iterable[Any], lr: float, weight_decay: float = 0.1) -> None:
        coefficients = {"ns_coefficients": (3.4445, -4.7750, 2.0315), "ns_steps": 5, "eps": 1e-7}  # torch's
        own = {"lr": lr, "weight_decay": weight_decay, "momentum": 0.95, "nesterov": True}
        super().__init__(groups, own | coefficients)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # never a closure
        """Take a step: momentum, its orthogonal part, and weight decay."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._step(weight, weight.grad, group)

    def _step(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(weight)
        average, momentum = state["momentum_buffer"], group["momentum"]
        average.lerp_(gradient, 1 - momentum)
        direction = gradient.lerp(average, momentum) if group["nesterov"] else average
        weight.mul_(1 - group["lr"] * group["weight_decay"])
        orthogonal = _orthogonal(direction.flatten(1), group)
        size = 0.2 * math.sqrt(max(orthogonal.shape))  # "match_rms_adamw"
        weight.add_(orthogonal.view_as(weight), alpha=-group["lr"] * size)


def _orthogonal(matrix: Tensor, group: dict[str, Any]) -> Tensor:
    """An approximation of U V' from the singular value decomposition U S V', by Newton-Schulz iterations (Jordan et
    al., 2024).
    """
    a, b, c = group["ns_coefficients"]
    found = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    found = found / found.norm().clamp(min=group["eps"])
    for _ in range(group["ns_steps"]):
        gram = found @ found.T
        found = torch.addmm(found, torch.addmm(gram, gram, gram, beta=b, alpha=c), found, beta=a)
    return found.T if matrix.shape[0] > matrix.shape[1] else found


class MuonWithAdamW(torch.optim.Optimizer):
    """Muon for the weights of linear maps or convolutions, and AdamW for everything else, as one optimiser.

    Muon's steps are scaled to the size of AdamW's ("match_rms_adamw"; Liu et al., 2025), so that learning rates mean
    the same for both.

    Args:
        matrices: parameter groups of Muon.
        others: parameter groups of AdamW.
        lr: learning rate; may be changed in `param_groups` at any time.
        fused: whether AdamW is fused.
    """

    def __init__(
        self, matrices: list[dict[str, Any]], others: list[dict[str, Any]], lr: float, fused: bool = False
    ) -> None:
        weights = [weight for group in matrices for weight in group["params"]]
        self.parts: list[torch.optim.Optimizer] = []
        if weights[0].is_cuda and all(weight.ndim == 2 for weight in weights):
            self.parts.append(torch.optim.Muon(matrices, lr=lr, adjust_lr_fn="match_rms_adamw"))
        else:
            self.parts.append(Float32Muon(matrices, lr=lr))
        if others:
            self.parts.append(torch.optim.AdamW(others, lr=lr, fused=fused))
        super().__init__([dict(group) for part in self.parts for group in part.param_groups], {})
        self._share_groups()

    def _share_groups(self) -> None:
        """The parameter groups of both, so that a learning rate that is set here reaches them."""
        self.param_groups = [group for part in self.parts for group in part.param_groups]

    @overload
    def step(self, closure: None = ...) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Take a step with each optimiser after the closure, if there is one, has computed the gradients."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """The states of both optimisers."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self._share_groups()
