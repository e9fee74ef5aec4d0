"""The lines of the table of costs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vita.costs.measured import UnitCosts
from vita.costs.operations import Operations, operations
from vita.costs.trainings import Training, split_sizes, trainings

_HOUR_S = 3600
_FLOAT_BYTES = 4


@dataclass
class Line:
    """The cost of a step of a run.

    Attributes:
        step, work: the name of the step and its amount of work.
        core_h: hours of one CPU core; for a training, if it runs on CPUs.
        flop: operations of the models; 0 for other steps.
        disk_gb: size of its results.
    """

    step: str
    work: str
    core_h: float
    flop: float = 0.0
    disk_gb: float = 0.0


def cost_lines(config: dict[str, Any], participants: int, unit: UnitCosts, resources: Path) -> list[Line]:
    """All steps of a run, in their order.

    Args:
        config: a whole configuration.
        participants: with both scans, all of them usable.
        unit: what was measured.
        resources: folder of targets.tsv and features.tsv.
    """
    people = f"{participants:,} participants"
    lines = [
        Line("Index", people, participants * unit.index_s / _HOUR_S),
        Line("Shards", people, participants * unit.shard_s / _HOUR_S, 0, participants * unit.shard_mb / 1e3),
    ]
    lines += _training_lines(config, participants, unit, resources)
    share = participants / unit.run_participants
    work = f"scaled from a run of {unit.run_participants:,}"
    rest = Line("All else", work, share * unit.rest_s / _HOUR_S, 0, share * unit.rest_mb / 1e3)
    return [*lines, rest]


def _training_lines(config: dict[str, Any], participants: int, unit: UnitCosts, resources: Path) -> Iterator[Line]:
    """One line per kind of training, and one for the passes over trained encoders."""
    sizes = split_sizes(config, participants)
    plan = [(training, operations(training, resources / "features.tsv")) for training in trainings(config, resources)]
    rate = unit.cpu_flop_per_core_s * _HOUR_S
    for step in dict.fromkeys(training.step for training, _ in plan):
        own = [(training, cost) for training, cost in plan if training.step == step]
        models = sum(training.models for training, _ in own)
        flop = sum(_flop(training, cost, sizes) for training, cost in own)
        weights_gb = sum(training.models * cost.parameters for training, cost in own) * _FLOAT_BYTES / 1e9
        yield Line(step, f"{models} {'model' if models == 1 else 'models'}", flop / rate, flop, weights_gb)
    flop, vectors_gb = _passes(config, participants, sizes, plan)
    yield Line("Embeddings, reconstructions", "a pass each", flop / rate, flop, vectors_gb)


def _flop(training: Training, cost: Operations, sizes: dict[str, int]) -> float:
    """All epochs of a training: it may stop earlier, by `patience`."""
    epoch = sizes["train"] * cost.training_flop + sizes["val"] * cost.validation_flop
    epochs: int = training.stage["epochs"]
    return training.models * epochs * epoch


def _passes(
    config: dict[str, Any], participants: int, sizes: dict[str, int], plan: list[tuple[Training, Operations]]
) -> tuple[float, float]:
    """Operations and GB of vectors for embedding all participants' sections of the cycle and reconstructing val and
    test.
    """
    judged = sizes["val"] + sizes["test"]
    flop = sum(judged * cost.validation_flop for training, cost in plan if training.kind == "stage1")
    # the first Stage II makes the embeddings; a run from scans alone has none
    for training, cost in [each for each in plan if each[0].kind == "stage2"][:1]:
        vectors = participants * (config["images"]["frames"] // training.model["frames"])
        return flop + vectors * cost.validation_flop, vectors * training.model["width"] * _FLOAT_BYTES / 1e9
    return flop, 0.0
