"""Whether a run can start, and what it will do: `vita check`, in seconds, without starting it.

    vita check --configfile workflow/presets/paper.yaml my.yaml
    vita check --config 'input={source: files, scans: /data/scans, tables: [/data/ukb.csv]}'

Both options are Snakemake's. The configuration is checked against its schema, then against the data: tables and their
columns, scans with their views, frames and masks, the list of withdrawals, weights to start from, disk, memory and
GPUs. Each line is an error, which stops a run, a warning, or a note of what will be done or left out. The last line
estimates how long the trainings take on this machine. The exit code is 1 if there is an error, and 0 otherwise. Nothing
is written.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from vita.check.findings import LEVELS, Finding, note
from vita.check.machine import limit_findings
from vita.config.typed import Configuration
from vita.runtime import cli
from vita.runtime.clone import clone
from vita.runtime.errors import UserError


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.prog = "vita check"
    parser.add_argument(
        "--configfile",
        type=Path,
        nargs="+",
        action="append",
        default=[],
        help="configuration files that override config.yaml, in this order",
    )
    parser.add_argument(
        "--config", nargs="+", action="append", default=[], metavar="KEY=VALUE", help="keys of the configuration"
    )
    parser.add_argument("--directory", type=Path, default=Path(), help="where the run will be started")
    parser.add_argument("--cluster", action="store_true", help="jobs go to other machines: do not check this one")
    parser.add_argument("--quick", action="store_true", help="do not estimate the time that trainings take")
    parser.add_argument("unexpected", nargs="*", help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.unexpected:
        raise UserError(f"vita check {args.unexpected[0]}: write --configfile before the names of files")
    from vita.check.before import findings
    from vita.plan.checking import merged
    from vita.plan.given import once

    home = clone()
    config = merged(home, once("--configfile", args.configfile), once("--config", args.config))
    found, people = findings(config, home, args.directory, args.cluster)
    show(found)
    errors = Counter(finding.level for finding in found)["error"]
    if errors:
        raise UserError(f"{errors} of the lines above would stop the run; fix them, and run `vita check` again")
    if not args.quick:
        show(list(_times(config, people, home, args.cluster)))
    print("vita check: the run can start")


def show(found: list[Finding]) -> None:
    """Errors first, each a line: errors and warnings on stderr, notes on stdout."""
    for finding in sorted(found, key=lambda each: LEVELS.index(each.level)):
        print(finding, file=sys.stdout if finding.level == "note" else sys.stderr, flush=True)


def _times(config: Configuration, people: int, home: Path, cluster: bool) -> Iterator[Finding]:
    """How long trainings take, and whether the time limits allow it."""
    from vita.check.duration import estimate

    guess = estimate(config, people, home / "workflow" / "resources")
    device = "this machine's GPU" if guess.device == "cuda" else "this machine's CPUs, one training at a time"
    yield note(f"trainings take about {_hours(guess.hours)} on {device}; the longest {_hours(guess.longest_h)}")
    if cluster:
        yield from limit_findings(config, guess.longest_h)


def _hours(hours: float) -> str:
    return f"{max(1, round(60 * hours))} min" if hours < 2 else f"{hours:,.0f} h"


if __name__ == "__main__":
    cli.run(main)
