"""Numbers and names that the report's captions include, as reStructuredText substitutions.

    python -m vita.report.captions --split results/cohort/split.parquet
        --systems table1_sa_phenotypes=mean_guess,vit,vita segmentation=vit,vita ...   (table=its systems)
        --output results/captions.rst

`|n_train|`, `|n_val|`, `|n_test|` and `|n_all|` are the participants of each split, small counts as `<10`;
`|systems of <table>|` are the systems that were run for a table, and `|systems|` those of any table; the file name of a
system, task or table is replaced by its title. Each caption includes the file.
"""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
from markupsafe import Markup

from vita import names
from vita.config.typed import Configuration
from vita.runtime import cli
from vita.runtime.atomic import write_text
from vita.runtime.errors import UserError
from vita.runtime.privacy import shown_count

INCLUDE = ".. include:: results/captions.rst"
DOCUTILS = {"halt_level": 2, "report_level": 2, "raw_enabled": False, "file_insertion_enabled": False}


def substitutions(split: pd.Series, run: dict[str, list[str]]) -> dict[str, str]:
    """The text of each substitution.

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
        name: "; ".join(names.title(system) for system in names.ordered(systems)) or "none"
        for name, systems in listed.items()
    }


def rendered(template: Path, values: str, config: Configuration, wildcards: Mapping[str, str]) -> Markup:
    """A caption as HTML, as Snakemake's report shows it.

    Args:
        template: reStructuredText, with jinja2 for the configuration.
        values: the substitutions, as `main` writes them.
        config: of the run.
        wildcards: of the job that made the product.

    Raises:
        UserError: there is no such template, or it uses an unknown value.
    """
    # imported late, so that --help does not wait for docutils
    from docutils.core import publish_parts
    from docutils.utils import SystemMessage
    from jinja2 import Environment, StrictUndefined, UndefinedError

    if not template.is_file():
        raise UserError(f"no caption {template}: each figure or table needs one with its name in workflow/report")
    job = SimpleNamespace(config=config, wildcards=SimpleNamespace(**wildcards))
    text = template.read_text(encoding="utf-8").replace(INCLUDE, "")
    try:
        text = Environment(undefined=StrictUndefined, autoescape=False).from_string(text).render(snakemake=job)
        html = publish_parts(f"{values}\n{text}", writer="html5", settings_overrides=DOCUTILS)["body"]
    except (UndefinedError, SystemMessage) as error:
        raise UserError(f"the caption {template} uses an unknown name: {error}") from error
    return Markup(html)  # docutils escapes the text, and raw HTML is switched off


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
