"""Keeping participants' data among those who may see it: closed folders, and no small counts in what is shared."""

import logging
import os
import stat
from pathlib import Path

log = logging.getLogger(__name__)

SMALLEST_COUNT = 10  # UK Biobank asks that smaller counts are not published
SUPPRESSED = f"<{SMALLEST_COUNT}"


def keep_private(folder: Path) -> None:
    """Close a folder, and all files that this process and its children make from now on, to everybody else.

    Owner and group keep what the user's umask gives them. If a folder is open to others and belongs to another
    user, it cannot be closed, which gives a warning.
    """
    os.umask(os.umask(0o077) | stat.S_IRWXO)
    mode = stat.S_IMODE(folder.stat().st_mode) if folder.exists() else 0
    if mode & stat.S_IRWXO:
        try:
            folder.chmod(mode & ~stat.S_IRWXO)
        except OSError as error:
            log.warning("%s is open to everybody and cannot be closed: %s", folder, error.strerror)


def shown_count(count: int) -> str:
    """A count as it may be published: those from 1 to 9 are shown as `<10`."""
    return SUPPRESSED if 0 < count < SMALLEST_COUNT else f"{count:,}"
