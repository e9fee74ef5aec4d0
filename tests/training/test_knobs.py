"""The benchmark of settings: learning by heart raises what attackers and canaries show; AUC against another library."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from training import toy
from vita.evaluation import measure_knobs
from vita.evaluation.knobs import auc_over_trainings
from vita.runtime.errors import UserError


def test_auc_is_the_mean_over_trainings() -> None:
    rng = np.random.default_rng(1)
    inside = rng.random((3, 200)) < 0.5
    scores = rng.normal(size=(3, 200)) + 0.5 * inside
    auc, drawn = auc_over_trainings(scores, inside, 1)
    assert auc == pytest.approx(
        np.mean([roc_auc_score(half, score) for half, score in zip(inside, scores, strict=True)])
    )
    assert np.quantile(drawn, 0.025) < auc < np.quantile(drawn, 0.975)
    assert drawn.mean() == pytest.approx(auc, abs=0.01)


def run(cohort: toy.Toy, tmp_path, knobs: dict, *more: str) -> pd.DataFrame:
    arguments = ["--shards", *map(str, cohort.shards), "--split", str(cohort.split), "--knobs", json.dumps(knobs)]
    arguments += ["--targets", str(cohort.folder / "targets.tsv"), "--phenotypes", str(tmp_path / "phenotypes.parquet")]
    arguments += ["--settings", json.dumps(toy.blocks(epochs=1, batch=4)), "--output", str(tmp_path / "knobs.csv")]
    table = pd.read_parquet(cohort.folder / "phenotypes.parquet")
    # nothing of a heart tells these targets, so that whatever is learnt is learnt by heart
    table[["LVEDV", "LVESV"]] = np.random.default_rng(1).normal(100, 20, (len(table), 2))
    table.to_parquet(tmp_path / "phenotypes.parquet")
    measure_knobs.main([*arguments, *more])
    return pd.read_csv(tmp_path / "knobs.csv").set_index("knob")


def test_more_epochs_are_told_from_few(cohort: toy.Toy, tmp_path) -> None:
    long = {"epochs": 60, "lr": 0.01, "select": "loss", "schedule": "constant"}
    few, many = {"epochs": 1, "lr": 1e-6}, long
    found = run(cohort, tmp_path, {"few": few, "many": many}, "--people", "32", "--trainings", "4")
    assert found.loc["many", "loss_auc"] > found.loc["few", "loss_auc"]
    assert (found["loss_low"] < found["loss_auc"]).all()
    assert (found["shadow_auc"] < found["shadow_high"]).all()
    assert found["trained_on"].eq(16).all()
    assert (found["error_low"] < found["error_sd"]).all()
    assert "eid" not in found.columns


def test_too_few_trainings_are_refused(cohort: toy.Toy, tmp_path) -> None:
    with pytest.raises(UserError, match="needs at least 4"):
        run(cohort, tmp_path, {"few": {}}, "--trainings", "3")
