"""The likelihood-ratio attack against hand counts, a known AUC and another library; exposure by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from evaluation import sacroml_lira
from vita.evaluation.shadow_attack import exposure, likelihood_ratio


def test_by_hand() -> None:
    """Inside, a person's shadows have mean 1, outside 4, both with SD 1: at 1 the ratio is exp(4.5), at 2.5 it is 1."""
    inside = np.array([[True], [True], [False], [False]])
    shadows = np.array([0.0, 2.0, 3.0, 5.0])[:, None, None]
    assert likelihood_ratio(np.array([[1.0]]), shadows, inside) == pytest.approx([4.5])
    assert likelihood_ratio(np.array([[2.5]]), shadows, inside) == pytest.approx([0.0])
    both = np.concatenate([shadows, shadows, shadows], axis=2)
    assert likelihood_ratio(np.array([[1.0, 2.5, np.nan]]), both, inside) == pytest.approx([4.5])
    assert np.isnan(likelihood_ratio(np.array([[np.nan]]), shadows, inside)).all()


def test_known_auc() -> None:
    """Everybody's level differs by 3 SD, and training lowers it by one: the AUC is that of two normals one SD apart."""
    rng = np.random.default_rng(1)
    people, shadows = 1500, 128
    level, member = rng.normal(0, 3, people), np.arange(people) < people // 2
    inside = rng.random((shadows, people)) < 0.5
    said = level + rng.normal(size=(shadows, people)) - inside
    target = level + rng.normal(size=people) - member
    score = likelihood_ratio(target[:, None], said[:, :, None], inside)
    assert roc_auc_score(member, -target) < 0.61
    assert roc_auc_score(member, score) == pytest.approx(norm.cdf(1 / np.sqrt(2)), abs=0.025)


def compared(reference: dict[str, Any]) -> None:
    target, shadows = np.array(reference["target"])[:, None], np.array(reference["shadows"])[:, :, None]
    score = likelihood_ratio(target, shadows, np.array(reference["inside"]))
    assert score == pytest.approx(reference["score"], rel=1e-9)
    assert roc_auc_score(np.arange(len(score)) < len(score) // 2, score) == pytest.approx(reference["auc"])


def test_scores_are_those_that_sacroml_gave() -> None:
    compared(json.loads(Path(__file__).with_name("sacroml_lira.json").read_text()))


def test_scores_are_those_that_sacroml_gives() -> None:
    pytest.importorskip("sacroml", reason="sacroml is not installed beside the project")
    compared(sacroml_lira.attacked())


def test_exposure_by_hand() -> None:
    """Before three others, a canary has 2 bits, behind two of them log2(4 / 3), beside the middle one of them 0.68."""
    others = np.array([1.0, 2.0, 3.0])
    assert exposure(np.array([0.0, 2.5, 9.0, 2.0]), others) == pytest.approx([2, np.log2(4 / 3), 0, np.log2(4 / 2.5)])


def test_exposure_without_memory() -> None:
    rng = np.random.default_rng(2)
    assert exposure(rng.random(20_000), rng.random(500)).mean() == pytest.approx(1 / np.log(2), abs=0.05)
