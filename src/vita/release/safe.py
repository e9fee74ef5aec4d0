"""Safe forms of tables: few digits, and nothing about too few people."""

import csv
import io
import re
from collections.abc import Callable

import numpy as np

from vita.release import few_of_a_kind
from vita.release.aggregates import rounded_count
from vita.release.cells import judge
from vita.release.contents import PROSE, Contents, Table
from vita.release.counts import count as count_of
from vita.release.numbers import numbers
from vita.release.texts import read_text

DIGITS = 4  # significant ones of a number with decimals
_ROUNDS = 50  # rounds of withholding, since each may leave another group that follows from the rest
_POSITIVES = "positives"
_QUANTILES = {"low", "median", "high"}
_NUMBER = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?$")


def rounded(text: str) -> str:
    """A number with decimals is rounded to few digits; whole numbers and words are unchanged."""
    text = text.strip()
    if not _NUMBER.match(text) or not ("." in text or "e" in text.lower()):
        return text
    value = float(text)
    if value == 0 or not np.isfinite(value):
        return "0"
    if abs(value) < 1e-4:
        return f"{value:.1e}"
    return np.format_float_positional(value, DIGITS, unique=False, fractional=False, trim="-")


def safe_table(text: str, cell: int, counts: dict[int, str]) -> tuple[str | None, int]:
    """The text of a CSV with rounded numbers and without rows about too few people, and the number of those rows. Only
    the words of such a row are kept, as of any row from which another could be worked out. None if the whole table
    consists of rows of participants.
    """
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    if not rows:
        return None, 0
    header, body = tuple(rows[0]), [[rounded(each) for each in row] for row in rows[1:]]
    withheld = {number for number, row in enumerate(body) if _few_positives(header, row)}
    for number in withheld:
        body[number] = _words(header, body[number], cell)
    for number, row in enumerate(body):
        withheld |= {number} if (places := few_of_a_kind.revealing(header, row, cell)) else set()
        for place in places:
            row[place] = ""
        _shorten(header, row, cell)
    for _ in range(_ROUNDS):
        breaches = list(judge(Table("", header, body), cell, counts))
        if any(breach.row is None for breach in breaches):
            return None, len(withheld)
        if not breaches:
            break
        for number in {breach.row for breach in breaches if breach.row is not None}:
            body[number] = _words(header, body[number], cell)
            withheld.add(number)
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([header, *body])
    return stream.getvalue(), len(withheld)


def of_quantiles(text: str) -> bool:
    """Whether the text of a CSV has columns of percentiles, which are shortened."""
    return set(next(csv.reader(io.StringIO(text)), [])) >= _QUANTILES


def _shorten(header: tuple[str, ...], row: list[str], cell: int) -> None:
    """Shorten numbers that are one participant's: a threshold is somebody's probability, and so is a percentile. The
    people who are counted beside percentiles of scans, some of which were left out later, are rounded to tens.
    """
    quantiles = set(header) >= _QUANTILES
    for place, name in enumerate(header):
        read = numbers(row[place]) if place < len(row) else []
        if name == "threshold" and read:
            row[place] = f"{read[0].value:.2f}"
        elif quantiles and name in _QUANTILES and read:
            row[place] = f"{float(f'{read[0].value:.2g}'):g}"
        elif quantiles and name == "n" and (count := count_of(row[place])):
            row[place] = str(rounded_count(count, cell))


def _few_positives(header: tuple[str, ...], row: list[str]) -> bool:
    """Whether the number of people with a disease is already withheld: shares and scores would reveal it."""
    if _POSITIVES not in header:
        return False
    return not row[header.index(_POSITIVES)].strip() and any(_NUMBER.match(each) for each in row)


def _words(header: tuple[str, ...], row: list[str], cell: int) -> list[str]:
    """A row without its numbers; its count states that it is withheld."""
    count = next((place for place, name in enumerate(header) if name == "n"), None)
    kept = ["" if numbers(each) and _NUMBER.match(each.strip()) else each for each in row]
    if count is not None:
        kept[count] = f"<{cell}"
    return kept


def safe_markdown(text: str, cell: int, counts: dict[int, str]) -> str:
    """Markdown with tables and sentences in which no group of too few people is reported or can be worked out."""
    text = _without_scores(text, cell)
    for _ in range(_ROUNDS):
        contents = Contents()
        read_text(text, "", "card.md", contents, _nothing, 0)
        lines = text.splitlines()
        breached = False
        for table in contents.tables:
            for breach in judge(table, cell, counts):
                if breach.row is None or table.place:
                    continue
                place = table.first + breach.row - 1
                changed = _without_smallest(lines[place], cell, breach.kind == "small cell", table.kind == PROSE)
                breached |= changed != lines[place]
                lines[place] = changed
        if not breached:
            break
        text = "\n".join(lines) + "\n"
    return text


def _without_scores(text: str, cell: int) -> str:
    """Markdown without the scores of tables from which small numbers of people follow."""
    contents = Contents()
    read_text(text, "", "card.md", contents, _nothing, 0)
    lines = text.splitlines()
    for table in contents.tables:
        for number, row in enumerate(table.rows if table.kind == "table" and not table.place else ()):
            parts = lines[table.first + number - 1].split("|")
            for place in few_of_a_kind.revealing(table.header, row, cell):
                parts[place + 1] = "  "
            lines[table.first + number - 1] = "|".join(parts)
    return "\n".join(lines) + "\n"


_nothing: Callable[[bytes, str, Contents, int], None] = lambda data, place, found, depth: None  # noqa: E731


def _without_smallest(line: str, cell: int, small: bool, prose: bool) -> str:
    """A line of a table without its smallest count, or without all counts that are too small; a sentence without
    its numbers.
    """
    withheld = f"&lt;{cell}"
    if prose:
        return re.sub(r"(?<![\w.])[1-9](?![\w.])", withheld, line)
    parts = line.split("|")
    counted = {place: count for place, part in enumerate(parts) if (count := count_of(part))}
    if not counted:
        return line
    least = min(counted.values())
    for place, count in counted.items():
        if count == least or (small and count < cell):
            parts[place] = f" {withheld} "
            if not small:
                break
    return "|".join(parts)
