"""Trained models on another cohort: their own statistics and thresholds, the same numbers, and what is refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import linregress

from apply import trained
from training import toy
from vita.cohort.elsewhere import judged_by, split_elsewhere, surely_tested
from vita.cohort.split import make_split
from vita.cohort.split_table import share_of_each
from vita.elsewhere import drift, predict_cohort
from vita.elsewhere.conventions import of_masks, of_number, of_phenotypes, refuse
from vita.elsewhere.evaluate import Seen, _only_of_the_cohort, systems
from vita.evaluation.predictions import Pairs
from vita.evaluation.regression import evaluate as regression
from vita.models.config_file import read_config
from vita.runtime.errors import UserError
from vita.tabular.targets import Target
from vita.training import stage3


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models of the toy cohort; the cohort lies beside them."""
    return trained.make(tmp_path_factory.mktemp("elsewhere"))


def apply(models: Path, task: str, out: Path, system: str = "vita", phenotypes: Path | None = None) -> pd.DataFrame:
    """Apply a model to the validation and test people of the toy cohort as if they were another one."""
    cohort = models.parent / "cohort"
    split = pd.read_parquet(cohort / "split.parquet")
    split = split[split["split"] != "train"].assign(split="test")
    split.to_parquet(out / "split.parquet", index=False)
    arguments = ["--models", str(models), "--task", task, "--model", system, "--split", str(out / "split.parquet")]
    arguments += ["--shards", *map(str, sorted(cohort.glob("0*.npz"))), "--targets", str(cohort / "targets.tsv")]
    arguments += ["--labels", str(cohort / "labels.parquet"), "--fields", str(cohort / "fields.parquet")]
    arguments += ["--phenotypes", str(phenotypes or cohort / "phenotypes.parquet")]
    arguments += ["--predictions", str(out / "found.parquet"), "--masks", str(out / "masks.npz")]
    predict_cohort.main(arguments)
    return pd.read_parquet(out / "found.parquet")


@pytest.mark.parametrize("task", ["sa_phenotypes", "disease_cad", "categorical_features"])
def test_predictions_are_those_of_the_training_run(models, task, tmp_path):
    found = apply(models, task, tmp_path)
    keys = ["eid", "target", "class"]
    there = pd.read_parquet(models.parent / "predictions" / task / "vita.parquet").sort_values(keys)
    found = found.sort_values(keys)
    assert set(found["split"]) == {"test"}
    assert found["note"].isna().all()
    for name in ("eid", "truth", "prediction", "threshold"):
        np.testing.assert_allclose(found[name].astype(float), there[name].astype(float), rtol=1e-6)


def test_the_mean_guess_is_the_training_mean_not_the_cohorts(models, tmp_path):
    found = apply(models, "sa_phenotypes", tmp_path, "mean_guess")
    stored = read_config(models / "sa_phenotypes" / "vita")["targets"]
    for target, rows in found.groupby("target"):
        assert rows["prediction"].to_numpy() == pytest.approx(stored[target]["mean"])
        assert abs(rows["truth"].mean() - stored[target]["mean"]) > 1e-3


def test_masks_are_those_of_the_model(models, tmp_path):
    apply(models, "segmentation", tmp_path)
    first = dict(np.load(tmp_path / "masks.npz"))
    there = pd.read_parquet(models.parent / "predictions" / "segmentation" / "vita.parquet")
    tested = there.loc[there["split"] == "test", "eid"].unique()
    assert set(tested) < set(first["eid"])
    areas = pd.read_parquet(tmp_path / "found.parquet").set_index(["eid", "target", "plane", "frame"])
    theirs = there[there["split"] == "test"].set_index(["eid", "target", "plane", "frame"])
    np.testing.assert_allclose(areas.loc[theirs.index, "prediction"], theirs["prediction"])


