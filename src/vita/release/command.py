"""Check a release: `vita release --check DIR` compares every number of a folder with the cohort's tables.

    vita release --check results/release                          against the results folder that it lies in
    vita release --check /somewhere/outputs --cohort results      any folder, against the cohort of a results folder
    vita release --check outputs --cohort cohort.csv --ids ids.csv

It reads CSV and other text (also UTF-16), Markdown, LaTeX, JSON, notebooks, HTML, SVG, PNG and other pictures with
their metadata, Parquet, Arrow, npz, safetensors, SQLite, zip and gzip. Any other format is refused, since it cannot be
checked. The check looks for ids, numbers of participants (exact or rounded, single or combined), rows and points of
single participants, cells of too few people, sums that one person dominates, groups that follow from a total, and
pixels of a scan. If it finds anything, the exit code is 1 and each finding is printed with its file, place and remedy.
"""

import json
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from vita.audit.command import read_ids
from vita.release.checking import REMEDIES, Output, check, people
from vita.release.cohort import Cohort, read_cohort
from vita.runtime import cli
from vita.runtime.errors import UserError
from vita.runtime.privacy import SMALLEST_COUNT

log = logging.getLogger(__name__)

_SHOWN = 5  # findings printed of each kind and file


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.prog = "vita release"
    parser.add_argument("folder", type=Path, nargs="?", help="the same as --check")
    parser.add_argument("--check", type=Path, metavar="DIR", help="folder or file to judge")
    parser.add_argument(
        "--cohort",
        type=Path,
        action="append",
        default=[],
        help="results folder, or table with a column eid; may be repeated. Default: the results folder around DIR",
    )
    parser.add_argument("--ids", type=Path, action="append", default=[], help="table of ids; may be repeated")
    parser.add_argument("--cell", type=int, default=SMALLEST_COUNT, help="smallest number of people behind any number")
    args = parser.parse_args(arguments)
    folder = args.check or args.folder
    if folder is None or (args.check and args.folder):
        raise UserError("vita release --check DIR checks one folder; name one")
    judge(folder, args.cohort, args.ids, args.cell)


def judge(folder: Path, cohort_paths: Sequence[Path], ids: Sequence[Path], cell: int) -> list[Output]:
    """Check a folder and print what was found.

    Raises:
        UserError: something was found, the folder is missing, or there is no cohort to compare with.
    """
    if not folder.exists():
        raise UserError(f"{folder}: no such file or folder")
    if cell < SMALLEST_COUNT:
        raise UserError(f"--cell {cell}: the smallest allowed is {SMALLEST_COUNT}")
    cohort = read_cohort(cohort_paths or [_around(folder)], cell)
    outputs = check(folder, cohort, cell, cohort.ids | read_ids(ids))
    report(outputs, folder, cohort, cell)
    return outputs


def report(outputs: Sequence[Output], folder: Path, cohort: Cohort, cell: int) -> None:
    """Print findings, each with its file, place and remedy.

    Raises:
        UserError: there is one.
    """
    if not outputs:
        raise UserError(f"{folder} holds no file")
    shown: Counter[tuple[Path, str]] = Counter()
    for finding in (finding for output in outputs for finding in output.findings):
        shown[finding.path, finding.kind] += 1
        if shown[finding.path, finding.kind] <= _SHOWN:
            remedy = REMEDIES[finding.kind].format(cell=cell)
            print(f"{finding.path}: {finding.place}: {finding.kind}: {finding.words}; {remedy}")
    for (path, kind), count in shown.items():
        if count > _SHOWN:
            print(f"{path}: {count - _SHOWN} more findings: {kind}")
    singled = len(people(outputs))
    refused = sum(bool(output.findings) for output in outputs)
    if refused:
        raise UserError(
            f"{refused} of {len(outputs)} files may not leave {folder}; {singled} of {len(cohort.eid)} "
            "participants are singled out; fix the findings listed above"
        )
    log.info("%d files may leave %s: 0 of %d participants are singled out", len(outputs), folder, len(cohort.eid))


def _around(folder: Path) -> Path:
    """The results folder that a folder lies in.

    Raises:
        UserError: there is none.
    """
    for parent in folder.resolve().parents:
        if (parent / "config.json").is_file() and isinstance(_config(parent).get("input"), dict):
            return parent
    raise UserError(
        f"{folder} is not in a results folder; use --cohort to name the cohort with which its numbers are compared"
    )


def _config(folder: Path) -> dict[str, object]:
    found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return found if isinstance(found, dict) else {}


if __name__ == "__main__":
    cli.run(main)
