"""Resumable state as a file: what is read again, what is refused, and signals that ask for it."""

import logging
import os
import signal

import pytest
import torch

from vita.runtime.errors import UserError
from vita.runtime.state import Asked, differences, goes_on, read, write


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "deep" / "state.pt"
    assert read(path) is None
    write(path, {"seed": 1, "sizes": (2, 3)}, {"step": 4, "weights": {"a": torch.arange(3)}})
    identity, record = read(path)
    assert identity == {"seed": 1, "sizes": [2, 3]}
    assert record["step"] == 4
    assert torch.equal(record["weights"]["a"], torch.arange(3))
    assert [each.name for each in path.parent.iterdir()] == ["state.pt"]


@pytest.mark.parametrize("content", [b"something else", b"", bytes(100), b"PK\x03\x04", b"\x80\x02."])
def test_a_file_that_is_no_state_is_refused(tmp_path, content):
    path = tmp_path / "state.pt"
    path.write_bytes(content)
    with pytest.raises(UserError, match="is no training state of this program; delete it"):
        read(path)


def test_differences_by_hand():
    """Lists and tuples are alike, since JSON knows lists alone; a key that is missing has no value."""
    old = {"seed": 1, "stage": {"lr": 0.1, "sizes": [1, 2]}, "data": {"train": "a"}}
    new = {"seed": 1, "stage": {"lr": 0.2, "sizes": (1, 2)}}
    assert differences(old, new) == {"stage.lr": (0.1, 0.2), "data.train": ("a", None)}


def test_a_state_is_gone_on_from_only_with_its_own_configuration_and_data(tmp_path, caplog):
    path = tmp_path / "state.pt"
    path.touch()
    assert goes_on(path, {})
    with pytest.raises(UserError, match=r"'stage.lr' 0.1, but now it is 0.2; set it back"):
        goes_on(path, {"data.train": ("a", "b"), "stage.lr": (0.1, 0.2)})
    assert path.exists()
    with caplog.at_level(logging.WARNING):
        assert not goes_on(path, {"data.train": ("a", "b")})
    assert "used other data (data.train)" in caplog.text
    assert not path.exists()


def test_signals_ask_for_a_state_and_only_one_of_them_for_the_end():
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGUSR1)
    asked = Asked()
    with asked.listening():
        assert asked.by is None
        os.kill(os.getpid(), signal.SIGUSR1)
        assert asked.by == signal.SIGUSR1
        asked.answered(3)
        assert asked.by is None
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(SystemExit) as ended:
            asked.answered(4)
    assert ended.value.code == 143
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGUSR1)) == before
