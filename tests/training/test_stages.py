"""What the stages write, and that they learn."""

import gc
import json
import weakref

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import load_file

from training import toy
from vita.evaluation import embeddings, reconstruction
from vita.runtime.errors import UserError
from vita.training import finetune, mean_guess, segmentation, stage1, stage2, stage3
from vita.training.session import Session
from vita.training.settings import read_settings


def config(folder):
    return json.loads((folder / "config.json").read_text())


def test_stage1_learns_and_records(cohort, pretrained):
    history = pd.read_csv(pretrained / "stage1/history.csv")
    assert list(history.columns[:6]) == ["epoch", "step", "learning_rate", "train_loss", "val_loss", "seconds"]
    assert history["psnr_masked"].iloc[-1] > history["psnr_masked"].iloc[0]
    record = config(pretrained / "stage1")
    assert {"split_hash", "seed", "code", "versions", "git_commit", "hardware", "peak_memory_mb"} <= set(record)
    assert record["participants"] == {"test": 8, "train": 32, "val": 8}
    assert record["model"]["width"] == toy.MODEL["width"]


def test_stage2_finds_the_row_of_an_image(cohort, pretrained, tmp_path):
    own = cohort.arguments("stage2", tmp_path / "m", epochs=30, lr=4e-3, mask_ratio=0.0)
    stage2.main([*own, "--init", str(pretrained / "stage1")])
    history = pd.read_csv(tmp_path / "m/history.csv")
    best = history.loc[history["val_loss"].idxmin()]
    assert best["top1"] >= 3 / 8  # chance is 1/8
    assert best["top5"] >= 7 / 8


def test_stage3_starts_from_the_encoder_it_is_given(cohort, pretrained, tmp_path):
    own = cohort.stage3("sa_phenotypes", "vita", tmp_path / "m", encoder_lr_scale=0.0, epochs=1)
    stage3.main([*own, "--init", str(pretrained / "stage2")])
    before, after = (load_file(f / "model.safetensors") for f in (pretrained / "stage2", tmp_path / "m"))
    names = [name for name in after if name.startswith("encoder.")]
    assert names
    assert all((before[f"image_{name}"] == after[name]).all() for name in names)


def test_stage3_refuses_weights_of_another_width(cohort, pretrained, tmp_path):
    own = cohort.stage3("sa_phenotypes", "vita", tmp_path / "m", model={"width": 57, "heads": 3})
    with pytest.raises(UserError, match=r"model\.width' is 57.*33"):
        stage3.main([*own, "--init", str(pretrained / "stage2")])


def test_less_than_a_batch_of_labels_trains_nothing_where_few_are_expected(cohort, tmp_path):
    own = cohort.stage3("sa_phenotypes", "vit", tmp_path / "m", batch=1000, epochs=1)
    with pytest.raises(UserError, match=r"stage3\.defaults\.batch' is 1000"):
        stage3.main(own)
    stage3.main([*own, "--few-labels"])
    assert pd.read_parquet(tmp_path / "m/predictions.parquet").empty
    assert json.loads((tmp_path / "m/config.json").read_text())["steps"] == 0


def test_numbers_are_reported_in_units_and_unknown_truths_stay_unknown(cohort, tmp_path):
    stage3.main(cohort.stage3("sa_phenotypes", "vit", tmp_path / "m", epochs=15))
    table = pd.read_parquet(tmp_path / "m/predictions.parquet")
    assert set(table["split"]) == {"val", "test"}
    assert set(table["target"]) == {"LVEDV", "LVESV"}
    lvedv = table[(table["target"] == "LVEDV") & (table["split"] == "test")]
    assert lvedv["truth"].isna().sum() == (lvedv["eid"] % 10 == 0).sum()
    known = lvedv.dropna(subset="truth")
    error = (known["truth"] - known["prediction"]).abs().mean()
    assert error < 0.5 * (known["truth"] - config(tmp_path / "m")["targets"]["LVEDV"]["mean"]).abs().mean()


def test_stage3_may_see_more_frames_than_the_stages_before(cohort, pretrained, tmp_path):
    for task in ("sa_phenotypes", "segmentation"):
        own = cohort.stage3(task, "vita", tmp_path / task, epochs=1, model={"frames": 10})
        stage3.main([*own, "--init", str(pretrained / "stage2")])
        assert config(tmp_path / task)["model"]["frames"] == 10
    with np.load(tmp_path / "segmentation/masks.npz") as masks:
        assert masks["prediction"].shape == (8, 9, 10, 16, 16)


