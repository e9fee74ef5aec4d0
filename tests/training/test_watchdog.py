"""A training that stays at the trivial answer says so, and stops by option."""

import json
import logging
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import log_loss
from torch import nn

from training import toy
from training.test_resume import MODULES, arguments
from vita.models.alignment import Alignment
from vita.models.heads import Regressor
from vita.models.settings import ModelSettings
from vita.runtime.errors import UserError
from vita.tabular.targets import Target
from vita.training import finetune
from vita.training.alignment import AlignmentLearner
from vita.training.checkpoint import Progress
from vita.training.predictor import PredictionLearner
from vita.training.settings import read_settings
from vita.training.task import Statistics, Task
from vita.training.watchdog import has_learned

FROZEN = {"lr": 1e-9, "epochs": 4}  # so small that nothing moves
NAMES = {
    "stage1": (r"Stage I has not .* validation loss [\d.]+, image variance [\d.]+; .*'stage1\.lr'.*", {}),
    "stage2": (r"Stage II has not .* validation loss 2\.0\d+, chance level 2\.079; .*'stage2\.lr'.*", {"tau": 10}),
    "stage3": (r"Stage III has not .* validation loss [\d.]+, mean guess [\d.]+; .*'stage3\.defaults\.lr'.*", {}),
}


class Silent(Regressor):
    """Says 0 as long as it has not learned."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        nn.init.zeros_(self.head[-1].weight)
        nn.init.zeros_(self.head[-1].bias)


@pytest.mark.parametrize("name", list(NAMES))
def test_a_training_that_does_not_move_says_so(cohort, tmp_path, caplog, monkeypatch, name):
    words, settings = NAMES[name]
    monkeypatch.setattr(finetune, "Regressor", Silent)
    with caplog.at_level(logging.WARNING):
        MODULES[name].main(arguments(cohort, name, tmp_path, **FROZEN, **settings))
    said = [record.message for record in caplog.records if "has not learned" in record.message]
    assert len(said) == 2, "after a part of the epochs, and at the end"
    assert [re.search(r"after (\d) of 4 epochs", message)[1] for message in said] == ["2", "4"]
    assert all(re.fullmatch(words, message) for message in said), said
    record = json.loads((tmp_path / "config.json").read_text())
    history = pd.read_csv(tmp_path / "history.csv")
    assert record["learned"] is False
    assert history["trivial_loss"].tolist() == pytest.approx([record["trivial_val_loss"]] * 4, rel=1e-5)


def test_it_stops_by_option_and_says_nothing_where_that_is_wanted(cohort, tmp_path, caplog):
    for reaction in ("stop", "ignore"):
        own = arguments(cohort, "stage1", tmp_path / reaction, **FROZEN, training={"not_learning": reaction})
        if reaction == "stop":
            with pytest.raises(UserError, match=r"Stage I has not learned after 2 of 4"):
                MODULES["stage1"].main(own)
            assert not (tmp_path / reaction / "config.json").exists()
        else:
            MODULES["stage1"].main(own)
    assert "has not learned" not in caplog.text


def test_a_training_that_learns_is_not_complained_of(cohort, tmp_path, caplog):
    MODULES["stage3"].main(arguments(cohort, "stage3", tmp_path, epochs=15, augment=False))
    assert "has not learned" not in caplog.text
    assert json.loads((tmp_path / "config.json").read_text())["learned"] is True


def test_the_trivial_loss_of_stage1_is_the_images_variance(cohort, pretrained):
    """Against numpy, from the shards of the validation split."""
    from vita.cohort.split_table import read_split
    from vita.images.shards import ShardReader
    from vita.training.data import Samples

    sizes = ModelSettings.from_dict(toy.MODEL)
    samples = Samples(ShardReader(cohort.shards), read_split(cohort.split), ["val"], "fit", sizes)
    images = samples[[(row, 0) for row in range(len(samples))]]["images"].numpy().astype(float)
    history = pd.read_csv(pretrained / "stage1/history.csv")
    assert history["trivial_loss"].iloc[0] == pytest.approx(images.var(), rel=1e-4)


@pytest.mark.parametrize(("denominator", "rows"), [("row", 5), ("equation3", 4)])
def test_the_chance_level_is_that_of_the_rows_that_the_loss_compares(denominator, rows):
    """Five participants of validation, whatever the batch, whose projections are all the same."""
    sizes = ModelSettings.from_dict(toy.MODEL)
    learner = AlignmentLearner(
        Alignment(sizes, 1, 0, []), read_settings("stage2", toy.blocks(denominator=denominator, batch=8))
    )
    same = {"image": torch.ones(5, 8), "table": torch.ones(5, 8)}
    assert learner.trivial_loss(same) == pytest.approx(np.log(rows))
    assert learner.summary(same)["val_loss"] == pytest.approx(np.log(rows))


def test_the_trivial_loss_of_a_task_is_that_of_means_and_shares():
    """A number known to two of three, and a class of three, unweighted: by hand and by scikit-learn."""
    number = Target("LVESV", "LVESV", "mL", "numerical", "phenotypes", "LVESV")
    group = Target("group", "Group", "", "categorical", "fields", "group", 3)
    shares = (0.5, 0.3, 0.2)
    task = Task(
        (number, group), pd.DataFrame(columns=["LVESV", "group"]), (Statistics(30, 10), Statistics(shares=shares))
    )
    learner = PredictionLearner(nn.Identity(), read_settings("stage3", toy.blocks(imbalance="none")), task)
    targets = torch.tensor([[1.0, 0.0], [-2.0, 1.0], [float("nan"), 1.0]])
    by_hand = (1**2 + 2**2) / 2
    by_sklearn = log_loss([0, 1, 1], np.tile(shares, (3, 1)), labels=[0, 1, 2])
    assert learner.trivial_loss({"targets": targets}) == pytest.approx((by_hand + by_sklearn) / 2)


def test_two_percent_below_is_not_learned():
    history = [{"trivial_loss": 1.0}]
    assert not has_learned(Progress(history=history, best_loss=0.985))
    assert has_learned(Progress(history=history, best_loss=0.975))
    assert has_learned(Progress(history=[{}], best_loss=5.0))


def test_the_trivial_loss_of_a_weighted_disease_is_that_of_even_odds():
    """At prevalence 0.1 a positive weighs 9, so that the best constant answer is 1/2: (9 + 1) ln 2 over 2 x 1.8."""
    target = Target("cad", "CAD", "", "binary", "labels", "cad", 2)
    task = Task((target,), pd.DataFrame(columns=["cad"]), (Statistics(shares=(0.9, 0.1)),))
    learner = PredictionLearner(nn.Identity(), read_settings("stage3", toy.blocks(imbalance="weights")), task)
    found = learner.trivial_loss({"targets": torch.tensor([[1.0], [0.0]])})
    assert found == pytest.approx(10 * np.log(2) / (2 * 1.8))
