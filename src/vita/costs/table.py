"""The table of costs: a line for each step of a run, and the page for readers with the unit costs behind it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vita.config.typed import Configuration
from vita.costs.operations import Operations, epoch_flop, operations
from vita.costs.trainings import Training, split_sizes, trainings
from vita.costs.unit_costs import UnitCosts
from vita.printing.cells import Cell, Printed, markdown
from vita.printing.numbers import DASH, about
from vita.training.sections import SHOWN_SECTIONS

_FLOAT_BYTES = 4
_HOUR_S = 3600
_CAPTION = "What a run costs"
_HEADER = ["Step", "Work", "10^18 operations", "Core hours", "or GPU hours, estimated", "Disk, GB"]


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


def cost_lines(config: Configuration, participants: int, unit: UnitCosts, resources: Path) -> list[Line]:
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


def _training_lines(config: Configuration, participants: int, unit: UnitCosts, resources: Path) -> Iterator[Line]:
    """One line per kind of training, and one for the passes over trained encoders."""
    sizes = split_sizes(config, participants)
    plan = [(training, operations(training, resources / "features.tsv")) for training in trainings(config, resources)]
    rate = unit.cpu_flop_per_core_s * _HOUR_S
    for step in dict.fromkeys(training.step for training, _ in plan):
        own = [(training, cost) for training, cost in plan if training.step == step]
        models = sum(training.models for training, _ in own)
        flop = sum(_flop(training, cost, sizes, unit.cpu_flop_per_core_s) for training, cost in own)
        weights_gb = sum(training.models * cost.parameters for training, cost in own) * _FLOAT_BYTES / 1e9
        yield Line(step, f"{models} {'model' if models == 1 else 'models'}", flop / rate, flop, weights_gb)
    flop, vectors_gb = _passes(config, participants, sizes, plan)
    yield Line("Embeddings, reconstructions", "a pass each", flop / rate, flop, vectors_gb)


def _flop(training: Training, cost: Operations, sizes: dict[str, int], per_core_s: float) -> float:
    """All epochs of a training: it may stop earlier, by `patience`. With a budget of time, what a core does in it."""
    if training.stage["budget_s"]:
        return float(training.models * training.stage["budget_s"] * per_core_s)
    epochs: int = training.stage["epochs"]
    return training.models * epochs * epoch_flop(training, cost, sizes)


def _passes(
    config: Configuration, participants: int, sizes: dict[str, int], plan: list[tuple[Training, Operations]]
) -> tuple[float, float]:
    """Operations and GB of vectors for embedding all participants' sections of the cycle and reconstructing val and
    test.
    """
    judged = sizes["val"] + sizes["test"]
    flop = sum(judged * cost.validation_flop for training, cost in plan if training.kind == "stage1")
    # the first Stage II makes the embeddings; a run from scans alone has none
    for training, cost in [each for each in plan if each[0].kind == "stage2"][:1]:
        vectors = participants * min(SHOWN_SECTIONS, config["images"]["frames"])
        return flop + vectors * cost.validation_flop, vectors * training.model["width"] * _FLOAT_BYTES / 1e9
    return flop, 0.0


def page(lines: Sequence[Line], unit: UnitCosts, gpu_tflops: float, gpu_use: float, origin: str) -> str:
    """Markdown.

    Args:
        lines: of the steps.
        unit: what was measured.
        gpu_tflops: what the GPU can do, 10^12 operations a second.
        gpu_use: share of it that a training uses; `origin`: measured or assumed.
    """
    out = Printed(_CAPTION, _HEADER)
    gpu_flop_per_h = gpu_tflops * 1e12 * gpu_use * _HOUR_S
    for line in lines:
        gpu = rounded(line.flop / gpu_flop_per_h) if line.flop else DASH
        exa = rounded(line.flop / 1e18) if line.flop else DASH
        texts = [line.step, line.work, exa, rounded(line.core_h), gpu, rounded(line.disk_gb)]
        out.rows.append([Cell(text) for text in texts])
    out.rows.append([Cell(text, bold=True) for text in _total(lines, gpu_flop_per_h)])
    out.remarks = [
        f"Measured: index {1e3 * unit.index_s:.2g} ms and shards {unit.shard_s:.2g} s of a core for a participant, "
        f"{unit.shard_mb:.3g} MB; {unit.cpu_flop_per_core_s / 1e9:.0f} GFLOP a second and core in a training step "
        "(Stage I, float32).",
        f"GPU hours are an estimate: {gpu_tflops:g} TFLOP a second, of which {gpu_use:.0%} are used ({origin}).",
        "Trainings run all their epochs here, without an early stop. Not counted: the delivered scans, nnU-Net, the "
        "state of trainings under way (three times their weights). All else is scaled by participants alone.",
    ]
    return markdown(out)


def _total(lines: Sequence[Line], gpu_flop_per_h: float) -> list[str]:
    """Totals with a GPU: core hours for steps without counted operations, GPU hours for the others."""
    flop = sum(line.flop for line in lines)
    core_h = sum(line.core_h for line in lines if not line.flop)
    disk = sum(line.disk_gb for line in lines)
    return ["All, with a GPU", DASH, *map(rounded, (flop / 1e18, core_h, flop / gpu_flop_per_h, disk))]


def rounded(value: float) -> str:
    """Two significant digits, thousands apart; a dash for nothing."""
    return about(value) if value else DASH
