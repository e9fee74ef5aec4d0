"""A folder as an attacker and an output checker see it: every finding with its file, place and remedy."""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vita.audit.finding import search_file
from vita.release import cells, matches, pictures
from vita.release.attack import copied, join
from vita.release.between import between
from vita.release.cohort import Cohort
from vita.release.contents import PROSE, Contents, Table, inside
from vita.release.counts import count, counted, smallest
from vita.release.findings import Finding, Findings, Output
from vita.release.matches import FEWEST, Compared
from vita.release.numbers import numbers
from vita.release.reading import read
from vita.release.rows import MANY

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
_LARGEST_FILE = 2**30
_PLANE = 16  # rows and columns
_JOINED = 200_000  # characters of a table that are joined with the cohort if its file is refused in any case
_PROGRESS = 1000  # files
_PARTED = re.compile(r"(?<![\w.])\d{1,4}(?:[-/ ]\d{1,4}){1,4}(?![\w.])")  # an id in groups of digits


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
    for output, finding in [*_confirmed(outputs), *_named(outputs, cohort), *between(outputs, root, cell)]:
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
        evident = matches.evident(family, [finding.chance for _, finding in those], compared)
        yield from (each for each, sure in zip(those, evident, strict=True) if sure)


def _judged(path: Path, name: Path, cohort: Cohort, cell: int, ids: set[int], alike: bool) -> Output:
    output = Output(name, _kind(name))
    if path.is_symlink() or path.stat().st_size > _LARGEST_FILE:
        reason = "a link" if path.is_symlink() else "larger than 1 GB"
        output.findings.append(Finding(name, "file", "unreadable", reason))
        return output
    found = Findings(output.findings)
    for each in search_file(path, ids, alike, str(name)):
        words = f"{each.count} ids of the cohort" if each.known else f"{each.count} numbers that look like ids"
        found.add(Finding(name, each.place or "content", "id", words))
    contents = read(path)
    for finding in _in_contents(name, contents, cohort, cell, ids, output):
        if not finding.chance:
            found.add(finding)
        elif matches.may_be_evident(finding.family, finding.chance):
            output.doubtful.append(finding)
    found.close()
    told = [(smallest(table), table) for table in contents.tables if table.kind == "table"]
    output.smallest = min((count for count, _ in told if count is not None), default=None)
    output.people = max((count for _, table in told for count in _counts(table)), default=None)
    return output


def _counts(table: Table) -> Iterator[int]:
    for column in counted(table):
        yield from (n for row in table.rows if column < len(row) and (n := count(row[column])))


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
    for place, words in contents.people:
        yield Finding(name, place, "rows of participants", words)
    for place, sizes in contents.shapes:
        for size in {size for size in sizes if size >= MANY and size in cohort.counts}:
            words = f"a tensor with {size} rows, as many as {cohort.counts[size]}"
            yield Finding(name, place, "rows of participants", words)
    for place in contents.scans:
        yield Finding(name, place or "file", "pixels", "an image in a format of scanners")
    if not cohort.phantom:
        for place, pixels in contents.pictures:
            if pictures.looks_like_a_scan(pixels):
                yield Finding(name, place or "picture", "pixels", "a picture with the shades of a scan")
    for place, values in contents.arrays:
        if len(cohort.eid) and (match := copied(values, cohort)) is not None:
            yield Finding(name, place or "array", "singled out", match.words, frozenset(match.people))
    for table in [*contents.tables, *map(_names_of_columns, contents.tables)]:
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


def _names_of_columns(table: Table) -> Table:
    """The names of many columns as a column of their own, since a name may be a number."""
    names = [[name] for name in table.header] if len(table.header) >= FEWEST else []
    return Table(inside(table.place, "names of columns"), (), names if sum(map(_has_number, names)) >= FEWEST else [])


def _has_number(row: Sequence[str]) -> bool:
    return any(map(numbers, row))


def _named(outputs: Sequence[Output], cohort: Cohort) -> Iterator[tuple[Output, Finding]]:
    """Participants whose numbers are in the names of files, or who have a file each."""
    words = [[str(output.path.with_suffix("")).replace("_", " ")] for output in outputs]
    for match in join(Table("", (), words, 1, PROSE), cohort, Compared()):
        if not match.chance:
            output = outputs[match.row or 0]
            yield output, Finding(output.path, "names of files", "singled out", match.words, frozenset(match.people))
    alike = Counter((output.path.parent, output.path.suffix) for output in outputs)
    for output in outputs:
        size = alike[output.path.parent, output.path.suffix]
        if size in cohort.counts and size >= MANY:
            words_of = f"a folder with {size} files, as many as {cohort.counts[size]}"
            yield output, Finding(output.path, "names of files", "rows of participants", words_of)


def _few_rows(table: Table) -> Table:
    """A long table's rows, evenly spread, as many as show whether it singles people out."""
    characters = [sum(map(len, row)) for row in table.rows]
    most = max(len(characters) * _JOINED // max(sum(characters), 1), 1)
    if len(characters) <= most:
        return table
    places = np.linspace(0, len(characters) - 1, most).astype(int)
    return replace(table, rows=[table.rows[place] for place in places], numbers=places.tolist())


def _digits(text: str) -> str:
    return "".join(filter(str.isdecimal, text))


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
        cells_of = [text for cell in row if len(cell) > 3 for text in (cell, *map(_digits, _PARTED.findall(cell)))]
        if any(number.value in ids for text in cells_of for number in numbers(text)):
            yield Finding(name, table.where(place), "id", "an id of the cohort")
