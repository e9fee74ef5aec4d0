"""Ids in pieces of a file: those of the cohort, and numbers that look like an id of UK Biobank."""

import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vita.audit.looking import Piece, pieces

# Ids have seven digits and begin with 1 to 6. In a decimal number, or beside letters as in a hash, they are none.
_ALONE = re.compile(r"(?<![0-9A-Za-z#])(?<!\d\.)(\d{5,12})(?![0-9A-Za-z%]|\.\d)")
_NAMED = re.compile(r"(?<!\d)(\d{7})(?!\d)")  # in a file's name, digits may touch letters: sub-<id>_sa
_FIRST, _LAST = 1_000_000, 6_999_999
_ROUND = 10_000  # a multiple of it is a size or a limit


@dataclass(frozen=True)
class Finding:
    """Where an id stands; the id itself is not kept, since findings go to logs.

    Attributes:
        path: of the file.
        place: in it.
        known: it is an id of the cohort, and not only looks like one.
        count: how many.
    """

    path: Path
    place: str
    known: bool
    count: int

    def __str__(self) -> str:
        kind = "id of the cohort" if self.known else "number that looks like an id"
        return f"{self.path}: {self.place or 'content'}: {self.count} x {kind}"


def search_file(path: Path, ids: Set[int], alike: bool) -> Iterator[Finding]:
    """Findings in a file's name and content.

    Args:
        path: of the file.
        ids: of the cohort.
        alike: look for numbers that look like ids too.

    Raises:
        OSError: the file cannot be read.
    """
    yield from _findings(path, "name", [int(text) for text in _NAMED.findall(path.name)], ids, alike)
    for piece in pieces(path.read_bytes()):
        if piece.numbers is not None:
            yield from _findings(path, piece.place, np.unique(piece.numbers).tolist(), ids, alike)
        else:
            yield from _in_text(path, piece, ids, alike)


def _in_text(path: Path, piece: Piece, ids: Set[int], alike: bool) -> Iterator[Finding]:
    start, line = 0, 1
    for match in _ALONE.finditer(piece.text):
        number = int(match[1])
        if number in ids or (alike and _looks_like_an_id(number)):
            line += piece.text.count("\n", start, match.start())
            start = match.start()
            where = f"{piece.place}, line {line}" if piece.place else f"line {line}"
            yield from _findings(path, where, [number], ids, alike)


def _findings(path: Path, place: str, numbers: Iterable[int], ids: Set[int], alike: bool) -> Iterator[Finding]:
    numbers = set(numbers)
    if known := numbers & ids:
        yield Finding(path, place, True, len(known))
    if alike and (others := {number for number in numbers - ids if _looks_like_an_id(number)}):
        yield Finding(path, place, False, len(others))


def _looks_like_an_id(number: int) -> bool:
    return _FIRST <= number <= _LAST and number % _ROUND != 0
