import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics

import filled
from evaluation import synthetic
from vita.evaluation import regression
from vita.evaluation.predictions import Pairs, read_predictions
from vita.runtime.errors import UserError


def _pairs(n=80, seed=0):
    draw = np.random.default_rng(seed)
    truth = draw.normal(5, 1, n)
    return Pairs(np.arange(n), truth, truth + draw.normal(0.2, 0.5, n), np.nan)


def test_metrics_are_those_of_scikit_learn_and_scipy():
    found = _pairs()
    row = regression.measure(found, "x", 500, 0)
    assert row["mae"] == pytest.approx(metrics.mean_absolute_error(found.truth, found.prediction))
    assert row["sd"] == pytest.approx(np.std(np.abs(found.truth - found.prediction), ddof=1))
    assert row["r2_explained"] == pytest.approx(metrics.r2_score(found.truth, found.prediction))
    assert row["r2_correlation"] == pytest.approx(stats.pearsonr(found.truth, found.prediction)[0] ** 2)
    assert row["mae_low"] < row["mae"] < row["mae_high"]
    assert row["r2_correlation_low"] < row["r2_correlation"] < row["r2_correlation_high"]


def test_errors_by_hand():
    """Errors 3, -1 and 1: too high by 1 on average, off by 5/3, with an SD of the absolute errors of 2/sqrt(3)."""
    row = regression.measure(Pairs(np.arange(3), np.array([1.0, 2, 4]), np.array([4.0, 1, 5]), np.nan), "x", 100, 0)
    assert (row["bias"], row["mae"]) == pytest.approx((1, 5 / 3))
    assert row["sd"] == pytest.approx(2 / np.sqrt(3))


def test_intervals_are_those_of_a_loop():
    found = _pairs(30)
    weights = regression.resamples(30, 200, 7, "x")
    values = []
    for counts in weights.astype(int):
        index = np.repeat(np.arange(30), counts)
        truth, prediction = found.truth[index], found.prediction[index]
        values.append(
            [
                metrics.mean_absolute_error(truth, prediction),
                metrics.r2_score(truth, prediction),
                stats.pearsonr(truth, prediction)[0] ** 2,
            ]
        )
    low, high = np.quantile(values, [0.025, 0.975], axis=0)
    row = regression.measure(found, "x", 200, 7)
    names = ("mae", "r2_explained", "r2_correlation")
    assert [row[f"{name}_low"] for name in names] == pytest.approx(low)
    assert [row[f"{name}_high"] for name in names] == pytest.approx(high)


def test_constant_predictions_have_no_correlation():
    found = _pairs()
    row = regression.measure(Pairs(found.eid, found.truth, np.full(80, 5.0), np.nan), "x", 100, 0)
    assert np.isnan(row["r2_correlation"])
    assert row["r2_explained"] == pytest.approx(metrics.r2_score(found.truth, np.full(80, 5.0)))


def test_a_constant_target_is_noted():
    row = regression.measure(Pairs(np.arange(5), np.full(5, 1e6), np.arange(5.0), np.nan), "x", 100, 0)
    assert np.isnan(row["r2_explained"])
    assert "constant" in row["note"]


def test_holm_corrects_over_what_a_table_prints():
    """Two of three targets are printed: the smaller of their p values is doubled, whatever the third one's is."""
    draw = np.random.default_rng(0)
    truth, rows, others = draw.normal(0, 1, 60), [], []
    for target, better in (("first", 0.5), ("second", 0.8), ("hidden", 0.4)):
        common = pd.DataFrame({"eid": range(60), "split": "test", "target": target, "truth": truth})
        error = draw.normal(0, 1, 60)
        rows.append(common.assign(prediction=truth + better * error))
        others.append(common.assign(prediction=truth + np.roll(error, 1)))
    wanted = pd.DataFrame({"task": "t", "target": ["first", "hidden", "second"], "in_table": [1, 0, 1]})
    wanted = wanted.assign(title=wanted["target"], unit="", kind="numerical", decimals=1)
    found = regression.evaluate(pd.concat(rows), wanted, {"b": pd.concat(others)}, "vita", 50, 0).set_index("target")
    small, large = sorted(found.loc[["first", "second"], "p"])
    assert found.loc[["first", "second"], "p_holm"].min() == pytest.approx(min(2 * small, 1))
    assert found.loc[["first", "second"], "p_holm"].max() == pytest.approx(max(2 * small, large))
    assert np.isnan(found.loc["hidden", "p_holm"])


