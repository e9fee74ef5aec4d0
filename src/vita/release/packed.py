"""Bytes that a text holds in base64 or hexadecimal digits."""

import base64
import re

ENCODED = re.compile(r"(?<![\w+/=-])(?:(?:[A-Za-z0-9+/_-]{60,}\r?\n)+[A-Za-z0-9+/_-]+|[A-Za-z0-9+/_-]{64,})={0,2}")

_LONG = re.compile(r"[^\s,'\"]{64,}")
_LONG_IN_MARKUP = re.compile(r"[^\s,'\"<>]{64,}")
_LETTERS, _NUMERALS, _WORDS = 0.4, 0.04, 0.4  # shares of what was encoded: at least, at least, and at most
_WORD = re.compile(r"[a-z]{4,}|[A-Z][a-z]{3,}")

_HASHES = {32, 40, 56, 64, 96, 128}  # characters of usual ones

_FEWEST_OF_EACH = 3  # capitals, small letters and digits of what was encoded


def unpacked(text: str) -> bytes | None:
    """The bytes that a text holds in base64 or hexadecimal digits; None for words and for hashes."""
    joined = "".join(text.split())
    if re.fullmatch(r"[0-9a-f]+|[0-9A-F]+", joined):
        return None if len(joined) in _HASHES or len(joined) % 2 else bytes.fromhex(joined)
    kinds = (str.isupper, str.islower, str.isdigit)
    if min(sum(map(kind, joined)) for kind in kinds) < _FEWEST_OF_EACH:
        return None
    plain = joined.rstrip("=").translate(str.maketrans("-_", "+/"))
    if len(plain) % 4 == 1:
        return None
    return base64.b64decode(plain + "=" * (-len(plain) % 4))


def unknown(text: str, markup: bool) -> int:
    """How many long words of a text are neither words, numbers nor hashes, nor bytes that `unpacked` can read."""
    form = _LONG_IN_MARKUP if markup else _LONG
    return sum(_is_unknown(match[0]) for match in form.finditer(text))


def _is_unknown(word: str) -> bool:
    letters, numerals = (sum(map(kind, word)) / len(word) for kind in (str.isalpha, str.isdigit))
    if letters < _LETTERS or numerals < _NUMERALS or sum(map(len, _WORD.findall(word))) > _WORDS * len(word):
        return False
    if re.fullmatch(r"[0-9a-fA-F]+", word) and len(word) in _HASHES:
        return False
    return not ENCODED.fullmatch(word) or unpacked(word) is None
