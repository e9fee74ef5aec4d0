"""Rows without a name or a count of people: nothing shows what each is about, so it may be a participant.

An attacker need not recognise a value. Scores, residuals, components, distances and points of a curve over people are
rows of participants in whatever form they are written. An aggregate says how many people are behind each row, or names
the row in words. So a long table that does neither is refused, and so are columns of dates, of codes and of ids.
"""

import re
from collections.abc import Iterator, Sequence

import numpy as np

from vita.release.contents import Breach, Table, is_weights
from vita.release.counts import count, is_withheld
from vita.release.numbers import numbers

_ROWS = 20  # that may be without a name or count
_FEW = 8  # dates or codes
_DIGITS = 3  # of a number that could be a participant's
_SHARE = 0.7  # of values that differ, of rows
_PER_STEP = {"epoch", "step", "iteration"}  # what a row of a training's course is about
_ORDINARY = 24 * 366 * 100  # larger whole numbers, all different, number people or things
_DATE = re.compile(r"\s*(?:\d{4}[-/.]\d{2}[-/.]\d{2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})(?:[T ].*)?\s*")
_CODE = re.compile(r"(?=.*\d)(?=.*[A-Za-z])(?:[0-9a-f]{5,}|[0-9A-F]{5,}|[A-Za-z0-9+/_-]{6,}={0,2})")
_TURNS = re.compile(r"[A-Za-z](?=\d)|\d(?=[A-Za-z])|[a-z](?=[A-Z])")
_FEWEST_TURNS = 3  # of letters to digits or capitals, in what is no word: MTAwNjYx


def nameless(table: Table, columns: Sequence[int], cell: int) -> Iterator[Breach]:
    """A long table of numbers whose rows have neither a name nor a count of people."""
    if len(table.rows) < _ROWS or is_weights(table) or _tells_people(table, columns, cell) or _is_course(table):
        return
    width = max(map(len, table.rows))
    texts = [[row[place].strip() if place < len(row) else "" for row in table.rows] for place in range(width)]
    values = [[read[0] for text in column if len(read := numbers(text)) == 1 and _is_bare(text)] for column in texts]
    full = [len(found) > _SHARE * len(table.rows) for found in values]
    words = [tuple(row) for row in zip(*(texts[at] for at in range(width) if not full[at]), strict=True)]
    if words and len(set(words)) > _SHARE * len(words) and any(any(map(str.isalpha, "".join(row))) for row in words):
        return
    for place in range(width):
        told = {number.value for number in values[place] if number.digits >= _DIGITS}
        if full[place] and len(told) > _SHARE * len(table.rows) and not _is_even(values[place]):
            name = table.name(place) or f"column {place + 1}"
            yield Breach(None, "rows of participants", f"{name}: {len(table.rows)} rows without a name or a count n")
            return


def dated_or_coded(table: Table) -> Iterator[Breach]:
    """Columns of dates, of codes and of long numbers, each of which may identify people."""
    for place in range(max(map(len, table.rows), default=0)):
        texts = [row[place].strip() for row in table.rows if place < len(row) and row[place].strip()]
        different = set(texts)
        if len(different) < _FEW:
            continue
        name = table.name(place) or f"column {place + 1}"
        if sum(bool(_DATE.fullmatch(text)) for text in different) > _SHARE * len(different):
            yield Breach(None, "rows of participants", f"{name}: {len(different)} dates")
        elif len(different) > _SHARE * len(texts):
            if sum(map(_is_code, different)) > _SHARE * len(different):
                yield Breach(None, "rows of participants", f"{name}: {len(different)} codes")
            elif len(different) == len(texts) and all(text.isdecimal() and int(text) > _ORDINARY for text in different):
                yield Breach(None, "rows of participants", f"{name}: {len(different)} numbers as long as ids")


def _is_code(text: str) -> bool:
    """Whether a text is no word but what a hash or an encoding makes of something."""
    if not _CODE.fullmatch(text):
        return False
    return len(_TURNS.findall(text)) >= _FEWEST_TURNS or bool(re.fullmatch(r"[0-9a-f]+|[0-9A-F]+", text))


def _is_bare(text: str) -> bool:
    """Whether a text is a number alone."""
    return not any(each.isalpha() for each in text.lower().replace("e", ""))


def _tells_people(table: Table, columns: Sequence[int], cell: int) -> bool:
    """Whether each row says how many people it is about, and that these are enough."""
    for column in columns:
        texts = [row[column] if column < len(row) else "" for row in table.rows]
        if all(is_withheld(text) or not text.strip() or (count(text) or 0) >= cell for text in texts) and any(texts):
            return True
    return False


def _is_course(table: Table) -> bool:
    """Whether a column numbers the steps of a training, or of several, each from its first step."""
    for place, name in enumerate(table.header):
        if name.strip().lower() in _PER_STEP:
            steps = [read[0].value for row in table.rows if place < len(row) and len(read := numbers(row[place])) == 1]
            if len(steps) == len(table.rows) and all(step == round(step) for step in steps):
                change, onto = np.diff(steps), np.array(steps[1:])
                return bool(np.mean((change > 0) | ((change < 0) & (onto == min(steps)))) > _SHARE)
    return False


def _is_even(values: Sequence[object]) -> bool:
    """Whether values are the ticks of an axis or a numbering."""
    steps = np.diff([number.value for number in values])  # type: ignore[attr-defined]
    size = float(np.abs(steps).max(initial=0.0))
    return bool(np.ptp(steps) <= 1e-3 * size) if size else True
