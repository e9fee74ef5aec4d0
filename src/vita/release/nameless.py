"""Rows without a name or a count of people: what each is about cannot be seen, so it may be a participant.

An attacker need not recognise a value. Scores, residuals, components, distances and points of a curve over people are
rows of participants in whatever form they are written. An aggregate says how many people are behind each row, or names
the row in words. So a long table that does neither is refused, and so are columns of dates, of codes and of ids.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np

from vita.release.contents import Breach, Table, is_weights
from vita.release.counts import count, is_withheld
from vita.release.numbers import numbers

_ROWS = 20  # that may be without a name or count
_FEW = 8  # dates or codes
_DIGITS = 3  # of a number that could be a participant's
_DIGITS_UNNAMED = 2  # in a table whose columns have no names
_SHARE = 0.7  # of values that differ, of rows
_PER_STEP = {"epoch", "step", "iteration"}  # what a row of a training's course is about
_ORDINARY = 24 * 366 * 100  # larger whole numbers, all different, number people or things
_DATE = re.compile(r"\s*(?:\d{4}[-/.]\d{2}[-/.]\d{2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})(?:[T ].*)?\s*")
_CODE = re.compile(r"(?=.*\d)(?=.*[A-Za-z])(?:[0-9a-f]{5,}|[0-9A-F]{5,}|[A-Za-z0-9+/_-]{6,}={0,2})")
_TURNS = re.compile(r"[A-Za-z](?=\d)|\d(?=[A-Za-z])|[a-z](?=[A-Z])")
_NUMBERED = re.compile(r"[-+]?\d[\d.]*")
_LONG_COURSE = 100  # steps
_ROUGH = 1.1  # change from step to step, relative to the spread; about 1.4 without any order
_FEWEST_TURNS = 3  # of letters to digits or capitals, in what is no word: MTAwNjYx


def nameless(table: Table, columns: Sequence[int], cell: int) -> Iterator[Breach]:
    """A long table of numbers whose rows have neither a name nor a count of people."""
    if 0 < len(table.rows) < _ROWS and not table.header and len(table.rows[0]) >= _ROWS:
        table = replace(table, rows=list(zip_longest(*table.rows, fillvalue="")))  # a column per participant
    if len(table.rows) < _ROWS or is_weights(table) or _tells_people(table, columns, cell) or _is_course(table):
        return
    width = max(map(len, table.rows))
    texts = [[row[place].strip() if place < len(row) else "" for row in table.rows] for place in range(width)]
    values = [[read[0] for text in column if len(read := numbers(text)) == 1 and _is_bare(text)] for column in texts]
    full = [len(found) > _SHARE * len(table.rows) for found in values]
    words = [tuple(row) for row in zip(*(texts[at] for at in range(width) if not full[at]), strict=True)]
    if _are_names(words):
        return
    for place in range(width):
        told = {
            number.value for number in values[place] if number.digits >= (_DIGITS if table.header else _DIGITS_UNNAMED)
        }
        some = sum(number.value != 0 for number in values[place])
        if full[place] and some >= _ROWS and len(told) > _SHARE * some and not _is_even(values[place]):
            name = table.name(place) or f"column {place + 1}"
            yield Breach(None, "rows of participants", f"{name}: {len(table.rows)} rows without a name or a count n")
            return


def _are_names(words: Sequence[tuple[str, ...]]) -> bool:
    """Whether words name each row; those that differ by a number only (n1, n2) do not."""
    names = {tuple(_NUMBERED.sub("#", text) for text in row) for row in words}
    return len(names) > _SHARE * len(words) > 0 and any(any(map(str.isalpha, "".join(row))) for row in names)


def dated_or_coded(table: Table) -> Iterator[Breach]:
    """Columns of dates, of codes and of long numbers, which stand for people."""
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
    """Whether each row says how many people it is about, and that these are enough, or that there are none."""
    for column in columns:
        texts = [row[column] if column < len(row) else "" for row in table.rows]
        told = [count(text) for text in texts if text.strip() and not is_withheld(text)]
        if any(texts) and all(people is not None and (people == 0 or people >= cell) for people in told):
            return not told or 2 * told.count(0) < len(told)
    return False


def _is_course(table: Table) -> bool:
    """Whether a column numbers the steps of a training, or of several, each from its first step; the numbers beside
    those of a long one change little from one step to the next, unlike those of people.
    """
    for place, name in enumerate(table.header):
        if name.strip().lower() in _PER_STEP:
            steps = [read[0].value for row in table.rows if place < len(row) and len(read := numbers(row[place])) == 1]
            if len(steps) == len(table.rows) and all(step == round(step) for step in steps):
                change, onto = np.diff(steps), np.array(steps[1:])
                along = (change > 0) | ((change < 0) & (onto == min(steps)))
                one = len(steps) >= _LONG_COURSE and bool((change > 0).all())
                return bool(np.mean(along) > _SHARE) and (not one or _is_smooth(table, place, change > 0))
    return False


def _is_smooth(table: Table, step: int, along: np.ndarray) -> bool:
    """Whether most columns of numbers change less from a step to the next than between any two rows."""
    smooth = []
    for place in range(len(table.header)):
        read = [numbers(row[place]) if place < len(row) else [] for row in table.rows]
        if place == step or not all(len(each) == 1 for each in read):
            continue
        values = np.array([each[0].value for each in read])
        spread = float(np.abs(values - np.median(values)).mean())
        smooth.append(spread == 0 or float(np.abs(np.diff(values)[along]).mean()) < _ROUGH * spread)
    return not smooth or sum(smooth) * 2 >= len(smooth)


def _is_even(values: Sequence[object]) -> bool:
    """Whether values are the ticks of an axis or a numbering."""
    steps = np.diff([number.value for number in values])  # type: ignore[attr-defined]
    size = float(np.abs(steps).max(initial=0.0))
    return bool(np.ptp(steps) <= 1e-3 * size) if size else True
