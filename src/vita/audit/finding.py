"""Ids in pieces of a file: those of the cohort, and numbers that look like an id of UK Biobank."""

import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vita.audit.formats import Piece
from vita.audit.looking import pieces

_MARKED = bytes(ord("0") if chr(byte).isdecimal() else ord(" ") for byte in range(256))
_NUMBER = re.compile(rb"0000+")  # for text with every digit marked: five times as fast as searching for digits
_NAMED = re.compile(r"(?<![0-9])[0-9]{4,12}(?![0-9])")  # in a file's name, digits may touch letters: sub-<id>_sa
_DECIMALS = re.compile(rb"\.[0-9]+")
_WORD_BEFORE, _WORD_AFTER = re.compile(rb"[0-9A-Za-z]*\Z"), re.compile(rb"[0-9A-Za-z]*")
_HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]+")
_NEAR = 40  # characters
_LONGEST = 12  # digits
_FIRST, _LAST = 1_000_000, 6_999_999  # ids of UK Biobank have seven digits and begin with 1 to 6
_ROUND = 10_000  # multiples of it are sizes or limits


@dataclass(frozen=True)
class Finding:
    """The place of an id; the id itself is not kept, since findings go to logs.

    Attributes:
        path: of the file.
        place: in it.
        known: it is an id of the cohort, and not just a number that looks like one.
        count: how many.
    """

    path: Path
    place: str
    known: bool
    count: int

    def __str__(self) -> str:
        kind = "id of the cohort" if self.known else "number that looks like an id"
        return f"{self.path}: {self.place or 'content'}: {self.count} x {kind}"


def search_file(path: Path, ids: Set[int], alike: bool, name: str = "", strict: bool = False) -> Iterator[Finding]:
    """Findings in a file's name and content.

    Args:
        path: of the file.
        ids: of the cohort.
        alike: also search for numbers that look like ids.
        name: name to search as well, such as the relative path from a folder; the file's own name if empty.
        strict: a damaged file raises one of `looking.DAMAGED` instead of being searched as bytes.

    Raises:
        OSError: the file cannot be read.
    """
    yield from _findings(path, "name", map(int, _NAMED.findall(name or path.name)), ids, alike)
    with path.open("rb") as stream:
        for piece in pieces(stream, strict=strict):
            if piece.numbers is None:
                yield from _in_text(path, piece, ids, alike)
            elif len(piece.numbers):
                yield from _findings(path, piece.place, np.unique(piece.numbers).tolist(), ids, alike and not piece.raw)


def _in_text(path: Path, piece: Piece, ids: Set[int], alike: bool) -> Iterator[Finding]:
    def wanted(number: int) -> bool:
        return number in ids or (alike and _looks_like_an_id(number))

    start, line = 0, 1
    for first, last in (match.span() for match in _NUMBER.finditer(piece.text.translate(_MARKED))):
        if last - first > _LONGEST or not wanted(number := int(piece.text[first:last])):
            continue
        if _is_id(piece, first, last, number in ids):
            line += piece.text.count(b"\n", start, first)
            start = first
            yield from _findings(path, piece.place if piece.raw else _line(piece.place, line), [number], ids, alike)


def _line(place: str, line: int) -> str:
    return f"{place}, line {line}" if place else f"line {line}"


def _is_id(piece: Piece, first: int, last: int, known: bool) -> bool:
    """Whether digits are an id, judged by the characters before and after them.

    Decimals are not ids, nor are digits before decimals other than .0 (which tables write), after the sign of a colour
    or before a percent sign. Next to letters, as in a hash, only a known id counts: if the letters are not hexadecimal
    digits, as in eid<id>, or among raw bytes, where they may be anything.
    """
    text, decimals = piece.text, _DECIMALS.match(piece.text, last)
    before = text[max(first - 2, 0) : first]
    if (before[-1:] == b"." and before[:1].isdigit()) or (decimals and decimals[0].strip(b".0")):
        return False
    if not piece.raw and (before[-1:] == b"#" or text[last : last + 1] == b"%"):
        return False
    around = _WORD_BEFORE.search(text[max(first - _NEAR, 0) : first]), _WORD_AFTER.match(text, last, last + _NEAR)
    letters = b"".join(match[0] for match in around if match)
    if not letters:
        return True
    return known and (piece.raw or (letters.isalpha() and _HEXADECIMAL.fullmatch(letters) is None))


def _findings(path: Path, place: str, numbers: Iterable[int], ids: Set[int], alike: bool) -> Iterator[Finding]:
    numbers = set(numbers)
    if known := numbers & ids:
        yield Finding(path, place, True, len(known))
    if alike and (others := {number for number in numbers - ids if _looks_like_an_id(number)}):
        yield Finding(path, place, False, len(others))


def _looks_like_an_id(number: int) -> bool:
    return _FIRST <= number <= _LAST and number % _ROUND != 0
