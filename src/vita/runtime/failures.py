"""What went wrong in a run of the workflow: the one line of each failed job, from the logs that Snakemake names."""

import re
from collections.abc import Sequence
from pathlib import Path

_FAILED_LOG = re.compile(r"^\s+log: (?P<paths>.+) \(check log file", re.MULTILINE)


def failure_lines(snakemake_logs: Sequence[str]) -> list[str]:
    """The lines `error: ...` that failed jobs ended with, each with its job's log, in the order of failing.

    Args:
        snakemake_logs: Snakemake's own logs of the run; paths in them are relative to the working directory.
    """
    texts = [Path(log).read_text(encoding="utf-8", errors="replace") for log in snakemake_logs]
    named = [path for text in texts for paths in _FAILED_LOG.findall(text) for path in paths.split(", ")]
    paths = dict.fromkeys(
        path for path in named if "/slurm_logs/" not in path
    )  # there a node's Snakemake says it again
    logs = [Path(path) for path in paths if Path(path).is_file()]
    return [
        f"{line} [{path}]"
        for path in logs
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
        if line.startswith("error: ")
    ]
