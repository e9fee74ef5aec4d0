"""Make results/release, which may leave the platform and describes no single participant.

    python -m vita.release.make --results results --output results/release \
        --settings '{"privacy": {"cell": 10, "membership_auc": 0.55}}'

It holds tables (rounded; cells of too few people are withheld, as are others from which they would follow), cards, the
configuration, versions, every figure drawn from numbers over at least `cell` people, and the weights of models that do
not reveal who was in their training (`membership_auc`), each with its passport. The folder is built under a temporary
name and checked as by `vita release --check`. A table, figure or card that the check refuses stays inside, which the
page states; the folder is moved into place only if nothing is found in the rest. outcomes.json and outcomes.md list the
content of the release.
"""

from pathlib import Path

from vita.config.blocks import needed
from vita.runtime import cli


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--results", type=Path, required=True, help="results folder of a finished run")
    parser.add_argument("--output", type=Path, required=True, help="folder to make")
    cli.add_settings(parser, "the block `privacy`")
    args = parser.parse_args(arguments)
    from vita.release.making import make  # start-up: pandas and matplotlib

    cell, gate = needed(args.settings, "privacy.cell"), needed(args.settings, "privacy.membership_auc")
    make(args.results, args.output, cell, gate)


if __name__ == "__main__":
    cli.run(main)
