"""Mixed precision: bf16 as a CPU computes it too, and fp16 as a GPU alone would, on a CPU by a detour."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.plugins import MixedPrecision

from training import toy
from training.test_resume import MODULES, Killed, arguments, same, stop_at
from vita.training import device, loop, predictor


@pytest.fixture
def fp16_on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lightning computes bf16 where a CPU is asked for fp16, which torch knows there: so its plugin is handed over."""

    def trainer(precision: str, plugins: list[Any], **options: Any) -> Trainer:
        assert precision == "16-mixed"
        return Trainer(plugins=[*plugins, MixedPrecision("16-mixed", "cpu")], **options)

    monkeypatch.setattr(loop, "Trainer", trainer)
    for module in (device, loop, predictor):
        monkeypatch.setattr(module, "device_of", lambda training: torch.device("cpu"))


def losses(cohort: toy.Toy, name: str, folder: Path, precision: str) -> list[float]:
    MODULES[name].main(arguments(cohort, name, folder, training={"precision": precision, "checkpoint_steps": 3}))
    return pd.read_csv(folder / "history.csv")["train_loss"].tolist()


@pytest.mark.parametrize("name", list(MODULES))
def test_bf16_learns_about_what_32_bits_learn(cohort, tmp_path, name):
    whole = losses(cohort, name, tmp_path / "32", "32")
    assert losses(cohort, name, tmp_path / "bf16", "bf16") == pytest.approx(whole, rel=0.05)


@pytest.mark.parametrize("name", list(MODULES))
@pytest.mark.usefixtures("fp16_on_cpu")
def test_fp16_goes_on_with_its_scale(cohort, tmp_path, monkeypatch, name):
    """The gradients' scale is part of the state; without it a step that overflowed would be taken otherwise."""
    whole = losses(cohort, name, tmp_path / "whole", "fp16")
    with monkeypatch.context() as patch:

        def kill() -> None:
            raise Killed

        stop_at(patch, 7, kill)
        with pytest.raises(Killed):
            losses(cohort, name, tmp_path / "m", "fp16")
    state = torch.load(tmp_path / "m/checkpoints/state.pt", weights_only=True)
    assert state["precision"]["scale"] > 1
    assert losses(cohort, name, tmp_path / "m", "fp16") == whole
    assert same(tmp_path / "whole", tmp_path / "m")
