"""One run of the smoke preset for all tests that look at its results."""

import os
from pathlib import Path

import pytest
from filelock import FileLock

from workflow.test_dry_runs import ROOT, snakemake

SMOKE = ["--configfile", str(ROOT / "workflow" / "presets" / "smoke.yaml")]


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the smoke preset; tests read them only."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "smoke"  # one for all processes of `-n`
    done = folder / "done"
    with FileLock(folder.with_suffix(".lock")):
        if not done.is_file():
            folder.mkdir(exist_ok=True)
            run = snakemake(folder, *SMOKE)
            assert run.returncode == 0, run.stderr[-4000:]
            done.touch()
    return folder / "results"
