import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from evaluation import synthetic
from vita.evaluation import classification, statistics
from vita.evaluation.predictions import Pairs
from vita.runtime.errors import UserError


def _run(tmp_path, targets, task, predictions, *more):
    arguments = ["--task", task, "--model", "vita", "--predictions", str(predictions), "--targets", str(targets)]
    arguments += [
        "--settings",
        '{"seed": 0, "evaluation": {"bootstrap": 200}}',
        "--output",
        str(tmp_path / "out.csv"),
        *more,
    ]
    classification.main(arguments)
    return pd.read_csv(tmp_path / "out.csv").iloc[0]


def test_metrics_are_scikit_learns(tmp_path, targets):
    table = synthetic.disease(tmp_path / "vita.parquet", "cad", 1.5)
    row = _run(tmp_path, targets, "disease_cad", tmp_path / "vita.parquet")
    truth, score = table["truth"].to_numpy(), table["prediction"].to_numpy()
    assert row["auc"] == pytest.approx(metrics.roc_auc_score(truth, score))
    assert row["average_precision"] == pytest.approx(metrics.average_precision_score(truth, score))
    assert row["brier"] == pytest.approx(metrics.brier_score_loss(truth, score))
    for name in ("f1", "recall", "precision"):
        function = getattr(metrics, f"{name}_score")
        assert row[name] == pytest.approx(function(truth, score >= 0.4))
    for name in classification.BINARY:
        assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]
    assert row["positives"] == truth.sum()


def test_delong_against_the_best_baseline(tmp_path, targets):
    for model, strength in {"vita": 2.5, "resnet50": 1.0, "vit": 0.0}.items():
        synthetic.disease(tmp_path / f"{model}.parquet", "cad", strength)
    baselines = [str(tmp_path / f"{model}.parquet") for model in ("resnet50", "vit")]
    row = _run(tmp_path, targets, "disease_cad", tmp_path / "vita.parquet", "--baselines", *baselines)
    assert row["best_baseline"] == "resnet50"
    assert row["p"] == row["p_holm"] < 0.01


def test_who_is_at_the_threshold_is_called_positive():
    """Called are those at 0.5 and 0.9, of whom one is ill; the other one who is ill, at 0.2, is missed."""
    found = Pairs(np.arange(4), np.array([0.0, 1, 1, 0]), np.array([0.1, 0.2, 0.5, 0.9]), 0.5)
    row = classification.binary(found, "x", 100, 0)
    assert (row["recall"], row["precision"], row["f1"]) == (0.5, 0.5, 0.5)


def test_constant_predictions_have_auc_one_half():
    truth = np.array([0.0, 1, 0, 1, 0])
    row = classification.binary(Pairs(np.arange(5), truth, np.full(5, 0.4), 0.4), "x", 100, 0)
    assert row["auc"] == 0.5
    assert row["average_precision"] == pytest.approx(0.4)


def test_without_positives_a_note_instead_of_zero():
    row = classification.binary(Pairs(np.arange(5), np.zeros(5), np.linspace(0, 1, 5), 0.5), "x", 100, 0)
    assert all(np.isnan(row[name]) for name in ("auc", "average_precision", "f1", "recall"))
    assert row["note"] == "no positives in the test split"
    assert row["brier"] > 0


def test_without_a_threshold_no_calls():
    row = classification.binary(Pairs(np.arange(4), np.array([0.0, 1, 0, 1]), np.linspace(0, 1, 4), np.nan), "x", 99, 0)
    assert "f1" not in row
    assert row["note"] == "no threshold stored"


def test_nobody_called_positive():
    row = classification.binary(Pairs(np.arange(4), np.array([0.0, 1, 0, 1]), np.full(4, 0.1), 0.5), "x", 99, 0)
    assert row["recall"] == row["f1"] == 0
    assert np.isnan(row["precision"])
    assert "precision is undefined" in row["note"]


def test_predictions_must_be_probabilities():
    with pytest.raises(UserError, match="probabilities"):
        classification.binary(Pairs(np.arange(2), np.array([0.0, 1]), np.array([-1.0, 3]), 0.5), "x", 9, 0)


