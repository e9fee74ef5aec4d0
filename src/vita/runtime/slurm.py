"""Jobs that a killed run left on SLURM, which would go on and write the same files as those of the next run.

Snakemake's plugin gives a job the folder of the run as working directory and a comment that begins with `rule_`, by
which they are found.
"""

import logging
import os
import shutil
import subprocess
import time
from pathlib import Path

from vita.runtime.errors import UserError

log = logging.getLogger(__name__)

_MARK = "|rule_"
_LISTED = "--format=%A|%Z|%k"  # number, working directory, comment
_ANSWER_S = 60
_PATIENCE_S = 120  # by default SLURM gives a job 30 s to save its state


def used(folder: Path) -> bool:
    """Whether a run in this folder has ever submitted to SLURM."""
    return (folder / ".snakemake" / "slurm_logs").is_dir()


def cancel_leftovers(folder: Path, patience_s: float = _PATIENCE_S) -> int:
    """Cancel jobs of a killed run in this folder, pending or running, and wait for their end; returns how many.

    Only to be called once the folder is claimed (`vita.runtime.claim`): then no job belongs to a run under way.

    Raises:
        UserError: SLURM does not answer, or a job does not end.
    """
    if not shutil.which("squeue"):
        return 0
    left = _jobs(folder)
    if not left:
        return 0
    _ask("scancel", *left)
    end = time.monotonic() + patience_s
    while still := _jobs(folder):
        if time.monotonic() > end:
            raise UserError(
                f"SLURM jobs {', '.join(still)} of a killed run in {folder} do not end; cancel them (scancel "
                f"{' '.join(still)}), wait until squeue --me no longer lists them, then run the same command again"
            )
        time.sleep(1)
    return len(left)


def _jobs(folder: Path) -> list[str]:
    """Numbers of the user's jobs that a run in the folder submitted."""
    found = []
    for line in _ask("squeue", "--me", "--noheader", _LISTED).splitlines():
        number, _, rest = line.strip().partition("|")
        place, mark, _ = rest.partition(_MARK)
        if mark and Path(place).resolve() == folder and number != os.environ.get("SLURM_JOB_ID"):
            found.append(number)
    return list(dict.fromkeys(found))


def _ask(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_ANSWER_S)
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip()
        raise UserError(
            f"SLURM does not say whether a killed run left jobs ({command[0]}: {said}); run the same command again "
            "when it answers"
        ) from error
    return done.stdout
