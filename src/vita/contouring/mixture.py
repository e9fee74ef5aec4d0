"""Pictures of several worlds in every batch: the look of a picture, not the order of trainings, tells them apart.

A training that goes from one world to the next forgets a part of the first: after `layered` alone, the network expects
a trabeculated layer in hearts that show none.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vita.contouring.pictures import Pictures
from vita.contouring.sections import draw_sections
from vita.contouring.worlds import World

SEEDS_APART = 1000  # of the pictures of one world and the next: none are painted by the same numbers


class Mixture:
    """An endless stream of batches, to which each world contributes as many pictures, up to one.

    Args:
        parts: pictures of one world each.
    """

    def __init__(self, parts: Sequence[Pictures]) -> None:
        self.parts = tuple(parts)

    def batches(self, size: int, steps: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """As those of `Pictures`; the pictures of the first world come first.

        Args:
            size: of a batch, at least the number of worlds.
            steps: batches.
        """
        each, more = divmod(size, len(self.parts))
        for _ in range(steps):
            drawn = [part.batch(each + (number < more)) for number, part in enumerate(self.parts)]
            images, views, classes = (torch.cat(own) for own in zip(*drawn, strict=True))
            yield images, views, classes

    def state_dict(self) -> dict[str, Any]:
        """Where the stream of each world is."""
        return {str(number): part.state_dict() for number, part in enumerate(self.parts)}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Go on from there."""
        for number, part in enumerate(self.parts):
            part.load_state_dict(state_dict[str(number)])


def mixed(worlds: Sequence[World], hearts: int, rng: np.random.Generator, seed: int) -> Mixture:
    """Pictures of new hearts of these worlds.

    Args:
        worlds: one or more.
        hearts: of each world.
        rng: of the hearts.
        seed: of the pictures.
    """
    return Mixture(
        [
            Pictures(draw_sections(hearts, rng, world), seed + SEEDS_APART * number, world)
            for number, world in enumerate(worlds)
        ]
    )
