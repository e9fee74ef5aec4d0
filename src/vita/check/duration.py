"""What a run will train and about how long that takes on this machine: operations counted, their speed measured.

The speed is that of training steps of Stage I at the run's own sizes, after one to warm up, so that the estimate is of
the machine that the check runs on; on CPUs their own time counts, whatever else the machine does. Trainings that stop
early take less; reading samples that do not fit the memory takes more. nnU-Net plans its own size and is not counted.
"""

import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from vita.config.typed import Configuration
from vita.costs.trainings import Training, split_sizes, trainings

_SHORT_S = 0.5  # steps are repeated until this much time is measured
_MOST_STEPS = 30


@dataclass(frozen=True)
class Estimate:
    """Trainings of a run.

    Attributes:
        models: models by step, such as `Stage I`.
        hours: of all of them, one after the other.
        longest_h: of the longest.
        device: what the speed was measured on.
    """

    models: dict[str, int]
    hours: float
    longest_h: float
    device: str


def estimate(config: Configuration, people: int, resources: Path) -> Estimate:
    """Trainings of a run and their hours on this machine.

    Args:
        config: a whole configuration.
        people: participants who can be used.
        resources: folder of targets.tsv and features.tsv.
    """
    planned, sizes, device = planned_trainings(config, resources), split_sizes(config, people), _device(config)
    rate = _operations_per_s(planned[0], config, resources, device)
    from vita.costs.operations import epoch_flop, operations

    times: list[float] = []
    for training in planned:
        # how many numbers a head gives changes its cost by less than 1 %
        cost = operations(replace(training, outputs=1), resources / "features.tsv")
        # a budget of time is what a training takes, whatever its operations
        seconds = training.stage["budget_s"] or training.stage["epochs"] * epoch_flop(training, cost, sizes) / rate
        times += [seconds / 3600] * training.models
    return Estimate(models_of(planned), sum(times), max(times), device)


def planned_trainings(config: Configuration, resources: Path) -> list[Training]:
    """All trainings of a run; of one from scans alone, its Stage I."""
    planned = trainings(config, resources)
    return planned[:1] if config["products"] == "scans" else planned


def models_of(planned: list[Training]) -> dict[str, int]:
    """How many models are trained, by step without the system."""
    models: Counter[str] = Counter()
    for training in planned:
        models[training.step.partition(",")[0]] += training.models
    return dict(models)


def _device(config: Configuration) -> str:
    import torch

    return "cuda" if config["training"]["device"] != "cpu" and torch.cuda.is_available() else "cpu"


def _operations_per_s(training: Training, config: Configuration, resources: Path, device: str) -> float:
    """Operations a second in training steps of Stage I, on as many threads as a training has."""
    import torch

    from vita.costs.operations import operations
    from vita.models.mae import MaskedAutoencoder
    from vita.models.settings import ModelSettings
    from vita.models.tokens import kept_count

    places = config["resources"]
    threads = (places["default"] | places["rules"].get("train_stage1", {}))["cpus"]
    torch.set_num_threads(threads)
    sizes = ModelSettings.from_dict(training.model)
    model = MaskedAutoencoder(sizes).to(device)
    batch = training.stage["batch"]
    images = torch.rand(batch, sizes.planes, sizes.frames, sizes.size, sizes.size, device=device)
    order = torch.rand(batch, sizes.tokens, device=device).argsort(dim=1)
    keep = kept_count(sizes.tokens, training.stage["mask_ratio"])
    precision = {"32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[config["training"]["precision"]]

    def step() -> None:
        with torch.autocast(device, dtype=precision, enabled=precision != torch.float32):
            loss = model(images, order, keep).loss
        loss.backward()
        if device == "cuda":
            torch.cuda.synchronize()

    def now() -> float:
        return time.perf_counter() if device == "cuda" else time.process_time() / threads

    step()
    started, steps = now(), 0
    while steps < _MOST_STEPS and now() - started < _SHORT_S:
        step()
        steps += 1
    seconds = (now() - started) / steps
    counted: float = operations(training, resources / "features.tsv").training_flop
    speed: float = batch * counted / seconds
    return speed
