"""The association study against statsmodels, by simulation, and its files for genetics."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.stats.multitest import multipletests

from vita.extensions import genetics
from vita.extensions.associations import CONSTANT, FEW, Columns, associate, covariates_of, image_outcomes
from vita.extensions.regressions import false_discovery, inflation, permuted_inflation, rank_normal, regress, scan


@pytest.fixture
def world() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes, traits and covariates of 200 people, each with gaps; some outcomes follow some traits."""
    rng = np.random.default_rng(8)
    covariates = np.column_stack([rng.normal(60, 8, 200), rng.random(200) < 0.5, rng.normal(1.9, 0.2, 200)])
    traits = rng.standard_normal((200, 5)) + 0.05 * covariates[:, :1]
    traits[:, 4] = traits[:, 4] > 3
    outcomes = 50 + 10 * (traits @ rng.normal(0, 0.4, (5, 4)) + rng.standard_normal((200, 4)) + covariates[:, 1:2])
    outcomes[rng.random(200) < 0.1, 1] = np.nan
    outcomes[rng.random(200) < 0.1, 3] = np.nan
    traits[rng.random((200, 5)) < 0.08] = np.nan
    covariates[rng.random(200) < 0.03, 0] = np.nan
    return outcomes, traits, covariates


def test_equals_statsmodels(world) -> None:
    outcomes, traits, covariates = world
    found, counts = scan(outcomes, traits, covariates)
    for trait in range(5):
        for outcome in range(4):
            everything = np.column_stack([outcomes[:, outcome], traits[:, trait], covariates])
            known = everything[~np.isnan(everything).any(axis=1)]
            y, x = ((known[:, c] - known[:, c].mean()) / known[:, c].std(ddof=1) for c in (0, 1))
            model = sm.OLS(y, sm.add_constant(np.column_stack([x, known[:, 2:]]))).fit()
            expected = [model.params[1], *model.conf_int()[1], model.pvalues[1], model.tvalues[1]]
            np.testing.assert_allclose(found[:, trait, outcome], expected, rtol=1e-6, atol=1e-12)
            assert counts[trait, outcome] == len(known)


def test_a_covariate_that_is_the_trait_is_left_out(world) -> None:
    outcomes, _, covariates = world
    trait = covariates[:, :1]
    assert np.isnan(scan(outcomes, trait, covariates)[0][3]).all()
    found = scan(outcomes, trait, covariates, [[0]])[0]
    np.testing.assert_allclose(found, scan(outcomes, trait, covariates[:, 1:])[0])
    assert np.isfinite(found[3]).all()


def test_false_discovery_equals_statsmodels() -> None:
    p = np.random.default_rng(0).random((6, 5)) ** 3
    expected = multipletests(p.ravel(), method="fdr_bh")[1].reshape(p.shape)
    np.testing.assert_allclose(false_discovery(p), expected, rtol=1e-12)
    p[2, 3] = np.nan
    with_gap = false_discovery(p)
    assert np.isnan(with_gap[2, 3])
    np.testing.assert_allclose(with_gap[np.isfinite(p)], multipletests(p[np.isfinite(p)], method="fdr_bh")[1])


def test_lambda_of_shuffled_traits_is_one() -> None:
    """Over 1,000 permuted traits; of the traits in their places, which the outcomes follow, it is far from it."""
    rng = np.random.default_rng(3)
    covariates = rng.standard_normal((300, 3))
    traits = rng.standard_normal((300, 20)) + 0.5 * covariates[:, :1]
    outcomes = 0.3 * traits @ rng.standard_normal((20, 30)) + rng.standard_normal((300, 30)) + covariates[:, 1:2]
    assert 0.95 <= permuted_inflation(outcomes, traits, covariates, 50, seed=1) <= 1.05
    assert inflation(scan(outcomes, traits, covariates)[0][3]) > 2


def test_planted_associations_are_found_and_others_are_not() -> None:
    rng = np.random.default_rng(5)
    covariates, traits = rng.standard_normal((1500, 3)), rng.standard_normal((1500, 40))
    planted = np.zeros((40, 25))
    planted[rng.permutation(40)[:10], rng.integers(0, 25, 10)] = 0.25
    outcomes = traits @ planted + covariates @ rng.standard_normal((3, 25)) + rng.standard_normal((1500, 25))
    q = false_discovery(scan(outcomes, traits, covariates)[0][3])
    assert (q[planted > 0] < 0.05).all()
    assert (q[planted == 0] < 0.05).sum() <= 3


def test_a_confounder_is_no_association() -> None:
    rng = np.random.default_rng(6)
    age = rng.standard_normal(2000)
    trait, outcome = age + rng.standard_normal(2000), age + rng.standard_normal(2000)
    raw = regress(outcome[:, None], trait, np.zeros((2000, 0)))
    adjusted = regress(outcome[:, None], trait, age[:, None])
    assert raw[3, 0] < 1e-10 < 1e-4 < adjusted[3, 0]


