"""Two runs with one seed, each from nothing, give the same tables to the last digit."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from workflow.small import CONFIG
from workflow.test_dry_runs import ROOT, snakemake

pytestmark = pytest.mark.workflow
TABLE = "results/tables/table1_sa_phenotypes.csv"
METRICS = "results/metrics/sa_phenotypes/vita.csv"  # the table tells nothing of so few participants, its input does
HISTORY = "results/models/stage2/vita/history.csv"
FILES = (TABLE, METRICS, HISTORY)
SYSTEMS = {"resnet50": [], "vit": [], "mae": [], "vita": ["sa_phenotypes"], "vita_sa": [], "vita_la": []}


def test_two_runs_with_one_seed_give_the_same_tables(tmp_path: Path) -> None:
    config = CONFIG | {"systems": {name: {"tasks": tasks} for name, tasks in SYSTEMS.items()}}
    config |= {"stage2": {"epochs": 1}, "stage3": {"defaults": {"epochs": 1}}, "ablations": {"run": False}}
    smoke = ROOT / "workflow" / "presets" / "smoke.yaml"
    found = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "small.yaml").write_text(yaml.safe_dump(config))
        run = snakemake(folder, "--configfile", str(smoke), str(folder / "small.yaml"), "--", *FILES)
        assert run.returncode == 0, run.stderr[-3000:]
        texts = {path: (folder / path).read_text() for path in (TABLE, METRICS)}
        history = pd.read_csv(folder / HISTORY).drop(columns="seconds")
        found.append(texts | {HISTORY: history.to_csv(index=False)})
    assert found[0] == found[1]
    assert pd.read_csv(folder / METRICS)["mae"].notna().all()
