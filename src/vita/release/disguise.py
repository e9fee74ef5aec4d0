"""Numbers in disguise: digits of any script, escaped or spelled out, and bytes in base64 or hexadecimal digits."""

import base64
import re
import unicodedata
from urllib.parse import unquote

ENCODED = re.compile(r"(?<![\w+/=-])(?:(?:[A-Za-z0-9+/_-]{60,}\r?\n)+[A-Za-z0-9+/_-]+|[A-Za-z0-9+/_-]{64,})={0,2}")
_LONG = re.compile(r"[^\s,'\"]{64,}")
_LONG_IN_MARKUP = re.compile(r"[^\s,'\"<>]{64,}")
_LETTERS, _NUMERALS, _WORDS = 0.4, 0.04, 0.4  # shares of what was encoded: at least, at least, and at most
_LETTERED = re.compile(r"[a-z]{4,}|[A-Z][a-z]{3,}")
_HASHES = {32, 40, 56, 64, 96, 128}  # characters of usual ones
_FEWEST_OF_EACH = 3  # capitals, small letters and digits of what was encoded
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_MARKS = {"٫": ".", "٬": ",", "．": ".", "，": ",", "－": "-"}  # decimal and grouping marks of other scripts
_POWER = re.compile(
    r"(?<=\d)\s*(?:×|\\times|\\cdot|·|\*)\s*10\s*(?:(?:\^\{?|\*\*)([-+−]?\d{1,3})\}?|([⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3}))"
)
_PERCENT_CODED = re.compile(r"(?:%[0-9A-Fa-f]{2}){3,}")
_ESCAPED = re.compile(r"&#(?:x([0-9A-Fa-f]{1,6})|(\d{1,7}));|\\u([0-9A-Fa-f]{4})|\\x([0-9A-Fa-f]{2})")
_KEPT_AFTER_ESCAPE = set("0123456789.-+, ")
_SPACED = re.compile(r"(?<![\w.])\d(?:[ \u00a0]\d){5,}(?![\w.])")  # 1 2 3 4 5 6 7
_DIGITS = {
    word: str(digit)
    for digit, word in enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
}
_TEENS = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SMALL = {word: int(digit) for word, digit in _DIGITS.items()} | {word: 10 + at for at, word in enumerate(_TEENS)}
_SMALL |= {word: 20 + 10 * at for at, word in enumerate(_TENS)}
_LARGE = {"hundred": 100, "thousand": 1000}
_WORD = "|".join([*_SMALL, *_LARGE, "point"])
_SPOKEN = re.compile(rf"\b(?:{_WORD})(?:(?: +and)?[ -]+(?:{_WORD})){{2,}}\b", re.IGNORECASE)


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
    if letters < _LETTERS or numerals < _NUMERALS or sum(map(len, _LETTERED.findall(word))) > _WORDS * len(word):
        return False
    if re.fullmatch(r"[0-9a-fA-F]+", word) and len(word) in _HASHES:
        return False
    return not ENCODED.fullmatch(word) or unpacked(word) is None


def plainly(text: str) -> str:
    """A text in which every number that a reader recognises is written with the digits 0 to 9."""
    if not text.isascii():
        text = _POWER.sub(_exponent, text)
        text = text.translate({ord(each): _plain_character(each) for each in set(text) if not each.isascii()})
    elif "10^" in text or "10**" in text:
        text = _POWER.sub(_exponent, text)
    if "%" in text:
        text = _PERCENT_CODED.sub(lambda match: unquote(match[0]), text)
    if "&#" in text or "\\u" in text or "\\x" in text:
        text = _ESCAPED.sub(_unescaped, text)
    if any(word in text.lower() for word in ("point", "hundred", "seven", "three")):
        text = _SPOKEN.sub(lambda match: _figure(match[0]), text)
    return _SPACED.sub(lambda match: re.sub(r"\s", "", match[0]), text)


def _plain_character(character: str) -> str:
    if character in _MARKS:
        return _MARKS[character]
    if unicodedata.category(character) == "Cf":  # invisible
        return ""
    if character.isdigit():
        return str(unicodedata.digit(character))
    return character


def _exponent(match: re.Match[str]) -> str:
    return "e" + (match[1] or match[2].translate(_SUPERSCRIPTS)).replace("−", "-")


def _unescaped(match: re.Match[str]) -> str:
    code = int(match[2]) if match[2] else int(match[1] or match[3] or match[4], 16)
    found = chr(code) if code < 0x110000 else ""
    return found if found in _KEPT_AFTER_ESCAPE else match[0]


def _figure(text: str) -> str:
    """A number that is spelled out: digit by digit, or as it is spoken."""
    words = [word for word in re.split(r"[\s-]+", text.lower()) if word != "and"]
    whole, _, fraction = " ".join(words).partition("point")
    if set(whole.split()) <= set(_DIGITS):
        figure = "".join(_DIGITS[word] for word in whole.split())
    else:
        figure = str(_spoken(whole.split()))
    decimals = "".join(_DIGITS.get(word, "") for word in fraction.split())
    return f"{figure or '0'}.{decimals}" if decimals else figure


def _spoken(words: list[str]) -> int:
    total, part = 0, 0
    for word in words:
        if word == "thousand":
            total, part = total + max(part, 1) * 1000, 0
        elif word == "hundred":
            part = max(part, 1) * 100
        else:
            part += _SMALL[word]
    return total + part
