"""Tables in lines of text: delimited files, Markdown, LaTeX; all other lines are prose."""

import csv
import io
import re
from collections.abc import Iterator
from itertools import groupby

from vita.release.contents import PROSE, Table
from vita.release.numbers import numbers
from vita.release.runs import runs

_DELIMITERS = "\t;|,"
_TOKEN = re.compile(r"[-*#]?\s*[\w.+/-]*\d[\w.+/-]*=*")  # a word with a digit, perhaps an item of a list
_SPACES = re.compile(r"[\s;,]+")
_FEWEST_LINES = 8  # of numbers alone, that are a table
_LONG_TEXT = 100  # lines; as many as there are participants may say something about each

_TELLING = re.compile(  # only three women, and a character for each of many people
    r"\S{100}|\b(?:only|just|all but|all except|apart from|a single|one single) [a-z]+\b", re.IGNORECASE
)


def headed(rows: list[list[str]]) -> tuple[tuple[str, ...], list[list[str]], int]:
    """Header, rows, and the number of the first row; a first row of words is a header."""
    if rows and sum(bool(numbers(cell)) and _is_number(cell) for cell in rows[0]) * 2 < max(len(rows[0]), 1):
        return tuple(cell.strip() for cell in rows[0]), rows[1:], 2
    return (), rows, 1


def _is_number(text: str) -> bool:
    return not any(character.isalpha() for character in text.lower().replace("e", ""))


def delimited(text: str, place: str) -> Iterator[Table]:
    """The table of a delimited file."""
    head = text[:4096].splitlines()[:20]
    scores = {mark: min((line.count(mark) for line in head if line.strip()), default=0) for mark in _DELIMITERS}
    delimiter = max(scores, key=lambda mark: scores[mark])
    if not scores[delimiter]:
        delimiter = ","
    csv.field_size_limit(2**31 - 1)
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if row]
    header, body, first = headed(rows)
    yield Table(place, header, body, first)


def in_lines(text: str, place: str) -> Iterator[Table]:
    """Blocks of lines that are tables (Markdown, LaTeX, delimited), all other lines as prose, and the runs in these."""
    whole = text.splitlines()
    lines = [(number, *_cut(line)) for number, line in enumerate(whole, 1)]
    loose: dict[int, str] = {}  # lines that are in no table
    for (kind, _), block in groupby(lines, key=lambda line: (line[1], len(line[2]) if line[1] else 0)):
        part = list(block)
        if not kind or len(part) < (_FEWEST_LINES if kind == " " else 2):
            rows = [[" ".join(cells)] for _, _, cells in part]
            yield from prose(rows, place, part[0][0])
            loose |= {number: whole[number - 1] for number, _, _ in part}
            continue
        rows = [cells for _, _, cells in part if not all(set(cell) <= set("-: ") for cell in cells)]
        header, body, _ = headed(rows)
        yield Table(place, header, body, part[0][0] + len(part) - len(body))
    together = "\n".join(loose.get(number, "") for number in range(1, len(whole) + 1))
    yield from runs(together, place)


def prose(rows: list[list[str]], place: str, first: int) -> Iterator[Table]:
    """Lines as prose, if there is a number in them."""
    if len(rows) >= _LONG_TEXT or any(any(map(str.isdecimal, row[0])) or _TELLING.search(row[0]) for row in rows):
        yield Table(place, (), rows, first, PROSE)


def _cut(line: str) -> tuple[str, list[str]]:
    """The delimiter of a table's line and its cells; no delimiter for prose."""
    line = line.strip()
    if line.startswith("|") and line.count("|") > 1:
        return "|", [cell.strip() for cell in line.strip("|").split("|")]
    if line.endswith(r"\\") and "&" in line:
        return "&", [cell.strip() for cell in line.removesuffix(r"\\").split("&")]
    for mark in "\t;,":
        cells = line.split(mark)
        if len(cells) > 1 and sum(len(numbers(cell)) == 1 and _is_number(cell) for cell in cells) * 2 >= len(cells):
            return mark, cells
    cells = _SPACES.split(line.lstrip("-*#[( ").rstrip("])"))
    if (_is_number(line) and all(map(numbers, cells))) or _TOKEN.fullmatch(line):
        return " ", cells
    return "", [line]
