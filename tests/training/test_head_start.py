"""A linear head starts as the closed-form fit to the features, and training has to be better than it."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from training import toy
from vita.models.heads import Output, Regressor
from vita.models.image_encoder import ImageEncoder
from vita.tabular.truth import load_targets
from vita.training import stage3
from vita.training.closed_form import Head, fit_classes, fit_number, numbers_between, scale, standardised
from vita.training.frozen import mean_over_sections
from vita.training.head_start import _shifted, start_head
from vita.training.predictor import PredictionLearner
from vita.training.session import open_session
from vita.training.task import Statistics, make_task, odds_shifts

TABLES = ("labels", "phenotypes")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> toy.Toy:
    return toy.make(tmp_path_factory.mktemp("head_start"))


def started(cohort: toy.Toy, task_name: str, imbalance: str = "weights"):
    session = open_session(
        "stage3",
        cohort.shards,
        cohort.split,
        toy.blocks(sections="cycle", pooling="plane", head="ridge", imbalance=imbalance),
    )
    paths = {name: cohort.folder / f"{name}.parquet" for name in ("fields", "phenotypes", "labels")}
    values, targets = load_targets(cohort.folder / "targets.tsv", task_name, **paths)
    both = [session.samples([name]) for name in ("train", "val")]
    task = make_task(values, targets, both[0])
    for samples in both:
        task.add_to(samples)
    torch.manual_seed(5)
    model = Regressor(session.model, ImageEncoder(session.model), task.outputs, "plane", "ridge")
    learner = PredictionLearner(model, session.settings, task)
    start_head(model, task, learner.odds_shift, *both, batch=4)
    model.eval()
    features = np.concatenate([mean_over_sections(model.features, model, part, 4).numpy() for part in both])
    raw = torch.cat([mean_over_sections(model, model, part, 4) for part in both])
    names = np.array(["train"] * len(both[0]) + ["val"] * len(both[1]))
    truth = task.truth.reindex(np.concatenate([part.eids for part in both])).to_numpy(float)
    return learner.predict(raw), standardised(features, names == "train"), truth, names, task


def test_numbers_start_as_the_ridge(cohort):
    predicted, features, truth, names, task = started(cohort, "sa_phenotypes")
    for column in range(len(task.targets)):
        by_hand = fit_number(features, truth[:, column], names)(features)[:, 0]
        # the ridge is fitted to standardised numbers in the network: the same penalty, the same map
        assert predicted[column].numpy() == pytest.approx(by_hand, rel=1e-3, abs=1e-3 * np.nanstd(truth[:, column]))


@pytest.mark.parametrize("imbalance", ["weights", "none"])
def test_classes_start_with_the_probabilities_of_the_logistic_regression(cohort, imbalance):
    predicted, features, truth, names, _ = started(cohort, "disease_cad", imbalance)
    logits = fit_classes(features, truth[:, 0], names, 2)(features)
    by_hand = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
    assert predicted[0].numpy() == pytest.approx(by_hand, abs=1e-3)


def test_what_the_loss_adds_to_the_odds_is_in_the_start():
    """At prevalence 0.1 a positive weighs 9, so that the log odds of the loss are higher by ln 9."""
    head = Head(np.array([[1.0, 2.0], [4.0, -1.0]]), np.array([0.2, 0.5]), 10.0)
    shift = odds_shifts([Statistics(shares=(0.9, 0.1))], "weights")[0]
    binary, classes = (_shifted(head, shift, kind) for kind in ("binary", "categorical"))
    assert binary.weights_of.tolist() == [[3.0, -3.0]]
    assert binary.bias_o == pytest.approx([0.3 + np.log(9)])
    assert classes.bias_o == pytest.approx([0.2, 0.5 + np.log(9)])


def test_epochs_that_are_no_better_leave_the_start(cohort, tmp_path):
    """At a learning rate that ruins the network, the weights before the first step are the best."""
    settings = toy.blocks(sections="cycle", pooling="plane", head="ridge", epochs=2, lr=1.0, clip=0)
    tables = [x for name in ("fields", "phenotypes") for x in (f"--{name}", str(cohort.folder / f"{name}.parquet"))]
    shared = ["--shards", *map(str, cohort.shards), "--split", str(cohort.split), "--model", "vit", *tables]
    stage3.main(
        [
            *("--task", "sa_phenotypes", "--targets", str(cohort.folder / "targets.tsv"), *shared),
            *("--output", str(tmp_path / "model"), "--predictions", str(tmp_path / "found.parquet")),
            *("--settings", json.dumps(settings)),
        ]
    )
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    history = pd.read_csv(tmp_path / "model" / "history.csv")
    assert config["best_epoch"] == 0
    assert config["best_val_loss"] < history["val_loss"].min()


def test_a_disease_starts_from_the_model_of_phenotypes_and_goes_through_them(cohort, tmp_path):
    """The encoder is that of the phenotypes, and the head is fitted to its features through the numbers."""
    own = {"sections": "cycle", "pooling": "plane", "head": "ridge"}
    stage3.main(cohort.stage3("sa_phenotypes", "vita", tmp_path / "sa", epochs=1, **own))
    ruinous = own | {"epochs": 1, "lr": 1.0, "clip": 0, "through": ["sa_phenotypes"]}  # so that the start is the best
    arguments = cohort.stage3("disease_cad", "vita", tmp_path / "cad", **ruinous)
    stage3.main([*arguments, "--init", str(tmp_path / "sa")])
    config = json.loads((tmp_path / "cad" / "config.json").read_text())
    assert config["best_epoch"] == 0
    assert {"init", "numbers"} <= set(config["data"])
    before, after = (load_file(tmp_path / name / "model.safetensors") for name in ("sa", "cad"))
    for name in (name for name in before if name.startswith("encoder.")):
        assert torch.equal(before[name], after[name]), name

    session = open_session("stage3", cohort.shards, cohort.split, toy.blocks(**own))
    both = [session.samples([name]) for name in ("train", "val")]
    model = Regressor(session.model, ImageEncoder(session.model), [Output("cad", "binary", 2)], "plane", "ridge")
    model.load_state_dict(after)
    features = np.concatenate([mean_over_sections(model.features, model, part, 4).double().numpy() for part in both])
    names = np.array(["train"] * len(both[0]) + ["val"] * len(both[1]))
    eids = np.concatenate([part.eids for part in both])
    cad, phenotypes = (pd.read_parquet(cohort.folder / f"{name}.parquet").set_index("eid") for name in TABLES)
    numbers = phenotypes.reindex(eids)[["LVEDV", "LVESV"]].to_numpy(float)
    scaled = standardised(features, names == "train")
    head = fit_classes(
        scaled,
        cad["cad"].reindex(eids).to_numpy(float, na_value=np.nan),
        names,
        2,
        numbers_between(scaled, numbers, names),
    )
    weights = after["head.linear.weight"][0].numpy()[np.isfinite(scale(features[names == "train"])[1])]
    assert weights == pytest.approx(head.weights_of[1] - head.weights_of[0], rel=1e-2, abs=1e-3)
