"""One run at a time in a folder, and a clean start after a run that was killed.

Snakemake's own lock outlives a killed run and then has to be removed by hand. Here the lock is the operating
system's: it ends with the process that holds it, however that ends. So whoever gets it knows that no other run is under
way, and that what a killed one left behind, such as running jobs and half-written files, can be removed.

Jobs that it left on SLURM would go on and write the same files as those of the next run. Snakemake's plugin gives a job
the folder of the run as working directory and a comment that begins with `rule_`, by which they are found.
"""

import errno
import fcntl
import logging
import os
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil

from vita.runtime.atomic import PART
from vita.runtime.errors import UserError

log = logging.getLogger(__name__)
VARIABLE = "VITA_RUN"  # in the environment of a run's jobs: the folder of the run
_PATIENCE_S = 30  # time for a training to finish its step and save its state
_MARK = "|rule_"
_LISTED = "--format=%A|%Z|%k"  # number, working directory, comment
_SLURM_ANSWER_S = 60
_SLURM_PATIENCE_S = 120  # by default SLURM gives a job 30 s to save its state


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


def used_slurm(folder: Path) -> bool:
    """Whether a run in this folder has ever submitted to SLURM."""
    return (folder / ".snakemake" / "slurm_logs").is_dir()


def cancel_leftovers(folder: Path, patience_s: float = _SLURM_PATIENCE_S) -> int:
    """Cancel jobs of a killed run in this folder, pending or running, and wait for their end; returns how many.

    Only to be called once the folder is claimed: then no job belongs to a run under way.

    Raises:
        UserError: SLURM does not answer, or a job does not end.
    """
    if not shutil.which("squeue"):
        return 0
    left = _slurm_jobs(folder)
    if not left:
        return 0
    _ask_slurm("scancel", *left)
    end = time.monotonic() + patience_s
    while still := _slurm_jobs(folder):
        if time.monotonic() > end:
            raise UserError(
                f"SLURM jobs {', '.join(still)} of a killed run in {folder} do not end; cancel them (scancel "
                f"{' '.join(still)}), wait until squeue --me no longer lists them, then run the same command again"
            )
        time.sleep(1)
    return len(left)


def _slurm_jobs(folder: Path) -> list[str]:
    """Numbers of the user's jobs that a run in the folder submitted."""
    found = []
    for line in _ask_slurm("squeue", "--me", "--noheader", _LISTED).splitlines():
        number, _, rest = line.strip().partition("|")
        place, mark, _ = rest.partition(_MARK)
        if mark and Path(place).resolve() == folder and number != os.environ.get("SLURM_JOB_ID"):
            found.append(number)
    return list(dict.fromkeys(found))


def _ask_slurm(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_SLURM_ANSWER_S)
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip()
        raise UserError(
            f"SLURM does not say whether a killed run left jobs ({command[0]}: {said}); run the same command again "
            "when it answers"
        ) from error
    return done.stdout
