"""Numbers from any part of the table: against scikit-learn, the bootstrap, and a world whose best error is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error, r2_score

from vita.cohort.features import load_features
from vita.extensions import part_ridge
from vita.extensions.any_part import AVERAGE
from vita.extensions.any_part_phenotypes import FEW, enough, errors, main, measure, with_intervals
from vita.extensions.availability import LEVELS, random_parts
from vita.extensions.part_contenders import Known, learn
from vita.extensions.part_ridge import fit, image_numbers
from vita.extensions.part_table import Table
from vita.runtime.errors import UserError
from vita.tabular.targets import Target
from vita.training.closed_form import fit_number

RESOURCES = Path(__file__).parents[2] / "workflow" / "resources"
TARGETS = RESOURCES / "targets.tsv"
FEATURES = {each.name: each for each in load_features(RESOURCES / "features.tsv")}
TWO = [("sa_phenotypes", Target(name, name, "mL", "numerical", "phenotypes", name)) for name in ("LVEDV", "LVSV")]
N, TEST = 1050, 300
COLUMNS = 8


class World:
    """People whose two numbers are sums of what the image shows, of four of eight features, and of noise.

    Features come in pairs that say nearly the same (a correlation of 0.9), so that weights depend on what is there.
    """

    def __init__(self) -> None:
        rng = np.random.default_rng(5)
        cause = rng.standard_normal((N, 2))
        shared = rng.standard_normal((N, COLUMNS // 2)).repeat(2, axis=1)
        values = np.sqrt(0.9) * shared + np.sqrt(0.1) * rng.standard_normal((N, COLUMNS))
        weights = np.zeros((COLUMNS, 2))
        weights[:4] = [[0.8, -0.3], [-0.2, 0.5], [0.3, 0.4], [0.3, 0.0]]
        self.best = values @ weights + cause
        truth = self.best + 0.5 * rng.standard_normal((N, 2))
        self.image = np.column_stack([cause, rng.standard_normal((N, 3))])
        self.split = np.array(["train"] * 600 + ["val"] * 150 + ["test"] * TEST)
        train = self.split == "train"
        self.spread = truth[train].std(axis=0)
        self.truth = (truth - truth[train].mean(axis=0)) / self.spread
        self.columns = values
        features = [replace(FEATURES["age"], name=f"feature {place}", group="ecg") for place in range(COLUMNS)]
        self.table = Table(values, np.arange(COLUMNS), features)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def found(world: World) -> pd.DataFrame:
    """Every value of each contender by percentage, of the mean over both numbers."""
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(part_ridge, "MOST_TREES", 20)
        contenders = learn(part_ridge.NUMBERS, world.table, world.image, world.truth, world.split, 1, "image", {})
    rows = pd.DataFrame(measure(contenders, random_parts(TEST, COLUMNS, 1)[::4], world.truth[-TEST:], TWO))
    return rows[rows["target"] == AVERAGE].pivot_table(index="percent", columns="model", values=["ratio", "r2", "se"])


def test_more_of_the_table_is_never_worse_and_says_more(found: pd.DataFrame) -> None:
    ratio, error = found["ratio", "any_part"], found["se", "any_part"]
    assert list(ratio.index) == list(LEVELS[::4])
    assert (ratio <= ratio.cummin() + error).all()
    assert ratio[100] < ratio[40] - 0.03 < ratio[0] - 0.06
    assert found["r2", "any_part"][100] > found["r2", "any_part"][40] + 0.03


def test_with_nothing_it_is_the_image_and_with_all_it_beats_both(found: pd.DataFrame) -> None:
    ratio = found["ratio"]
    assert ratio.loc[0, "any_part"] == ratio.loc[0, "image"]
    assert ratio.loc[0, "boosted_table"] == pytest.approx(1, abs=0.03)
    assert ratio.loc[100, "any_part"] < ratio.loc[100, ["image", "boosted_table"]].min() - 0.05


def test_with_all_it_is_nearly_as_good_as_the_truth(world: World, found: pd.DataFrame) -> None:
    truth = world.truth[-TEST:] * world.spread
    best = world.best[-TEST:] - world.best[world.split == "train"].mean(axis=0)
    ratio = np.mean([mean_absolute_error(truth[:, one], best[:, one]) / np.abs(truth[:, one]).mean() for one in (0, 1)])
    assert ratio - 0.01 < found["ratio", "any_part"][100] < ratio + 0.02


def test_weights_of_a_part_are_the_ridges_of_just_these_columns(world: World) -> None:
    """Without an image, and with a penalty of 0.01 for each participant: scikit-learn's, for each part."""
    rows, seen = np.arange(600), np.array([0, 3, 4])
    known = Known(world.columns, np.ones_like(world.columns, bool), np.zeros((N, 2)))
    model = fit(known.rows(rows), world.truth[rows], known.rows(rows[:0]), world.truth[:0], np.arange(COLUMNS), 1)
    model = replace(model, penalties_d=np.full(2, 0.01))
    there = np.isin(np.arange(COLUMNS), seen)
    expected = Ridge(alpha=0.01 * 600, fit_intercept=False).fit(world.columns[rows][:, seen], world.truth[rows])
    got = model(known.rows(np.arange(600, 700)), np.tile(there, (100, 1)))
    np.testing.assert_allclose(got, expected.predict(world.columns[600:700][:, seen]), atol=1e-9)


