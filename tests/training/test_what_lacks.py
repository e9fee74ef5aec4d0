"""Targets that a split tells nothing about: the training ends, and predicts for everybody."""

import numpy as np
import pandas as pd
import pytest

from vita.training import stage3


def _changed(cohort, tmp_path, table, column, split, value):
    """Arguments that replace a table by one in which everybody of a split has this value."""
    names = pd.read_parquet(cohort.split).set_index("eid")["split"]
    rows = pd.read_parquet(cohort.folder / f"{table}.parquet")
    rows.loc[rows["eid"].map(names) == split, column] = value
    rows.to_parquet(tmp_path / f"{table}.parquet")
    return [f"--{table}", str(tmp_path / f"{table}.parquet")]


@pytest.mark.parametrize("split", ["train", "val", "test"])
@pytest.mark.parametrize("imbalance", ["weights", "sampling"])
def test_a_disease_without_positives_in_a_split(cohort, tmp_path, split, imbalance):
    changed = _changed(cohort, tmp_path, "labels", "cad", split, False)
    stage3.main([*cohort.stage3("disease_cad", "vit", tmp_path / "m", epochs=1, imbalance=imbalance), *changed])
    table = pd.read_parquet(tmp_path / "m/predictions.parquet")
    assert table["prediction"].between(0, 1).all()
    assert set(table["split"]) == {"val", "test"}
    assert table["threshold"].notna().all()


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_constant_target(cohort, tmp_path, split):
    changed = _changed(cohort, tmp_path, "phenotypes", "LVEDV", split, 100.0)
    stage3.main([*cohort.stage3("sa_phenotypes", "vit", tmp_path / "m", epochs=1), *changed])
    table = pd.read_parquet(tmp_path / "m/predictions.parquet")
    assert np.isfinite(table["prediction"]).all()
