"""A part of a file that is searched for ids: text or whole numbers, with the place where they stand."""

from dataclasses import dataclass

import numpy as np

_LEAST, _MOST = 1_000, 10**12  # ids have 4 to 12 digits


@dataclass(frozen=True)
class Piece:
    """Something to search.

    Attributes:
        place: in the file, such as "line 3", "column eid" or "member a.npy"; empty for the file itself.
        text: searched for numbers.
        numbers: whole numbers, each compared as it is.
        raw: bytes of unknown meaning. There an id may touch letters, and only ids of a known cohort are looked for
            among numbers, since any 8 bytes are a number.
    """

    place: str
    text: bytes = b""
    numbers: np.ndarray | None = None
    raw: bool = False


def inside(place: str, inner: str) -> str:
    """A place within a place."""
    return f"{place}, {inner}" if place else inner


def whole(values: np.ndarray) -> np.ndarray:
    """Those of the values, of any shape and any type of number, that are whole and as large as ids, as int64."""
    with np.errstate(invalid="ignore"):  # not a number is neither
        values = values[(values >= _LEAST) & (values < _MOST)]
    if values.dtype.kind == "f":
        values = values[values == np.rint(values)]
    return values.astype(np.int64)
