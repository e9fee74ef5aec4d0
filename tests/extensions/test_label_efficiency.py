"""Learning from a part of the labels: nested parts, the same heads as controls, averages, and what cannot be learnt."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from vita.extensions import label_shares
from vita.extensions.label_efficiency import Ways, averaged_diseases, compact, error_of, measure, of_trained
from vita.extensions.label_shares import LEFT_OUT, parts
from vita.tabular.targets import Target
from vita.training.closed_form import fit_classes, fit_number, numbers_between, standardised

SPLIT = np.array(["train"] * 120 + ["val"] * 40 + ["test"] * 60)
NUMBER = Target("LVEF", "LVEF", "%", "numerical", "phenotypes", "LVEF")
DISEASE = Target("cad", "CAD", "", "binary", "labels", "cad", classes=2)


@pytest.fixture
def world() -> tuple[np.ndarray, pd.DataFrame]:
    rng = np.random.default_rng(0)
    causes = rng.standard_normal((220, 4))
    features = causes @ rng.standard_normal((4, 200)) + rng.standard_normal((220, 200))
    values = pd.DataFrame({"LVEF": 60 + 5 * causes[:, 0] + rng.standard_normal(220)})
    values["LVM"] = 100 + 20 * causes[:, 2] + 5 * rng.standard_normal(220)
    values["cad"] = (causes[:, 1] + 0.3 * rng.standard_normal(220) > 0.5).astype(float)
    return features, values


def test_smaller_parts_lie_in_larger_ones_and_the_test_split_stays() -> None:
    whole = parts(SPLIT, 100, 0, 1)
    assert (whole == SPLIT).all()
    before = whole
    for percent, people in ((50, 60), (25, 30), (10, 12), (2, 3)):
        part = parts(SPLIT, percent, 0, 1)
        assert (part == "train").sum() == people
        assert ((part == "test") == (SPLIT == "test")).all()
        assert (before[(part == "train") | (part == "val")] != LEFT_OUT).all()
        before = part
    assert (parts(SPLIT, 10, 0, 1) != parts(SPLIT, 10, 1, 1)).any()


@pytest.mark.parametrize("percent", [10, 25])
def test_compact_features_give_the_same_heads(world, percent: int) -> None:
    features, values = world
    split = parts(SPLIT, percent, 0, 1)
    scaled, small = standardised(features, split == "train"), compact(features, split == "train")
    assert small.shape[1] <= (split == "train").sum() < scaled.shape[1]
    truth, ill, train = values["LVEF"].to_numpy(), values["cad"].to_numpy(), split == "train"
    np.testing.assert_allclose(
        fit_number(small, truth, split)(small), fit_number(scaled, truth, split)(scaled), rtol=1e-6
    )
    model = LogisticRegression(C=0.1, tol=1e-9, max_iter=5000)
    first, second = (model.fit(x[train], ill[train]).predict_proba(x) for x in (small, scaled))
    np.testing.assert_allclose(first, second, atol=1e-5)


def test_all_labels_give_the_error_of_the_control(world) -> None:
    features, values = world
    test = SPLIT == "test"
    truth = values["LVEF"].to_numpy()
    scaled = standardised(features, SPLIT == "train")
    expected = np.abs(fit_number(scaled, truth, SPLIT)(scaled)[:, 0] - truth)[test].mean()
    rows = pd.DataFrame(measure("sa_phenotypes", values, [NUMBER], {"probe_vita": features}, SPLIT, 1))
    whole = rows[rows["percent"] == 100].iloc[0]
    assert whole["value"] == expected
    assert whole["n"] == 120
    assert whole["draws"] == 1


def test_more_labels_are_better_and_averages_are_of_the_draws(world) -> None:
    features, values = world
    other = Target("LVM", "LVM", "g", "numerical", "phenotypes", "LVM")
    hidden = Target("secret", "secret", "", "numerical", "phenotypes", "secret", in_table=False)
    rows = pd.DataFrame(measure("sa_phenotypes", values, [NUMBER, other, hidden], {"a": features}, SPLIT, 1))
    value = rows.pivot_table(index="percent", columns="target", values="value")
    assert list(value.columns) == ["Average", "LVEF", "LVM"]
    np.testing.assert_allclose(value["Average"], value[["LVEF", "LVM"]].mean(axis=1))
    assert value.loc[100, "Average"] < 0.7 * value.loc[2, "Average"]
    assert (rows["low"] <= rows["value"]).all()
    assert (rows["value"] <= rows["high"]).all()


def test_systems_trained_with_a_part_of_the_labels_are_measured_on_the_test_split(tmp_path: Path) -> None:
    people = pd.DataFrame({"eid": range(220), "split": SPLIT, "target": "LVEF", "truth": 60.0, "prediction": 60.0})
    people.loc[SPLIT == "test", "prediction"] = np.tile([57.0, 61.0], 30)  # errors 3 and 1
    people.loc[SPLIT == "val", "prediction"] = 0.0  # not judged
    people.to_parquet(tmp_path / "p.parquet")
    other = Target("LVM", "LVM", "g", "numerical", "phenotypes", "LVM")
    more = people.assign(target="LVM", prediction=lambda each: each["truth"] + 8)
    pd.concat([people, more]).to_parquet(tmp_path / "both.parquet")
    files = {"vita@10": tmp_path / "both.parquet"}
    rows = pd.DataFrame(of_trained(files, "sa_phenotypes", [NUMBER, other], SPLIT, 1)).set_index("target")
    assert rows["value"].to_dict() == {"LVEF": 2.0, "LVM": 8.0, "Average": 5.0}
    assert set(rows["n"]) == {12}
    assert set(rows["percent"]) == {10}
    assert set(rows["model"]) == {"vita"}


def test_a_part_with_less_than_a_batch_has_no_number(tmp_path: Path) -> None:
    pd.DataFrame({"split": [], "target": [], "truth": [], "prediction": []}).to_parquet(tmp_path / "none.parquet")
    rows = pd.DataFrame(of_trained({"vita@2": tmp_path / "none.parquet"}, "sa_phenotypes", [NUMBER], SPLIT, 1))
    assert rows["value"].isna().all()
    assert set(rows["n"]) == {3}


def test_the_split_of_a_part_of_the_labels_keeps_the_whole_test_split(tmp_path: Path) -> None:
    eids = np.arange(1000, 1220)
    pd.DataFrame({"eid": eids, "split": SPLIT}).to_parquet(tmp_path / "split.parquet")
    asked = ["--split", str(tmp_path / "split.parquet"), "--percent", "10", "--settings", '{"seed": 1}']
    label_shares.main([*asked, "--output", str(tmp_path / "part.parquet")])
    kept = pd.read_parquet(tmp_path / "part.parquet").set_index("eid")["split"]
    assert kept.value_counts().to_dict() == {"test": 60, "train": 12, "val": 4}
    chosen = parts(SPLIT, 10, 0, 1)
    assert kept.equals(pd.Series(SPLIT, eids, name="split").rename_axis("eid")[chosen != LEFT_OUT].astype(kept.dtype))


def test_what_cannot_be_learnt_or_measured(world) -> None:
    features, values = world
    healthy = np.where(SPLIT == "train", 0.0, values["cad"])
    assert error_of(compact(features, SPLIT == "train"), healthy, SPLIT, DISEASE) == 0.5
    nobody = np.where(SPLIT == "test", 0.0, values["cad"])
    assert np.isnan(error_of(features, nobody, SPLIT, DISEASE))
    unknown = np.where(SPLIT == "train", np.nan, values["LVEF"])
    assert np.isnan(error_of(features, unknown, SPLIT, NUMBER))
    constant = compact(np.ones((220, 3)), SPLIT == "train")
    truth = values["LVEF"].to_numpy()
    expected = np.abs(truth[SPLIT == "test"] - truth[SPLIT == "train"].mean()).mean()
    assert error_of(constant, truth, SPLIT, NUMBER) == pytest.approx(expected)


def test_the_average_of_diseases_leaves_out_those_without_a_value() -> None:
    rows = [
        {
            "task": task,
            "metric": "auc",
            "model": "a",
            "percent": 100,
            "n": 9,
            "draws": 1,
            "value": v,
            "low": v,
            "high": v,
        }
        for task, v in {"disease_cad": 0.8, "disease_stroke": 0.6, "disease_infarct": np.nan}.items()
    ]
    found = averaged_diseases(pd.DataFrame(rows))
    assert found["value"].tolist() == [pytest.approx(0.7)]


def test_the_penalty_is_chosen_on_the_same_part_of_validation() -> None:
    for percent, people in ((100, 40), (50, 20), (10, 4), (2, 1)):
        assert (parts(SPLIT, percent, 0, 1) == "val").sum() == people


def test_diseases_are_reached_through_the_phenotypes_of_those_who_have_labels():
    """As the controls of Table 4, and with nothing from people whose labels are left out."""
    generator = np.random.default_rng(5)
    numbers = generator.normal(size=(len(SPLIT), 2))
    other = 4 * generator.normal(size=(len(SPLIT), 12)) @ generator.normal(size=(12, 40))
    features = numbers @ generator.normal(size=(2, 40)) + other + generator.normal(0, 1, size=(len(SPLIT), 40))
    truth = (numbers[:, 0] + generator.normal(0, 0.5, len(SPLIT)) > 0.7).astype(float)
    values, found = pd.DataFrame({"cad": truth}), {}
    of_test_wrong = np.where((SPLIT == "test")[:, None], 1e9, numbers)
    for name, known in {"all": numbers, "none": None, "spoilt": of_test_wrong}.items():
        ways = None if known is None else Ways(known)
        rows = pd.DataFrame(measure("disease_cad", values, [DISEASE], {"a": features}, SPLIT, 1, ways))
        found[name] = rows.set_index("percent")["value"]
    usable = compact(features, SPLIT == "train")
    head = fit_classes(usable, truth, SPLIT, 2, numbers_between(usable, numbers, SPLIT))
    logits = head(usable)[SPLIT == "test"]
    assert found["all"][100] == pytest.approx(roc_auc_score(truth[SPLIT == "test"], logits[:, 1] - logits[:, 0]))
    assert found["all"][100] > found["none"][100]
    assert found["spoilt"].tolist() == pytest.approx(found["all"].tolist(), nan_ok=True)
    chosen = parts(SPLIT, 25, 0, 1)
    spoilt = np.where((chosen == LEFT_OUT)[:, None], 1e9, numbers)
    heads = [Ways(known).of("a", usable, chosen).head for known in (numbers, spoilt)]
    assert heads[0].weights_of == pytest.approx(heads[1].weights_of)
