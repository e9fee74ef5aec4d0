"""Resumable state of a training as a file: how no kill damages it, and when a training may go on from it.

A state is identified by the configuration and the data of its training. It holds plain numbers, text and tensors, which
can be read without running code.
"""

import io
import json
import logging
import pickle
import signal
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from vita.runtime.atomic import replacing
from vita.runtime.errors import UserError

log = logging.getLogger(__name__)

Identity = dict[str, Any]
Changes = dict[str, tuple[object, object]]
# by what torch's reader meets in bytes that are no state
_UNREADABLE = (
    RuntimeError,
    pickle.UnpicklingError,
    LookupError,
    AttributeError,
    TypeError,
    ValueError,
    EOFError,
    struct.error,
)


def write(path: Path, identity: Identity, record: Mapping[str, Any]) -> None:
    """Write a state; a reader sees the old file or the new one, never an incomplete one."""
    # through a Python file object, since torch's own does not report that the disk is full
    with replacing(path) as temporary, temporary.open("wb") as file:
        torch.save({"identity": json.dumps(identity, sort_keys=True), **record}, file)


def read(path: Path) -> tuple[Identity, dict[str, Any]] | None:
    """The identity and the record of a state; None if there is none.

    Raises:
        UserError: the file exists but cannot be read.
    """
    if not path.is_file():
        return None
    try:
        record = torch.load(io.BytesIO(path.read_bytes()), map_location="cpu", weights_only=True)
        return json.loads(record.pop("identity")), record
    except _UNREADABLE as error:
        raise unusable(path) from error


def unusable(path: Path) -> UserError:
    """The error about a file that is no state."""
    return UserError(f"{path} is no training state of this program; delete it to train from scratch")


def goes_on(path: Path, changes: Changes) -> bool:
    """Whether a training may go on from an unfinished state, given how its identity differs.

    The state may be hours of work, so a run with another configuration is refused. Other data, as after a withdrawal,
    is not the user's choice: then the state, which has seen the old data, is deleted.

    Raises:
        UserError: the configuration differs; the message names its first key and both values.
    """
    if not changes:
        return True
    chosen = {key: both for key, both in changes.items() if not key.startswith("data.")}
    if not chosen:
        log.warning("%s: its unfinished training used other data (%s): training from scratch", path, ", ".join(changes))
        path.unlink(missing_ok=True)
        return False
    key, (old, new) = next(iter(chosen.items()))
    raise UserError(
        f"{path} holds an unfinished training with '{key}' {shown(old)}, but now it is {shown(new)}; "
        "set it back to continue, or delete that file to train from scratch"
    )


def differences(old: Mapping[str, object], new: Mapping[str, object]) -> Changes:
    """Dotted keys whose values differ, with both values (None where a key is missing)."""
    first, second = _flat(old), _flat(new)
    keys = sorted(set(first) | set(second))
    return {key: (first.get(key), second.get(key)) for key in keys if first.get(key) != second.get(key)}


def _flat(block: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in block.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = list(value) if isinstance(value, tuple) else value
    return flat


def shown(value: Any) -> str:
    """A value of an identity in a message."""
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


class Asked:
    """Whether the process was asked by a signal to save its state: SIGTERM to end then, SIGUSR1 (SLURM's warning
    before the time limit) to go on.

    Attributes:
        by: the last signal; None without any.
    """

    def __init__(self) -> None:
        self.by: int | None = None

    def listen(self) -> None:
        """Hear these signals from now on."""
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, self._hear)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear these signals for a while."""
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)}
        self.listen()
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.by = number

    def answered(self, step: int) -> None:
        """The state is saved.

        Raises:
            SystemExit: the process was asked to stop; with code 143.
        """
        if self.by == signal.SIGTERM:
            log.info("asked to stop (SIGTERM): state of step %d is saved", step)
            raise SystemExit(128 + signal.SIGTERM)
        self.by = None
