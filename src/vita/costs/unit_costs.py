"""Measured costs of a participant and of an operation: from the benchmarks, and from a finished run."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from vita.report.run_times import read
from vita.runtime.errors import UserError

# tables and tests with the measured work per participant at UK Biobank's size
_IMAGE_STEPS = {"shard": "tests/benchmarks/test_images.py", "index": "tests/benchmarks/test_images.py"}
_STEP, _STEP_TEST = "stage1_step", "tests/benchmarks/test_stage1.py"
_GPU = "stage1_gpu"
# already in other lines of the table, or not part of a run on scans
_APART = ("phantom_", "index_scans", "build_shard", "train_", "reconstruct", "embed", "nnunet")
_APART_FOLDERS = ("phantom", "images/shards", "models", "nnunet", "embeddings", "benchmarks")


@dataclass(frozen=True)
class UnitCosts:
    """The measured costs.

    Attributes:
        index_s, shard_s: seconds of one core for a participant of UK Biobank's size.
        shard_mb: disk space for such a participant.
        cpu_flop_per_core_s: operations per second and core in Stage I's training step at the paper's size.
        run_participants: of the finished run that the next two are from.
        rest_s, rest_mb: core seconds and disk of all its other rules.
        gpu_use: share of an H100's operations that Stage I's step uses; None if no GPU was measured.
    """

    index_s: float
    shard_s: float
    shard_mb: float
    cpu_flop_per_core_s: float
    run_participants: int
    rest_s: float
    rest_mb: float
    gpu_use: float | None


def read_costs(results: Path, benchmarks: Path) -> UnitCosts:
    """Read what was measured.

    Args:
        results: folder of a finished run.
        benchmarks: folder where `python -m pytest tests/benchmarks -m benchmark` left its tables.

    Raises:
        UserError: a table or the run is not there.
    """
    image = {name: _last(benchmarks, name, test) for name, test in _IMAGE_STEPS.items()}
    steps = _table(benchmarks, _STEP, _STEP_TEST)
    steps = steps[(steps["implementation"] == "project") & (steps["precision"] == "fp32")]
    rate = (1e12 * steps["tflop"] / steps["seconds"] / steps["threads"]).median()
    people, rest_s, rest_mb = _of_run(results)
    gpu = benchmarks / f"{_GPU}.csv"
    use = float(pd.read_csv(gpu)["use_of_h100_bf16"].iloc[-1]) if gpu.is_file() else None
    shard = image["shard"]
    return UnitCosts(image["index"]["index_s"], shard["shard_s"], shard["shard_mb"], rate, people, rest_s, rest_mb, use)


def _of_run(results: Path) -> tuple[int, float, float]:
    """Participants of a run, and core seconds and MB of everything that is not counted elsewhere."""
    split = results / "cohort" / "split.parquet"
    if not split.is_file():
        raise UserError(f"{results} is not the folder of a finished run: it has no cohort/split.parquet")
    jobs = read(results / "benchmarks")
    rest = jobs[~jobs["rule"].map(lambda rule: rule.startswith(_APART) or rule.endswith(_APART))]
    apart = [results / folder for folder in _APART_FOLDERS]
    files = [path for path in results.rglob("*") if path.is_file() and not any(path.is_relative_to(a) for a in apart)]
    return len(pd.read_parquet(split)), rest["s"].sum(), sum(path.stat().st_size for path in files) / 1e6


def _table(folder: Path, name: str, test: str) -> pd.DataFrame:
    path = folder / f"{name}.csv"
    if not path.is_file():
        raise UserError(f"{path} does not exist; measure it with: python -m pytest {test} -m benchmark")
    return pd.read_csv(path)


def _last(folder: Path, name: str, test: str) -> dict[str, float]:
    found: dict[str, float] = _table(folder, name, test).iloc[-1].to_dict()
    return found
