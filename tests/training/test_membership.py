"""What losses of people are measured of each stage's model, and that a network which learnt by heart is refused."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from training import toy
from vita.evaluation import measure_membership
from vita.evaluation.membership import verdict
from vita.evaluation.membership_signals import Files, People, signals
from vita.models.heads import Regressor
from vita.models.image_encoder import ImageEncoder
from vita.tabular.truth import load_targets
from vita.training import stage3
from vita.training.session import open_session
from vita.training.task import make_task


@pytest.fixture(scope="module")
def files(cohort: toy.Toy) -> Files:
    names = ("fields", "phenotypes", "labels", "encoded")
    tables = {name: cohort.folder / f"{name}.parquet" for name in names}
    training = toy.blocks()["training"]
    encoder, targets = cohort.folder / "encoder.json", cohort.folder / "targets.tsv"
    return Files(cohort.shards, cohort.split, training, targets=targets, encoder=encoder, **tables)


@pytest.mark.parametrize("stage", ["stage1", "stage2"])
def test_pretraining_has_a_loss_of_everybody(files: Files, pretrained, stage: str) -> None:
    found, group = signals(pretrained / stage, People(files))
    assert pd.Series(group).value_counts().to_dict() == {"train": 32, "val": 8, "test": 8}
    for signal in found:
        assert np.isfinite(signal.trained).all()
        assert np.isfinite(signal.difficulty).all()
        assert signal.trained.mean() < signal.untrained.mean()  # it has learnt something
    assert found[0].name == {"stage1": "reconstruction error"}.get(stage, "contrastive loss")


def test_a_task_has_the_loss_of_its_predictions(cohort: toy.Toy, files: Files, pretrained, tmp_path) -> None:
    """Against the predictions that training wrote: squared errors in SD of the training, the mean over targets."""
    own = cohort.stage3("sa_phenotypes", "vita", tmp_path / "m", epochs=2)
    stage3.main([*own, "--init", str(pretrained / "stage2")])
    (signal,), group = signals(tmp_path / "m", People(files))
    table = pd.read_parquet(tmp_path / "m" / "predictions.parquet")
    std = {
        name: about["std"] for name, about in json.loads((tmp_path / "m/config.json").read_text())["targets"].items()
    }
    table["loss"] = ((table["prediction"] - table["truth"]) / table["target"].map(std)) ** 2
    expected = table.groupby("eid")["loss"].mean()
    eids = pd.read_parquet(cohort.split)["eid"].to_numpy()
    held_out = pd.Series(signal.trained, eids)[group != "train"]
    assert held_out.to_numpy() == pytest.approx(expected.loc[held_out.index].to_numpy(), rel=1e-3)


@pytest.mark.parametrize("frames", [0, 4])
def test_a_segmenter_has_a_loss_of_everybody_with_masks(cohort: toy.Toy, files: Files, tmp_path, frames: int) -> None:
    """Also of a model whose config.json is from before `segmenter_frames`, with the published decoder."""
    folder = tmp_path / "m"
    own = cohort.stage3("segmentation", "vit", folder, epochs=8, lr=1e-2, model={"segmenter_frames": frames})
    stage3.main(own)
    config = json.loads((folder / "config.json").read_text())
    if not frames:
        for block in (config["model"], config["settings"]["model"]):
            assert block.pop("segmenter_frames") == 0
        (folder / "config.json").write_text(json.dumps(config))
    (signal,), group = signals(folder, People(files))
    assert pd.Series(group).value_counts().to_dict() == {"train": 32, "val": 8, "test": 8}
    assert np.isfinite(signal.trained).all()
    assert signal.trained.mean() < signal.untrained.mean()


def test_classes_have_log_losses(cohort: toy.Toy, files: Files, pretrained, tmp_path) -> None:
    own = cohort.stage3("categorical_features", "vita", tmp_path / "m", epochs=1, imbalance="none")
    stage3.main([*own, "--init", str(pretrained / "stage2")])
    (signal,), group = signals(tmp_path / "m", People(files))
    table = pd.read_parquet(tmp_path / "m" / "predictions.parquet")
    eids = pd.read_parquet(cohort.split)["eid"].to_numpy()
    # the model's own probabilities, before the calibration that its predictions have: p^slope times exp(intercept)
    ((_, line),) = json.loads((tmp_path / "m" / "config.json").read_text())["calibration"].items()
    intercept = np.asarray(line["intercepts"])[table["class"].astype(int)]
    raw = np.exp((np.log(table["prediction"]) - intercept) / line["slope"])
    table["prediction"] = raw / raw.groupby(table["eid"]).transform("sum")
    own_class = table[table["truth"] == table["class"]].set_index("eid")["prediction"]
    held_out = pd.Series(signal.trained, eids)[group != "train"]
    assert held_out.to_numpy() == pytest.approx(-np.log(own_class.loc[held_out.index].to_numpy()), rel=1e-3)


def test_a_network_that_learnt_by_heart_is_refused(cohort: toy.Toy, files: Files, pretrained, tmp_path) -> None:
    """Targets are drawn anew, so that there is nothing to learn of a heart but who it is."""
    folder = tmp_path / "models" / "sa_phenotypes" / "vita"
    stage3.main(cohort.stage3("sa_phenotypes", "vit", folder, epochs=1))
    table = pd.read_parquet(cohort.folder / "phenotypes.parquet")
    table[["LVEDV", "LVESV"]] = np.random.default_rng(8).normal(100, 20, (len(table), 2))
    table.to_parquet(tmp_path / "phenotypes.parquet")
    _learn_by_heart(cohort, tmp_path, folder)
    arguments = ["--models", str(tmp_path / "models"), "--folders", "sa_phenotypes/vita", "--split", str(cohort.split)]
    arguments += ["--shards", *map(str, cohort.shards), "--targets", str(files.targets)]
    arguments += ["--phenotypes", str(tmp_path / "phenotypes.parquet"), "--output", str(tmp_path / "membership.csv")]
    measure_membership.main([*arguments, "--settings", json.dumps({"seed": 1, "training": dict(files.training)})])
    rows = pd.read_csv(tmp_path / "membership.csv")
    assert rows.set_index("attack").loc["loss", "auc"] > 0.8
    assert not verdict(rows, 0.55).passes
    assert "eid" not in rows.columns


def _learn_by_heart(cohort: toy.Toy, tmp_path, folder) -> None:
    """Fit a network to the training's people until it knows them, and put it in the place of the model."""
    session = open_session("stage3", cohort.shards, cohort.split, toy.blocks())
    samples = session.samples(["train"])
    drawn = tmp_path / "phenotypes.parquet"
    values, targets = load_targets(cohort.folder / "targets.tsv", "sa_phenotypes", None, drawn, None)
    task = make_task(values, targets, samples)
    task.add_to(samples)
    torch.manual_seed(3)
    stage = session.settings.stage
    model = Regressor(session.model, ImageEncoder(session.model), task.outputs, stage.pooling, stage.head)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    batch = samples[[(row, 0) for row in range(len(samples))]]
    for _ in range(100):
        optimizer.zero_grad()
        torch.autograd.backward((model(batch["images"]) - batch["targets"]).square().mean())
        optimizer.step()
    save_file(model.state_dict(), folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"targets": task.record()}))


def test_nothing_learnt_is_nothing_to_guess_from(cohort: toy.Toy, files: Files, pretrained, tmp_path) -> None:
    folder = tmp_path / "models" / "stage1" / "vita"
    folder.mkdir(parents=True)
    save_file({}, folder / "model.safetensors")
    shutil.copy(pretrained / "stage1" / "config.json", folder)
    arguments = ["--models", str(tmp_path / "models"), "--folders", "stage1/vita", "--split", str(cohort.split)]
    arguments += ["--shards", *map(str, cohort.shards), "--output", str(tmp_path / "membership.csv")]
    measure_membership.main([*arguments, "--settings", json.dumps({"seed": 1, "training": dict(files.training)})])
    assert pd.read_csv(tmp_path / "membership.csv").empty
