"""The source tree that runs: its commit, and where the workflow is, in the clone or among the files of a wheel."""

import subprocess
import sysconfig
from pathlib import Path

from vita.runtime.errors import UserError

_SHARE = Path("share") / "vita"


def clone() -> Path:
    """The folder with config.yaml, and with schemas, presets and resources under workflow.

    Raises:
        UserError: the package was installed without them.
    """
    schemes = sorted({"posix_prefix", "posix_user", "posix_local"} & set(sysconfig.get_scheme_names()))
    places = [Path(__file__).resolve().parents[3]]
    places += [Path(sysconfig.get_path("data", scheme)) / _SHARE for scheme in schemes]
    for place in places:
        if (place / "config.yaml").is_file() and (place / "workflow" / "schemas").is_dir():
            return place
    raise UserError(
        f"the workflow is not at {' or '.join(map(str, places))}; install the package from its wheel, or work in a "
        "clone"
    )


def git_commit() -> str | None:
    """Commit of the source tree; None if the package is not run from a clone, or git is missing."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return result.stdout.strip() or None