def test_too_few_people_or_a_constant_have_no_effect() -> None:
    rng = np.random.default_rng(0)
    assert np.isnan(regress(rng.standard_normal((4, 2)), np.arange(4.0), rng.standard_normal((4, 3)))).all()
    assert np.isnan(regress(rng.standard_normal((0, 2)), np.zeros(0), np.zeros((0, 1)))).all()
    assert np.isnan(regress(rng.standard_normal((30, 2)), np.ones(30), np.zeros((30, 0)))).all()
    flat = regress(np.ones((30, 1)), rng.standard_normal(30), np.zeros((30, 0)))
    assert np.isnan(flat).all()


def test_rank_normal_by_hand() -> None:
    found = rank_normal(np.array([30.0, np.nan, 10.0, 20.0, 20.0]))
    # ranks 4, 1, 2.5, 2.5 of 4: (rank - 3/8) / 4.25
    np.testing.assert_allclose(found[[0, 2]], [1.0491314, -1.0491314], atol=1e-6)
    np.testing.assert_allclose(found[[3, 4]], 0, atol=1e-12)
    assert np.isnan(found[1])


def test_files_for_genetics(tmp_path) -> None:
    path = tmp_path / "phenotypes.txt"
    values = np.array([[1.0, np.nan], [3.0, 5.0], [2.0, 7.0]])
    genetics.write(pd.Index([11, 12, 13]), values, ["LAV max", "LAV max (ml/m2)"], path, normal=True)
    lines = [line.split(" ") for line in path.read_text().splitlines()]
    assert lines[0] == ["FID", "IID", "LAV_max", "LAV_max_ml_m2"]
    assert [line[:2] for line in lines[1:]] == [["11", "11"], ["12", "12"], ["13", "13"]]
    assert lines[1][3] == "NA"
    assert float(lines[2][2]) == pytest.approx(0.8694, abs=1e-3)
    assert genetics.names_for_tools(["a b", "a-b"]) == ["a_b_1", "a_b_2"]


def test_rows_with_few_of_a_kind_or_without_variance_have_a_note() -> None:
    rng = np.random.default_rng(1)
    outcomes = Columns(rng.standard_normal((100, 2)), ["PC 1", "LVEF"], ["component", "phenotype"])
    rare = (np.arange(100) < 9).astype(float)
    traits = Columns(
        np.column_stack([rare, np.ones(100), rng.standard_normal(100)]), ["rare", "one", "good"], ["g"] * 3
    )
    table = associate(outcomes, traits, rng.standard_normal((100, 1)), [[], [], []])
    notes = table.groupby("trait")["note"].agg(set).to_dict()
    assert notes == {"rare": {FEW}, "one": {CONSTANT}, "good": {""}}
    assert table.loc[table["trait"] == "good", ["effect", "low", "high", "p", "q", "n"]].notna().all(axis=None)
    assert table.loc[table["trait"] != "good", ["effect", "p", "q"]].isna().all(axis=None)


def test_directions_are_learnt_on_training_alone() -> None:
    rng = np.random.default_rng(2)
    split = np.repeat(["train", "val", "test"], [60, 20, 20])
    features = rng.standard_normal((100, 5))
    phenotypes = pd.DataFrame({"LVEF": features[:, 0] * 3 + 60 + rng.standard_normal(100) * 0.1})
    found = image_outcomes(features, phenotypes, split)
    changed = features.copy()
    changed[split == "test"] = rng.standard_normal((20, 5))
    again = image_outcomes(changed, phenotypes.where(pd.Series(split) != "test"), split)
    np.testing.assert_allclose(found.numbers[:80, :-1], again.numbers[:80, :-1])
    assert found.titles == ["PC 1", "PC 2", "PC 3", "PC 4", "PC 5", "LVEF from images", "LVEF"]
    assert np.corrcoef(found.numbers[80:, 5], phenotypes["LVEF"][80:])[0, 1] > 0.95


def test_covariates_by_hand() -> None:
    fields = pd.DataFrame({"age": [50, 60, 70], "sex": [0, 1, None], "standing_height": [160, 180, 170]})
    fields["weight"] = [60.0, 80.0, 70.0]
    values, titles = covariates_of(fields, pd.Series([11025, 11026, None]))
    assert titles == ["age", "age squared", "sex", "body surface area", "centre 11025", "centre 11026"]
    np.testing.assert_allclose(values[0], [50, 100, 0, np.sqrt(160 * 60 / 3600), 1, 0])
    np.testing.assert_allclose(values[2, 4:], 0)
    assert np.isnan(values[2, 2])
