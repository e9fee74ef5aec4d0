"""Whole files or none: write under a temporary name beside the target, then rename."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vita.runtime.disk import disk_error
from vita.runtime.errors import UserError

PART = ".part-"  # prefix of files that are not whole yet


@contextmanager
def replacing(target: str | Path) -> Iterator[Path]:
    """Give a temporary path in the target's folder; it becomes the target when the block succeeds.

    The temporary name keeps the target's suffix, by which several writers choose the format. The folder is made if it
    is missing. If the block raises, nothing is left behind.

    Raises:
        UserError: the disk is full or may not be written to.
        OSError: the folder cannot be made for another reason.
    """
    target, temporary = Path(target), None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=PART, suffix=f"-{target.name}", dir=target.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except UserError:
        raise
    except Exception as error:
        message = disk_error(error, target)
        if message is None:
            raise
        raise UserError(message) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_text(target: str | Path, text: str) -> None:
    """Write a text file (UTF-8) whole or not at all, as `replacing` does."""
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _umask() -> int:
    """The process's umask; mkstemp makes files for the owner only, whatever the umask says."""
    current = os.umask(0)
    os.umask(current)
    return current
