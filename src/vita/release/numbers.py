"""Numbers in the forms that people and programs write, with the step of their last digit."""

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

_PLAIN = re.compile(r"(?<![\w.])[-+−]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eEdD][-+]?\d+)?(?!\d)")
_THOUSANDS = re.compile(r"(?<![\w.,])[-+−]?\d{1,3}(?:([,'’_\u00a0\u202f\u2009])\d{3})(?:\1\d{3})*(?:\.\d+)?(?![\d])")
_DECIMAL_COMMA = re.compile(r"(?<![\w.,])[-+−]?\d+,\d+(?:[eE][-+]?\d+)?(?![\d.,])")
_DATE = re.compile(r"(?<!\d)(\d{4})[-/](\d{2})[-/](\d{2})(?!\d)")
_DAY_FIRST = re.compile(r"(?<![\d.])(\d{1,2})([./])(\d{1,2})\2(\d{4})(?![\d.])")
_TOUCHING = re.compile(r"(?<=[A-Za-z_])(?:\d+\.\d+|\d{4,})(?!\d|\.\d)")  # v145.23w60.1
_CODED = re.compile(r"0x([0-9a-f]{3,12})|0b([01]{8,40})|([01]{8,40})|([ivxlcdm]{3,15})", re.IGNORECASE)
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}
# numerals as they are written, unlike words of the same letters
_CANONICAL = re.compile(r"m{0,3}(?:cm|cd|d?c{0,3})(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})", re.IGNORECASE)
_HEX_FLOAT = re.compile(r"[-+]?0x[0-9a-f]\.[0-9a-f]*p[-+]?\d+", re.IGNORECASE)
_HASH = re.compile(r"\b(?=[0-9]*[a-fA-F])[0-9a-fA-F]{12,}\b")  # its digits are no numbers
_GROUPING = re.compile(r"[,'’_\u00a0\u202f\u2009]")
_DIGIT = re.compile(r"\d|^[ivxlcdmIVXLCDM]{3,15}$")
_SHORT = 40  # characters of a cell, which is read again as an id, a count and a number
_EXACT = 2.0**-40  # finer differences come from rounding in arithmetic, not from another value


@dataclass(frozen=True)
class Number:
    """A number and its precision.

    Attributes:
        value: as written.
        step: of its last significant digit; trailing zeros of a whole number are not significant.
        digits: number of significant digits.
    """

    value: float
    step: float
    digits: int


def numbers(text: str) -> list[Number]:
    """Every number of a text, in every possible reading: 1,234 is 1234, and also 1.234 with a decimal comma.

    A date (2026-04-01 or 01.04.2026) is the number of its day. Digits may touch letters, and a text that is a single
    hexadecimal, binary or Roman number is also read as that.
    """
    if not _DIGIT.search(text):
        return []
    return list(_read(text)) if len(text) <= _SHORT else _found(text)


@lru_cache(100_000)
def _read(text: str) -> tuple[Number, ...]:
    return tuple(_found(text))


def _found(text: str) -> list[Number]:
    if "0x" in text.lower():
        text = _HEX_FLOAT.sub(lambda match: repr(float.fromhex(match[0])), text)
    if _HASH.search(text):
        text = _HASH.sub(" ", text)
    text, found = _without_dates(text)
    if coded := _CODED.fullmatch(text.strip()):
        found += _decoded(coded)
    found += [number for match in _PLAIN.finditer(text) if (number := parsed(match[0])) is not None]
    if _GROUPING.search(text):
        grouped = [_GROUPING.sub("", match[0]) for match in _THOUSANDS.finditer(text)]
        commas = [match[0].replace(",", ".") for match in _DECIMAL_COMMA.finditer(text)]
        found += [number for each in grouped + commas if (number := parsed(each)) is not None]
    if _TOUCHING.search(text):
        found += [number for match in _TOUCHING.finditer(text) if (number := parsed(match[0])) is not None]
    return found


def _without_dates(text: str) -> tuple[str, list[Number]]:
    """A text without its dates, and the numbers of their days."""
    found: list[Number] = []
    for form, order in ((_DATE, (1, 2, 3)), (_DAY_FIRST, (4, 3, 1))):
        days = [_day(*(int(match[place]) for place in order)) for match in form.finditer(text)]
        if days:
            found += [day for day in days if day is not None]
            text = form.sub(" ", text)
    return text, found


def _decoded(match: re.Match[str]) -> list[Number]:
    """The whole number that is written in hexadecimal or binary digits or in Roman numerals."""
    if match[4]:
        if not _CANONICAL.fullmatch(match[4]):  # a word such as mild
            return []
        letters = [_ROMAN[letter] for letter in match[4].lower()]
        following = [*letters[1:], 0]
        value = sum(-one if one < next_one else one for one, next_one in zip(letters, following, strict=True))
    else:
        value = int(match[1], 16) if match[1] else int(match[2] or match[3], 2)
    number = parsed(str(value)) if value > 0 else None
    return [number] if number else []


def parsed(text: str) -> Number | None:
    """One number in plain or scientific notation; None where it is not finite."""
    text = text.lower().replace("−", "-").replace("d", "e")
    mantissa, _, exponent = text.lstrip("+-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    if not fraction.strip("0"):
        fraction = ""
    digits = (whole + fraction).lstrip("0")
    places = len(fraction)
    if not fraction:
        kept = digits.rstrip("0")
        places, digits = len(kept) - len(digits), kept
    power = (int(exponent) if exponent else 0) - places
    if abs(power) > 300 or len(digits) > 300:
        return None
    value = float(text)
    return Number(value, max(10.0**power, abs(value) * _EXACT), max(len(digits), 1))


def _day(year: int, month: int, day: int) -> Number | None:
    try:
        return Number(float(date(year, month, day).toordinal()), 1.0, 8)
    except ValueError:
        return None
