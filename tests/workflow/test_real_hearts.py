"""The two real hearts through Snakemake, by tests/real/config.yaml: from scans to phenotypes, figures and report."""

import shutil

import pandas as pd
import pytest

from images.test_real_hearts import SUNNYBROOK
from shared import SHARED, needs_shared
from vita.images.folders import participant_number
from workflow.test_dry_runs import ROOT, snakemake

pytestmark = [pytest.mark.workflow, pytest.mark.thorough, needs_shared]
FIGURES = ("scan_quality", "volume_curves", "plane_intersections", "figB9_reconstructions", "learning_curves")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    root = tmp_path_factory.mktemp("real")
    shutil.copytree(SHARED / "data/real", root / "shared/data/real")
    (root / "run").mkdir()
    run = snakemake(root / "run", "--configfile", str(ROOT / "tests/real/config.yaml"))
    assert run.returncode == 0, run.stderr[-4000:]
    return root / "run/results"


def test_both_hearts_pass(results):
    values = pd.read_parquet(results / "images/phenotypes.parquet").set_index("eid")
    row = values.loc[participant_number("sunnybrook_SC-HF-I-1")]
    assert row[list(SUNNYBROOK)].to_dict() == pytest.approx(SUNNYBROOK, rel=0.03)
    assert values.loc[participant_number("biv-me_patient1"), "LVEF"] == pytest.approx(68.9, abs=2)
    assert pd.read_parquet(results / "cohort/exclusions.parquet").empty


def test_planes_cut_each_other_where_they_should(results):
    drawn = pd.read_csv(results / "figures/plane_intersections.csv")
    assert set(drawn["view"]) == {"la_2ch", "la_3ch", "la_4ch"}
    assert (drawn.groupby("view")["correlation"].mean() > 0.75).all()


@pytest.mark.parametrize("figure", FIGURES)
def test_figures_are_there_and_name_nobody(results, figure):
    for suffix in ("svg", "png", "csv"):
        content = (results / f"figures/{figure}.{suffix}").read_bytes()
        assert len(content) > 100
        assert b"sunnybrook" not in content
        assert b"biv-me" not in content
    assert (results / "report.html").stat().st_size > 100_000
