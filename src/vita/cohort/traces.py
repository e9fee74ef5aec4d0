"""Which files still hold the id of a withdrawn participant: to be run after a withdrawal.

The workflow makes again what a withdrawal touches. It does not know of files that an earlier configuration left and
that it no longer makes; these are found here and must be deleted by hand. Every file of a folder is searched, its name
too, as `vita audit` does. Prints the files, never an id. The exit code is 1 if there are any.

    python -m vita.cohort.traces --folder results --withdrawals withdrawals.csv
"""

import logging
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from vita.audit.finding import search_file
from vita.audit.looking import DAMAGED
from vita.runtime import cli
from vita.runtime.errors import UserError
from vita.withdrawals import load_withdrawals

LOG = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of `python -m vita.cohort.traces`."""
    parser = cli.parser(__doc__)
    parser.add_argument("--folder", required=True, type=Path, help="folder to search, with everything below it")
    parser.add_argument("--withdrawals", required=True, type=Path, help="ids of withdrawn participants, one a line")
    args = parser.parse_args(arguments)
    found = files_with(args.folder, load_withdrawals(args.withdrawals))
    for path in found:
        print(path)
    LOG.info("%d files hold the id of a withdrawn participant", len(found))
    if found:
        sys.exit(1)


def files_with(folder: Path, ids: Collection[int]) -> list[Path]:
    """Files at or below a folder that hold one of the ids, sorted.

    Raises:
        UserError: there is no such folder, or a file in it is damaged.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder")
    files, wanted = sorted(path for path in folder.rglob("*") if path.is_file()), frozenset(ids)
    return [path for path in files if _holds(path, str(path.relative_to(folder)), wanted)]


def _holds(path: Path, name: str, ids: frozenset[int]) -> bool:
    try:
        return any(True for _ in search_file(path, ids, alike=False, name=name, strict=True))
    except DAMAGED as error:
        raise UserError(f"{path}: cannot be searched: {error}") from error


if __name__ == "__main__":
    cli.run(main)
