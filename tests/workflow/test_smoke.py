"""The whole chain on a tiny phantom, through Snakemake (conftest.py); the files of the contract are looked at."""

import json
import shutil
import stat
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from PIL import Image

from ids import pattern
from models.published_file import write_published
from vita.apply.predict import main as predict
from vita.models.import_published import main as import_published
from vita.models.settings import ModelSettings
from workflow.conftest import SMOKE
from workflow.test_dry_runs import ROOT, snakemake

pytestmark = pytest.mark.workflow
TABLES = [
    *("table1_sa_phenotypes", "table2_la_phenotypes", "table3_physiological", "table4_diseases"),
    *("segmentation", "binary_features", "categorical_features", "tableC8_cohort"),
]
FIGURES = ["fig4_phenotype_tsne", "fig5_phenotype_scatter", "fig7_segmentation", "figB9_reconstructions"]


def test_the_same_command_again_does_nothing(results: Path) -> None:
    run = snakemake(results.parent, *SMOKE, "-n")
    assert "Nothing to be done" in run.stdout + run.stderr


def test_everybody_is_in_a_split_or_left_out_with_a_reason(results: Path) -> None:
    fields = pd.read_parquet(results / "cohort" / "fields.parquet")
    split = pd.read_parquet(results / "cohort" / "split.parquet")
    exclusions = pd.read_parquet(results / "cohort" / "exclusions.parquet")
    assert split["eid"].is_unique
    assert set(split["split"]) == {"train", "val", "test"}
    assert set(fields["eid"]) == set(split["eid"]) | set(exclusions["eid"])
    assert not set(split["eid"]) & set(exclusions["eid"])
    assert exclusions["reason"].str.len().gt(0).all()


def test_what_is_shown_names_nobody_and_results_are_closed(results: Path) -> None:
    assert "no participant's id found" in (results / "audit.txt").read_text()
    for path in (results, results / "cohort", results / "cohort" / "fields.parquet", results / "report.html"):
        assert not path.stat().st_mode & stat.S_IRWXO


def test_a_new_scan_is_predicted_as_the_pipeline_predicts_it(results: Path, tmp_path: Path) -> None:
    predictions = pd.read_parquet(results / "predictions" / "sa_phenotypes" / "vita.parquet")
    person = predictions[predictions["split"] == "test"]["eid"].iloc[0]
    scan = results / "phantom" / "scans" / str(person)
    predict(["--model", str(results / "models"), "--scan", str(scan), "--out", str(tmp_path), "--device", "cpu"])
    new = pd.read_csv(tmp_path / "scan_0001" / "predictions.csv").set_index(["task", "target"])
    for task in ("sa_phenotypes", "physiological", "disease_diabetes"):
        table = pd.read_parquet(results / "predictions" / task / "vita.parquet")
        known = table[table["eid"] == person].set_index("target")["prediction"]
        assert new.loc[task, "value"].to_dict() == pytest.approx(known.to_dict(), rel=1e-3)


def test_withdrawn_participants_are_in_no_table(results: Path) -> None:
    withdrawn = set(pd.read_csv(results / "phantom" / "withdrawals.csv", header=None)[0])
    assert withdrawn
    tables = [path for path in results.rglob("*.parquet") if "phantom" not in path.parts]
    assert len(tables) > 10
    for path in tables:
        table = pd.read_parquet(path)
        if "eid" in table:
            assert not withdrawn & set(table["eid"]), path.name


def test_fields_hold_all_features(results: Path) -> None:
    features = pd.read_csv(ROOT / "workflow" / "resources" / "features.tsv", sep="\t")
    fields = pd.read_parquet(results / "cohort" / "fields.parquet")
    assert (features["role"] == "input").sum() == 117
    features = features[features["role"] != "filter"]  # a filter is extracted only where the config filters by it
    assert set(features["name"]) <= set(fields.columns)
    encoder = json.loads((results / "tabular" / "encoder.json").read_text())
    assert len(encoder["features"]) == 117


