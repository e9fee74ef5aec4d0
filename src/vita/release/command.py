"""Check a release: `vita release --check DIR` compares every number of a folder with the cohort's tables.

    vita release --check results/release                          against the results folder that it lies in
    vita release --check /somewhere/outputs --cohort results      any folder, against the cohort of a results folder
    vita release --check outputs --cohort cohort.csv --ids ids.csv

It reads CSV and other text (also UTF-16 and UTF-32), Markdown, LaTeX, JSON, notebooks, HTML, SVG, PNG and other
pictures with their metadata, Parquet, Arrow, npz, safetensors, SQLite, zip and gzip. Any other format is refused,
since it cannot be checked. The check looks for ids, numbers of participants (exact or rounded, single or combined),
rows and points of single participants, cells of too few people, sums that one person dominates, groups that follow
from a total, and pixels of a scan. If it finds anything, the exit code is 1 and each finding is printed with its
file, place and remedy; where many files are refused, as in a whole results folder, there is a line per file or
folder.
"""

import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from vita.audit.command import read_ids
from vita.release.checking import check
from vita.release.cohort import Cohort, read_cohort
from vita.release.findings import REMEDIES, Finding, Output, people
from vita.runtime import cli
from vita.runtime.errors import UserError
from vita.runtime.privacy import SMALLEST_COUNT

log = logging.getLogger(__name__)

_SHOWN = 5  # findings printed of each kind and file
_FEW_FILES = 20  # refused files up to which each finding is a line, and each file of a folder


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
    refused = [output for output in outputs if output.findings]
    for line in _each(refused, cell) if len(refused) <= _FEW_FILES else _summary(refused, cell):
        print(line)
    singled = len(people(outputs))
    if refused:
        raise UserError(
            f"{len(refused)} of {len(outputs)} files may not leave {folder}; {singled} of {len(cohort.eid)} "
            "participants are singled out; fix the findings listed above"
        )
    log.info("%d files may leave %s: 0 of %d participants are singled out", len(outputs), folder, len(cohort.eid))


def _each(refused: Sequence[Output], cell: int) -> Iterator[str]:
    """A line per finding, up to a number of each kind and file."""
    for output in refused:
        found: dict[str, list[Finding]] = {}
        for finding in output.findings:
            found.setdefault(finding.kind, []).append(finding)
        for kind, those in found.items():
            for finding in those[:_SHOWN]:
                remedy = REMEDIES[kind].format(cell=cell)
                yield f"{finding.path}: {finding.place}: {kind}: {finding.words}; {remedy}"
            if more := sum(finding.count for finding in those[_SHOWN:]):
                yield f"{output.path}: {more} more findings: {kind}"


def _summary(refused: Sequence[Output], cell: int) -> Iterator[str]:
    """A line per file, or per folder where many files have the same kinds of findings, and then the remedies."""
    kinds = [tuple(sorted({finding.kind for finding in output.findings})) for output in refused]
    forms = ["".join(output.path.suffixes[-2:]) for output in refused]
    alike = list(zip(forms, kinds, strict=True))
    sizes = Counter((folder, each) for output, each in zip(refused, alike, strict=True) for folder in _folders(output))
    groups: dict[tuple[Path | None, tuple[str, tuple[str, ...]]], list[Output]] = {}
    for output, each in zip(refused, alike, strict=True):
        folder = next((folder for folder in _folders(output) if sizes[folder, each] > _FEW_FILES), None)
        groups.setdefault((folder, each), []).append(output)
    for (folder, (form, kind)), those in groups.items():
        if folder is not None:
            yield f"{folder}/**/*{form}: {len(those)} files: {', '.join(kind)}"
        else:
            yield from map(_told, those)
    for name in sorted({name for kind in kinds for name in kind}):
        yield f"{name}: {REMEDIES[name].format(cell=cell)}"


def _folders(output: Output) -> Sequence[Path]:
    """The folders that a file is in, the innermost first, without the one that is checked."""
    return list(output.path.parents)[:-1]


def _told(output: Output) -> str:
    """The kinds of findings in a file, each with its first place and the number of others."""
    places: dict[str, list[Finding]] = {}
    for finding in output.findings:
        places.setdefault(finding.kind, []).append(finding)
    told = []
    for kind, those in sorted(places.items()):
        more = sum(finding.count for finding in those) - 1
        told.append(f"{kind} ({those[0].place}{f' and {more} more' if more else ''})")
    return f"{output.path}: {', '.join(told)}"


def _around(folder: Path) -> Path:
    """The results folder that a folder is, or lies in; a release has its configuration too, but no cohort.

    Raises:
        UserError: there is none.
    """
    for parent in (folder.resolve(), *folder.resolve().parents):
        own = (parent / "config.json").is_file() and isinstance(_config(parent).get("input"), dict)
        if own and any((parent / part).is_dir() for part in ("cohort", "images")):
            return parent
    raise UserError(
        f"{folder} is not in a results folder; use --cohort to name the cohort with which its numbers are compared"
    )


def _config(folder: Path) -> dict[str, object]:
    found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return found if isinstance(found, dict) else {}


if __name__ == "__main__":
    cli.run(main)
