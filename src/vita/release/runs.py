"""Runs of numbers with the same words between them: a list, the same line again and again, rules of a style sheet.

Whatever the language of a text is (a log, code, YAML, a drawing's commands), rows of participants in it look alike
apart from their numbers. A run is read as a table with a row for each repetition and judged as one.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from vita.release.contents import Table

FEWEST = 20  # repetitions
_LONGEST_PERIOD = 12  # words with digits of one repetition
_WORD = re.compile(r"[-+−]?[\w.]*\d[\w.]*(?:[eE][-+]\d+)?")
_UNIT = re.compile(r"^([-+]?[\d.]+)(?:px|pt|r?em|mm|cm|m[lL]|m?s)$")  # that touches a number
_BLANK = re.compile(r"\s+")
_LONGEST_BETWEEN = 200  # characters between two of them


def runs(text: str, place: str) -> Iterator[Table]:
    """Tables of the words with digits that recur with the same text between them, at least FEWEST times.

    Args:
        text: of any language.
        place: of the text in its file.
    """
    found = list(_WORD.finditer(text))
    if len(found) < FEWEST:
        return
    words = [_UNIT.sub(r"\1", match[0]) for match in found]
    between = _between(text, found)
    lines = np.cumsum([0, *(text.count("\n", one.start(), two.start()) for one, two in pairwise(found))])
    used = np.zeros(len(words), bool)
    for period in range(1, _LONGEST_PERIOD + 1):
        same = between[period:] == between[:-period]
        same &= between[period:] >= 0
        for first, last in _stretches(same, FEWEST * period - period - 1):
            count = (last - first + period + 1) // period
            end = first + count * period
            if count < FEWEST or used[first:end].mean() > 0.5:
                continue
            used[first:end] = True
            rows = [words[at : at + period] for at in range(first, end, period)]
            yield Table(f"{place or 'text'}, from line {lines[first] + 1}", (), rows)


def _between(text: str, found: Sequence[re.Match[str]]) -> np.ndarray:
    """(words - 1,) a number for each different text between two neighbours; -1 for one that is too long."""
    codes: dict[str, int] = {}
    numbers = []
    for one, two in pairwise(found):
        if two.start() - one.end() > _LONGEST_BETWEEN:
            numbers.append(-1)
            continue
        between = _BLANK.sub(" ", text[one.end() : two.start()]).strip()
        numbers.append(codes.setdefault(between, len(codes)))
    return np.array(numbers, int)


def _stretches(same: np.ndarray, shortest: int) -> Iterator[tuple[int, int]]:
    """First and last place (exclusive) of stretches of true values."""
    edges = np.flatnonzero(np.diff(np.r_[False, same, False].astype(np.int8)))
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if last - first >= shortest:
            yield first, last