def test_probing_the_head_first_helps_the_first_epoch(cohort, pretrained, tmp_path):
    losses = []
    for epochs in (0, 30):
        own = cohort.stage3("sa_phenotypes", "vita", tmp_path / str(epochs), epochs=1, probe_epochs=epochs)
        stage3.main([*own, "--init", str(pretrained / "stage2")])
        losses.append(pd.read_csv(tmp_path / str(epochs) / "history.csv")["train_loss"].iloc[0])
    assert losses[1] < 0.8 * losses[0]


@pytest.mark.parametrize("imbalance", ["weights", "focal", "sampling", "none"])
def test_diseases(cohort, tmp_path, imbalance):
    stage3.main(cohort.stage3("disease_cad", "vit", tmp_path / "m", epochs=8, imbalance=imbalance))
    table = pd.read_parquet(tmp_path / "m/predictions.parquet")
    assert table["prediction"].between(0, 1).all()
    threshold = config(tmp_path / "m")["thresholds"]["cad"]
    assert (table["threshold"] == threshold).all()
    sick, well = (table.loc[table["truth"] == value, "prediction"] for value in (1.0, 0.0))
    assert sick.mean() > well.mean()


def test_categories_have_a_row_per_class(cohort, tmp_path):
    stage3.main(cohort.stage3("categorical_features", "vit", tmp_path / "m"))
    table = pd.read_parquet(tmp_path / "m/predictions.parquet")
    assert sorted(table["class"].unique()) == [0, 1, 2]
    assert np.allclose(table.groupby("eid")["prediction"].sum(), 1)
    assert "threshold" not in config(tmp_path / "m")["thresholds"]


def test_resnet_needs_no_encoder(cohort, tmp_path):
    stage3.main(cohort.stage3("sa_phenotypes", "resnet50", tmp_path / "m", epochs=1))
    assert len(pd.read_parquet(tmp_path / "m/predictions.parquet")) == 2 * 16


def test_segmentation_masks_and_areas(cohort, tmp_path):
    stage3.main(cohort.stage3("segmentation", "vit", tmp_path / "m", epochs=25, lr=1e-2))
    with np.load(tmp_path / "m/masks.npz") as masks:
        assert masks["prediction"].shape == masks["truth"].shape == (8, 9, 10, 16, 16)
        assert (masks["truth"][:, 1] == 255).all()
        assert masks["spacing_mm"].shape == (8, 9, 2)
        known = masks["truth"] != 255
        truth, prediction = (masks["truth"] == 1) & known, (masks["prediction"] == 1) & known
        assert 2 * (truth & prediction).sum() / (truth.sum() + prediction.sum()) > 0.8
        areas = pd.read_parquet(tmp_path / "m/predictions.parquet")
        one = areas[(areas["eid"] == masks["eid"][0]) & (areas["target"] == "LVBP") & (areas["plane"] == "sa_1")]
        assert one["truth"].to_numpy() == pytest.approx(truth[0, 3].sum(axis=(1, 2)) * 3.0)
    assert one["frame"].tolist() == list(range(10))
    assert "3ch" not in set(areas["plane"])
    assert set(areas["split"]) == {"val", "test"}


@pytest.mark.parametrize(("task", "makes"), [("segmentation", "segment"), ("sa_phenotypes", "predict")])
def test_images_of_the_training_are_out_of_memory_when_predictions_are_made(cohort, tmp_path, monkeypatch, task, makes):
    opened, left = [], []
    for name in ("samples", "samples_of_masks"):
        monkeypatch.setattr(Session, name, _noted(getattr(Session, name), opened))
    original = getattr(finetune if task == "sa_phenotypes" else segmentation, makes)

    def spied(learner, samples, device):
        gc.disable()  # nothing but the program itself may have freed them
        left.append([names for reference, names in opened if reference() is not None])
        gc.enable()
        return original(learner, samples, device)

    monkeypatch.setattr(finetune if task == "sa_phenotypes" else segmentation, makes, spied)
    stage3.main(cohort.stage3(task, "vit", tmp_path / "m", epochs=1))
    assert any("train" in names for _, names in opened)
    assert left
    assert not any("train" in names for each in left for names in each)


