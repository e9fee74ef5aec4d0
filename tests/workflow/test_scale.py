"""The paper's run on cohorts of several sizes: how many jobs it has, and what one scan more makes anew."""

from pathlib import Path

import pytest

from workflow.many import paper_run, write_zips
from workflow.test_dry_runs import job_counts, snakemake

pytestmark = [pytest.mark.workflow, pytest.mark.thorough]
SHARDS = 20
TARGETS = ("results/images/index.parquet", "results/images/phenotypes.parquet")


def planned(folder: Path, *arguments: str) -> dict[str, int]:
    """Jobs by rule."""
    run = snakemake(folder, "-n", "--quiet", "rules", *arguments)
    assert run.returncode == 0, run.stderr[-3000:]
    return job_counts(run.stdout)


def test_jobs_grow_with_shards_and_not_with_participants(tmp_path: Path) -> None:
    plans = {}
    for participants, shards in ((100, SHARDS), (1000, SHARDS), (1000, 2 * SHARDS)):
        folder = tmp_path / f"{participants}_{shards}"
        folder.mkdir()
        plans[participants, shards] = planned(folder, *paper_run(folder, participants, shard_count=shards))
    few, many, finer = plans.values()
    assert few["build_shard"] == SHARDS
    assert many == few
    assert finer == few | {"build_shard": 2 * SHARDS, "total": few["total"] + SHARDS}


def test_one_scan_more_among_a_thousand_makes_one_shard_anew(tmp_path: Path) -> None:
    run = [*paper_run(tmp_path, 1000, shard_count=SHARDS), "--", *TARGETS]
    shards = tmp_path / "results" / "images" / "shards"
    shards.mkdir(parents=True)
    made = [shards / f"{number:05d}.{suffix}" for number in range(SHARDS) for suffix in ("npz", "parquet")]
    made += [tmp_path / target for target in (*TARGETS, "results/images/curves.parquet")]
    for path in made:
        path.touch()
    touched = snakemake(tmp_path, "--touch", "--forceall", *run)
    assert touched.returncode == 0, touched.stderr[-3000:]
    assert planned(tmp_path, *run) == {}
    write_zips(tmp_path / "scans", 1000, 1)
    assert planned(tmp_path, *run) == {"index_scans": 1, "build_shard": 1, "measure_phenotypes": 1, "total": 3}
