"""A job that fails after its last step, whatever it was about to write: nothing is trained again."""

import numpy as np
import pytest

from training.test_resume import MODULES, arguments
from vita.runtime.errors import UserError
from vita.training import finetune, records, segmentation
from vita.training.callbacks import KeepState
from vita.training.checkpoint import release_state

AFTER_TRAINING = {
    "stage1, weights": ("stage1", records, "write_model"),
    "stage1, config": ("stage1", records, "write_config"),
    "stage2, history": ("stage2", records, "write_history"),
    "stage3, predicting": ("stage3", finetune, "predict"),
    "stage3, table": ("stage3", finetune, "long_table"),
    "stage3, weights": ("stage3", records, "write_model"),
    "segmentation, segmenting": ("segmentation", segmentation, "segment"),
    "segmentation, masks": ("segmentation", np, "savez_compressed"),
    "segmentation, config": ("segmentation", records, "write_config"),
}


def disk_full(*_arguments: object, **_named: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("case", list(AFTER_TRAINING))
def test_nothing_is_trained_again(cohort, tmp_path, monkeypatch, case):
    name, module, function = AFTER_TRAINING[case]
    own = arguments(cohort, name, tmp_path, epochs=1, training={"keep_state_mb": 0})
    state = tmp_path / "checkpoints/state.pt"
    with monkeypatch.context() as patch:
        patch.setattr(module, function, disk_full)
        with pytest.raises((OSError, UserError), match=r"No space left|is full"):
            MODULES[name].main(own)
    assert state.stat().st_size > 1000
    assert not (tmp_path / "config.json").exists()
    monkeypatch.setattr(KeepState, "on_train_batch_end", lambda *_: pytest.fail("trained again"))
    MODULES[name].main(own)
    assert {"model.safetensors", "config.json", "history.csv"} <= {path.name for path in tmp_path.iterdir()}
    assert not state.exists()


def test_a_state_is_kept_up_to_a_size(tmp_path):
    state = tmp_path / "state.pt"
    state.write_bytes(bytes(2_000_000))
    release_state(state, 2)
    assert state.exists()
    release_state(state, 1.9)
    assert not state.exists()
    release_state(state, 0)  # as where it was never written
