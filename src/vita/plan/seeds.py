"""Trainings that are run again with further seeds: which seeds, and where what they give lies.

A further seed changes the weights at the start, the order of batches and all that is drawn in training. Cohort, split,
shards and table stay those of `seed`, so that results of different seeds differ by training alone.
"""

import re
from typing import Any

PATTERN = r"|seeds/\d+/"  # of the wildcard: nothing for `seed` itself


def further(config: dict[str, Any]) -> list[int]:
    """The seeds of `seeds` that are not `seed` itself."""
    return [seed for seed in config["seeds"] if seed != config["seed"]]


def place(seed: int) -> str:
    """What stands between `results/` and `models/`, `predictions/` or `metrics/` in the paths of a further seed."""
    return f"seeds/{seed}/"


def seed_at(repeat: str, config: dict[str, Any]) -> int:
    """The seed of a place; that of the run where there is none."""
    found = re.fullmatch(r"seeds/(\d+)/", repeat)
    return int(found[1]) if found else int(config["seed"])
