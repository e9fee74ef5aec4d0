"""Own tables and scans through the workflow, with switches off their defaults; then somebody withdraws.

The files are the phantom's, given as a user would give theirs (`input.source: files`).
"""

import re
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import yaml

from vita.cohort.traces import files_with
from workflow.test_dry_runs import ROOT, snakemake

pytestmark = [pytest.mark.workflow, pytest.mark.thorough]
SMOKE = ROOT / "workflow" / "presets" / "smoke.yaml"
ASKED = [
    *("cohort/exclusions.parquet", "cohort/labels_summary.csv", "images/curves.parquet", "tables/overlap.csv"),
    *("predictions/sa_phenotypes/vita.parquet", "predictions/sa_phenotypes/mean_guess.parquet", "config.json"),
    *("metrics/disease_cad/vita.csv", "predictions/segmentation/vita.npz", "figures/fig3_subject_trajectories.csv"),
    *("figures/figB9_reconstructions.csv", "figures/plane_intersections.csv"),
]
UNTOUCHED = {"record_config"}  # it reads neither tables nor scans


class Run(NamedTuple):
    """A finished run, and whom a rule of `withdraw` takes out."""

    folder: Path
    arguments: list[str]
    tables: Path

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def withdrawals(self) -> Path:
        return self.folder / "withdrawals.csv"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    given, folder = tmp_path_factory.mktemp("given"), tmp_path_factory.mktemp("own")
    made = snakemake(given, "--configfile", str(SMOKE), "--", "results/phantom/truth.parquet")
    assert made.returncode == 0, made.stderr[-3000:]
    phantom = given / "results" / "phantom"
    shutil.copy(phantom / "withdrawals.csv", folder)
    config = {
        "input": {
            "source": "files",
            "tables": [str(phantom / "table.csv")],
            "scans": str(phantom / "scans"),
            "withdrawals": str(folder / "withdrawals.csv"),
        },
        "tabular": {"exclude": {"diseases": ["diagnoses", "medication"]}},
        "phenotypes": {"source": "fields"},
        "systems": {"resnet50": {"tasks": []}, "vit": {"tasks": []}, "mae": {"tasks": []}},
    }
    (folder / "own.yaml").write_text(yaml.safe_dump(config))
    arguments = ["--configfile", str(SMOKE), str(folder / "own.yaml"), "--"]
    arguments += [f"results/{name}" for name in ASKED]
    done = snakemake(folder, *arguments)
    assert done.returncode == 0, done.stderr[-3000:]
    return Run(folder, arguments, phantom / "table.csv")


def planned(run: Run) -> dict[str, int]:
    """Rules that a dry run plans, with how many jobs each has."""
    plan = snakemake(run.folder, "-n", *run.arguments)
    assert plan.returncode == 0, plan.stderr[-3000:]
    counts = re.findall(r"^([a-z]\w+) +(\d+)$", plan.stdout, flags=re.MULTILINE)
    return {rule: int(count) for rule, count in counts if rule != "total"}


def test_phenotypes_are_those_of_the_table(run: Run) -> None:
    table = pd.read_csv(run.tables, usecols=["eid", "24100-2.0", "24113-2.0"], encoding="latin-1").set_index("eid")
    used = pd.read_parquet(run.results / "images" / "phenotypes.parquet").set_index("eid")
    assert len(used) > 40
    for name, column in {"LVEDV": "24100-2.0", "LAEF": "24113-2.0"}.items():
        assert np.array_equal(used[name], table.loc[used.index, column], equal_nan=True)
    for system in ("vita", "mean_guess"):
        predicted = pd.read_parquet(run.results / "predictions" / "sa_phenotypes" / f"{system}.parquet")
        truth = predicted[predicted["target"] == "LVEDV"].set_index("eid")["truth"].dropna()
        assert len(truth) > 10
        assert truth.to_numpy() == pytest.approx(table.loc[truth.index, "24100-2.0"].to_numpy(), rel=1e-5)


def test_a_task_with_a_list_of_its_own_has_a_stage_ii_without_it(run: Run) -> None:
    stages = {path.name for path in (run.results / "models" / "stage2").iterdir()}
    assert stages == {"vita", "vita_without_diagnoses_medication"}
    narrow = pd.read_parquet(run.results / "tabular_without_diagnoses_medication" / "encoded.parquet")
    whole = pd.read_parquet(run.results / "tabular" / "encoded.parquet")
    assert {"pacemaker", "insulin"} <= set(whole) - set(narrow)
    overlap = pd.read_csv(run.results / "tables" / "overlap.csv")
    assert "sa_phenotypes" in set(overlap["task"])
    assert not overlap["task"].str.startswith("disease_").any()


def test_a_withdrawal_reruns_what_it_touches_and_leaves_no_trace(run: Run) -> None:
    """Last in this file: it changes the results."""
    assert planned(run) == {}
    split = pd.read_parquet(run.results / "cohort" / "split.parquet").set_index("eid")["split"]
    gone = int(split.index[split == "test"][0])
    holding = {path.relative_to(run.results).parts[0] for path in files_with(run.results, [gone])}
    assert {"cohort", "images", "tabular", "embeddings", "predictions"} <= holding
    every_rule = {path.stem.removesuffix(".log") for path in (run.results / "logs").iterdir()}
    every_rule = {rule.partition("_without_")[0] for rule in every_rule}
    with run.withdrawals.open("a") as lines:
        lines.write(f"{gone}\n")
    assert set(planned(run)) == every_rule - UNTOUCHED
    done = snakemake(run.folder, *run.arguments)
    assert done.returncode == 0, done.stderr[-3000:]
    assert files_with(run.results, [gone]) == []
    assert len(list(run.results.rglob("checkpoints/*"))) >= 5  # they were there to be looked through
    after = pd.read_parquet(run.results / "cohort" / "split.parquet").set_index("eid")["split"]
    assert set(split.index) - set(after.index) == {gone}
