"""Text that is neither words nor numbers: an encoding that the check does not know, so that it cannot be read."""

import re
from collections import Counter
from itertools import groupby, pairwise

_WORD = re.compile(r"[A-Za-z]?[a-z]{2,}|[A-Z]{2,}(?![a-z])")
_VOWEL = re.compile(r"[aeiouyAEIOUY]")
_LINES, _LENGTH = 6, 24  # of a block
_PARTS, _PART = re.compile(r"[\s,;|]"), 14  # the longest of its parts has so many characters
_WORDS = 0.35  # least share of letters in words with a vowel
_SYMBOLS = 0.12  # least share of letters without words, or of signs, in what was encoded
_LETTERS, _ALPHABET = 150, 12  # letters of a text that are digits in disguise
_ALMOST = 0.96  # of all letters
_CODES = 100  # tokens of two to four digits, of which characters are made
_CODE = re.compile(r"(?<![\w.])\\?(?:x|0x|=)?[0-9A-Fa-f]{2,4}(?![\w.])|\\[0-7]{3}|=[0-9A-F]{2}")
_DUMPED, _COUNTED = 0.6, 0.03  # codes, of a text; and codes that are no whole numbers, of all codes


def unknown_encoding(text: str) -> str:
    """Why a text cannot be read; empty for ordinary text, code and tables."""
    letters = Counter(each for each in text.lower() if each.isalpha() and each.isascii())
    most = sum(times for _, times in letters.most_common(_ALPHABET))
    if most >= _LETTERS and most > _ALMOST * letters.total() and sum(map(str.isdecimal, text)) < (1 - _ALMOST) * most:
        return f"{most} letters of an alphabet of {_ALPHABET}"
    codes = _CODE.findall(text)
    dumped = sum(map(len, codes)) > _DUMPED * len(re.sub(r"[\s:]", "", text))
    if len(codes) >= _CODES and dumped and sum(not code.isdecimal() for code in codes) > _COUNTED * len(codes):
        return "codes of characters"
    for strange, block in groupby(text.splitlines(), key=_is_strange):
        if strange and (count := len(list(block))) >= _LINES:
            return f"{count} lines that are neither words nor numbers"
    return ""


def _is_strange(line: str) -> bool:
    """Whether a line is long and mixes letters, digits and signs without words."""
    if len(line) < _LENGTH or max(map(len, _PARTS.split(line))) < _PART:
        return False
    letters = sum(map(str.isalpha, line))
    signs = sum(not each.isalnum() and not each.isspace() and each not in ".,;:|&-+" for each in line)
    words = sum(len(word) for word in _WORD.findall(line) if _VOWEL.search(word) and len(word) > 2)
    strange = letters - words
    return letters > 0 and words < _WORDS * letters and strange > _SYMBOLS * len(line) and _mixed(line, signs)


def _mixed(line: str, signs: int) -> bool:
    """Whether there are few blanks, and capitals, small letters, digits or signs follow each other at random."""
    blanks = sum(map(str.isspace, line))
    kinds = [each.isupper() + 2 * each.islower() + 4 * each.isdecimal() for each in line if not each.isspace()]
    turns = sum(one != other for one, other in pairwise(kinds))
    return blanks < 0.06 * len(line) and (turns > 0.4 * len(kinds) or signs > 0.3 * len(line))
