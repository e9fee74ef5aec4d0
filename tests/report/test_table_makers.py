"""What a table says where a control is at least as good as a trained system."""

import numpy as np

from vita.report.table_makers import control_remark


def test_systems_that_do_not_beat_the_best_control_are_named():
    means = {"mean_guess": 9.0, "brightness": 5.0, "probe_mae": 4.0, "vit": 4.5, "mae": 4.0, "vita": 3.9}
    assert control_remark(means, "average MAE", higher_is_better=False) == (
        "Controls: on average, the best control, MAE, frozen (average MAE 4.000), is at least as good as ViT, MAE."
    )


def test_higher_may_be_better():
    means = {"demographics": 0.6, "brightness": 0.65, "resnet50": 0.64, "vita": 0.7}
    assert control_remark(means, "mean AUC", higher_is_better=True) == (
        "Controls: on average, the best control, Brightness (mean AUC 0.650), is at least as good as ResNet-50."
    )


def test_a_table_in_which_every_system_wins_says_so():
    means = {"brightness": 5.0, "vita": 3.9, "mae": np.nan}
    assert control_remark(means, "average MAE", higher_is_better=False) == (
        "Controls: every trained system is better on average than the best control, Brightness (average MAE 5.000)."
    )


def test_without_controls_or_systems_nothing_is_said():
    assert control_remark({"vita": 1.0, "mean_guess": 2.0}, "average MAE", higher_is_better=False) == ""
    assert control_remark({"brightness": 1.0}, "average MAE", higher_is_better=False) == ""
