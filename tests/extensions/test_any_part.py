"""Any part of the table: a world whose best AUC is known, what is hidden, left out, and what cannot be learnt."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from vita.cohort.features import Feature, load_features
from vita.extensions import part_network
from vita.extensions.any_part import FEW, enough, main, mean_auc, measure, with_interval
from vita.extensions.availability import LEVELS, clinical_parts, random_parts
from vita.extensions.part_contenders import Known, learn
from vita.extensions.part_network import image_scores
from vita.extensions.part_table import Table, allowed
from vita.runtime.errors import UserError
from vita.tabular.targets import Target, read_targets
from vita.training.closed_form import fit_classes, standardised

RESOURCES = Path(__file__).parents[2] / "workflow" / "resources"
TARGETS = RESOURCES / "targets.tsv"
FEATURES = {each.name: each for each in load_features(RESOURCES / "features.tsv")}
USEFUL = 5
TWO = {f"disease_{name}": Target(name, name, "", "binary", "labels", name, classes=2) for name in ("cad", "stroke")}


class World:
    """People whose log odds of two diseases are sums of what the image shows and of five of ten features."""

    def __init__(self) -> None:
        rng = np.random.default_rng(3)
        n = 1900
        cause = rng.standard_normal((n, 2))
        values = rng.standard_normal((n, 10))
        self.image = np.column_stack([cause, rng.standard_normal((n, 4))])
        weights = np.zeros((10, 2))
        weights[:USEFUL] = [[1, 0.2], [0.8, 0.8], [0.6, 1], [0.6, -0.6], [-0.8, 0.4]]
        self.truth = (rng.random((n, 2)) < expit(values @ weights + cause - 1)).astype(float)
        values[rng.random((n, 10)) < 0.1] = np.nan
        self.best = np.nan_to_num(values) @ weights + cause  # what is known of it, as features do not depend on others
        features = [replace(FEATURES["age"], name=f"feature {place}", group="ecg") for place in range(10)]
        self.table = Table(values, np.arange(10), features)
        self.split = np.array(["train"] * 700 + ["val"] * 200 + ["test"] * 1000)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def found(world: World) -> pd.DataFrame:
    """AUC, interval and error of each contender by percentage, of the mean over both diseases."""
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(part_network, "STEPS", 300)
        changed.setattr(part_network, "PENALTIES", (0.003, 0.01))
        contenders = learn(part_network.DISEASES, world.table, world.image, world.truth, world.split, 1, "image", {})
    rows = pd.DataFrame(measure(contenders, random_parts(1000, 10, 1), world.truth[-1000:], TWO))
    return rows[rows["task"] == "diseases"].pivot_table(index="percent", columns="model", values=["auc", "se"])


def test_more_of_the_table_is_never_worse(found: pd.DataFrame) -> None:
    auc, error = found["auc", "any_part"], found["se", "any_part"]
    assert list(auc.index) == list(LEVELS)
    assert (auc >= auc.cummax() - error).all()
    assert auc[100] > auc[50] + 0.02 > auc[0] + 0.04


def test_with_nothing_it_is_the_image_and_with_all_it_beats_both(found: pd.DataFrame) -> None:
    auc = found["auc"]
    assert auc.loc[0, "any_part"] == pytest.approx(auc.loc[0, "image"], abs=1e-4)
    assert auc.loc[0, "boosted_table"] == 0.5
    assert (auc["image"] == auc.loc[0, "image"]).all()
    assert auc.loc[100, "any_part"] > auc.loc[100, ["image", "boosted_table"]].max() + 0.02


def test_with_all_it_is_nearly_as_good_as_the_truth(world: World, found: pd.DataFrame) -> None:
    best = np.mean([roc_auc_score(world.truth[-1000:, one], world.best[-1000:, one]) for one in (0, 1)])
    assert best - 0.025 < found["auc", "any_part"][100] < best + 0.005


def test_what_says_nothing_gets_no_weight(world: World, monkeypatch) -> None:
    monkeypatch.setattr(part_network, "STEPS", 300)
    monkeypatch.setattr(part_network, "PENALTIES", (0.01,))
    values = np.nan_to_num(world.table.values_nc)
    given = Known(values, world.table.known_nf, world.image[:, :2])
    train, validate = (np.flatnonzero(world.split == name) for name in ("train", "val"))
    truths = world.truth[train], world.truth[validate]
    network = part_network.fit(given.rows(train), truths[0], given.rows(validate), truths[1], list(range(10)), 1)
    size = network.scale.detach().abs().numpy()[:, :2].sum(axis=1)
    assert size[USEFUL:].max() < 0.3 * size[:USEFUL].min()


def test_levels_are_nested_and_everybody_has_features_of_their_own() -> None:
    parts = random_parts(30, 20, 1)
    assert [part.percent for part in parts] == list(LEVELS)
    assert [part.features for part in parts] == list(range(21))
    for less, more in pairwise(parts):
        assert (more.seen_dnf >= less.seen_dnf).all()
        assert (more.seen_dnf.sum(axis=2) == more.features).all()
    half = parts[10].seen_dnf
    assert (half[0] != half[0, 0]).any()
    assert (half[0] != half[1]).any()
    assert all((a.seen_dnf == b.seen_dnf).all() for a, b in zip(parts, random_parts(30, 20, 1), strict=True))


def test_clinical_parts_grow_and_bloods_are_one_where_the_table_has_any() -> None:
    names = ["age", "sex", "systolic_bp", "walking_pace", "ventricular_rate"]
    features = [FEATURES[name] for name in names]
    parts = clinical_parts(3, features)
    assert [part.part for part in parts] == ["Age and sex", "+ blood pressure", "+ ECG"]
    assert [part.features for part in parts] == [2, 3, 4]
    assert parts[1].percent == 60
    assert parts[1].seen_dnf.tolist() == [[[True, True, True, False, False]] * 3]
    with_bloods = clinical_parts(3, [*features, replace(FEATURES["age"], name="glucose", group="bloods")])
    assert [part.part for part in with_bloods] == ["Age and sex", "+ blood pressure", "+ bloods", "+ ECG"]


def test_a_table_hides_all_columns_of_a_feature() -> None:
    fields = pd.DataFrame({"age": [50.0, None], "walking_pace": [3, 1], "sex": [None, None]})
    features = [FEATURES[name] for name in ("walking_pace", "age", "sex")]
    table = Table.of(fields.astype("Float64"), features, np.array([True, True]))
    assert [each.name for each in table.features] == ["walking_pace", "age"]
    assert table.feature_of.tolist() == [0, 0, 1]
    assert table.known_nf.tolist() == [[True, True], [True, False]]
    seen = table.seen(np.array([0, 1]), np.array([[False, True], [True, True]]))
    np.testing.assert_array_equal(seen, [[np.nan, np.nan, 50], [0, 0, np.nan]])


def test_the_image_is_its_head_of_table_4_and_that_of_others_in_training(world: World) -> None:
    usable, truth = standardised(world.image, world.split == "train"), world.truth[:, 0]
    scores = image_scores(usable, truth, world.split, 1)
    logits = fit_classes(usable, truth, world.split, 2)(usable)
    apart = logits[:, 1] - logits[:, 0] - scores
    elsewhere = world.split != "train"
    np.testing.assert_allclose(apart[elsewhere], apart[elsewhere][0])
    assert np.ptp(apart[~elsewhere]) > 0.01
    nothing = np.random.default_rng(0).standard_normal((1900, 300))
    nothing = standardised(nothing, world.split == "train")
    blind = image_scores(nothing, truth, world.split, 1)
    train = world.split == "train"
    assert abs(roc_auc_score(truth[train], blind[train]) - 0.5) < 0.06, "its own people taught it"


def test_auc_of_draws_and_of_people_who_are_known() -> None:
    truth = np.array([1, 0, 1, np.nan, 0, 0])
    scores = np.array([[3, 1], [1, 2], [2, 3], [9, 9], [2, 0], [0, 0]], dtype=float)
    auc, influence = mean_auc(truth, scores)
    assert auc == pytest.approx((5.5 / 6 + 5 / 6) / 2)
    assert influence[3] == 0
    assert with_interval(0.9, np.array([0.3, 0.4])) == {
        "auc": 0.9,
        "low": 0.0,
        "high": 1.0,
        "se": pytest.approx(0.5),
    }


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A cohort of 400 with a few columns of the table; nearly nobody has had a stroke."""
    rng = np.random.default_rng(0)
    eids = np.arange(1000, 1400)
    cause = rng.standard_normal(400)
    cad = cause + 0.5 * rng.standard_normal(400) > 0.5
    table = {"eid": eids, "age": 60 + 5 * rng.standard_normal(400), "sex": rng.integers(0, 2, 400)}
    table |= {
        "systolic_bp": 130 + 10 * cause + 20 * rng.standard_normal(400),
        "angina_diagnosed": cad.astype(int),
        "weight": 70 + 9 * (cad - 0.5),
    }
    frames = {
        "fields": pd.DataFrame(table),
        "split": pd.DataFrame({"eid": eids, "split": ["train"] * 200 + ["val"] * 80 + ["test"] * 120}),
        "cad": pd.DataFrame({"eid": eids, "cad": cad}),
        "stroke": pd.DataFrame({"eid": eids, "stroke": eids % 50 == 0}),
        "probe_vita": pd.DataFrame({"a": cause, "b": rng.standard_normal(400), "eid": eids}),
    }
    paths = {name: tmp_path / f"{name}.parquet" for name in frames}
    for name, frame in frames.items():
        frame.to_parquet(paths[name])
    return paths


