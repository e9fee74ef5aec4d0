"""Run the mutants: which semantic mistakes do the tests not notice?

    cd tests && python -m mutations [--only TEXT] [--report FILE]

Each mistake is made in a copy of the package, and the tests that it names run against that copy, until the first of
them fails. The same tests must first pass on the copy as it is. Prints a line for each mutant with the test that
noticed it and, at the end, how many survived; exit code 1 if more than --allowed did, or one of which the list does not
say why.
"""

import argparse
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from mutations.mutant import Mutant
from mutations.mutants import MUTANTS
from mutations.running import TESTS, first_failure

SOURCE = TESTS.parent / "src"


def place_of(mutant: Mutant, source: Path) -> Path:
    """The one module that holds the mutant's text.

    Raises:
        ValueError: no module holds it, or it stands more than once.
    """
    found = [
        (path, path.read_text(encoding="utf-8").count(mutant.old))
        for path in sorted((source / "vita" / mutant.package).rglob("*.py"))
    ]
    places = [path for path, count in found for _ in range(count)]
    if len(places) != 1:
        raise ValueError(f"{mutant.means}: {mutant.old!r} stands {len(places)} times in vita.{mutant.package}")
    return places[0]


def noticed_by(mutant: Mutant, source: Path) -> str:
    """The test that fails when the mistake is made in `source`, a copy of the package; empty if none does."""
    path = place_of(mutant, source)
    right = path.read_text(encoding="utf-8")
    path.write_text(right.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        return first_failure(mutant.tests, source)
    finally:
        path.write_text(right, encoding="utf-8")


def report(found: list[tuple[Mutant, str]]) -> str:
    """Markdown: how many were noticed, which survived and why, and a row for each."""
    left = [mutant for mutant, test in found if not test]
    lines = [f"{datetime.now(UTC):%Y-%m-%d}: {len(found) - len(left)} of {len(found)} mistakes noticed.", ""]
    lines += [f"* survived: {each.means}: {each.survives or 'nobody knows why'}" for each in left]
    lines += ["", "| package | mistake | noticed by |", "| --- | --- | --- |"]
    lines += [f"| {mutant.package} | {mutant.means} | {test or 'NO TEST'} |" for mutant, test in found]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Command line, see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="mutants whose package or words hold this text")
    parser.add_argument("--allowed", type=int, default=3, help="how many may survive")
    parser.add_argument("--report", type=Path, help="Markdown to write: numbers, survivors and a table")
    args = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if args.only in f"{mutant.package} {mutant.means}"]
    found: list[tuple[Mutant, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "src"
        shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        for name in ("config.yaml", "workflow"):  # defaults are in the schema beside the package
            (Path(folder) / name).symlink_to(SOURCE.parent / name)
        named = tuple(sorted({test for mutant in chosen for test in mutant.tests}))
        if wrong := first_failure(named, source, None):
            sys.exit(f"error: {wrong} fails without any mistake; mend it first")
        for mutant in chosen:
            started = time.perf_counter()
            test = noticed_by(mutant, source)
            found.append((mutant, test))
            seconds = time.perf_counter() - started
            print(f"{seconds:5.0f} s  {mutant.package}: {mutant.means}: {test or 'NO TEST'}", flush=True)
    left = [mutant for mutant, test in found if not test]
    print(f"{len(found) - len(left)} of {len(found)} mistakes noticed, {len(left)} survived")
    if args.report:
        args.report.write_text(report(found), encoding="utf-8")
    sys.exit(len(left) > args.allowed or not all(mutant.survives for mutant in left))


if __name__ == "__main__":
    main()
