"""The table of costs for readers, with the unit costs behind it."""

from collections.abc import Sequence

from vita.costs.lines import Line
from vita.costs.measured import UnitCosts
from vita.printing.cells import Cell, Printed, markdown
from vita.printing.numbers import DASH, about

_HOUR_S = 3600
_CAPTION = "What a run costs"
_HEADER = ["Step", "Work", "10^18 operations", "Core hours", "or GPU hours, estimated", "Disk, GB"]


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
    """With a GPU: core hours of what has no operations, GPU hours of the rest."""
    flop = sum(line.flop for line in lines)
    core_h = sum(line.core_h for line in lines if not line.flop)
    disk = sum(line.disk_gb for line in lines)
    return ["All, with a GPU", DASH, *map(rounded, (flop / 1e18, core_h, flop / gpu_flop_per_h, disk))]


def rounded(value: float) -> str:
    """Two significant digits, thousands apart; a dash for nothing."""
    return about(value) if value else DASH
