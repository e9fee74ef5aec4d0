"""Finds participants' ids in bytes."""

import re
from collections.abc import Iterable


def pattern(eids: Iterable[object]) -> re.Pattern[bytes]:
    """Any of the ids as a whole number: seven digits of a fraction are nobody's id."""
    return re.compile(rb"(?<![\d.])(?:" + "|".join(map(str, eids)).encode() + rb")(?!\d)")
