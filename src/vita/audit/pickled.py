"""Pieces of a pickle, such as PyTorch's checkpoints hold: its texts and numbers, listed without unpickling it."""

import pickletools
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from vita.audit.piece import Piece, inside, whole
from vita.audit.raw import raw


def is_pickle(head: bytes) -> bool:
    """Whether a file begins as a pickle of protocol 2 to 5."""
    return head[:1] == b"\x80" and head[1:2] in (b"\2", b"\3", b"\4", b"\5")


def pickled(stream: BinaryIO, place: str) -> Iterator[Piece]:
    """Texts and numbers as the pickle's operations name them, and arrays as bytes. No operation is carried out."""
    texts, numbers = [], []
    for _, argument, _ in pickletools.genops(stream):
        if isinstance(argument, str):
            texts.append(argument.encode("utf-8", "surrogatepass"))
        elif isinstance(argument, int | float):
            numbers.append(float(argument))
        elif isinstance(argument, bytes | bytearray):
            yield from raw(bytes(argument), inside(place, "bytes of a pickle"))
    yield Piece(inside(place, "texts of a pickle"), b"\n".join(texts))
    yield Piece(inside(place, "numbers of a pickle"), numbers=whole(np.array(numbers, dtype=float)))
