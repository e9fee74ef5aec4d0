"""Hashes of who is in which split: each id's own, and the fingerprint of a whole split, which models carry."""

import hashlib
from collections.abc import Iterable

import numpy as np


def split_hash(eids: Iterable[int], splits: Iterable[str]) -> str:
    """Fingerprint of who is in which split, the same whatever the order.

    Args:
        eids: every participant.
        splits: train, val or test of each.
    """
    rows = sorted(zip(eids, splits, strict=True))
    text = "".join(f"{eid},{split}\n" for eid, split in [("eid", "split"), *rows])
    return hashlib.sha256(text.encode()).hexdigest()


def share_of_each(eids: np.ndarray, key: str) -> np.ndarray:
    """A number in 0..1 of each id that depends on the key and the id alone, on every machine."""
    digests = (hashlib.blake2b(f"{key} {eid}".encode(), digest_size=8).digest() for eid in eids)
    return np.fromiter((int.from_bytes(d, "big") / 2**64 for d in digests), float, count=len(eids))