def test_what_the_image_says_of_a_column_is_not_counted_twice() -> None:
    """A column that repeats the image's score adds nothing to it."""
    rng = np.random.default_rng(0)
    score, noise = rng.standard_normal((2, 400))
    truth = score + 0.1 * rng.standard_normal(400)
    given = Known(np.column_stack([score, noise]), np.ones((400, 2), bool), score[:, None])
    model = fit(
        given.rows(np.arange(300)), truth[:300, None], given.rows(np.arange(0)), truth[:0, None], np.arange(2), 1
    )
    model = replace(model, penalties_d=np.array([1e-3]))
    found = model(given.rows(np.arange(300, 400)), np.ones((100, 2), bool))
    np.testing.assert_allclose(found[:, 0], score[300:], atol=0.05)
    np.testing.assert_array_equal(model(given.rows(np.arange(300, 400)), np.zeros((100, 2), bool))[:, 0], score[300:])


def test_a_column_that_is_not_known_is_as_one_that_is_not_seen(world: World) -> None:
    rng = np.random.default_rng(1)
    gaps = rng.random(world.columns.shape) < 0.3
    known = Known(np.where(gaps, 0, world.columns), ~gaps, np.zeros((N, 2)))
    rows = np.arange(600)
    model = fit(known.rows(rows), world.truth[rows], known.rows(rows[:0]), world.truth[:0], np.arange(COLUMNS), 1)
    assert (model.penalties_d == part_ridge.PENALTIES[-1]).all(), "no validation participant"
    assert np.linalg.eigvalsh(model.columns_cc).min() > -1e-12
    whole = Known(world.columns, np.ones_like(gaps), np.zeros((N, 2)))
    there = model(known.rows(rows), np.ones((600, COLUMNS), bool))
    np.testing.assert_allclose(there, model(whole.rows(rows), ~gaps[rows]), atol=1e-12)
    # pairs that are known together, not zeros in place of what is missing
    full = fit(whole.rows(rows), world.truth[rows], known.rows(rows[:0]), world.truth[:0], np.arange(COLUMNS), 1)
    np.testing.assert_allclose(model.columns_cc, full.columns_cc, atol=0.12)


def test_errors_are_those_of_scikit_learn_over_draws() -> None:
    rng = np.random.default_rng(2)
    truth = rng.standard_normal(50)
    drawn = truth + rng.standard_normal((3, 50))
    given = truth.copy()
    given[7] = np.nan
    there = np.arange(50) != 7
    found = errors(given, drawn)
    ratios = [mean_absolute_error(truth[there], one[there]) / np.abs(truth[there]).mean() for one in drawn]
    assert found["ratio"][0] == pytest.approx(np.mean(ratios))
    assert found["r2"][0] == pytest.approx(np.mean([r2_score(truth[there], one[there]) for one in drawn]))
    assert found["ratio"][1][7] == found["r2"][1][7] == 0


def test_standard_errors_are_those_of_the_bootstrap() -> None:
    rng = np.random.default_rng(3)
    truth = rng.standard_normal(300)
    drawn = (0.5 * truth + 0.7 * rng.standard_normal(300))[None]
    found = with_intervals([errors(truth, drawn)])
    again = []
    for _ in range(2000):
        rows = rng.integers(0, 300, 300)
        one = errors(truth[rows], drawn[:, rows])
        again.append([one["ratio"][0], one["r2"][0]])
    assert [found["se"], found["r2_se"]] == pytest.approx(np.std(again, axis=0), rel=0.1)
    assert found["high"] == pytest.approx(found["ratio"] + 1.959964 * found["se"])


def test_the_image_is_its_head_of_table_1_and_that_of_others_in_training(world: World) -> None:
    truth, train = world.truth[:, 0], world.split == "train"
    own = image_numbers(world.image, truth, world.split, 1)
    head = fit_number(world.image, truth, world.split)(world.image)[:, 0]
    np.testing.assert_array_equal(own[~train], head[~train])
    nothing = np.random.default_rng(0).standard_normal((N, 400))
    blind = image_numbers(nothing, truth, world.split, 1)
    assert abs(np.corrcoef(truth[train], blind[train])[0, 1]) < 0.12, "its own people taught it"


