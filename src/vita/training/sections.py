"""Which frames of the stored cycle a sample is made of: one section, or one of several that cover the cycle."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from vita.models.settings import Sampling
from vita.runtime.errors import UserError

SectionChoice = Literal["one", "cycle", "mixed"]


def even_frames(available: int, frames: int, sampling: Sampling) -> list[int]:
    """Indices of frames spread evenly over the cycle, beginning with end-diastole (frame 0).

    Args:
        available: frames stored.
        frames: how many to take.
        sampling: "cycle", as far from the last to the first as between others (of 50: 0, 10, 20, 30, 40), or "ends",
            from the first to the last frame (0, 12, 24, 37, 49), as the published code takes them.

    Raises:
        UserError: fewer frames are there than wanted.
    """
    if frames > available:
        raise UserError(
            f"the shards hold {available} frames ('images.frames'), but 'model.frames' (or the stage's 'frames') is "
            f"{frames}; lower it"
        )
    if sampling == "ends" and frames > 1:
        return [round(number * (available - 1) / (frames - 1)) for number in range(frames)]
    return [number * available // frames for number in range(frames)]


def consecutive_sections(stored: int, wanted: int) -> list[list[int]]:
    """Frames of each section of the cycle: consecutive, without overlap; what is left at the end is in none."""
    return [list(range(start, start + wanted)) for start in range(0, stored - wanted + 1, wanted)]


@dataclass(frozen=True)
class Sections:
    """Sections of the stored cycle.

    Attributes:
        even: frames of each section that predictions are averaged over; all are spread evenly over the cycle, each
            begins a frame after the one before.
        drawn: groups of sections that training draws from: first a group, then a section of it, each alike.
    """

    even: list[list[int]]
    drawn: list[list[list[int]]]

    @property
    def every(self) -> list[list[int]]:
        """All sections; `even` are the first."""
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
        choice: "one" section, as the paper; "cycle": as many as begin before the second frame of the first, which
            cover the cycle; "mixed": training draws every other time from all runs of consecutive frames instead.

    Raises:
        UserError: fewer frames are stored than wanted.
    """
    first = even_frames(stored, frames, sampling)
    if choice == "one":
        return Sections([first], [[first]])
    even = [[(frame + shift) % stored for frame in first] for shift in range(stored // frames)]
    if choice == "cycle":
        return Sections(even, [even])
    runs = [[(start + step) % stored for step in range(frames)] for start in range(stored)]
    return Sections(even, [even, runs])
