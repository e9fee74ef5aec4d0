"""What was found in a folder: a finding with its file, place and remedy, and the outputs that it is made of."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from vita.release.matches import Compared

REMEDIES = {
    "id": "remove the id",
    "singled out": "remove the rows, or release means over at least {cell} people, rounded to three digits",
    "dominance": "remove the number, or join groups until it is based on at least {cell} people",
    "rows of participants": "release means or counts over at least {cell} people instead of rows and points",
    "small cell": "withhold the number, or join groups until it covers at least {cell} people",
    "differencing": "withhold a second group as well, or the total",
    "pixels": "remove the picture, or draw that of a phantom",
    "unreadable": "write it as CSV, JSON, Markdown, HTML, SVG or PNG, or remove it",
}

_LISTED = 200  # findings of a kind and file that are kept one by one; the others are only counted


@dataclass(frozen=True)
class Finding:
    """Something that may not be released.

    Attributes:
        path: of the file, from the folder on.
        place: in the file.
        kind: a key of REMEDIES.
        words: what is wrong.
        people: places in Cohort.eid of the people who are singled out.
        count: how many findings of the same kind it represents.
        chance: coincidences to be expected of this one comparison; 0 for what is no coincidence.
        family: kind of a match that may be a coincidence.
    """

    path: Path
    place: str
    kind: str
    words: str
    people: frozenset[int] = frozenset()
    count: int = 1
    chance: float = 0.0
    family: str = ""


@dataclass
class Output:
    """One file of a release.

    Attributes:
        path: from the folder on.
        kind: table, figure, text or data.
        people: the largest count of people in it; None if it has none.
        smallest: the smallest count of people in it.
        findings: what was found in it.
        doubtful: matches that may be coincidences.
        compared: what was compared with the cohort.
    """

    path: Path
    kind: str
    people: int | None = None
    smallest: int | None = None
    findings: list[Finding] = field(default_factory=list)
    doubtful: list[Finding] = field(default_factory=list, repr=False)
    compared: Compared = field(default_factory=Compared, repr=False)


class Findings:
    """Adds findings to a list, one by one as long as there are few of their kind; a table of participants has
    thousands, of which the rest is added as one.
    """

    def __init__(self, kept: list[Finding]) -> None:
        self._kept = kept
        self._seen: Counter[str] = Counter()
        self._rest: dict[str, set[int]] = {}
        self._path = Path()

    def add(self, finding: Finding) -> None:
        """Keep a finding, or only its people."""
        self._seen[finding.kind] += 1
        self._path = finding.path
        if self._seen[finding.kind] <= _LISTED:
            self._kept.append(finding)
        else:
            self._rest.setdefault(finding.kind, set()).update(finding.people)

    def close(self) -> None:
        """Add one finding for all others of its kind."""
        for kind, people in self._rest.items():
            more = self._seen[kind] - _LISTED
            self._kept.append(Finding(self._path, "elsewhere", kind, "more of this kind", frozenset(people), more))


def people(outputs: Iterable[Output]) -> set[int]:
    """Places in Cohort.eid of all people who are singled out."""
    return {person for output in outputs for finding in output.findings for person in finding.people}
