"""The state of a training of the network for masks: saved every few steps, and restored so that it goes on bit by bit
as if nothing had happened.

The file lies beside the weights that the training is for, and is deleted once these are written.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch

from vita.runtime import state
from vita.runtime.state import Asked, Identity

log = logging.getLogger(__name__)


class Part(Protocol):
    """What has a state: a network, an optimiser, a schedule, a stream of random pictures."""

    def state_dict(self) -> dict[str, Any]:
        """Its state; plain numbers, text and tensors."""

    def load_state_dict(self, state_dict: dict[str, Any], /) -> object:
        """Take a state."""


@dataclass
class Drawn:
    """A generator of random numbers as a part."""

    generator: torch.Generator

    def state_dict(self) -> dict[str, Any]:
        """Of the generator."""
        return {"random": self.generator.get_state()}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Go on drawing from there."""
        self.generator.set_state(state_dict["random"])


@dataclass
class Resumable:
    """A training's state on disk.

    Attributes:
        path: of the file.
        identity: configuration, and under `data` what it learns from; with another one nothing is gone on from.
        every: steps between states.
    """

    path: Path
    identity: Identity
    every: int
    _asked: Asked = field(default_factory=Asked)

    def steps(self, count: int, parts: Mapping[str, Part]) -> Iterator[int]:
        """Numbers of the steps that are left, from 1 to `count`, once the parts have the state that was saved.

        A state is saved every few steps, after the last, and when a signal asks for it.

        Raises:
            UserError: the file is no state, or one of another configuration.
            SystemExit: a signal asked to stop.
        """
        with self._asked.listening():
            for step in range(self._restore(parts) + 1, count + 1):
                yield step
                if step == count or step % self.every == 0 or self._asked.by is not None:
                    record = {name: part.state_dict() for name, part in parts.items()}
                    state.write(self.path, self.identity, {"step": step, **record})
                self._asked.answered(step)

    def _restore(self, parts: Mapping[str, Part]) -> int:
        """Give the parts the state that was saved; after how many steps, 0 without a state."""
        found = state.read(self.path)
        if found is None or not state.goes_on(self.path, state.differences(found[0], self.identity)):
            return 0
        record = found[1]
        try:
            for name, part in parts.items():
                part.load_state_dict(record[name])
            step = int(record["step"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise state.unusable(self.path) from error
        log.info("going on after step %d", step)
        return step

    def finished(self) -> None:
        """The weights are written: the state is deleted."""
        self.path.unlink(missing_ok=True)


def beside(weights: Path) -> Path:
    """The state's file of a training that writes these weights."""
    return weights.with_name(f"{weights.stem}.state.pt")
