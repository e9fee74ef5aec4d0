"""One run at a time in a folder, and a clean start after a run that was killed.

Snakemake's own lock outlives a killed run and then has to be removed by hand. Here the lock is the operating
system's: it ends with the process that holds it, however that ends. So whoever gets it knows that no other run is under
way, and that what a killed one left behind, such as running jobs and half-written files, can be removed.
"""

import errno
import fcntl
import logging
import os
import socket
from contextlib import suppress
from pathlib import Path

import psutil

from vita.runtime.atomic import PART
from vita.runtime.errors import UserError

log = logging.getLogger(__name__)

VARIABLE = "VITA_RUN"  # in the environment of a run's jobs: the folder of the run
_PATIENCE_S = 30  # time for a training to finish its step and save its state


def claim(folder: Path) -> None:
    """Take the folder's lock for as long as this process lives.

    Raises:
        UserError: another run holds it.
    """
    path = folder / ".snakemake" / "vita.lock"
    path.parent.mkdir(exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o660)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(handle, 200).decode(errors="replace").strip()
        raise UserError(
            f"another run works in {folder} ({holder or 'it has just begun'}); wait until it ends, or stop it"
        ) from None
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        log.warning("%s: this file system has no locks; make sure that no second run starts here", folder)
    os.ftruncate(handle, 0)
    os.write(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode())


def end_leftovers(folder: Path) -> int:
    """End jobs of a killed run in this folder that still run on this machine; returns how many processes.

    Only to be called once the folder is claimed: then no job here belongs to a run under way. They are asked to stop,
    so that a training keeps its state, and killed if they do not.
    """
    left = [process for process in psutil.process_iter() if _run_of(process) == str(folder)]
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, deaf = psutil.wait_procs(left, timeout=_PATIENCE_S)
    for process in deaf:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(deaf, timeout=_PATIENCE_S)
    return len(left)


def _run_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(VARIABLE) if process.pid != os.getpid() else None
    except (psutil.Error, OSError):  # it has ended, or belongs to another user
        return None


def remove_parts(results: Path) -> int:
    """Delete half-written files that a killed job left under temporary names; returns how many."""
    parts = [Path(folder) / name for folder, _, names in os.walk(results) for name in names if name.startswith(PART)]
    for path in parts:
        path.unlink(missing_ok=True)
    return len(parts)
