"""A new scan's classes have the calibrated probabilities of the tables."""

import numpy as np
import pytest

from vita.apply.models import _row
from vita.training.task import Statistics

KNOWN = {"title": "Group", "kind": "categorical", "unit": "", "classes": [10, 20, 30], "meanings": [None, "b", None]}


def test_classes_are_calibrated_before_the_likeliest_is_named():
    """The second class counts four-fold: (1/2, 1/4, 1/4) becomes (2, 4, 1) of seven."""
    given, statistic = np.array([0.5, 0.25, 0.25]), Statistics(shares=(0.5, 0.3, 0.2))
    lines = {"slope": 1.0, "intercepts": [0.0, np.log(4), 0.0]}
    row = _row("group", KNOWN | {"calibration": lines}, statistic, given)
    assert row["value"] == pytest.approx(4 / 7)
    assert (row["class"], row["meaning"], row["training_mean"]) == (20, "b", 0.3)
    before = _row("group", KNOWN, statistic, given)  # of models from before there was a calibration
    assert (before["value"], before["class"], before["meaning"]) == (0.5, 10, "10")
