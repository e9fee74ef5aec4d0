"""The fingerprint of a split, which models and the encoder carry: it shows whether they were made from one split."""

import hashlib
from collections.abc import Iterable


def split_hash(eids: Iterable[int], splits: Iterable[str]) -> str:
    """Fingerprint of who is in which split, the same whatever the order.

    Args:
        eids: every participant.
        splits: train, val or test of each.
    """
    rows = sorted(zip(eids, splits, strict=True))
    text = "".join(f"{eid},{split}\n" for eid, split in [("eid", "split"), *rows])
    return hashlib.sha256(text.encode()).hexdigest()
