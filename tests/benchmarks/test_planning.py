"""Planning the paper's run on a cohort of UK Biobank's size: 42,000 participants with two zips each.

python -m pytest tests/benchmarks/test_planning.py -m benchmark -s
"""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.written import write
from vita.images.buckets import fingerprints
from workflow.many import paper_run
from workflow.test_dry_runs import measured_plan

pytestmark = pytest.mark.benchmark
PARTICIPANTS, SHARDS = 42_000, 420
LIMIT_S, LIMIT_MB = 10, 1000


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("cohort")
    return folder, paper_run(folder, PARTICIPANTS)


def test_a_dry_run_takes_ten_seconds_and_a_gigabyte(cohort: tuple[Path, list[str]]) -> None:
    folder, arguments = cohort
    plan = measured_plan(folder, *arguments)
    looking = timed(lambda: fingerprints(folder / "scans", folder / "withdrawals.csv", 2, SHARDS))
    sizes = {"participants": PARTICIPANTS, "shards": SHARDS}
    write("dry_run", [sizes | plan.numbers() | {"of_which_looking_at_scans_s": looking}])
    assert plan.jobs["build_shard"] == SHARDS
    assert plan.wall_s <= LIMIT_S
    assert plan.peak_mb <= LIMIT_MB


def timed(action: Callable[[], object]) -> float:
    """Wall time in s."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started
