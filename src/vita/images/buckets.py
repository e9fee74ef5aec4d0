"""Which shard a participant belongs to, and whether the files behind a shard have changed since it was built.

A participant's shard is a hash of the eid, so that one added scan changes one shard. The workflow gives each shard the
fingerprint of its own files: names, sizes and times of change. Withdrawn participants have no files in this sense, so
that a withdrawal changes one shard too.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from vita.cohort.withdrawals import load_withdrawals
from vita.errors import UserError
from vita.images.folders import Found, bucket, find_participants

UNREADABLE = "unreadable"


def fingerprints(scans: str | Path, withdrawals: str | Path | None, instance: int, shards: int) -> list[str]:
    """Fingerprint of the files of each shard, and of all together.

    Args:
        scans: folder of scans.
        withdrawals: CSV of withdrawn ids.
        instance: imaging visit of UK Biobank's zips.
        shards: how many shards there are.

    Returns:
        A string per shard, and a last one of all: 16 hexadecimal digits, or UNREADABLE where the folder or the list
        cannot be read, about which the rules' modules say more.
    """
    try:
        people = find_participants(Path(scans), load_withdrawals(withdrawals), instance)
    except UserError:
        return [UNREADABLE] * (shards + 1)
    digests = [hashlib.sha256() for _ in range(shards + 1)]
    for eid, found in people.items():
        for line in _describe(found):
            for digest in (digests[bucket(eid, shards)], digests[shards]):
                digest.update(line.encode())
    return [digest.hexdigest()[:16] for digest in digests]


def _describe(found: Found) -> Iterator[str]:
    """A line for the participant and one for each of their files."""
    yield f"{found.folder}/{found.reason}\n"
    for name, path in sorted(found.files.items()) + sorted(found.zips.items()):
        try:
            status = Path(path).stat()
            yield f"{name} {status.st_size} {status.st_mtime_ns}\n"
        except OSError as error:
            yield f"{name} {error.errno}\n"