def cad() -> list[Target]:
    return read_targets(TARGETS, "disease_cad")


def test_what_is_or_reveals_a_disease_is_left_out(files: dict[str, Path]) -> None:
    features: list[Feature] = [
        FEATURES[name] for name in ("age", "sex", "systolic_bp", "angina_diagnosed", "weight", "cardiac_operations")
    ]

    def kept(exclude: object) -> list[str]:
        tables = [files["fields"], files["cad"]]
        return [each.name for each in allowed(features, cad(), ["disease_cad"], exclude, tables, files["split"])]

    # angina and operations are the disease, of weight its training participants tell
    assert kept([]) == ["age", "sex", "systolic_bp"]
    assert kept(["blood_pressure"]) == ["age", "sex"]
    assert kept({"diseases": ["sex"], "physiological": ["age"]}) == ["age", "systolic_bp"]


def test_few_of_one_kind_are_not_learnt() -> None:
    split = np.array(["train"] * 30 + ["val"] * 5 + ["test"] * 30)
    truth = np.zeros(65)
    truth[:10] = truth[35:45] = 1
    assert enough(truth, split)
    truth[44] = np.nan
    assert not enough(truth, split), "nine in the test split"
    assert not enough(np.zeros(65), split)


def arguments(files: dict[str, Path], output: Path, *diseases: str) -> list[str]:
    return [
        *("--tasks", *(f"disease_{each}" for each in diseases)),
        *("--labels", *(f"{each}={files[each]}" for each in diseases)),
        *("--features", f"probe_vita={files['probe_vita']}", "--targets", str(TARGETS), "--output", str(output)),
        *(text for name in ("fields", "split") for text in (f"--{name}", str(files[name]))),
        *("--settings", '{"seed": 1, "tabular": {"exclude": []}}'),
    ]


