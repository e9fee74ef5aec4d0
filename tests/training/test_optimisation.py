import pytest
from hypothesis import given
from hypothesis import strategies as st

from vita.training.optimisation import learning_rate_factor

STEPS = st.integers(1, 50)
EPOCHS = st.integers(1, 40)
WARMUP = st.floats(0, 50, allow_nan=False)


@given(st.integers(-10, 5000), STEPS, EPOCHS, WARMUP)
def test_total_and_in_range(step, steps_per_epoch, epochs, warmup):
    assert 0 <= learning_rate_factor(step, steps_per_epoch, epochs, warmup) <= 1


@given(STEPS, EPOCHS, WARMUP)
def test_rises_then_falls_and_no_step_is_lost(steps_per_epoch, epochs, warmup):
    values = [learning_rate_factor(step, steps_per_epoch, epochs, warmup) for step in range(steps_per_epoch * epochs)]
    peak = values.index(max(values))
    assert values[:peak] == sorted(values[:peak])
    assert values[peak:] == sorted(values[peak:], reverse=True)
    assert min(values) > 0


def test_fractional_warm_up():
    assert learning_rate_factor(0, 10, 10, 0.5) == pytest.approx(0.1)
    assert learning_rate_factor(4, 10, 10, 0.5) == pytest.approx(0.9)
    assert learning_rate_factor(5, 10, 10, 0.5) > 0.99


@pytest.mark.parametrize("step", [100, 101, 10**6])
def test_stays_at_the_end(step):
    assert learning_rate_factor(step, 10, 10, 1) == pytest.approx(0)
