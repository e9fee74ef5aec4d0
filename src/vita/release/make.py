"""Make results/release, which may leave the platform and describes no single participant.

    python -m vita.release.make --results results --output results/release --settings '{"privacy": {"cell": 10}}'

It holds tables (rounded; cells of too few people are withheld, as are others from which they would follow), cards, the
configuration, versions, every figure drawn from numbers over at least `cell` people, and the weights of models that do
not reveal who was in their training (`membership_auc`), each with its passport. The folder is built under a temporary
name and checked as by `vita release --check`. A table, figure or card that the check refuses stays inside, which the
page states; the folder is moved into place only if nothing is found in the rest. outcomes.json and outcomes.md list the
content of the release.
"""

from pathlib import Path

from vita.runtime import cli
from vita.runtime.privacy import SMALLEST_COUNT


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--results", type=Path, required=True, help="results folder of a finished run")
    parser.add_argument("--output", type=Path, required=True, help="folder to make")
    cli.add_settings(parser, "the block `privacy`")
    args = parser.parse_args(arguments)
    from vita.evaluation.membership import GATE  # start-up: pandas and matplotlib
    from vita.release.making import make

    privacy = args.settings.get("privacy", {})
    make(args.results, args.output, privacy.get("cell", SMALLEST_COUNT), privacy.get("membership_auc", GATE))


if __name__ == "__main__":
    cli.run(main)