def test_phenotypes_agree_with_the_truth(results: Path) -> None:
    measured = pd.read_parquet(results / "images" / "phenotypes.parquet").set_index("eid")
    truth = pd.read_parquet(results / "phantom" / "truth.parquet").set_index("eid").loc[measured.index]
    for name in ("LVEDV", "LVESV"):
        both = pd.DataFrame({"measured": measured[name], "truth": truth[name]}).dropna()
        assert len(both) > 0.9 * len(truth)
        assert abs(both["measured"].mean() / both["truth"].mean() - 1) < 0.05
        assert both.corr().iloc[0, 1] >= 0.95


@pytest.mark.parametrize("stage", ["stage1/vita", "stage2/vita", "sa_phenotypes/vita", "segmentation/vita"])
def test_models_have_weights_config_and_history(results: Path, stage: str) -> None:
    folder = results / "models" / stage
    assert (folder / "model.safetensors").stat().st_size > 1000
    assert json.loads((folder / "config.json").read_text())["split_hash"]
    history = pd.read_csv(folder / "history.csv")
    assert len(history) >= 1
    assert history["train_loss"].notna().all()


def test_predictions_are_long_and_never_of_the_training_split(results: Path) -> None:
    files = [path for path in (results / "predictions").rglob("*.parquet") if path.parent.name != "reconstruction"]
    assert len(files) >= 15
    for path in files:
        table = pd.read_parquet(path)
        assert {"eid", "split", "target", "truth", "prediction"} <= set(table.columns), path
        assert "train" not in set(table["split"]), path


@pytest.mark.parametrize("table", TABLES)
def test_tables_exist_in_three_formats(results: Path, table: str) -> None:
    for suffix in ("csv", "md", "tex"):
        assert (results / "tables" / f"{table}.{suffix}").stat().st_size > 50
    assert (results / "tables" / f"{table}_vs_paper.csv").is_file()


@pytest.mark.parametrize("figure", FIGURES)
def test_figures_exist_with_what_they_draw(results: Path, figure: str) -> None:
    path = results / "figures" / figure
    drawn = ElementTree.parse(path.with_suffix(".svg")).getroot()
    assert drawn.tag.endswith("svg")
    assert any(part.tag.endswith(("path", "image", "text")) for part in drawn.iter())
    assert path.with_suffix(".pdf").read_bytes().startswith(b"%PDF-")
    with Image.open(path.with_suffix(".png")) as picture:
        picture.load()
        assert min(picture.size) > 100
        assert picture.convert("L").getextrema()[0] < 255  # not blank
    assert len(pd.read_csv(path.with_suffix(".csv")).columns) >= 2


def test_no_participant_id_where_none_belongs(results: Path) -> None:
    eids = pattern(pd.read_parquet(results / "phantom" / "people.parquet")["eid"])
    public = [results / "report.html", results / "index.html"]
    for folder in ("figures", "tables", "metrics", "logs", "models", "benchmarks"):
        public += [path for path in (results / folder).rglob("*") if path.is_file() and path.suffix != ".parquet"]
    for path in public:
        assert not eids.search(path.read_bytes()), path.name


def test_the_report_is_one_file(results: Path) -> None:
    assert (results / "report.html").stat().st_size > 100_000


def test_stage3_starts_from_a_published_checkpoint(results: Path, tmp_path: Path) -> None:
    """Only that training runs: the shards, tables and split of the run are there already."""
    folder = tmp_path / "run"
    shutil.copytree(results.parent, folder)
    model = "results/models/sa_phenotypes/vita"
    sizes = json.loads((folder / model / "config.json").read_text())["model"]
    write_published(tmp_path / "published.ckpt", ModelSettings.from_dict(sizes))
    options = ["--heads", str(sizes["heads"]), "--output", str(tmp_path / "weights")]
    import_published(["--checkpoint", str(tmp_path / "published.ckpt"), *options])
    (tmp_path / "init.yaml").write_text(f"stage3: {{init: {tmp_path / 'weights'}}}\n")
    run = snakemake(folder, *SMOKE, str(tmp_path / "init.yaml"), "--", f"{model}/model.safetensors")
    assert run.returncode == 0, run.stderr[-4000:]
    config = json.loads((folder / model / "config.json").read_text())
    before = json.loads((results.parent / model / "config.json").read_text())
    assert config["data"]["init"] != before["data"]["init"]
    assert (folder / model / "history.csv").read_text() != (results.parent / model / "history.csv").read_text()
    assert "train_stage2" not in run.stderr
