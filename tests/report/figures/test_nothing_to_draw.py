"""Figures of data that lack something: a panel or a figure of words, never a crash."""

import numpy as np
import pandas as pd
import pytest

from evaluation import synthetic
from report.figures.test_figures import _bland_altman, _calibration, _fig4, _fig5, _fig7, _make


def _words(path):
    return " ".join(pd.Series(path.read_text(encoding="utf-8")).str.findall(r"<!-- (.*?) -->").iloc[0])


@pytest.mark.parametrize("known", [0, 9])
def test_a_target_that_few_have(known, tmp_path):
    inputs = _fig5(tmp_path)
    path = tmp_path / "sa_phenotypes" / "vita.parquet"
    table = pd.read_parquet(path)
    of_target = (table["target"] == "LVM") & (table["split"] == "test")
    table.loc[of_target & (of_target.cumsum() > known), "truth"] = np.nan
    table.to_parquet(path)
    paths = _make("fig5_phenotype_scatter", inputs, tmp_path / "out")
    drawn = pd.read_csv(paths["csv"]).set_index("target")
    assert drawn.loc[["LVM"]].drop(columns=["title", "unit"]).isna().all(axis=None)
    assert drawn.loc["LVEDV", "truth"].notna().all()
    assert "fewer than 10" in _words(paths["svg"])


def test_no_target_at_all(tmp_path):
    inputs = _fig5(tmp_path)
    for task in ("sa_phenotypes", "la_phenotypes"):
        path = tmp_path / task / "vita.parquet"
        pd.read_parquet(path).assign(truth=np.nan).to_parquet(path)
    paths = _make("fig5_phenotype_scatter", inputs, tmp_path / "out")
    assert pd.read_csv(paths["csv"])["truth"].isna().all()


def test_a_constant_target(tmp_path):
    inputs = _fig5(tmp_path)
    path = tmp_path / "sa_phenotypes" / "vita.parquet"
    pd.read_parquet(path).assign(truth=5.0).to_parquet(path)
    assert "R² undefined" in _words(_make("fig5_phenotype_scatter", inputs, tmp_path / "out")["svg"])


def test_a_disease_without_positives_and_one_that_nobody_has_known(tmp_path):
    inputs = _calibration(tmp_path)
    table = pd.read_parquet(tmp_path / "disease_cad" / "vita.parquet")
    table.assign(truth=0.0).to_parquet(tmp_path / "disease_cad" / "vita.parquet")
    table.assign(target="stroke", truth=np.nan).to_parquet(tmp_path / "disease_stroke" / "vita.parquet")
    drawn = pd.read_csv(_make("calibration", inputs, tmp_path / "out")["csv"]).set_index("target")
    assert (drawn.loc["cad", "observed"] == 0).all()
    assert drawn.loc["stroke"].drop("title").isna().all()


@pytest.mark.parametrize("positives", [9, 151])
def test_a_disease_that_few_have_or_few_have_not(positives, tmp_path):
    inputs = _calibration(tmp_path)
    path = tmp_path / "disease_cad" / "vita.parquet"
    table = pd.read_parquet(path)
    table.assign(truth=(np.arange(160) < positives).astype(float)).to_parquet(path)
    paths = _make("calibration", inputs, tmp_path / "out")
    cad = pd.read_csv(paths["csv"]).set_index("target").loc[["cad"]]
    assert cad[["n", "predicted", "observed", "low", "high"]].isna().all(axis=None)
    assert cad["brier"].notna().all()
    assert "of one kind" in _words(paths["svg"])


def test_masks_in_which_nothing_agrees(tmp_path):
    inputs = _bland_altman(tmp_path)
    pd.read_parquet(tmp_path / "p.parquet").head(9).to_parquet(tmp_path / "p.parquet")
    paths = _make("bland_altman", inputs, tmp_path / "out")
    assert len(pd.read_csv(paths["csv"])) == 0
    assert "no phenotype is known" in _words(paths["svg"])


def test_segmentation_that_nobody_was_measured_in(tmp_path):
    inputs = _fig7(tmp_path)
    for path in inputs[1:]:
        pd.read_parquet(path).assign(dice=np.nan, hd_mm=np.nan, hd95_mm=np.nan).to_parquet(path)
    assert "no structure was measured" in _words(_make("fig7_segmentation", inputs, tmp_path / "out")["svg"])


def test_segmentation_without_a_single_reference_mask(tmp_path):
    inputs = _fig7(tmp_path)
    for path in inputs[1:]:
        pd.read_parquet(path).iloc[:0].to_parquet(path)
    assert "no structure was measured" in _words(_make("fig7_segmentation", inputs, tmp_path / "out")["svg"])


def test_a_system_that_never_finds_a_structure(tmp_path):
    inputs = _fig7(tmp_path)
    table = pd.read_parquet(inputs[1])
    table.loc[table["target"] == "RABP", ["hd_mm", "hd95_mm"]] = np.nan
    table.to_parquet(inputs[1])
    drawn = pd.read_csv(_make("fig7_segmentation", inputs, tmp_path / "out")["csv"])
    mine = drawn[(drawn["target"] == "RABP") & (drawn["model"] == "vit")]
    assert set(mine["metric"]) == {"dice"}


def test_phenotypes_that_nobody_has(tmp_path):
    inputs = _fig4(tmp_path)
    table = pd.read_parquet(tmp_path / "phenotypes.parquet")
    table.loc[:, table.columns != "eid"] = np.nan
    table.to_parquet(tmp_path / "phenotypes.parquet")
    assert "no phenotype is known" in _words(_make("fig4_phenotype_tsne", inputs, tmp_path / "out")["svg"])


def test_examples_of_people_without_masks(tmp_path):
    for model in ("vit", "vita"):
        synthetic.masks(tmp_path / f"{model}.npz", n=3, frames=2)
        with np.load(tmp_path / f"{model}.npz") as stored:
            np.savez(tmp_path / f"{model}.npz", **dict(stored) | {"truth": np.full_like(stored["truth"], 255)})
    inputs = ["--masks", str(tmp_path / "vit.npz"), str(tmp_path / "vita.npz")]
    paths = _make("fig8_segmentation_examples", inputs, tmp_path / "out")
    drawn = pd.read_csv(paths["csv"])
    assert drawn["dice"].isna().all()
