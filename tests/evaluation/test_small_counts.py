"""Groups of fewer than ten: neither their size nor what was measured on them."""

import json

import numpy as np
import pandas as pd
import pytest

import filled
from evaluation import synthetic
from evaluation.test_mask_phenotypes import _run as _mask_phenotypes
from evaluation.test_mask_phenotypes import _shards
from report.test_ablation_table import _psnr
from report.test_ablation_table import _run as _ablation
from report.test_tables import _regression, _table
from vita.evaluation import classification, regression
from vita.evaluation.small_counts import metrics_withheld, withheld
from vita.report import model_card


def test_only_small_groups_lose_their_numbers():
    table = pd.DataFrame({"n": [0, 1, 9, 10], "value": [np.nan, 1.0, 2.0, 3.0], "note": ""})
    shown = withheld(table, ["value"])
    assert shown["n"].tolist() == [0, "<10", "<10", 10]
    assert shown["value"].isna().tolist() == [True, True, True, False]
    assert shown["note"].str.contains("fewer than 10").tolist() == [False, True, True, False]


def test_few_positives_or_negatives_are_not_counted():
    rows = {"n": [50, 50, 50], "positives": [5, 45, 25], "prevalence": [0.1, 0.9, 0.5], "auc": 0.7, "note": np.nan}
    shown = metrics_withheld(pd.DataFrame(rows))
    assert shown["prevalence"].isna().tolist() == shown["positives"].isna().tolist() == [True, True, False]
    assert (shown["auc"] == 0.7).all()
    assert shown["note"].str.contains("fewer than 10").fillna(False).tolist() == [True, True, False]


def test_table_of_few_participants(tmp_path, targets):
    table = synthetic.regression(tmp_path / "few.parquet", ["LVEDV"], 0.3, n=7)
    many = synthetic.regression(tmp_path / "many.parquet", ["LVM"], 0.3)
    metrics = _regression(tmp_path, targets, "sa_phenotypes", ["LVEDV", "LVM"], vita=0.3)
    pd.concat([table, many]).to_parquet(tmp_path / "sa_phenotypes" / "vita.parquet")
    arguments = ["--task", "sa_phenotypes", "--model", "vita", "--targets", str(targets), "--output", str(metrics[0])]
    arguments += filled.EVALUATION
    regression.main([*arguments, "--predictions", str(tmp_path / "sa_phenotypes" / "vita.parquet")])
    table, md, _, _ = _table(tmp_path, "table1_sa_phenotypes", metrics, targets)
    assert "| LVEDV (mL) | &lt;10 |" in md
    assert "fewer than 10 participants" in md
    assert table["n"].isna().tolist() == [True, False, True]
    assert np.isnan(table.loc[0, "vita_mae"])
    assert table.loc[1, "vita_mae"] > 0


def test_table_of_few_positives(tmp_path, targets):
    table = synthetic.disease(tmp_path / "vita.parquet", "cad", 2.0)
    table["truth"] = (np.arange(len(table)) < 4).astype(float)
    table.to_parquet(tmp_path / "vita.parquet")
    metrics = tmp_path / "metrics.csv"
    arguments = ["--task", "disease_cad", "--model", "vita", "--targets", str(targets), "--output", str(metrics)]
    arguments += filled.EVALUATION
    classification.main([*arguments, "--predictions", str(tmp_path / "vita.parquet")])
    shown, md, _, _ = _table(tmp_path, "table4_diseases", [metrics], targets)
    cad = shown[(shown["target"] == "cad") & (shown["model"] == "vita")].iloc[0]
    assert np.isnan(cad["prevalence"])
    assert np.isnan(cad["positives"])
    assert cad["auc"] > 0
    assert "0.025" not in md
    assert "the share is withheld" in md
    assert shown.loc[cad.name, [name for name in shown if name.startswith(("calibration_", "mean_pred"))]].isna().all()
    assert pd.read_csv(metrics)["calibration_intercept"].notna().all()  # the metrics file is not shown


def test_ablations_of_few_participants(tmp_path):
    file = _psnr(tmp_path / "vita.parquet", 20, 22, n=9)
    arguments = ("--predictions", file, "--variants", "vita=0.7")
    table, md, _ = _ablation(tmp_path, "tableA6_masking_ratio", *arguments)
    assert table.loc["0.7"].isna().all()
    assert "| 0.7 | &lt;10 | –" in md
    assert "fewer than 10 participants" in md


def test_phenotypes_from_masks_of_few_participants(tmp_path, targets):
    synthetic.masks(tmp_path / "m.npz", n=4, frames=2)
    _shards(tmp_path / "00000.parquet", 4)
    table, _ = _mask_phenotypes(tmp_path, targets, tmp_path / "m.npz")
    assert (table.loc[["LVEDV", "LVM"], "n"] == "<10").all()
    assert table.loc["LVEDV", ["bias", "sd", "reference_mean", "r"]].isna().all()
    assert table.loc["LVEDV", "note"].startswith("fewer than 10")


@pytest.mark.parametrize("n", [3, 12])
def test_model_card_counts(tmp_path, n):
    config = tmp_path / "stage1" / "vita" / "config.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"seed": 1, "participants": {"test": n}}))
    out = ["--output", str(tmp_path / "card.md"), "--html", str(tmp_path / "card.html")]
    model_card.main(["--configs", str(config), *out, "--settings", '{"input": {"source": "files"}}'])
    text = (tmp_path / "card.md").read_text(encoding="utf-8")
    assert f"* Participants: test {'<10' if n < 10 else n}" in text
