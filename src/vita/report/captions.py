"""Numbers and names that the report's captions take over, as substitutions of reStructuredText.

    python -m vita.report.captions --split results/cohort/split.parquet
        --systems table1_sa_phenotypes=mean_guess,vit,vita segmentation=vit,vita ...   (table=its systems)
        --output results/captions.rst

`|n_train|`, `|n_val|`, `|n_test|` and `|n_all|` are the participants of each split, small counts as `<10`;
`|systems of <table>|` are the systems that were run for a table, `|systems|` those of any; a system, a task, a table
by the name of its files is its title. Each caption includes the file.
"""

from pathlib import Path

import pandas as pd

from vita import names
from vita.runtime import cli
from vita.runtime.atomic import write_text
from vita.runtime.errors import UserError
from vita.runtime.privacy import shown_count


def substitutions(split: pd.Series, run: dict[str, list[str]]) -> dict[str, str]:
    """Each substitution's text.

    Args:
        split: (n,) the split of each participant.
        run: the systems of each table.
    """
    counts = {name: int((split == name).sum()) for name in ("train", "val", "test")} | {"all": len(split)}
    found = {f"n_{name}": shown_count(count) for name, count in counts.items()}
    everyone = {system for systems in run.values() for system in systems}
    found |= {system: names.title(system) for system in names.ordered({*names.SYSTEM_TITLES, *everyone})}
    found |= names.TASK_TITLES | names.TABLE_TITLES
    listed = {f"systems of {table}": systems for table, systems in run.items()} | {"systems": list(everyone)}
    return found | {
        name: ", ".join(names.title(system) for system in names.ordered(systems)) or "none"
        for name, systems in listed.items()
    }


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--split", required=True, type=Path, help="split.parquet")
    parser.add_argument("--systems", nargs="*", default=[], metavar="TABLE=SYSTEM,...", help="systems by table")
    parser.add_argument("--output", required=True, type=Path, help="reStructuredText to write")
    args = parser.parse_args(arguments)
    if not args.split.is_file():
        raise UserError(f"no split {args.split}: run the rule split_cohort")
    run = {table: names.split(",") for table, _, names in (text.partition("=") for text in args.systems)}
    found = substitutions(pd.read_parquet(args.split, columns=["split"])["split"], run)
    write_text(args.output, "".join(f".. |{name}| replace:: {text}\n" for name, text in found.items()))


if __name__ == "__main__":
    cli.run(main)