def _noted(open_samples, opened):
    """A method that opens samples, and appends a weak reference to each with its splits."""

    def noted(self, names, *more, **options):
        samples = open_samples(self, names, *more, **options)
        opened.append((weakref.ref(samples), [names] if isinstance(names, str) else list(names)))
        return samples

    return noted


def test_mean_guess_is_the_mean_of_train(cohort, tmp_path):
    names = ("split", "fields", "phenotypes", "labels")
    own = [x for name in names for x in (f"--{name}", str(cohort.folder / f"{name}.parquet"))]
    own += ["--targets", str(cohort.folder / "targets.tsv"), "--task", "sa_phenotypes"]
    mean_guess.main([*own, "--predictions", str(tmp_path / "p.parquet")])
    table = pd.read_parquet(tmp_path / "p.parquet")
    split = pd.read_parquet(cohort.split).set_index("eid")["split"]
    truth = pd.read_parquet(cohort.folder / "phenotypes.parquet").set_index("eid")["LVEDV"]
    assert table.loc[table["target"] == "LVEDV", "prediction"].unique() == pytest.approx(truth[split == "train"].mean())
    assert set(table["split"]) == {"val", "test"}


def test_embeddings(cohort, pretrained, tmp_path):
    own = cohort.arguments("stage1", tmp_path / "e.parquet")
    embeddings.main([*own, "--stage-dir", str(pretrained / "stage2")])
    table = pd.read_parquet(tmp_path / "e.parquet")
    assert len(table) == 48 * 10  # sections around the cycle, which overlap
    assert sorted(table["section"].unique()) == list(range(10))
    vectors = np.stack(table["vector"])
    assert vectors.shape[1] == toy.MODEL["width"]
    assert np.isfinite(vectors).all()


def test_reconstructions(cohort, pretrained, tmp_path):
    own = [*cohort.arguments("stage1", tmp_path / "r.parquet"), "--model-dir", str(pretrained / "stage1")]
    reconstruction.main([*own, "--examples", str(tmp_path / "r.npz")])
    table = pd.read_parquet(tmp_path / "r.parquet")
    assert len(table) == 16 * 4
    assert table["prediction"].between(5, 60).all()
    with np.load(tmp_path / "r.npz") as shown:
        assert set(shown) == {"input", "masked", "reconstruction"}
        visible = ~shown["masked"]
        assert (shown["input"] == shown["reconstruction"])[visible].all()
        assert not (shown["input"] == shown["reconstruction"])[~visible].all()
        squared = (shown["input"] - shown["reconstruction"]) ** 2
        seen = shown["input"].any(axis=(2, 3, 4))
        filled = [-10 * np.log10(image[own].mean()) for image, own in zip(squared, seen, strict=True)]
    found = table[(table["split"] == "test") & (table["target"] == "psnr_filled")]["prediction"]
    assert found.to_numpy()[: len(filled)] == pytest.approx(filled, rel=1e-4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"batch": 64}, r"'stage1\.batch' is 64.*'split\.val'.*32"),
        ({"model": {"frames": 20, "patch": [20, 8, 8]}}, r"10 frames.*images\.frames.*model\.frames.*20"),
        ({"model": {"size": 32}}, r"16 x 16.*32 x 32"),
        ({"training": {"device": "cuda"}}, r"'training\.device' is cuda.* 1 GPU .*'resources\.rules'.* there are none"),
        ({"training": {"devices": 3}}, r"'batch' is 8.*multiple of the 3 .*'gpus'.*'training\.nodes'"),
        ({"training": {"precision": "fp16"}}, r"training\.precision.*fp16"),
        ({"training": {"thread": 1}}, r"training\.thread'.*threads"),
        ({"lr": -1}, r"stage\.lr"),
    ],
)
def test_mistakes_of_the_user(cohort, tmp_path, change, words):
    with pytest.raises(UserError, match=words):
        stage1.main(cohort.arguments("stage1", tmp_path / "m", **change))


@pytest.mark.parametrize("key", ["model.depth", "training.precision", "stage.loss", "stage.epochs"])
def test_a_key_that_is_missing_is_an_error_and_no_other_model(key):
    settings, (block, name) = toy.blocks(), key.split(".")
    del settings[block][name]
    with pytest.raises(UserError, match=f"--settings has no '{key}'; give the whole block as in config.yaml"):
        read_settings("stage3", settings)
