import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import filled
from evaluation import synthetic
from vita.evaluation import segmentation, subgroups
from vita.runtime.errors import UserError


def _fields(path, n=160):
    eid = np.arange(n) + 1000000
    fields = pd.DataFrame({"eid": eid, "sex": pd.array(eid % 2, dtype="Int8"), "age": 45.0 + eid % 40})
    fields["bmi"] = pd.array(np.where(eid % 10 == 0, np.nan, 20.0 + eid % 15), dtype="Float64")
    fields.loc[0, "sex"] = pd.NA
    fields.to_parquet(path)
    return fields


def _run(tmp_path, targets, task, predictions):
    arguments = ["--task", task, "--model", "vita", "--predictions", str(predictions), "--targets", str(targets)]
    arguments += ["--settings", '{"seed": 1, "evaluation": {"bootstrap": 100}}', "--output", str(tmp_path / "s.csv")]
    subgroups.main([*arguments, "--fields", str(tmp_path / "fields.parquet")])
    return pd.read_csv(tmp_path / "s.csv").set_index(["target", "group", "level"]).sort_index()


def test_errors_by_group(tmp_path, targets):
    fields = _fields(tmp_path / "fields.parquet").set_index("eid")
    table = synthetic.regression(tmp_path / "p.parquet", ["LVEDV", "LVM"], 0.3).query("split == 'test'")
    found = _run(tmp_path, targets, "sa_phenotypes", tmp_path / "p.parquet")
    lvm = table[table["target"] == "LVM"].set_index("eid")
    error = (lvm["truth"] - lvm["prediction"]).abs()
    older = fields.index[fields["age"] >= 75]
    assert found.loc[("LVM", "age", "75 and above"), "value"] == pytest.approx(error[older].mean())
    assert found.loc[("LVM", "all", "all"), "value"] == pytest.approx(error.mean())
    assert found.loc[("LVM", "sex"), "n"].sum() == 159  # one participant's sex is unknown
    assert found.loc[("LVM", "bmi"), "n"].sum() == fields["bmi"].notna().sum()
    assert (found.loc["LVM", "low"] < found.loc["LVM", "value"]).all()
    assert "no participant" in found.loc[("LVESV", "all", "all"), "note"]


def test_auc_by_group(tmp_path, targets):
    fields = _fields(tmp_path / "fields.parquet").set_index("eid")
    table = synthetic.disease(tmp_path / "p.parquet", "cad", 1.0).set_index("eid")
    found = _run(tmp_path, targets, "disease_cad", tmp_path / "p.parquet")
    men = table.loc[fields.index[(fields["sex"] == 1).fillna(False)]]
    assert found.loc[("cad", "sex", "male"), "value"] == pytest.approx(roc_auc_score(men["truth"], men["prediction"]))


def test_accuracy_by_group(tmp_path, targets):
    _fields(tmp_path / "fields.parquet")
    synthetic.categorical(tmp_path / "p.parquet", ["walking_pace"])
    found = _run(tmp_path, targets, "categorical_features", tmp_path / "p.parquet")
    assert found["value"].between(0.3, 1).all()


def test_dice_by_group(tmp_path, targets):
    _fields(tmp_path / "fields.parquet")
    synthetic.masks(tmp_path / "m.npz", n=24, frames=2)
    out = ["--output", str(tmp_path / "m.csv"), "--per-participant", str(tmp_path / "m.parquet")]
    segmentation.main(["--model", "vita", "--masks", str(tmp_path / "m.npz"), *out, *filled.EVALUATION])
    found = _run(tmp_path, targets, "segmentation", tmp_path / "m.parquet")
    assert found.loc[("RABP", "all", "all"), "n"] == "24"
    assert found.loc[("RABP", "sex"), "n"].to_dict() == {"female": "11", "male": "12"}
    small = found.loc[("RABP", "age", "65 to 74")]
    assert (small["n"], small["note"]) == ("<10", "fewer than 10 participants")
    assert small[["value", "low", "high"]].isna().all()
    assert found.loc[("RABP", "age", "75 and above"), "note"] == "no participant is in this group"


def test_band_edges():
    fields = pd.DataFrame({"eid": [1, 2, 3, 4], "bmi": [24.99, 25.0, 30.0, np.nan]})
    found = subgroups.groups(fields)
    assert [list(found[("bmi", label)]) for label in subgroups.BANDS["bmi"][1]] == [[1], [2], [3]]


def test_missing_fields(tmp_path, targets):
    synthetic.disease(tmp_path / "p.parquet", "cad", 1.0)
    with pytest.raises(UserError, match=r"fields\.parquet"):
        _run(tmp_path, targets, "disease_cad", tmp_path / "p.parquet")
