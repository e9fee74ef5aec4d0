"""Controls: features by hand, heads against scikit-learn and algebra, and nothing learnt from the test split."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from training import toy
from vita.models.image_encoder import ImageEncoder
from vita.runtime.errors import UserError
from vita.training import freeze
from vita.training.closed_form import PENALTIES, fit_classes, fit_number, standardised
from vita.training.control_fits import Tables, fit_controls
from vita.training.controls import main
from vita.training.frozen import brightness, demographics, plane_tokens
from vita.training.session import open_session

SPLIT = np.array(["train"] * 40 + ["val"] * 20 + ["test"] * 20)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> toy.Toy:
    return toy.make(tmp_path_factory.mktemp("controls"))


def run(cohort: toy.Toy, control: str, task: str, folder: Path, *more: str) -> Path:
    """Features of a control and its predictions of a task; returns the file of these."""
    features = folder / f"{control}.features.parquet"
    split = ["--split", str(cohort.split)]
    own = ["--control", control, "--shards", *map(str, cohort.shards), "--output", str(features), *more]
    freeze.main([*own, *split, "--settings", json.dumps(toy.blocks())])
    names = ("fields", "phenotypes", "labels")
    tables = [x for name in names for x in (f"--{name}", str(cohort.folder / f"{name}.parquet"))]
    fit = ["--task", task, "--features", f"{control}={features}", "--targets", str(cohort.folder / "targets.tsv")]
    main([*fit, *split, *tables, "--predictions", str(folder / task)])
    return folder / task / f"{control}.parquet"


def tables(cohort: toy.Toy) -> Tables:
    paths = [cohort.folder / name for name in ("targets.tsv", "fields.parquet", "phenotypes.parquet", "labels.parquet")]
    return Tables(*paths)


def noisy(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(80, 5))
    return features, features @ np.array([2.0, -1.0, 0.5, 0.0, 0.0]) + generator.normal(0, 0.3, 80)


def test_brightness_is_the_mean_of_each_plane_and_frame(cohort):
    session = open_session("stage3", cohort.shards, cohort.split, toy.blocks())
    samples = session.samples(["train"])
    found = brightness(samples, 5)
    cine_sthw = samples.reader.voxels(int(samples.eids[3]), samples.frames)
    assert found.shape == (len(samples), toy.PLANES * 5)
    assert found[3].reshape(toy.PLANES, 5) == pytest.approx(cine_sthw.mean(axis=(2, 3)), abs=1e-3)


def test_brightness_has_the_frames_of_every_section(cohort):
    session = open_session("stage3", cohort.shards, cohort.split, toy.blocks(sections="cycle"))
    samples = session.samples(["train"])
    cine_sthw = samples.reader.voxels(int(samples.eids[3]), [1, 3, 5, 7, 9])
    found = brightness(samples, 5)[3].reshape(2, toy.PLANES, 5)
    assert found[1] == pytest.approx(cine_sthw.mean(axis=(2, 3)), abs=1e-3)


def test_tokens_are_averaged_per_plane_and_over_sections(cohort):
    session = open_session("stage3", cohort.shards, cohort.split, toy.blocks(sections="cycle"))
    samples = session.samples(["val"])
    torch.manual_seed(3)
    encoder = ImageEncoder(session.model).eval()
    found = plane_tokens(encoder, samples, 3)
    by_hand = []
    with torch.no_grad():
        for frames in ([0, 2, 4, 6, 8], [1, 3, 5, 7, 9]):
            cine = torch.from_numpy(samples.reader.voxels(int(samples.eids[1]), frames))[None]
            by_hand.append(encoder(cine)[0, 1:].reshape(toy.PLANES, -1, session.model.width).mean(dim=1))
    assert found[1] == pytest.approx(torch.stack(by_hand).mean(dim=0).flatten().numpy(), abs=1e-3)  # of half precision


def test_statistics_of_features_come_from_training_alone():
    features, _ = noisy()
    features[60:] += 1e6  # outliers outside training
    features[0, 0] = np.nan
    train = SPLIT == "train"
    scaled = standardised(np.column_stack([features, np.full(80, 7.0), np.full(80, np.nan)]), train)
    assert scaled.shape == (80, 5)  # what does not vary, or nobody has, is left out
    assert scaled[0, 0] == 0
    assert scaled[train].mean(axis=0) == pytest.approx(np.zeros(5), abs=1e-9)
    assert scaled[train][1:].std(axis=0) == pytest.approx(np.ones(5), abs=0.05)


def test_a_ridge_by_hand_with_the_penalty_that_validation_chooses():
    features, truth = noisy()
    truth[45:50] = np.nan
    head = fit_number(features, truth, SPLIT)
    predicted, penalty = head(features)[:, 0], head.penalty
    train = SPLIT == "train"
    errors = {}
    for each in PENALTIES:
        centred, mean = features[train] - features[train].mean(axis=0), truth[train].mean()
        weights = np.linalg.solve(centred.T @ centred + each * np.eye(5), centred.T @ (truth[train] - mean))
        by_hand = (features - features[train].mean(axis=0)) @ weights + mean
        errors[each] = np.nanmean(np.abs(by_hand - truth)[SPLIT == "val"])
        if each == penalty:
            assert predicted == pytest.approx(by_hand, abs=1e-8)
    assert penalty == min(errors, key=lambda each: errors[each])


def test_the_test_split_changes_nothing():
    features, truth = noisy()
    other = np.where(SPLIT == "test", 1e3 - truth, truth)
    assert fit_number(features, truth, SPLIT).weights_of == pytest.approx(fit_number(features, other, SPLIT).weights_of)
    classes, flipped = (truth > 0).astype(float), np.where(SPLIT == "test", truth <= 0, truth > 0).astype(float)
    first, second = (fit_classes(features, each, SPLIT, 2) for each in (classes, flipped))
    assert first.weights_of == pytest.approx(second.weights_of)


def test_classes_as_scikit_learn_with_the_penalty_that_validation_chooses():
    features, truth = noisy(1)
    classes = (truth > 0.5).astype(float)
    head = fit_classes(features, classes, SPLIT, 2)
    probability, penalty = softmax(head(features), axis=1), head.penalty
    train = SPLIT == "train"
    model = LogisticRegression(C=1 / penalty, max_iter=500).fit(features[train], classes[train])
    assert probability == pytest.approx(model.predict_proba(features), abs=1e-6)
    losses = {}
    for each in PENALTIES:
        other = LogisticRegression(C=1 / each, max_iter=500).fit(features[train], classes[train])
        chosen = other.predict_proba(features[SPLIT == "val"])[np.arange(20), classes[SPLIT == "val"].astype(int)]
        losses[each] = -np.log(chosen).mean()
    assert penalty == min(losses, key=lambda each: losses[each])


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
def test_the_weakest_penalties_converge_too():
    """Features that hardly differ from their neighbours, as brightnesses of frames one after another."""
    random = np.random.default_rng(5)
    walk, split = random.normal(size=(560, 180)).cumsum(axis=1) * 0.1, np.repeat(["train", "val"], [450, 110])
    classes = (walk[:, 7] - walk[:, 60] + random.normal(size=560) > 0).astype(float)
    features = random.normal(size=(560, 1)) + walk
    assert fit_classes(standardised(features, split == "train"), classes, split, 2).penalty in PENALTIES


def test_a_class_that_training_never_has_gets_no_probability():
    features, truth = noisy(2)
    classes = np.where(SPLIT == "test", 2.0, (truth > 0).astype(float))
    probability = softmax(fit_classes(features, classes, SPLIT, 3)(features), axis=1)
    assert probability[:, 2] == pytest.approx(0)
    assert probability.sum(axis=1) == pytest.approx(1)
    alone = softmax(fit_classes(features, np.ones(80), SPLIT, 3)(features), axis=1)
    assert alone == pytest.approx(np.tile([0.0, 1.0, 0.0], (80, 1)), abs=1e-9)


def test_three_classes_as_scikit_learn():
    features, truth = noisy(3)
    classes = np.digitize(truth, [-0.5, 0.5]).astype(float)
    head, train = fit_classes(features, classes, SPLIT, 3), SPLIT == "train"
    model = LogisticRegression(C=1 / head.penalty, max_iter=500).fit(features[train], classes[train])
    assert softmax(head(features), axis=1) == pytest.approx(model.predict_proba(features), abs=1e-6)


def test_a_run_writes_what_the_evaluation_reads(cohort, tmp_path):
    for control, task in (("brightness", "sa_phenotypes"), ("random_encoder", "disease_cad")):
        first, second = (run(cohort, control, task, tmp_path / name) for name in ("first", "second"))
        assert first.read_bytes() == second.read_bytes()
        table = pd.read_parquet(first)
        assert set(table["split"]) == {"val", "test"}
        assert list(table.columns) == ["eid", "split", "target", "truth", "prediction", "class", "threshold"]
    assert table["prediction"].between(0, 1).all()
    assert table["threshold"].notna().all()


def test_brightness_sees_the_toy_hearts_size(cohort, tmp_path):
    table = pd.read_parquet(run(cohort, "brightness", "sa_phenotypes", tmp_path)).query(
        "target == 'LVEDV' and split == 'test' and truth.notna()"
    )
    assert np.corrcoef(table["truth"], table["prediction"])[0, 1] > 0.95


def test_a_probe_needs_its_weights(cohort, tmp_path):
    with pytest.raises(UserError, match="--init"):
        run(cohort, "probe_mae", "sa_phenotypes", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_features_of_other_participants_are_refused(cohort, tmp_path):
    run(cohort, "brightness", "sa_phenotypes", tmp_path)
    features = tmp_path / "brightness.features.parquet"
    pd.read_parquet(features).iloc[1:].to_parquet(features)
    with pytest.raises(UserError, match="hold different participants"):
        fit_controls("sa_phenotypes", {"brightness": features}, cohort.split, tables(cohort), tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_demographics_are_columns_of_the_table(tmp_path):
    pd.DataFrame(
        {"eid": [1, 2, 3], "age": [50.0, 60.0, None], "sex": [0, 1, 1], "weight": [60.0, 70.0, 80.0]}
    ).to_parquet(tmp_path / "fields.parquet")
    found = demographics(tmp_path / "fields.parquet", np.array([2, 3]))
    assert found[0].tolist() == [60.0, 1.0, 70.0]
    assert np.isnan(found[1, 0])
    pd.DataFrame({"eid": [1], "other": [1]}).to_parquet(tmp_path / "without.parquet")
    with pytest.raises(UserError, match="none of age, sex"):
        demographics(tmp_path / "without.parquet", np.array([1]))
