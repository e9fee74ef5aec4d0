import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from vita.training.long_table import best_f1_threshold


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=2, max_size=40))
def test_no_other_threshold_has_a_better_f1(pairs):
    truth = np.array([float(positive) for positive, _ in pairs])
    probability = np.array([score / 20 for _, score in pairs])
    if truth.min() == truth.max():
        assert best_f1_threshold(truth, probability) == 0.5
        return
    found = f1_score(truth, probability >= best_f1_threshold(truth, probability))
    others = [f1_score(truth, probability >= value) for value in np.unique(probability)]
    assert found == pytest.approx(max(others))


def test_unknown_truths_do_not_count():
    truth, probability = np.array([0, 0, 1, 1, np.nan]), np.array([0.1, 0.2, 0.6, 0.7, 0.0])
    assert best_f1_threshold(truth, probability) == pytest.approx(0.6)