def test_few_or_all_alike_are_not_learnt() -> None:
    split = np.array(["train"] * 30 + ["test"] * 30)
    truth = np.arange(60.0)
    assert enough(truth, split)
    assert not enough(np.where(np.arange(60) < 39, truth, np.nan), split), "nine in the test split"
    assert not enough(np.where(split == "train", 5.0, truth), split)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A cohort of 300 with a few columns of the table; RVEF is known of nobody in the test split."""
    rng = np.random.default_rng(0)
    eids = np.arange(1000, 1300)
    split = np.array(["train"] * 160 + ["val"] * 50 + ["test"] * 90)
    cause = rng.standard_normal(300)
    fields = {"eid": eids, "age": 60 + 5 * rng.standard_normal(300), "sex": rng.integers(0, 2, 300)}
    fields["systolic_bp"] = 130 + 10 * cause + 20 * rng.standard_normal(300)
    targets = {"LVEDV": 150 + 20 * cause + 10 * fields["sex"], "LVCO": 5 + rng.standard_normal(300)}
    fields["weight"] = targets["LVEDV"] / 2 + rng.standard_normal(300)  # its training participants tell LVEDV
    fields["inline_cardiac_output"] = rng.standard_normal(300)  # is LVCO, whatever it says of it
    frames = {
        "fields": pd.DataFrame(fields),
        "split": pd.DataFrame({"eid": eids, "split": split}),
        "phenotypes": pd.DataFrame({"eid": eids, **targets, "RVEF": np.where(split == "test", np.nan, cause)}),
        "probe_vita": pd.DataFrame({"a": cause, "b": rng.standard_normal(300), "eid": eids}),
    }
    paths = {name: tmp_path / f"{name}.parquet" for name in frames}
    for name, frame in frames.items():
        frame.to_parquet(paths[name])
    return paths


def run(files: dict[str, Path], output: Path, exclude: str = "[]") -> pd.DataFrame:
    main(
        [
            *("--tasks", "sa_phenotypes", "--features", f"probe_vita={files['probe_vita']}", "--targets", str(TARGETS)),
            *(text for name in ("fields", "split", "phenotypes") for text in (f"--{name}", str(files[name]))),
            *("--settings", f'{{"seed": 1, "tabular": {{"exclude": {exclude}}}}}', "--output", str(output)),
        ]
    )
    return pd.read_csv(output)


def test_the_command_writes_rows_of_what_is_learnt_and_why_the_rest_is_not(files, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(part_ridge, "MOST_TREES", 5)
    table = run(files, tmp_path / "a.csv")
    missing = table[table["target"] == "RVEF"]
    assert missing["note"].tolist() == [FEW]
    assert missing["n"].tolist() == [0]
    own = table[table["target"] == "LVEDV"]
    assert list(dict.fromkeys(own["model"])) == ["probe_vita", "boosted_table", "any_part"]
    assert len(own) == 3 * (len(LEVELS) + 2)
    assert own["features"].max() == 3, "weight or inline_cardiac_output is there"
    assert list(dict.fromkeys(table["target"])) == ["LVEDV", "LVCO", "RVEF", AVERAGE]
    mean = table[table["target"] == AVERAGE].set_index(["model", "part"])["ratio"]
    pd.testing.assert_series_equal(
        mean,
        table[table["note"].isna() & (table["target"] != AVERAGE)]
        .groupby(["model", "part"], sort=False)["ratio"]
        .mean(),
    )
    assert run(files, tmp_path / "b.csv").equals(table)


def test_what_the_configuration_keeps_out_of_a_task_is_left_out(files, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(part_ridge, "MOST_TREES", 5)
    table = run(files, tmp_path / "a.csv", '{"sa_phenotypes": ["sex"], "diseases": ["age"]}')
    assert table["features"].max() == 2


def test_a_table_of_which_nothing_is_left_is_an_error(files, tmp_path) -> None:
    pd.read_parquet(files["fields"])[["eid", "inline_cardiac_output"]].to_parquet(files["fields"])
    with pytest.raises(UserError, match="no feature is left for the extension any_part_phenotypes"):
        run(files, tmp_path / "a.csv")


def test_what_only_trees_see_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that depends on the size of a feature, not on its sign: the linear part finds nothing of it."""
    monkeypatch.setattr(part_ridge, "MOST_TREES", 20)
    rng = np.random.default_rng(0)
    values, image = rng.standard_normal((900, 2)), rng.standard_normal((900, 3))
    truth = np.abs(values[:, :1]) - np.sqrt(2 / np.pi) + 0.2 * rng.standard_normal((900, 1))
    split = np.array(["train"] * 500 + ["val"] * 150 + ["test"] * 250)
    features = [replace(FEATURES["age"], name=f"feature {place}", group="ecg") for place in range(2)]
    contenders = learn(part_ridge.NUMBERS, Table(values, np.arange(2), features), image, truth, split, 1, "image", {})
    everything = np.ones((250, 2), bool)
    error = {name: np.abs(scores(everything) - truth[-250:]).mean() for name, scores in contenders.items()}
    assert error["any_part"] < error["boosted_table"] + 0.01
    assert error["any_part"] < 0.7 * error["image"]
