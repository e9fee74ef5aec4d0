"""Which features of the table are given: a random part of any size, and those that a clinic has."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vita.cohort.features import Feature

LEVELS = tuple(range(0, 101, 5))  # % of the features
VALIDATED = (10, 25, 50, 75, 100)  # % with which validation is looked at
DRAWS = 5  # random orders of the features that each level is averaged over
# what a clinic knows, each added to those before: its name and its groups of features.tsv, which has no blood tests
CLINICAL = (
    ("Age and sex", ("demographics",)),
    ("Blood pressure", ("blood_pressure",)),
    ("Bloods", ("bloods",)),
    ("Body, smoking", ("body_size", "smoking")),
    ("ECG", ("ecg",)),
)


@dataclass(frozen=True)
class Part:
    """A part of the table.

    Attributes:
        kind: random or clinical.
        part: its name.
        percent: of the features.
        seen_dnf: (draws, participants, features) bool, which features each participant has.
    """

    kind: str
    part: str
    percent: float
    seen_dnf: np.ndarray

    @property
    def features(self) -> int:
        """How many features each participant has."""
        return int(self.seen_dnf[0, 0].sum()) if self.seen_dnf.size else 0


def ranks(n: int, features: int, draw: int, seed: int) -> np.ndarray:
    """The place (participants, features) of each feature in a random order of each participant's own.

    Args:
        n: participants.
        features: how many.
        draw: which of several.
        seed: of the run.
    """
    order = np.tile(np.arange(features), (n, 1))
    found: np.ndarray = np.random.default_rng([seed, draw]).permuted(order, axis=1)
    return found


def visible(rank_nf: np.ndarray, percent: float) -> np.ndarray:
    """The first features of each order, (participants, features) bool: what is seen at a level is at all above it."""
    count = round(rank_nf.shape[1] * percent / 100)
    seen: np.ndarray = rank_nf < count
    return seen


def random_parts(n: int, features: int, seed: int) -> list[Part]:
    """A part for each level."""
    drawn = [ranks(n, features, draw, seed) for draw in range(DRAWS)]
    return [Part("random", f"{level} %", level, np.stack([visible(rank, level) for rank in drawn])) for level in LEVELS]


def clinical_parts(n: int, features: Sequence[Feature]) -> list[Part]:
    """A part for each step of CLINICAL that adds a feature; everybody has the same."""
    groups: set[str] = set()
    parts: list[Part] = []
    for name, own in CLINICAL:
        if not any(each.group in own for each in features):
            continue
        groups |= set(own)
        seen_f = np.array([each.group in groups for each in features])
        title = f"+ {name[0].lower() if not name.isupper() else name[0]}{name[1:]}" if parts else name
        parts.append(Part("clinical", title, 100 * seen_f.mean(), np.tile(seen_f, (1, n, 1))))
    return parts
