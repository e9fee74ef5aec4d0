"""Search files for participants' ids; if there are any, print the places and end with exit code 1.

The search covers text of any kind, Parquet, npz and npy, safetensors, checkpoints, PNG metadata, HTML with the files in
its data URLs, zip and gzip, and the names of files and folders. An id of the cohort (--ids) is a finding anywhere, also
next to letters and as a number of 8 bytes. A number that looks like an id of UK Biobank (seven digits on their own, the
first from 1 to 6) is a finding too, unless --known-only is given or the file is among --made-up or those that
pyproject.toml names in [tool.vita.audit]. Ids are not printed. In a git repository, only those files of a folder are
searched that git tracks.

    vita audit .                                                before sharing the code
    vita audit results/report.html --ids results/cohort/fields.parquet --known-only
"""

import logging
import subprocess
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path

from vita.audit.finding import Finding, search_file
from vita.runtime import cli
from vita.runtime.atomic import write_text
from vita.runtime.errors import UserError

log = logging.getLogger(__name__)

_SHOWN = 50  # findings printed


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.prog = "vita audit"
    parser.add_argument("paths", type=Path, nargs="+", help="files and folders")
    parser.add_argument("--ids", type=Path, nargs="*", default=[], help="tables (Parquet, CSV) with a column eid")
    parser.add_argument("--known-only", action="store_true", help="search only for the ids of --ids")
    parser.add_argument(
        "--made-up",
        nargs="*",
        default=[],
        metavar="GLOB",
        help="files in which numbers that look like ids are made up; more are in pyproject.toml",
    )
    parser.add_argument(
        "--output", type=Path, help="also write a list of what was searched to this file, if nothing was found"
    )
    args = parser.parse_args(arguments)
    if args.known_only and not args.ids:
        raise UserError("--known-only needs --ids: a table with the cohort's ids")
    files = dict(_files(args.paths))
    made_up = [*args.made_up, *(pattern for path in args.paths for pattern in _made_up(path))]
    found = audit(files, read_ids(args.ids), not args.known_only, made_up)
    if found:
        for finding in found[:_SHOWN]:
            print(finding)
        raise UserError(
            f"{len(found)} places in {len({each.path for each in found})} of {len(files)} files hold participants' ids "
            "or numbers that look like them; remove them, or name made-up ones by --made-up"
        )
    text = f"{len(files)} files searched, no participant's id found"
    log.info(text)
    if args.output:
        write_text(args.output, text + "\n")


def audit(files: Mapping[Path, str], ids: set[int], alike: bool, made_up: Sequence[str] = ()) -> list[Finding]:
    """Findings in files and their names; files that match `made_up` are searched only for ids of the cohort."""
    found: list[Finding] = []
    for path, name in sorted(files.items()):
        own = alike and not any(fnmatch(path.as_posix(), pattern) for pattern in made_up)
        found.extend(search_file(path, ids, own, name))
    return found


def read_ids(tables: Sequence[Path]) -> set[int]:
    """Ids of the column `eid`, or of the first column of a CSV without a header.

    Raises:
        UserError: a table cannot be read or has no ids.
    """
    import pandas as pd

    ids: set[int] = set()
    for path in tables:
        try:
            if path.suffix == ".parquet":
                values = pd.read_parquet(path, columns=["eid"])["eid"]
            else:
                values = pd.read_csv(path, header=None, usecols=[0], dtype=str)[0]
        except (OSError, ValueError, KeyError) as error:
            raise UserError(f"--ids {path}: no table with a column eid ({error})") from error
        numbers = pd.to_numeric(values, errors="coerce").dropna().astype(int)
        if numbers.empty:
            raise UserError(f"--ids {path}: no number in its column of ids")
        ids |= set(numbers.tolist())
    return ids


def _made_up(folder: Path) -> list[str]:
    """Patterns of `made-up` in the block [tool.vita.audit] of a folder's pyproject.toml, from that folder."""
    path = folder / "pyproject.toml"
    if not path.is_file():
        return []
    block = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("vita", {}).get("audit", {})
    return [(folder / pattern).as_posix() for pattern in block.get("made-up", [])]


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Files and the names to search: for a file in a folder, also the names of the folders in between."""
    for path in paths:
        if path.is_file():
            yield path, path.name
        elif path.is_dir():
            entries = _tracked(path) or (entry for entry in path.rglob("*") if entry.is_file())
            yield from ((entry, str(entry.relative_to(path))) for entry in entries)
        else:
            raise UserError(f"{path}: no such file or folder")


def _tracked(folder: Path) -> list[Path]:
    """Files of a repository that git tracks or would track; none for any other folder, including one inside a
    repository. So `vita audit .` reads what would be pushed, and `vita audit results` reads everything.
    """
    if not (folder / ".git").exists():
        return []
    command = ["git", "-C", str(folder), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, check=False).stdout
    except OSError:
        return []
    paths = [folder / name.decode("utf-8", "surrogateescape") for name in listed.split(b"\0") if name]
    return [path for path in paths if path.is_file()]
