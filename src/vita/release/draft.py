"""A release that is being made: its folder, and what its page shows."""

from dataclasses import dataclass, field
from pathlib import Path

from vita.release import page, weights
from vita.release.checking import Known
from vita.release.cohort import Cohort


@dataclass
class Draft:
    """A release that is being made.

    Attributes:
        results: folder of the run.
        folder: of the release, under a temporary name.
        cohort: whose tables it is attacked with.
        cell: smallest number of people behind any number.
        figures, tables, cards, models: what the page shows.
        left_out: sentences about what stays inside.
        made_of: what some outputs are, in words, by path.
        known: findings of files that have not changed since they were checked.
    """

    results: Path
    folder: Path
    cohort: Cohort
    cell: int
    figures: list[page.ShownFigure] = field(default_factory=list)
    tables: list[page.ShownTable] = field(default_factory=list)
    cards: list[page.ShownCard] = field(default_factory=list)
    models: list[weights.Judged] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    made_of: dict[str, str] = field(default_factory=dict)
    known: Known = field(default_factory=dict)


def placed(name: str, order: list[str]) -> tuple[int, str]:
    """The order of a figure or table on the page: that of the paper, followed by all others by name."""
    own = name.removesuffix("_vs_paper")
    return (order.index(own) if own in order else len(order), name)