@pytest.mark.parametrize("view", [None, "sa"])
def test_a_segmenter_from_before_its_decoder_had_a_key_draws_as_it_did(models, tmp_path, view):
    """Its config.json does not name `segmenter_frames`, and its decoder is the published one."""
    shutil.copytree(models, tmp_path / "models")
    place = models.parent / "cohort"
    cohort = toy.Toy(place, sorted(place.glob("0*.npz")), place / "split.parquet")
    folder, sizes = tmp_path / "models" / "segmentation" / "vita", {"segmenter_frames": 0}
    sizes |= {"view_of_plane": [1] * 6} if view else {}
    shutil.rmtree(folder)
    stage3.main(cohort.stage3("segmentation", "vita", folder, epochs=1, model=sizes))
    there = pd.read_parquet(folder / "predictions.parquet")
    config = json.loads((folder / "config.json").read_text())
    for block in (config["model"], config["settings"]["model"]):
        assert block.pop("segmenter_frames") == 0
    (folder / "config.json").write_text(json.dumps(config))
    (tmp_path / "cohort").symlink_to(place)
    keys = ["eid", "target", "plane", "frame"]
    areas = apply(tmp_path / "models", "segmentation", tmp_path).set_index(keys)
    theirs = there[there["split"] == "test"].set_index(keys)
    np.testing.assert_allclose(areas.loc[theirs.index, "prediction"], theirs["prediction"])


def test_a_cohort_without_a_phenotype_has_a_dash_with_its_reason(models, tmp_path):
    table = pd.read_parquet(models.parent / "cohort" / "phenotypes.parquet").drop(columns="LVESV")
    table.to_parquet(tmp_path / "few.parquet", index=False)
    found = apply(models, "sa_phenotypes", tmp_path, phenotypes=tmp_path / "few.parquet")
    targets = pd.read_csv(models.parent / "cohort" / "targets.tsv", sep="\t", keep_default_na=False)
    targets = targets[targets["task"] == "sa_phenotypes"]
    rows = regression(found, targets, {}, "vita", 100, 1).set_index("target")
    assert rows.loc["LVESV", "n"] == 0
    assert rows.loc["LVESV", "note"] == predict_cohort.NO_COLUMN
    assert rows.loc["LVEDV", "n"] > 0


def test_whoever_lacks_a_view_has_no_prediction(models, tmp_path, monkeypatch):
    from vita.images import shards

    read = shards.read_tables

    def without_long_axis(paths):
        table = read(paths)
        cut = [[False] * 3 + [True] * 6 if eid % 2 else list(planes) for eid, planes in
               zip(table["eid"], table["planes_present"], strict=True)]  # fmt: skip
        return table.assign(planes_present=cut)

    monkeypatch.setattr(shards, "read_tables", without_long_axis)
    found = apply(models, "sa_phenotypes", tmp_path)
    odd = found["eid"] % 2 == 1
    assert found.loc[odd, ["prediction", "truth"]].isna().all(axis=None)
    assert found.loc[odd, "note"].str.contains("lacks a view").all()
    assert found.loc[~odd, "prediction"].notna().all()


def test_a_task_that_the_models_lack_is_refused(models, tmp_path):
    with pytest.raises(UserError, match="these models have no disease_stroke by vita"):
        apply(models, "disease_stroke", tmp_path)


def test_those_surely_tested_were_never_trained_on_in_another_release():
    eids = np.arange(1_000_000, 1_004_000)
    import polars as pl

    people = pl.DataFrame({"eid": eids, "stratum": ["healthy"] * len(eids)})
    settings = {"seed": 5, "split": {"val": 0.15, "test": 0.2, "held_out": None}}
    first = dict(make_split(people[:2000], settings).iter_rows())
    share = surely_tested(first, 5)
    assert 0.15 < share <= 0.2
    block = {"people": "auto", "seed": 5, "tested": share}
    later = dict(split_elsewhere(people, block).iter_rows())
    both = {eid for eid in first if later[eid] == "test"}
    assert len(both) > 250
    assert {first[eid] for eid in both} == {"test"}
    assert judged_by(np.array([7, 10**12 + 5]), block).all()  # ids of a hospital: everybody
    assert (share_of_each(eids, "5 test")[judged_by(eids, block)] < share).all()


def test_models_that_do_not_tell_their_split_are_refused_for_the_same_people():
    with pytest.raises(UserError, match="do not record who was in their training"):
        judged_by(np.array([1_000_001]), {"people": "held_out", "seed": None, "tested": None})
    with pytest.raises(UserError, match=r"surely never used: it kept no ids out of all its stages; .* to everybody"):
        judged_by(np.array([1_000_001]), {"people": "held_out", "seed": 1, "tested": 0.0})
    assert share_of_each(np.array([1_000_001]), "1 test") > 0.01
    with pytest.raises(UserError, match=r"none of 1 participants is among the 1% of ids .* to everybody"):
        judged_by(np.array([1_000_001]), {"people": "held_out", "seed": 1, "tested": 0.01})


