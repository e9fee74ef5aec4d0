"""Which shard a participant belongs to, and whether the files behind a shard have changed since it was built.

A participant's shard is a hash of the eid, so that one added scan changes one shard. The workflow gives each shard the
fingerprint of its own files: names, sizes and times of change. Withdrawn participants have no files in this sense, so
that a withdrawal changes one shard too.
"""

import hashlib
import os
from pathlib import Path

from vita.images.folders import Found, bucket, find_participants
from vita.runtime.errors import UserError
from vita.withdrawals import load_withdrawals

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
        cannot be read, which the modules of the rules report in detail.
    """
    try:
        people = find_participants(Path(scans), load_withdrawals(withdrawals), instance)
    except UserError:
        return [UNREADABLE] * (shards + 1)
    digests = [hashlib.sha256() for _ in range(shards + 1)]
    for eid, found in people.items():
        lines = _describe(found).encode()
        digests[bucket(eid, shards)].update(lines)
        digests[shards].update(lines)
    return [digest.hexdigest()[:16] for digest in digests]


def _describe(found: Found) -> str:
    """A line for the participant and one for each of their files."""
    lines = [f"{found.folder}/{found.reason}"]
    for name, path in sorted(found.files.items()) + sorted(found.zips.items()):
        try:
            status = os.stat(path)  # noqa: PTH116 - a Path for each of 84,000 files costs more than the look itself
            lines.append(f"{name} {status.st_size} {status.st_mtime_ns}")
        except OSError as error:
            lines.append(f"{name} {error.errno}")
    return "\n".join(lines) + "\n"
