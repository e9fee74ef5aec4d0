"""What Snakemake costs in the smoke run: its wall time less the jobs' own, one job at a time.

python -m pytest tests/benchmarks/test_overhead.py -m benchmark -s

A job's own time is that of its command, the start of Python included, as the run's benchmark files hold it. Rules
without such a file (record_config, list_run_times, report, audit) count as overhead.
"""

import time
from pathlib import Path

import pytest

from benchmarks.written import write
from vita.report.run_times import read
from workflow.test_dry_runs import ROOT, measured_plan, snakemake

pytestmark = pytest.mark.benchmark
SMOKE = ("--configfile", str(ROOT / "workflow" / "presets" / "smoke.yaml"))
MOST = 0.25


def test_overhead_of_the_smoke_run(tmp_path: Path) -> None:
    plan = measured_plan(tmp_path, *SMOKE)
    started = time.perf_counter()
    run = snakemake(tmp_path, *SMOKE, "--cores", "1")
    wall_s = time.perf_counter() - started
    assert run.returncode == 0, run.stderr[-3000:]
    jobs = read(tmp_path / "results" / "benchmarks")
    own_s = jobs["s"].sum()
    share = 1 - own_s / wall_s
    write(
        "overhead",
        [{"jobs": plan.jobs["total"], "wall_s": wall_s, "own_s": own_s, "plan_s": plan.wall_s, "overhead": share}],
    )
    assert len(jobs) >= plan.jobs["total"] - 5  # the four without a file, and `all`
    assert share <= MOST
