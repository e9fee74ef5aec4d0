"""Run the mutants: which semantic mistakes do the tests not notice?

    cd tests && python -m mutations [--only TEXT] [--report FILE]

Each mistake is made in a copy of the package, and the tests that it names run against that copy, until the first of
them fails. The same tests must first pass on the copy as it is. Prints a line for each mutant and, at the end, how many
survived; exit code 1 if more than --allowed did.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mutations.mutants import MUTANTS, Mutant

TESTS = Path(__file__).resolve().parents[1]
SOURCE = TESTS.parent / "src"
LONGEST_S = 900


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


def passes(tests: tuple[str, ...], source: Path, longest_s: float | None = LONGEST_S) -> bool:
    """Whether these tests pass with the package in `source`; None waits as long as they take."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    command += [str(TESTS / name) for name in tests]
    surroundings = os.environ | {"PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        run = subprocess.run(
            command, cwd=TESTS.parent, env=surroundings, capture_output=True, timeout=longest_s, check=False
        )
    except subprocess.TimeoutExpired:
        return False  # a mistake that never ends is noticed
    return run.returncode == 0


def survives(mutant: Mutant, source: Path) -> bool:
    """Whether the tests pass although the mistake is made in `source`, a copy of the package."""
    path = place_of(mutant, source)
    right = path.read_text(encoding="utf-8")
    path.write_text(right.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        return passes(mutant.tests, source)
    finally:
        path.write_text(right, encoding="utf-8")


def main() -> None:
    """Command line, see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="mutants whose package or words hold this text")
    parser.add_argument("--allowed", type=int, default=3, help="how many may survive")
    parser.add_argument("--report", type=Path, help="Markdown table to write")
    args = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if args.only in f"{mutant.package} {mutant.means}"]
    lines, left = ["| package | mistake | noticed |", "| --- | --- | --- |"], 0
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "src"
        shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        for tests in sorted({mutant.tests for mutant in chosen}):
            if not passes(tests, source, None):
                sys.exit(f"error: {', '.join(tests)} fail without any mistake; mend them first")
        for mutant in chosen:
            started = time.perf_counter()
            alive = survives(mutant, source)
            left += alive
            word = "NO" if alive else "yes"
            lines.append(f"| {mutant.package} | {mutant.means} | {word} |")
            print(f"{word:3} {time.perf_counter() - started:5.0f} s  {mutant.package}: {mutant.means}", flush=True)
    print(f"{len(chosen) - left} of {len(chosen)} mistakes noticed, {left} survived")
    if args.report:
        args.report.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.exit(left > args.allowed)


if __name__ == "__main__":
    main()