def test_command_line(tmp_path, targets):
    names = ["LVEDV", "LVM"]
    synthetic.regression(tmp_path / "vita.parquet", names, 0.3)
    for model, noise in {"mae": 0.6, "mean_guess": 1.0}.items():
        synthetic.regression(tmp_path / f"{model}.parquet", names, noise)
    baselines = [str(tmp_path / f"{name}.parquet") for name in ("mae", "mean_guess")]
    arguments = ["--task", "sa_phenotypes", "--model", "vita", "--targets", str(targets)]
    arguments += ["--predictions", str(tmp_path / "vita.parquet"), "--baselines", *baselines]
    arguments += ["--settings", '{"seed": 1, "evaluation": {"bootstrap": 200}}']
    regression.main([*arguments, "--output", str(tmp_path / "first.csv")])
    regression.main([*arguments, "--output", str(tmp_path / "second.csv")])
    assert (tmp_path / "first.csv").read_bytes() == (tmp_path / "second.csv").read_bytes()
    table = pd.read_csv(tmp_path / "first.csv").set_index("target")
    assert list(table.index) == ["LVEDV", "LVESV", "LVM"]  # the order of targets.tsv
    assert table.loc["LVEDV", "n"] == 160  # the test split only
    assert table.loc["LVEDV", "best_baseline"] == "mae"
    assert table.loc["LVEDV", "p"] < 0.01
    assert table.loc["LVEDV", "p_holm"] >= table.loc["LVEDV", "p"]
    assert table.loc["LVESV", "n"] == 0
    assert "no participant" in table.loc["LVESV", "note"]


def test_participants_are_paired_whatever_the_order(tmp_path):
    table = synthetic.regression(tmp_path / "a.parquet", ["LVEDV"], 0.3)
    table.sample(frac=1, random_state=0).to_parquet(tmp_path / "b.parquet")
    first, second = (read_predictions(tmp_path / f"{name}.parquet") for name in "ab")
    found = regression.pairs(second, "LVEDV")
    assert regression.compare(found, "LVEDV", {"a": first})["p"] == 1.0


def test_a_baseline_that_lacks_participants_is_not_compared_with(tmp_path, caplog):
    table = synthetic.regression(tmp_path / "a.parquet", ["LVEDV"], 0.3).query("split == 'test'")
    found = regression.pairs(table, "LVEDV")
    assert regression.compare(found, "LVEDV", {"less": table.iloc[1:]}) == {}
    assert "less has not predicted every test participant" in caplog.text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="truth"), "no column truth"),
        (lambda t: t.assign(split="train"), "no row with split"),
        (lambda t: pd.concat([t, t]), "occur twice"),
        (lambda t: t.assign(prediction=np.inf), "not finite"),
    ],
)
def test_bad_predictions_are_the_users_to_mend(tmp_path, targets, change, message):
    table = synthetic.regression(tmp_path / "a.parquet", ["LVEDV"], 0.3)
    change(table).to_parquet(tmp_path / "a.parquet")
    arguments = ["--task", "sa_phenotypes", "--model", "a", "--targets", str(targets)]
    arguments += ["--predictions", str(tmp_path / "a.parquet"), "--output", str(tmp_path / "out.csv")]
    arguments += filled.EVALUATION
    with pytest.raises(UserError, match=message):
        regression.main(arguments)
    assert not (tmp_path / "out.csv").exists()
