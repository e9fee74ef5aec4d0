"""Pieces of bytes whose format is not known, or that were to be a format and are not."""

from collections.abc import Iterator

import numpy as np

from vita.audit.piece import Piece, inside, whole


def raw(data: bytes, place: str) -> Iterator[Piece]:
    """The bytes as text, and as the 8-byte whole numbers and fractions (little-endian) that libraries write ids as.

    Numbers are taken where such files keep them, at multiples of 8 bytes. There, weights of 4 or 2 bytes do not look
    like ids: two weights together would have to be a zero and one near the smallest number there is.
    """
    yield Piece(inside(place, "bytes"), data, raw=True)
    for kind in ("<i8", "<f8"):
        numbers = np.frombuffer(data, kind, count=len(data) // 8)
        yield Piece(inside(place, "8-byte numbers"), numbers=whole(numbers), raw=True)
