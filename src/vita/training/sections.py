"""The frames of the stored cycle that make up a sample: a single section, or one of several that cover the cycle."""

import random
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from vita.models.settings import Sampling
from vita.runtime.errors import UserError

SectionChoice = Literal["one", "cycle", "mixed", "masks", "whole"]

# Shares of the draws for segmentation. A segmenter that always sees end-diastole first memorises a beat and draws it
# even on still hearts; one that sees every order of frames, and sometimes no motion at all, has to look at the image.
ANY_START, STILL, IRREGULAR = 0.5, 0.2, 0.2  # the remaining draws are reversed
SHOWN_SECTIONS = 10  # of the cycle in figures 2 to 4, as in the paper (five of 50 frames each)
_POOL, _IN_TURN = 500, 20  # training uses any of these draws, validation the first


def even_frames(available: int, frames: int, sampling: Sampling) -> list[int]:
    """Indices of frames spread evenly over the cycle, beginning with end-diastole (frame 0).

    Args:
        available: frames stored.
        frames: how many to take.
        sampling: "cycle", with the same distance from the last to the first as between others (of 50: 0, 10, 20, 30,
            40), or "ends", from the first to the last frame (0, 12, 24, 37, 49), as in the published code.

    Raises:
        UserError: there are fewer frames than wanted.
    """
    if frames > available:
        raise UserError(
            f"the shards hold {available} frames ('images.frames'), but 'model.frames' (or the stage's 'frames') is "
            f"{frames}; lower it"
        )
    if sampling == "ends" and frames > 1:
        return [round(number * (available - 1) / (frames - 1)) for number in range(frames)]
    return [number * available // frames for number in range(frames)]


def wrapped_sections(stored: int, wanted: int, count: int = SHOWN_SECTIONS) -> list[list[int]]:
    """Frames of sections whose starts are evenly spaced over the cycle: consecutive, and from the last frame on to the
    first.

    Of 50 frames, ten sections of five do not overlap; of 20 frames, each shares three with its neighbours.

    Args:
        stored: frames of the cycle.
        wanted: frames of a section.
        count: of sections; there are at most as many as frames.

    Raises:
        UserError: a section would be longer than the cycle.
    """
    if wanted > stored:
        raise UserError(f"the shards hold {stored} frames ('images.frames'), but a section has {wanted}; lower it")
    starts = even_frames(stored, min(count, stored), "cycle")
    return [[(start + step) % stored for step in range(wanted)] for start in starts]


def draw_frames(available: int, wanted: int, sampling: Sampling, chance: random.Random) -> list[int]:
    """Frames of one training sample.

    Half of the draws are evenly spaced frames from a random start; a fifth repeat one frame, like a still heart; a
    fifth are any frames in order; a tenth are evenly spaced frames backwards from a random start.
    """
    kind, start = chance.random(), chance.randrange(available)
    from_start = [(frame + start) % available for frame in even_frames(available, wanted, sampling)]
    if kind < ANY_START:
        return from_start
    if kind < ANY_START + STILL:
        return [start] * wanted
    if kind < ANY_START + STILL + IRREGULAR:
        return sorted(chance.sample(range(available), wanted))
    return from_start[::-1]


def frame_sets(available: int, wanted: int, sampling: Sampling) -> list[list[int]]:
    """Frames of each pass: evenly spaced over the cycle, then shifted as little as possible until every frame has
    been taken.
    """
    start = even_frames(available, wanted, sampling)
    gap = int(max(np.diff([*start, available])))
    shifts = sorted(range(-((gap - 1) // 2), gap // 2 + 1), key=abs)
    return [[(frame + shift) % available for frame in start] for shift in shifts]


@dataclass(frozen=True)
class Sections:
    """Sections of the stored cycle.

    Attributes:
        in_turn: frames of each section over which predictions are averaged, and which validation takes in turn.
        drawn: groups of sections from which training draws: first a group, then a section of it, with equal
            probabilities.
    """

    in_turn: list[list[int]]
    drawn: list[list[list[int]]]

    @cached_property
    def every(self) -> list[list[int]]:
        """All sections, with `in_turn` first."""
        return [section for group in self.drawn for section in group]

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """(count,) places in `every`, one for each sample."""
        group = torch.randint(len(self.drawn), (count,), generator=generator)
        sizes = torch.tensor([len(sections) for sections in self.drawn])
        place = (torch.rand(count, generator=generator) * sizes[group]).long()
        return sizes.cumsum(0)[group] - sizes[group] + place


def sections_of(stored: int, frames: int, sampling: Sampling, choice: SectionChoice) -> Sections:
    """The sections of a stored cycle.

    Args:
        stored: frames of the cycle.
        frames: of a section.
        sampling: as in `even_frames`.
        choice: "one" section, as in the paper; "cycle": as many as begin before the second frame of the first, which
            cover the cycle; "mixed": half of the training draws are runs of consecutive frames instead; "masks": any of
            `draw_frames`; "whole": the whole cycle, whatever `frames` is.

    Raises:
        UserError: fewer frames are stored than wanted.
    """
    first = even_frames(stored, frames, sampling)
    if choice == "whole":
        return Sections([list(range(stored))], [[list(range(stored))]])
    if choice == "masks":
        pool = [draw_frames(stored, frames, sampling, random.Random(number)) for number in range(_POOL)]
        return Sections(pool[:_IN_TURN], [pool])
    if choice == "one":
        return Sections([first], [[first]])
    even = [[(frame + shift) % stored for frame in first] for shift in range(stored // frames)]
    if choice == "cycle":
        return Sections(even, [even])
    runs = [[(start + step) % stored for step in range(frames)] for start in range(stored)]
    return Sections(even, [even, runs])
