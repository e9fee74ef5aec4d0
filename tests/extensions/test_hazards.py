"""Cox models and absolute risks against libraries and formulas, and the phantom's planted hazards."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.duration.hazard_regression import PHReg

from vita.extensions.hazard_models import Hazards, absolute_risk, components, fit, fit_both, log_likelihood
from vita.extensions.outcomes import CENSORED, DISEASE
from vita.extensions.simulations import COHORTS, cohort, covered_hazards
from vita.extensions.timed_metrics import Followed
from vita.phantom import diagnoses, hazards


@pytest.mark.thorough
def test_planted_hazards_are_covered_by_95_percent_intervals() -> None:
    """Each log hazard ratio, and all of them, in at least 93 of 100 cohorts."""
    covered = covered_hazards(COHORTS, seed=0).to_numpy()
    assert covered.mean(axis=0).min() >= 0.9
    assert covered.mean() >= 0.93


def test_a_wrong_hazard_would_not_be_covered() -> None:
    people, known = cohort(0, 3000)
    design = hazards.scores(people)[["age", "smokes", "pressure", "ejection", "atrium"]].to_numpy()
    low, high = PHReg(known.years, design, status=known.ill).fit().conf_int()[3]
    assert high < 0
    assert not low <= 0 <= high


def test_nothing_is_seen_after_death_or_loss() -> None:
    people, _ = cohort(1)
    for name in ("death_date", "lost_date"):
        known = people.dropna(subset=["heart_failure_date", name])
        assert (known["heart_failure_date"] < known[name]).all()
    assert people[["death_date", "lost_date"]].notna().all(axis=1).sum() == 0
    assert people[["heart_failure_date", "death_date"]].max().max() <= pd.Timestamp(diagnoses.RECORD_END)


def test_the_partial_likelihood_equals_statsmodels() -> None:
    people, known = cohort(2, 300)
    ratio = 0.7 * hazards.scores(people)["age"].to_numpy()
    model = PHReg(known.years, ratio[:, None], status=known.ill, ties="breslow")
    expected = model.loglike(np.ones(1)) / len(ratio)
    assert log_likelihood(known, ratio, DISEASE) == pytest.approx(expected, abs=1e-6)


def test_a_model_of_the_causes_finds_the_planted_order_and_the_right_risks() -> None:
    people, known = cohort(3, 4000)
    split = np.random.default_rng(0).choice(["train", "val", "test"], len(people), p=[0.5, 0.2, 0.3])
    block = components(hazards.scores(people).to_numpy(), split == "train")
    disease, death = fit_both([block], known, split)
    truth = hazards.log_hazard(people, "heart_failure")
    assert np.corrcoef(disease.log_ratio, truth)[0, 1] > 0.98
    # with constant hazards the risk by t is known: share of the disease x (1 - exp(-both x t))
    ill = hazards.RATES["heart_failure"] * np.exp(truth)
    dead = hazards.RATES["death"] * np.exp(hazards.log_hazard(people, "death"))
    expected = ill / (ill + dead) * (1 - np.exp(-5 * (ill + dead)))
    found = absolute_risk(disease, death, np.array([5.0]))[:, 0]
    assert np.abs(found - expected)[split == "test"].mean() < 0.025
    assert found[split == "test"].mean() == pytest.approx(expected[split == "test"].mean(), rel=0.1)


def test_absolute_risk_by_hand() -> None:
    disease = Hazards(np.array([0.0, np.log(2)]), np.array([1.0, 2.0]), np.array([0.1, 0.3]))
    death = Hazards(np.zeros(2), np.array([2.0]), np.array([0.4]))
    found = absolute_risk(disease, death, np.array([0.5, 1.0, 2.0]))
    first = 1 - np.exp(-0.1)
    second = np.exp(-0.1) * (1 - np.exp(-0.6)) * 0.2 / 0.6
    np.testing.assert_allclose(found[0], [0, first, first + second])
    assert (found[1, 1:] > found[0, 1:]).all()
    alone = absolute_risk(disease, None, np.array([2.0]))
    np.testing.assert_allclose(alone[:, 0], [1 - np.exp(-0.3), 1 - np.exp(-0.6)])


def test_the_penalty_and_the_share_of_blocks_are_chosen_on_validation() -> None:
    people, known = cohort(5, 2000)
    rng = np.random.default_rng(1)
    split = rng.choice(["train", "val", "test"], len(people), p=[0.6, 0.3, 0.1])
    train = split == "train"
    noise = components(rng.standard_normal((len(people), 60)), train)
    causes = components(hazards.scores(people).to_numpy(), train)
    truth = hazards.log_hazard(people, "heart_failure")
    alone, both = fit([noise], known, split), fit([causes, noise], known, split)
    assert alone.log_ratio.std() < 0.3 * truth.std()
    assert np.corrcoef(both.log_ratio, truth)[0, 1] > 0.9


def test_nothing_is_fitted_to_too_few_events_or_to_constants() -> None:
    rng = np.random.default_rng(0)
    split = np.repeat(["train", "val", "test"], 40)
    years = rng.uniform(1, 5, 120)
    rare = Followed(years, np.where(np.arange(120) < 4, DISEASE, CENSORED))
    often = Followed(years, rng.choice([CENSORED, DISEASE], 120))
    block = components(rng.standard_normal((120, 3)), split == "train")
    assert fit([block], rare, split) is None
    assert fit([components(np.ones((120, 2)), split == "train")], often, split) is None
    assert fit([block], often, split) is not None
    assert fit_both([block], often, split)[1] is None


def test_a_block_has_a_variance_of_one_however_many_features_it_has() -> None:
    rng = np.random.default_rng(2)
    train = np.arange(300) < 200
    for features in (3, 30):
        block = components(5 + 7 * rng.standard_normal((300, features)), train)
        assert block.shape == (300, features)
        assert block[train].var(axis=0).sum() == pytest.approx(1)
        assert (np.diff(block[train].var(axis=0)) <= 0).all()
