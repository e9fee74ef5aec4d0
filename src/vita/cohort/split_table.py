"""Who is in which split, as the rule split_cohort wrote it, and the fingerprint of a split, which models carry."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from vita.runtime.errors import UserError


def read_split(path: Path) -> pd.Series:
    """Split of each participant, indexed by eid in ascending order.

    Raises:
        UserError: there is no file, a column is missing, a participant is repeated, or a split has another name.
    """
    if not path.is_file():
        raise UserError(f"no split file {path}; run the rule that makes the split first")
    table = pd.read_parquet(path)
    if missing := {"eid", "split"} - set(table.columns):
        raise UserError(f"{path} has no column {', '.join(sorted(missing))}; it needs eid and split")
    if table["eid"].duplicated().any():
        raise UserError(f"{path} repeats {int(table['eid'].duplicated().sum())} participants")
    if unknown := set(table["split"]) - {"train", "val", "test"}:
        raise UserError(f"{path} has the split {sorted(map(str, unknown))[0]!r}; known are train, val and test")
    return table.set_index("eid")["split"].sort_index()


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
