"""What went wrong in a run of the workflow: the one line of each failed job, from the logs that Snakemake names."""

import re
from collections.abc import Sequence
from pathlib import Path

_FAILED_LOG = re.compile(r"^\s+log: (?P<paths>.+) \(check log file", re.MULTILINE)


def failure_lines(snakemake_logs: Sequence[str]) -> list[str]:
    """The line that each failed job ended with, and the job's log, in the order of failing.

    That is the job's own `error: ...` or, if it ended by a traceback or a signal, its last line.

    Args:
        snakemake_logs: Snakemake's own logs of the run; paths in them are relative to the working directory.
    """
    texts = [Path(log).read_text(encoding="utf-8", errors="replace") for log in snakemake_logs]
    named = [path for text in texts for paths in _FAILED_LOG.findall(text) for path in paths.split(", ")]
    paths = dict.fromkeys(
        path for path in named if "/slurm_logs/" not in path
    )  # the log of a node's Snakemake repeats it
    return [f"{line} [{path}]" for path in paths for line in _said(Path(path))]


def _said(log: Path) -> list[str]:
    """Lines `error: ...` of a job's log, or its last line as one."""
    if not log.is_file():
        return ["error: the job left no log; Snakemake's own messages are above"]
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    own = [line for line in lines if line.startswith("error: ")]
    return own or [f"error: ended after: {lines[-1]}" if lines else "error: the job ended without a message"]
