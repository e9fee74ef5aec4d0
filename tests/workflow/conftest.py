"""One run of the smoke preset for all tests that look at its results."""

from pathlib import Path

import pytest

from workflow.test_dry_runs import ROOT, snakemake

SMOKE = ["--configfile", str(ROOT / "workflow" / "presets" / "smoke.yaml")]


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the smoke preset; tests read them only."""
    folder = tmp_path_factory.mktemp("smoke")
    run = snakemake(folder, *SMOKE)
    assert run.returncode == 0, run.stderr[-4000:]
    return folder / "results"
