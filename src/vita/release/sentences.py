"""Sentences that tell of few people: a count, a share of a number of people, or words such as a single woman."""

import re
from collections.abc import Iterator

from vita.release.contents import Breach, Table

_PEOPLE = (
    r"(?:participants?|people|persons?|patients?|subjects?|individuals?|men|women|man|woman|males?|females?|cases|"
    r"deaths?)"
)
_PROSE_N = re.compile(r"(?<![\w-])[nN]\s*=\s*(\d+)(?![\d.,]*\d)(?!\s*(?:folds|epochs|runs|seeds))")
_PROSE_PEOPLE = re.compile(rf"(?<![\d.,<≤-])(?<!than )(?<!to )(?<!least )\b(\d+)\s+{_PEOPLE}\b")
_LEAVES = re.compile(r"(?:samples|leaf_count|node_samples|cover)\s*=\s*(\d+(?: \d+)*)(?![.\d])")
_PER_CENT = r"(\d+(?:\.\d+)?)\s*(?:%|per ?cent)"
_PERCENTAGES = (  # form, which of its numbers is that of people, and which the share
    (re.compile(rf"\b(?:of|among|in) (?:the |all )?(\d+) {_PEOPLE}\b[^.;\d]*{_PER_CENT}", re.IGNORECASE), 1, 2),
    (re.compile(rf"{_PER_CENT} (?:of|among|in) (?:the |all )?(\d+) {_PEOPLE}\b", re.IGNORECASE), 2, 1),
)
_FEW_WORDS = re.compile(rf"\b(?:only|just) (one|two|three|four|five|six|seven|eight|nine) {_PEOPLE}\b", re.IGNORECASE)
_SINGLE = re.compile(
    rf"\b(?:all but|all except|apart from) (one|two|three|four|five|six|seven|eight|nine|\d) |"
    rf"\b(?:a single|one single|the only) (?:{_PEOPLE})\b",
    re.IGNORECASE,
)
_OF_ALL = re.compile(
    rf"\b(?:of|among) (?:the |all |these )?(\d+) {_PEOPLE}\b[^.;\d]*?[,:]? (\d+)\b(?![.,]?\d|\s*(?:%|per ?cent))",
    re.IGNORECASE,
)
_PROSE_PART = re.compile(
    rf"(?<![\w.,/-])(\d+)\s*(?:of|out of|/)\s*\d+(?:\s+(?:the\s+)?{_PEOPLE}\b|\s*\(\s*[\d.,]+\s*%\s*\))"
)
_HALF = 0.5


def in_sentences(table: Table, cell: int) -> Iterator[Breach]:
    """Groups of few people that a text tells of, in numbers, shares or words."""
    for number, row in enumerate(table.rows):
        for match in _LEAVES.finditer(row[0]):
            if any(0 < int(size) < cell for size in match[1].split()):
                yield Breach(number, "small cell", "a leaf of a tree with few people")
        for form, people, share in _PERCENTAGES:
            for match in form.finditer(row[0]):
                part = float(match[share]) / 100
                if any(
                    _HALF <= told < cell - _HALF
                    for told in (part * int(match[people]), (1 - part) * int(match[people]))
                ):
                    yield Breach(number, "small cell", f"a share of {match[people]} people reveals a small group")
        if _SINGLE.search(row[0]):
            yield Breach(number, "small cell", "a text reveals a group of few people, or that all others are one")
        for match in _OF_ALL.finditer(row[0]):
            part, whole = int(match[2]), int(match[1])
            if 0 < part < cell or 0 < whole - part < cell:
                yield Breach(number, "small cell", f"a text reveals a group of few of {whole} people")
        for match in _FEW_WORDS.finditer(row[0]):
            yield Breach(number, "small cell", f"a text reveals a group of {match[1].lower()} people")
        for pattern in (_PROSE_N, _PROSE_PEOPLE, _PROSE_PART):
            for match in pattern.finditer(row[0]):
                if 0 < int(match[1]) < cell:
                    yield Breach(number, "small cell", f"a text reveals a group of {match[1]} people")