def test_units_and_labels_that_cannot_be_right_are_refused_with_the_evidence():
    volumes = pd.DataFrame({"LVEDV": [0.12, 0.15, 0.18], "LVESV": [60.0, 55.0, 70.0], "LVEF": [55.0, 60.0, 62.0]})
    found = pd.DataFrame(of_phenotypes(volumes)).set_index(["check", "target"])
    assert not found.loc[("unit", "LVEDV"), "passed"]
    assert "multiplied by 1000 would fit" in found.loc[("unit", "LVEDV"), "evidence"]
    assert not found.loc[("order", "LVEDV"), "passed"]
    assert found.loc[("unit", "LVEF"), "passed"]
    with pytest.raises(UserError, match="labels or units of this cohort are not those of the models: LVEDV"):
        refuse(found.reset_index())
    pounds = of_number("Weight", "kg", pd.Series([170.0, 180.0, 190.0]), {"mean": 80.0, "std": 12.0})
    assert not pounds["passed"]
    assert "pounds" in pounds["evidence"]
    assert of_number("Weight", "kg", pd.Series([70.0, 95.0, 110.0]), {"mean": 80.0, "std": 12.0})["passed"]
    swapped = "sa: the wall surrounds 30% of the LV cavity of the mask"
    shards = pd.DataFrame({"notes": [[swapped], [swapped], None], "has_masks": [False, False, True]})
    assert not of_masks(shards)["passed"]
    assert of_masks(shards.iloc[[0, 2, 2, 2]])["passed"]


def test_drift_of_a_number_is_that_of_a_plain_regression():
    rng = np.random.default_rng(0)
    truth = rng.normal(120, 30, 200)
    prediction = 20 + 0.5 * truth + rng.normal(0, 5, 200)
    target = Target("LVEDV", "LVEDV", "mL", "numerical", "phenotypes", "LVEDV")
    pairs = Pairs(np.arange(200), truth, prediction, np.nan)
    row = drift.of_target(pairs, target, {"mean": 140.0, "std": 25.0, "shares": []}, {"test_mae": 9.0})
    expected = linregress(prediction, truth)
    assert row["slope"] == pytest.approx(expected.slope, abs=1e-6)
    assert row["slope_low"] < expected.slope < row["slope_high"]
    assert row["difference_sd"] == pytest.approx((prediction - truth).mean() / 25)
    assert row["trained"] == 9.0
    few = drift.of_target(Pairs(np.arange(9), truth[:9], prediction[:9], np.nan), target, {"mean": 1, "std": 1}, {})
    assert "here" not in few
    assert "fewer than 10" in few["note"]


def test_systems_are_what_the_folder_holds_and_the_cohort_can_be_asked(models):
    decisions = {"images": trained.IMAGES, "seen": {"pixel_mm": [1, 2]}}
    everything = {"input": {"source": "phantom"}, "phenotypes": {"source": "masks"}}
    whole = systems(models, everything, decisions, Seen(frozenset(["sa", "la_2ch", "la_3ch", "la_4ch"]), True, None))
    assert set(whole["vita"]["tasks"]) == set(trained.TASKS)
    assert whole["mean_guess"] == {"tasks": ["sa_phenotypes"]}
    hospital = {"input": {"source": "files", "tables": []}, "phenotypes": {"source": "masks"}}
    alone = systems(models, hospital, decisions, Seen(frozenset(["sa"]), True, None))
    assert alone["vita"]["tasks"] == ["sa_phenotypes"]  # it always saw long-axis views: no masks without
    with pytest.raises(UserError, match="neither masks nor tables"):
        systems(models, hospital, decisions, Seen(frozenset(["sa"]), False, None))


def test_a_cohort_may_not_set_what_the_models_bring(tmp_path):
    with pytest.raises(UserError, match="'model' comes from the trained models"):
        _only_of_the_cohort({"model": {"depth": 2}}, tmp_path / "cohort.yaml")
    with pytest.raises(UserError, match=r"'images\.size' comes from the trained models"):
        _only_of_the_cohort({"images": {"size": 64}}, tmp_path / "cohort.yaml")
    _only_of_the_cohort({"images": {"required_views": ["sa"]}, "input": {}}, tmp_path / "cohort.yaml")
