"""What data may lack is a dash with a footnote in the table: never a crash, never a made-up 0."""

import numpy as np
import pandas as pd

from evaluation import synthetic
from evaluation.test_mask_phenotypes import _run as _mask_phenotypes
from evaluation.test_mask_phenotypes import _shards
from report.test_tables import SETTINGS, _regression, _table
from vita.evaluation import classification, regression, segmentation
from vita.printing.numbers import DASH

BASELINE = "resnet50"


def _measured(module, tmp_path, targets, task, files):
    """Metrics of each system's predictions, ViTa against the others."""
    made = []
    for model, path in files.items():
        made.append(tmp_path / "metrics" / f"{model}.csv")
        others = [str(other) for name, other in files.items() if name != model]
        arguments = ["--task", task, "--model", model, "--targets", str(targets), *SETTINGS, "--predictions", str(path)]
        arguments += ["--baselines", *others] if model == "vita" else []
        module.main([*arguments, "--output", str(made[-1])])
    return made


def _disease(tmp_path, truth):
    files = {model: tmp_path / f"{model}.parquet" for model in (BASELINE, "vita")}
    for path in files.values():
        synthetic.disease(path, "cad", 1.0).assign(truth=truth).to_parquet(path)
    return files


def test_a_constant_target(tmp_path, targets):
    files = {}
    for model, noise in {"mae": 0.5, "vita": 0.3}.items():
        files[model] = tmp_path / f"{model}.parquet"
        synthetic.regression(files[model], ["LVEDV", "LVM"], noise)
        table = pd.read_parquet(files[model])
        table.loc[table["target"] == "LVM", "truth"] = 100.0
        table.to_parquet(files[model])
    metrics = _measured(regression, tmp_path, targets, "sa_phenotypes", files)
    measured = pd.read_csv(metrics[1]).set_index("target")
    assert measured.loc["LVM", ["r2_correlation", "r2_explained"]].isna().all()
    assert measured.loc["LVM", "note"] == "the target is constant in the test split"
    table, _, _, _ = _table(tmp_path, "table1_sa_phenotypes", metrics, targets)
    shown = table.set_index("target")
    assert np.isnan(shown.loc["LVM", "vita_r2"])
    assert shown.loc["LVM", "vita_mae"] > 0
    assert shown.loc["LVEDV", "vita_r2"] > 0


def test_a_disease_without_positives(tmp_path, targets):
    metrics = _measured(classification, tmp_path, targets, "disease_cad", _disease(tmp_path, 0.0))
    table, md, tex, versus = _table(tmp_path, "table4_diseases", metrics, targets)
    undefined = ["auc", "auc_low", "f1", "recall", "average_precision", "p"]
    cad = table[(table["target"] == "cad") & table["model"].isin([BASELINE, "vita"])]
    assert cad[undefined].isna().all(axis=None)
    line = next(line for line in md.splitlines() if line.startswith("| CAD"))
    # AUC, F1, recall, precision, average precision, slope, intercept, and mean prediction over prevalence
    assert line.count(f"{DASH}<sup>") == 8
    assert "no positives in the test split" in md
    assert "no positives in the test split" in tex
    ours = versus[(versus["row"] == "CAD") & (versus["quantity"] == "auc_roc")]
    assert ours["ours"].isna().all()


def test_a_disease_without_negatives(tmp_path, targets):
    metrics = _measured(classification, tmp_path, targets, "disease_cad", _disease(tmp_path, 1.0))
    table, md, _, _ = _table(tmp_path, "table4_diseases", metrics, targets)
    assert table.loc[table["target"] == "cad", "auc"].isna().all()
    assert "no negatives in the test split" in md


def test_a_disease_that_nobody_has_known(tmp_path, targets):
    metrics = _measured(classification, tmp_path, targets, "disease_cad", _disease(tmp_path, np.nan))
    table, md, _, _ = _table(tmp_path, "table4_diseases", metrics, targets)
    assert table.loc[table["target"] == "cad", ["auc", "brier", "prevalence"]].isna().all(axis=None)
    assert "no participant of the test split has a known value" in md


def test_a_class_that_nobody_has(tmp_path, targets):
    path = tmp_path / "vita.parquet"
    synthetic.categorical(path, ["walking_pace"]).assign(truth=0.0).to_parquet(path)
    metrics = _measured(classification, tmp_path, targets, "categorical_features", {"vita": path})
    table, md, _, _ = _table(tmp_path, "categorical_features", metrics, targets)
    assert np.isnan(table["macro_auc"].iloc[0])
    assert f"{DASH}<sup>a</sup>" in md


def _masks(tmp_path, without):
    """Masks of twelve people, the reference of the first `without` of them empty of annotations."""
    path = tmp_path / "vita.npz"
    synthetic.masks(path, n=12, frames=2)
    with np.load(path) as stored:
        arrays = dict(stored)
    arrays["truth"][:without] = 255
    np.savez(path, **arrays)
    return path


def _segmentation(tmp_path, targets, path):
    out = ["--output", str(tmp_path / "m.csv"), "--per-participant", str(tmp_path / "m.parquet")]
    segmentation.main(["--model", "vita", "--masks", str(path), *SETTINGS, *out])
    table, md, _, _ = _table(tmp_path, "segmentation", [tmp_path / "m.csv"], targets)
    return table[(table["model"] == "vita") & (table["view"] == "all") & (table["phase"] == "all")], md


def test_a_participant_without_masks_is_not_counted(tmp_path, targets):
    whole, _ = _segmentation(tmp_path, targets, _masks(tmp_path, 0))
    some, _ = _segmentation(tmp_path, targets, _masks(tmp_path, 2))
    assert (whole["n"] == 12).all()
    assert (some["n"] == 10).all()
    assert (some["dice"] > 0.5).all()
    _shards(tmp_path / "00000.parquet", 12)
    table, _ = _mask_phenotypes(tmp_path, targets, tmp_path / "vita.npz")
    assert (table.loc[["LVEDV", "LVM"], "n"].astype(int) == 10).all()


def test_nobody_with_masks(tmp_path, targets):
    rows, md = _segmentation(tmp_path, targets, _masks(tmp_path, 12))
    assert rows[["dice", "hd_mm", "hd95_mm"]].isna().all(axis=None)
    assert md.count(f"| ViTa | 0 | {DASH}<sup>") == 5
    assert "no participant of the test split has this structure annotated" in md
    _shards(tmp_path / "00000.parquet", 12)
    table, _ = _mask_phenotypes(tmp_path, targets, tmp_path / "vita.npz")
    assert table["bias"].isna().all()


def test_a_system_that_was_not_run(tmp_path, targets):
    metrics = _regression(tmp_path, targets, "sa_phenotypes", ["LVEDV", "LVM"], vita=0.3)
    table, md, _, versus = _table(tmp_path, "table1_sa_phenotypes", metrics, targets)
    assert table["resnet50_mae"].isna().all()
    assert "not run" in md
    theirs = versus[versus["model"] == "resnet50"]
    assert theirs["ours"].isna().all()
    assert theirs["note"].str.contains("not run or undefined here").all()
