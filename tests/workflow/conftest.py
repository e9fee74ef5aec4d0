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
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # one for all processes of `-n`
    folder = Path(os.environ.get("VITA_SMOKE", shared / "smoke"))  # a folder that CI gives to two commands is made once
    done = folder / "done"
    with FileLock(folder.with_suffix(".lock")):
        if not done.is_file():
            folder.mkdir(exist_ok=True, parents=True)
            run = snakemake(folder, *SMOKE)
            assert run.returncode == 0, run.stderr[-4000:]
            done.touch()
    return folder / "results"