def test_the_command_writes_rows_of_what_is_learnt_and_why_the_rest_is_not(files, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(part_network, "STEPS", 60)
    monkeypatch.setattr(part_network, "MOST_TREES", 10)
    output = tmp_path / "availability.csv"
    main(arguments(files, output, "cad", "stroke"))
    table = pd.read_csv(output)
    stroke = table[table["task"] == "disease_stroke"]
    assert stroke["note"].tolist() == [FEW]
    assert stroke["n"].tolist() == [120]
    assert stroke["auc"].isna().all()
    cad = table[table["task"] == "disease_cad"]
    assert list(dict.fromkeys(cad["model"])) == ["probe_vita", "boosted_table", "any_part"]
    assert len(cad) == 3 * (len(LEVELS) + 2)
    assert set(table["task"]) == {"disease_cad", "disease_stroke"}, "no mean of one disease"
    assert cad["features"].max() == 3
    assert (cad["low"] <= cad["auc"]).all()
    assert (cad["auc"] <= cad["high"]).all()
    again = tmp_path / "again.csv"
    main(arguments(files, again, "cad", "stroke"))
    assert again.read_text() == output.read_text()


def test_with_predictions_it_starts_from_them(files, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(part_network, "STEPS", 60)
    monkeypatch.setattr(part_network, "MOST_TREES", 10)
    labels, split = (pd.read_parquet(files[name]).set_index("eid") for name in ("cad", "split"))
    others = split.index[split["split"] != "train"]
    noise = np.random.default_rng(5).standard_normal(len(others))
    chances = expit(2.5 * labels.loc[others, "cad"] + noise)
    predictions = tmp_path / "cad_predictions.parquet"
    pd.DataFrame({"eid": others, "target": "cad", "prediction": chances}).to_parquet(predictions)
    given = [*arguments(files, tmp_path / "a.csv", "cad"), "--predictions", f"disease_cad={predictions}"]
    main(given)
    auc = pd.read_csv(tmp_path / "a.csv").pivot_table(index="percent", columns="model", values="auc")
    own = split.index[split["split"] == "test"]
    expected = roc_auc_score(labels.loc[own, "cad"], chances[own])
    assert list(auc.columns) == ["any_part", "boosted_table", "probe_vita", "vita"]
    assert auc["vita"].to_numpy() == pytest.approx(expected)
    assert auc.loc[0, "any_part"] == pytest.approx(expected)
    assert (auc["any_part"] > auc["boosted_table"]).all()
    with pytest.raises(UserError, match="no file of disease_cad with cad; give those of every task or of none"):
        main([*given[:-1], f"disease_stroke={predictions}"])


def test_nothing_that_can_be_learnt_is_no_error(files, tmp_path) -> None:
    main(arguments(files, tmp_path / "few.csv", "stroke"))
    table = pd.read_csv(tmp_path / "few.csv")
    assert table["note"].tolist() == [FEW]


def test_a_table_of_which_nothing_is_left_is_an_error(files, tmp_path) -> None:
    own = pd.read_parquet(files["fields"])[["eid", "angina_diagnosed"]]
    own.to_parquet(files["fields"])
    with pytest.raises(UserError, match="no feature is left for the extension any_part"):
        main(arguments(files, tmp_path / "none.csv", "cad"))


def test_the_network_by_hand() -> None:
    """Two columns of the first feature and one of the second, which is not there: its value does not count."""
    network = part_network.PartNetwork([0, 0, 1], 2, 1)
    values = {"scale": [[1, 0.1], [2, 0], [50, 50]], "shift": [[0.5, -3], [70, 70]], "missing": [[9, 9], [0.25, 0.2]]}
    with torch.no_grad():
        for name, rows in (values | {"base": [-1, 0.3]}).items():
            getattr(network, name).copy_(torch.tensor(rows))
        found = network(torch.tensor([[2.0, -1, 8]]), torch.tensor([[1.0, 0]]), torch.tensor([[3.0]])).item()
    odds = 1 * 2 + 2 * -1 + 0.5 + 0.25 - 1
    weight = 0.1 * 2 - 3 + 0.2 + 0.3 + np.log(np.e - 1)
    assert found == pytest.approx(odds + 3 * np.log1p(np.exp(weight)), rel=1e-5)
    assert network.penalty().item() == pytest.approx(103.1 + 143.5 + 18.45, rel=1e-5)
