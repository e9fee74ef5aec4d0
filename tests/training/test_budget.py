"""Epochs from a budget of time: set once, kept over interruptions, and nothing else about the training changes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from training import toy
from training.test_resume import MODULES, Killed, arguments, same, stop_at
from vita.config.blocks import whole
from vita.plan.plan import Plan
from vita.runtime.errors import UserError
from vita.training import budget, stage1
from vita.training.settings import read_settings

Fit = Callable[..., Path]
RESOURCES = Path(__file__).resolve().parents[2] / "workflow" / "resources"


@pytest.fixture
def four_epochs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """Four epochs, whatever the machine; the trial's steps are taken, and their times are in the list."""
    times: list[tuple[float, float]] = []

    def four(key: str, budget_s: float, spent_s: float, epoch_s: float) -> int:
        times.append((spent_s, epoch_s))
        return 4

    monkeypatch.setattr(budget, "whole_epochs", four)
    return times


def record(folder: Path) -> dict:
    return json.loads((folder / "config.json").read_text())


@pytest.mark.parametrize(
    ("budget_s", "spent_s", "epoch_s", "epochs"),
    [(100, 10, 9, 10), (100, 10, 9.1, 9), (20, 2, 18, 1), (1e6, 1, 2, 499999)],
)
def test_whole_epochs_of_what_the_trial_leaves(budget_s: float, spent_s: float, epoch_s: float, epochs: int) -> None:
    assert budget.whole_epochs("stage1.budget_s", budget_s, spent_s, epoch_s) == epochs


def test_a_budget_too_small_for_an_epoch_is_one_line_with_the_key(cohort: toy.Toy, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^config: 'stage1.budget_s' is 1e-05 s, but an epoch takes about [^\n]*$"):
        stage1.main(arguments(cohort, "stage1", tmp_path, budget_s=1e-5))
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize("name", list(MODULES))
@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_it_is_a_training_of_so_many_epochs(
    cohort: toy.Toy, tmp_path: Path, four_epochs: list, name: str, optimizer: str
) -> None:
    """Bit by bit: the trial leaves no trace in weights, optimiser or random numbers."""
    own = {"optimizer": optimizer} | ({"projector": "batchnorm"} if name == "stage2" else {})
    MODULES[name].main(arguments(cohort, name, tmp_path / "timed", budget_s=1000, epochs=1, **own))
    MODULES[name].main(arguments(cohort, name, tmp_path / "given", epochs=4, **own))
    assert same(tmp_path / "timed", tmp_path / "given")
    ((spent_s, epoch_s),) = four_epochs
    assert 0 < epoch_s < 10 * spent_s
    assert record(tmp_path / "timed")["epochs"] == 4
    assert record(tmp_path / "timed")["steps"] == record(tmp_path / "given")["steps"]


def test_epochs_are_kept_when_a_training_goes_on(
    cohort: toy.Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, four_epochs: list
) -> None:
    own = {"budget_s": 1000, "optimizer": "muon"}
    stage1.main(arguments(cohort, "stage1", tmp_path / "whole", **own))

    def kill() -> None:
        raise Killed

    with monkeypatch.context() as patch:
        stop_at(patch, 8, kill)
        with pytest.raises(Killed):
            stage1.main(arguments(cohort, "stage1", tmp_path / "m", **own))
    assert len(four_epochs) == 2
    with pytest.raises(UserError, match=r"unfinished training with 'settings.stage.budget_s' 1000"):
        stage1.main(arguments(cohort, "stage1", tmp_path / "m", **own | {"budget_s": 2000}))
    stage1.main(arguments(cohort, "stage1", tmp_path / "m", **own))
    stage1.main(arguments(cohort, "stage1", tmp_path / "m", **own))  # finished, and used as it is
    assert len(four_epochs) == 2  # not timed again
    assert same(tmp_path / "whole", tmp_path / "m")
    assert record(tmp_path / "m")["epochs"] == 4


def test_the_time_is_about_what_was_asked_for(cohort: toy.Toy, tmp_path: Path) -> None:
    """Without an upper bound that a busy machine would break; more time gives more epochs."""
    stage1.main(arguments(cohort, "stage1", tmp_path, budget_s=3.0))
    found = record(tmp_path)
    assert found["epochs"] >= 2
    assert found["steps"] == found["epochs"] * (found["steps"] // found["epochs"])
    assert found["seconds"] < 60


def test_a_configuration_without_a_budget_is_what_it_was_before_there_were_any(cohort: toy.Toy, tmp_path: Path) -> None:
    stage1.main(arguments(cohort, "stage1", tmp_path / "given", epochs=1))
    found = record(tmp_path / "given")
    assert "budget_s" not in found["settings"]["stage"]
    assert "epochs" not in found
    config = whole()
    trainings = Plan.from_config(config, RESOURCES).trainings
    assert "budget_s" not in trainings.meaning(trainings.stage1("vita"))
    config["stage1"]["budget_s"] = 600
    assert '"budget_s": 600' in trainings.meaning(trainings.stage1("vita"))
    assert '"epochs"' not in trainings.meaning(trainings.stage1("vita"))


@pytest.mark.parametrize("value", [0, -3])
def test_no_time_is_no_budget(value: float) -> None:
    with pytest.raises(UserError, match=r"'stage.budget_s' is"):
        read_settings("stage3", toy.blocks(budget_s=value))
