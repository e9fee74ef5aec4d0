"""Whole files or none: write under a temporary name beside the target, then rename; and messages about disks.

A disk may be full, closed or missing. A run checks before it starts, and a later failure is reported in one sentence.
"""

import errno
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from vita.runtime.errors import UserError

PART = ".part-"  # prefix of files that are not whole yet
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_WORDS = os.strerror(errno.ENOSPC)  # in errors of libraries that are not an OSError
_CLOSED = {errno.EROFS: "is on a read-only disk", errno.EACCES: "is closed to you"}
_GO_ON = "then run the same command again: it goes on"
_ROOM_MB = 1
_NO_ROOM_BYTES = 65_536  # a library that gives no reason fails with less than this left
_SCRATCH = ("TMPDIR", "TEMP", "TMP")


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


def disk_error(error: BaseException, path: Path) -> str | None:
    """What is wrong with the disk and what to do, in one sentence; None if the error is about something else.

    Args:
        error: as it was raised; its causes are considered too.
        path: what was being written.
    """
    links = [link for link in _chain(error) if isinstance(link, OSError)]
    folder = _existing(path)
    named = any(link.errno in _FULL for link in links) or _FULL_WORDS in str(error)
    if named or shutil.disk_usage(folder).free < _NO_ROOM_BYTES:
        return f"{path}: the disk of {folder.resolve()} is full; make room, {_GO_ON}"
    for link in links:
        if link.errno in _CLOSED:
            return f"{link.filename or path} {_CLOSED[link.errno]}; open it for writing, {_GO_ON}"
    return None


def obstacles(folders: list[Path], environment: Mapping[str, str] = os.environ) -> list[str]:
    """Why a run that writes to these folders cannot start, a sentence each; empty if it can.

    Args:
        folders: which need not exist yet.
        environment: may name the scratch folder, which must then exist.
    """
    return scratch_obstacles(environment) + [message for folder in folders if (message := _cannot_write(folder))]


def scratch_obstacles(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Why the scratch folder that the environment names cannot be used on this machine; empty if it can."""
    return [
        f"{name} names {scratch}, which is not a writable folder on {socket.gethostname()}; make it there, or "
        f"name another one in {name}"
        for name in _SCRATCH
        if (scratch := environment.get(name)) and not (Path(scratch).is_dir() and os.access(scratch, os.W_OK))
    ]


def _cannot_write(folder: Path) -> str | None:
    try:
        with tempfile.TemporaryFile(dir=_existing(folder)) as file:
            file.write(bytes(_ROOM_MB * 1_000_000))
    except OSError as error:
        error.filename = None  # it would name the test file
        message = disk_error(error, folder)
        if message is None:
            raise
        return message
    return None


def _existing(path: Path) -> Path:
    """The path itself if it is a folder, otherwise the nearest folder above it."""
    return next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
