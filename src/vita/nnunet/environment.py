"""Make nnU-Net's environment, or use an existing one, and record its versions.

    python -m vita.nnunet.environment --folder .nnunet --lock envs/nnunet.lock --output results/nnunet/environment.json

An environment with nnU-Net in the folder is used unchanged, unless this module made it from another lock. Otherwise a
virtual environment is made there and filled from the lock: torch with the requirements of its build for this machine,
then the other packages, exactly as listed. This needs a package index, or wheels and pip's settings for them
(PIP_NO_INDEX, PIP_FIND_LINKS).
"""

import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from vita.runtime import cli
from vita.runtime.atomic import write_text
from vita.runtime.errors import UserError

MADE_FROM = "made-from.lock"
_UNFINISHED = "unfinished\n"
_ASK = "import json, vita.nnunet.engine as engine; print(json.dumps(engine.versions()))"
_SHOWN = 2000  # characters of pip's output


def versions(folder: Path) -> dict[str, str] | None:
    """Versions in an environment; None if there is none, or none with nnU-Net."""
    python = folder / "bin" / "python"
    if not python.exists():
        return None
    asked = subprocess.run([python, "-c", _ASK], capture_output=True, text=True, check=False)
    return json.loads(asked.stdout) if asked.returncode == 0 else None


def make(folder: Path, lock: Path) -> None:
    """Make a virtual environment in a folder that is empty, missing, or made here before.

    Raises:
        UserError: the folder holds something else, or a package cannot be installed.
    """
    made = folder / MADE_FROM
    if folder.exists() and any(folder.iterdir()) and not made.exists():
        raise UserError(
            f"{folder} holds no environment with nnU-Net, but other files; name another folder as 'nnunet.environment'"
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    made.write_text(_UNFINISHED, encoding="utf-8")
    venv.create(folder, with_pip=True)
    # torch's builds differ in their requirements; for all other packages, the lock lists exactly those that nnU-Net
    # uses
    _pip(folder, "--constraint", str(lock), "torch")
    _pip(folder, "--no-deps", "--requirement", str(lock))
    made.write_text(lock.read_text(encoding="utf-8"), encoding="utf-8")


def _pip(folder: Path, *arguments: str) -> None:
    command: list[str | Path] = [
        folder / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        *arguments,
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        print(run.stderr[-_SHOWN:], file=sys.stderr)
        raise UserError(
            f"nnU-Net's environment cannot be installed into {folder} (pip's output is above); see the README for "
            "machines without network, or remove nnunet from 'systems'"
        )


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="of the environment")
    parser.add_argument("--lock", type=Path, required=True, help="pinned requirements")
    parser.add_argument("--output", type=Path, required=True, help="versions to write, JSON")
    args = parser.parse_args(arguments)
    made, lock = args.folder / MADE_FROM, args.lock.read_text(encoding="utf-8")
    outdated = made.is_file() and made.read_text(encoding="utf-8") != lock
    found = None if outdated else versions(args.folder)
    if found is None:
        make(args.folder, args.lock)
        found = versions(args.folder)
    if found is None:
        raise UserError(f"{args.folder} was installed, but nnU-Net cannot be imported there; delete it and run again")
    write_text(args.output, json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    cli.run(main)
