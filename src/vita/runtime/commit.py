"""The commit of the source tree that runs."""

import subprocess
from pathlib import Path


def git_commit() -> str | None:
    """Commit of the source tree; None if the package is not run from a clone, or git is missing."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return result.stdout.strip() or None