def test_categorical(tmp_path, targets):
    table = synthetic.categorical(tmp_path / "vita.parquet", ["walking_pace"])
    row = _run(tmp_path, targets, "categorical_features", tmp_path / "vita.parquet")
    wide = table.pivot_table(index=["eid", "truth"], columns="class", values="prediction")
    truth = wide.index.get_level_values("truth").to_numpy()
    called = wide.to_numpy().argmax(axis=1)
    assert row["accuracy"] == pytest.approx(metrics.accuracy_score(truth, called))
    assert row["macro_f1"] == pytest.approx(metrics.f1_score(truth, called, average="macro"))
    assert row["macro_auc"] == pytest.approx(metrics.roc_auc_score(truth, wide.to_numpy(), multi_class="ovr"))
    assert row["classes"] == 3


def test_categorical_with_one_class_present(tmp_path, targets):
    table = synthetic.categorical(tmp_path / "vita.parquet", ["walking_pace"])
    table.assign(truth=1.0).to_parquet(tmp_path / "vita.parquet")
    row = _run(tmp_path, targets, "categorical_features", tmp_path / "vita.parquet")
    assert np.isnan(row["macro_auc"])
    assert row["note"] == "only one class in the test split"


def test_categorical_needs_every_class(tmp_path, targets):
    table = synthetic.categorical(tmp_path / "vita.parquet", ["walking_pace"])
    table.iloc[1:].to_parquet(tmp_path / "vita.parquet")
    with pytest.raises(UserError, match="have no probability for a class"):
        _run(tmp_path, targets, "categorical_features", tmp_path / "vita.parquet")


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (np.tile([0.300, 0.301], 50), "predictions hardly vary"),
        (np.full(100, 0.3), "predictions hardly vary"),
        (np.repeat([0.8, 0.2], 50), "all positives lie beyond all negatives"),
    ],
)
def test_a_slope_that_would_be_noise_is_empty_and_says_why(score, words):
    truth = np.repeat([1.0, 0.0], 50)
    row = classification.binary(Pairs(np.arange(100), truth, score, 0.25), "cad", 10, 0)
    assert np.isnan([row["calibration_slope"], row["calibration_slope_low"], row["calibration_slope_high"]]).all()
    assert words in row["note"]


def test_mean_prediction_over_prevalence_by_hand():
    """Two of eight are ill and the mean prediction is 0.3: 1.2 times the prevalence."""
    score = np.array([0.5, 0.5, 0.1, 0.1, 0.2, 0.3, 0.3, 0.4])
    truth = np.array([1.0, 1, 0, 0, 0, 0, 0, 0])
    row = classification.binary(Pairs(np.arange(8), truth, score, 0.4), "cad", 100, 0)
    assert row["calibration_ratio"] == pytest.approx(1.2)
    drawn = statistics.resamples(8, 100, 0, "cad")
    drawn = drawn[drawn @ truth > 0]
    by_hand = [
        np.repeat(score, counts.astype(int)).mean() / np.repeat(truth, counts.astype(int)).mean() for counts in drawn
    ]
    assert (row["calibration_ratio_low"], row["calibration_ratio_high"]) == pytest.approx(
        tuple(np.quantile(by_hand, [0.025, 0.975]))
    )
    assert classification.is_off(np.array([0.84, 0.86, 1.14, 1.16])).tolist() == [True, False, False, True]


def test_the_interval_of_the_ratio_holds_1_in_95_of_100_test_splits_of_right_probabilities():
    """172 people, 31 of whom are ill on average; the ratio is then off by more than 15 % in a third of the splits."""
    generator = np.random.default_rng(0)
    score = generator.beta(0.8, 3.6, 172)
    rows = [
        classification.binary(
            Pairs(np.arange(172), (generator.random(172) < score).astype(float), score, 0.4), "x", 200, seed
        )
        for seed in range(300)
    ]
    holds = np.mean([row["calibration_ratio_low"] <= 1 <= row["calibration_ratio_high"] for row in rows])
    assert 0.92 <= holds <= 0.98
    assert 0.2 < np.mean([bool(classification.is_off(row["calibration_ratio"])) for row in rows]) < 0.45


def test_classes_off_are_counted_where_there_are_enough():
    """Of 30, 20 and 10 participants; mean probabilities 0.5, 0.25 and 0.25 are right for the first alone of two."""
    truth = np.repeat([0, 1, 2], [30, 20, 10])
    parts = [
        pd.DataFrame(
            {"eid": np.arange(60) + 1000000, "split": "test", "target": "smoking", "truth": truth * 1.0}
        ).assign(prediction=probability, **{"class": label})
        for label, probability in enumerate((0.5, 0.25, 0.25))
    ]
    row = classification.categorical(pd.concat(parts), "smoking", 100, 0)
    assert (row["calibration_classes"], row["calibration_classes_off"]) == (2, 1)
