"""A folder as an attacker and an output checker see it: every finding with its file, place and remedy."""

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from vita.audit.finding import search_file
from vita.release import cells, chance, pictures
from vita.release.attack import copied, join
from vita.release.cohort import Cohort
from vita.release.contents import PROSE, Contents, Table
from vita.release.matches import Compared
from vita.release.numbers import numbers
from vita.release.reading import read

log = logging.getLogger(__name__)

CHECKS = (
    "ids",
    "joins with the cohort",
    "rows of participants",
    "small cells",
    "dominance",
    "differencing",
    "pixels",
    "readable format",
)
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
_LARGEST_FILE = 2**30
_PLANE = 16  # rows and columns
_LISTED = 200  # findings of a kind and file that are kept one by one; the others are only counted
_JOINED = 200_000  # characters of a table that are joined with the cohort if its file is refused in any case
_PROGRESS = 1000  # files
_DECIMAL = re.compile(r"[-+]?\d*\.\d+(e[-+]?\d+)?")


@dataclass(frozen=True)
class Finding:
    """Something that may not be released.

    Attributes:
        path: of the file, from the folder on.
        place: in the file.
        kind: a key of REMEDIES.
        words: what is wrong.
        people: places in Cohort.eid of the people who are singled out.
        count: how many findings of the same kind it stands for.
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


Known = dict[tuple[Path, int, int], Output]  # by name, modification time and size


def check(
    folder: Path, cohort: Cohort, cell: int, ids: set[int], alike: bool = False, known: Known | None = None
) -> list[Output]:
    """Every file of a folder, or the one file, with what was found.

    Args:
        folder: to judge.
        cohort: the attacker's tables; an empty cohort joins nothing.
        cell: smallest number of people behind any number.
        ids: of participants.
        alike: numbers that look like ids are findings too.
        known: earlier findings, which are reused for files that have not changed.
    """
    entries = [folder] if folder.is_file() else sorted(folder.rglob("*"))
    files = [path for path in entries if path.is_symlink() or not path.is_dir()]
    root = folder.parent if folder.is_file() else folder
    known = {} if known is None else known
    outputs = []
    for done, path in enumerate(files):
        if done and done % _PROGRESS == 0:
            log.info("%s: %d of %d files are checked", folder, done, len(files))
        name = path.relative_to(root)
        state = (name, path.lstat().st_mtime_ns, path.lstat().st_size)
        if state not in known:
            known[state] = _judged(path, name, cohort, cell, ids, alike)
        outputs.append(replace(known[state], findings=list(known[state].findings)))
    for output, finding in [*_confirmed(outputs), *_between(outputs, root, cell)]:
        output.findings.append(finding)
    return outputs


def _confirmed(outputs: Sequence[Output]) -> Iterator[tuple[Output, Finding]]:
    """Doubtful matches that are not explained by the number of comparisons in the whole folder."""
    compared = Compared()
    doubtful: dict[str, list[tuple[Output, Finding]]] = {}
    for output in outputs:
        compared.add(output.compared)
        for finding in output.doubtful:
            doubtful.setdefault(finding.family, []).append((output, finding))
    for family, those in doubtful.items():
        evident = chance.evident(family, [finding.chance for _, finding in those], compared)
        yield from (each for each, sure in zip(those, evident, strict=True) if sure)


def people(outputs: Iterable[Output]) -> set[int]:
    """Places in Cohort.eid of all people who are singled out."""
    return {person for output in outputs for finding in output.findings for person in finding.people}


def _judged(path: Path, name: Path, cohort: Cohort, cell: int, ids: set[int], alike: bool) -> Output:
    output = Output(name, _kind(name))
    if path.is_symlink() or path.stat().st_size > _LARGEST_FILE:
        reason = "a link" if path.is_symlink() else "larger than 1 GB"
        output.findings.append(Finding(name, "file", "unreadable", reason))
        return output
    found = _Findings(output.findings)
    for each in search_file(path, ids, alike, str(name)):
        words = f"{each.count} ids of the cohort" if each.known else f"{each.count} numbers that look like ids"
        found.add(Finding(name, each.place or "content", "id", words))
    contents = read(path)
    for finding in _in_contents(name, contents, cohort, cell, ids, output):
        if not finding.chance:
            found.add(finding)
        elif chance.may_be_evident(finding.family, finding.chance):
            output.doubtful.append(finding)
    found.close()
    told = [(cells.smallest(table), table) for table in contents.tables if table.kind == "table"]
    smallest = [count for count, _ in told if count is not None]
    output.smallest = min(smallest, default=None)
    output.people = max((count for _, table in told for count in _counts(table)), default=None)
    return output


class _Findings:
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


def _counts(table: Table) -> Iterator[int]:
    for column in cells.counted(table):
        yield from (count for row in table.rows if column < len(row) and (count := cells.count(row[column])))


def _kind(path: Path) -> str:
    kinds = {
        "figure": (".svg", ".png", ".jpg", ".jpeg", ".pdf", ".gif", ".webp"),
        "table": (".csv", ".tsv", ".tex", ".parquet", ".xlsx"),
        "text": (".md", ".html", ".txt", ".rst"),
    }
    return next((kind for kind, suffixes in kinds.items() if path.suffix.lower() in suffixes), "data")


def _in_contents(
    name: Path, contents: Contents, cohort: Cohort, cell: int, ids: set[int], output: Output
) -> Iterator[Finding]:
    """Findings in what was read of a file; `output` holds those that were taken so far."""
    for place, reason in contents.unreadable:
        yield Finding(name, place or "file", "unreadable", reason)
    for place in contents.scans:
        yield Finding(name, place or "file", "pixels", "an image in a format of scanners")
    if not cohort.phantom:
        for place, pixels in contents.pictures:
            if pictures.looks_like_a_scan(pixels):
                yield Finding(name, place or "picture", "pixels", "a picture with the shades of a scan")
    for place, values in contents.arrays:
        if len(cohort.eid) and (match := copied(values, cohort)) is not None:
            yield Finding(name, place or "array", "singled out", match.words, frozenset(match.people))
    for table in contents.tables:
        if not cohort.phantom and (plane := _plane(table)) is not None and pictures.looks_like_a_scan(plane):
            yield Finding(name, table.place or "table", "pixels", "a table with the shades of a scan")
        for breach in cells.judge(table, cell, cohort.counts):
            yield Finding(name, _where(table, breach.row), breach.kind, breach.words)
        yield from _ids(name, table, ids)
        part = _few_rows(table) if output.findings else table  # a refused file is refused whoever else is in it
        for match in join(part, cohort, output.compared):
            kind = "singled out" if match.people else "dominance" if match.dominated else "small cell"
            place, whose = _where(part, match.row), frozenset(match.people)
            yield Finding(name, place, kind, match.words, whose, chance=match.chance, family=match.family)


def _few_rows(table: Table) -> Table:
    """A long table's rows, evenly spread, as many as show whether it singles people out."""
    characters = [sum(map(len, row)) for row in table.rows]
    most = max(len(characters) * _JOINED // max(sum(characters), 1), 1)
    if len(characters) <= most:
        return table
    places = np.linspace(0, len(characters) - 1, most).astype(int)
    return replace(table, rows=[table.rows[place] for place in places], numbers=places.tolist())


def _plane(table: Table) -> np.ndarray | None:
    """A table without names whose cells are all numbers, as a picture."""
    rows = table.rows
    if table.kind != "table" or any(table.header) or len(rows) < _PLANE or len(rows[0]) < _PLANE:
        return None
    try:
        return np.array([[float(cell) for cell in row] for row in rows])
    except ValueError:  # words, or rows of several lengths
        return None


def _where(table: Table, row: int | None) -> str:
    return table.where(row) if row is not None else (table.place or "table")


def _ids(name: Path, table: Table, ids: set[int]) -> Iterator[Finding]:
    """Ids in what is text only once it is decoded: UTF-16, a database, digits in groups."""
    if not ids or table.kind == "marks":
        return
    for place, row in enumerate(table.rows):
        if any(number.value in ids for cell in row if len(cell) > 3 for number in numbers(cell)):
            yield Finding(name, table.where(place), "id", "an id of the cohort")


@dataclass(frozen=True)
class _Told:
    """A count of people for one thing in one table, and the numbers told of them."""

    output: Output
    place: str
    count: int
    measured: frozenset[str]


def _between(outputs: Sequence[Output], root: Path, cell: int) -> Iterator[tuple[Output, Finding]]:
    """Counts of the same thing in two tables that differ by a small number of people."""
    told: dict[str, list[_Told]] = {}
    for output in outputs:
        if output.kind != "table" or output.findings:
            continue
        for table in read(root / output.path).tables:
            for label, place, count, measured in _labelled(table):
                told.setdefault(label, []).append(_Told(output, place, count, measured))
    yield from _other_groups(told, cell)
    measures = _measures(told)
    for label, group in told.items():
        for number, first in enumerate(group):
            for second in group[:number]:
                difference = abs(first.count - second.count)
                same = first.measured & second.measured
                chance = _is_measured(label) and not _recur(measures, first.output, second.output)
                if same and 0 < difference < cell and first.output is not second.output and not chance:
                    words = f"{label}: {first.count} people here, {second.count} in {second.output.path}"
                    yield first.output, Finding(first.output.path, first.place, "differencing", words)


def _is_measured(label: str) -> bool:
    """Whether a label is a number with decimals, such as a mean, which two tables may have in common by chance."""
    return bool(_DECIMAL.fullmatch(label))


def _measures(told: dict[str, list[_Told]]) -> dict[Path, set[str]]:
    """The labels of each file that are numbers with decimals."""
    found: dict[Path, set[str]] = {}
    for label, group in told.items():
        if _is_measured(label):
            for each in group:
                found.setdefault(each.output.path, set()).add(label)
    return found


def _recur(measures: dict[Path, set[str]], first: Output, second: Output) -> bool:
    """Whether most of these labels of the shorter of two files are in the other: then they name the same groups."""
    own, other = measures[first.path], measures[second.path]
    return 2 * len(own & other) > min(len(own), len(other))


def _other_groups(told: dict[str, list[_Told]], cell: int) -> Iterator[tuple[Output, Finding]]:
    """A total in one table and one of its groups in another, from which the rest follows."""
    totals = [each for label, group in told.items() if label.split(" ")[0] in cells.TOTAL for each in group]
    for label, group in told.items():
        for part, total in ((part, total) for part in group for total in totals if total.output is not part.output):
            if label.split(" ")[0] not in cells.TOTAL and part.measured & total.measured:
                rest = total.count - part.count
                if 0 < rest < cell:
                    words = f"{label}: {part.count} people, in total {total.count} in {total.output.path}"
                    yield part.output, Finding(part.output.path, part.place, "differencing", words)


def _labelled(table: Table) -> Iterator[tuple[str, str, int, frozenset[str]]]:
    """Label, place, count and names of the numbers of all rows with a first cell that no other row has."""
    columns = cells.counted(table)
    if table.kind == PROSE or not columns:
        return
    rows = [(row[0].strip().lower() if row else "", number, row) for number, row in enumerate(table.rows)]
    times = Counter(label for label, _, _ in rows)
    for label, number, row in rows:
        count = cells.count(row[columns[0]]) if columns[0] < len(row) else None
        told = (column for column, text in enumerate(row) if column not in columns and numbers(text))
        measured = frozenset(table.name(column) for column in told)
        if label and count and times[label] == 1:
            yield label, table.where(number), count, measured
