"""Frames, tau and lambda by config: each value is a training of its own, and a row of numbers in its table."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from workflow.conftest import SMOKE
from workflow.test_dry_runs import snakemake

pytestmark = [pytest.mark.workflow, pytest.mark.thorough]
TABLES = [f"results/tables/{name}.csv" for name in ("ablation_frames", "ablation_alignment")]


@pytest.fixture(scope="module")
def folder(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smoke run, gone on with where the ablations ask for more: only they are trained."""
    folder = tmp_path_factory.mktemp("ablations") / "run"
    shutil.copytree(results.parent, folder)
    (folder / "ablations.yaml").write_text("ablations: {frames: [10], taus: [0.2], lambdas: [0.25]}\n")
    run = snakemake(folder, *SMOKE, str(folder / "ablations.yaml"), "--", *TABLES)
    assert run.returncode == 0, run.stderr[-4000:]
    return folder


def test_frames(folder: Path) -> None:
    table = pd.read_csv(folder / TABLES[0]).set_index("variant")
    split = pd.read_parquet(folder / "results" / "cohort" / "split.parquet")["split"]
    assert list(table.index) == [5, 10]
    assert (table["n"] == (split == "test").sum()).all()
    assert table.notna().all(axis=None)
    assert table["psnr_masked_mean"].nunique() == 2
    sizes = json.loads((folder / "results" / "models" / "stage1" / "frames_10" / "config.json").read_text())["model"]
    assert sizes["frames"] == 10


def test_tau_and_lambda(folder: Path) -> None:
    table = pd.read_csv(folder / TABLES[1]).set_index("variant")
    split = pd.read_parquet(folder / "results" / "cohort" / "split.parquet")["split"]
    assert len(table) == 3
    assert sum("tau 0.2," in name for name in table.index) == sum("lambda 0.25" in name for name in table.index) == 1
    assert (table["n"].astype(int) == (split == "val").sum()).all()
    assert table[["epoch", "top1", "top5"]].notna().all(axis=None)
    assert (table["top1"] <= table["top5"]).all()
    losses = {
        name: (folder / "results" / "models" / "stage2" / name / "history.csv").read_text()
        for name in ("vita", "tau_0_2", "lambda_0_25")
    }
    assert len(set(losses.values())) == 3
