"""The data card: the participants of the run, those who were excluded and why, and what is known about them (Markdown).

    python -m vita.report.data_card
        --split results/cohort/split.parquet --exclusions results/cohort/exclusions.parquet
        --fields results/cohort/fields.parquet --labels results/cohort/labels.parquet
        --fields_remarks results/cohort/fields_remarks.csv --diagnoses_remarks results/cohort/diagnoses_remarks.csv
        --phenotypes results/images/phenotypes.parquet --targets workflow/resources/targets.tsv
        --settings '{"input": {"source": "phantom"}}' --output results/data_card.md --html results/data_card.html

`--fields`, `--labels` and the remarks are left out for a run from scans alone. Small counts, and means over few
participants, are not printed. `--html` writes the same as a page.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from vita import names
from vita.cohort.features import COVERAGE
from vita.cohort.remarks import COLUMNS
from vita.config.blocks import needed
from vita.evaluation.predictions import read_targets
from vita.printing.cells import Cell, Printed, markdown
from vita.printing.numbers import DASH, with_spread
from vita.printing.web import write_card
from vita.runtime import cli
from vita.runtime.privacy import SMALLEST_COUNT, shown_count

SPLITS = ("train", "val", "test")
NUMBERS = {"age": "Age (years)", "bmi": "Body mass index (kg/m²)"}
SOURCES = {
    "phantom": "All participants are synthetic: analytic hearts and a table drawn from a small causal model. The "
    "numbers say nothing about patients.",
    "files": "UK Biobank participants, under the terms of the application that delivered the files. Nothing here names "
    "a participant.",
}


def _mean(values: pd.Series) -> str:
    """`mean ± SD` of the known values; a dash if there are few of them."""
    known = values.dropna().astype(float)
    return with_spread(known.mean(), known.std(), 1) if len(known) >= SMALLEST_COUNT else DASH


def _by_split(split: pd.DataFrame, table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Rows of `table` by split; `all` are those in any split."""
    joined = table.merge(split, on="eid")
    return {name: joined[joined["split"] == name] for name in SPLITS} | {"all": joined}


def participants(split: pd.DataFrame, fields: pd.DataFrame | None) -> Printed:
    """Numbers, sex, age and BMI by split."""
    out = Printed("Participants by split", ["", *SPLITS, "all"])
    groups = _by_split(split, split[["eid"]] if fields is None else fields)
    sizes = [(split["split"] == name).sum() for name in SPLITS] + [len(split)]
    out.rows.append([Cell("Participants"), *(Cell(shown_count(int(size))) for size in sizes)])
    if fields is None:
        return out
    if "sex" in fields:
        shares = [_share(group["sex"] == 0, group["sex"].notna()) for group in groups.values()]
        out.rows.append([Cell("Female"), *map(Cell, shares)])
    for name, title in NUMBERS.items():
        if name in fields:
            cells = [Cell(_mean(group[name])) for group in groups.values()]
            out.rows.append([Cell(f"{title}, mean ± SD"), *cells])
    return out


def _share(chosen: pd.Series, known: pd.Series) -> str:
    """`count (percent)` of the known values; small counts without the percentage, which would reveal them."""
    total, number = int(known.sum()), int((chosen.fillna(False) & known).sum())
    if total == 0:
        return DASH
    small = 0 < number < SMALLEST_COUNT or 0 < total - number < SMALLEST_COUNT
    return shown_count(number) + ("" if small else f" ({100 * number / total:.1f} %)")


def diseases(split: pd.DataFrame, labels: pd.DataFrame, targets: pd.DataFrame) -> Printed:
    """Positives of each disease by split, among those with a known label."""
    out = Printed("Positives of each disease among participants with a known label", ["", *SPLITS, "all"])
    groups = _by_split(split, labels)
    for _, target in targets[targets["task"].str.startswith("disease_")].iterrows():
        name = target["target"]
        if name in labels:
            shares = [_share(group[name], group[name].notna()) for group in groups.values()]
            out.rows.append([Cell(target["title"]), *map(Cell, shares)])
    return out


def rare_fields(split: pd.DataFrame, fields: pd.DataFrame) -> Printed:
    """Features that are missing for more than half of the participants, and the number of those who have them."""
    out = Printed("Features missing for more than half of the participants", ["Feature", "Participants who have it"])
    own = fields[fields["eid"].isin(split["eid"])]
    for name in own.columns.drop("eid"):
        known = own[name].notna()
        if len(own) and known.mean() < COVERAGE:
            out.rows.append([Cell(name), Cell(_share(known, pd.Series(data=True, index=known.index)))])
    return out


def remarks(paths: Sequence[Path]) -> Printed:
    """Unknown codes and impossible values of the delivered tables, by column."""
    out = Printed("Odd in the tables", ["Table", "Column", "What", "How many"], words=3)
    found = pd.concat([pd.read_csv(path, dtype={"column": str}) for path in paths])
    found = found.drop_duplicates(["table", "column", "remark"])  # a column that features and labels need
    for table, column, remark, count in found[list(COLUMNS)].itertuples(index=False):
        out.rows.append([Cell(Path(table).name), Cell(column), Cell(remark), Cell(shown_count(int(count)))])
    return out


def phenotypes(split: pd.DataFrame, measured: pd.DataFrame, targets: pd.DataFrame) -> Printed:
    """Mean and SD of each phenotype by split."""
    out = Printed("Cardiac phenotypes from reference masks, mean ± SD", ["", *SPLITS, "all", "known"])
    groups = _by_split(split, measured)
    for _, target in targets[targets["task"].isin(names.PHENOTYPE_TASKS)].iterrows():
        cells = [Cell(_mean(group[target["target"]])) for group in groups.values()]
        known = f"{100 * groups['all'][target['target']].notna().mean():.1f} %" if len(groups["all"]) else DASH
        out.rows.append([Cell(f"{target['title']} ({target['unit']})"), *cells, Cell(known)])
    return out


def exclusions(table: pd.DataFrame) -> Printed:
    """Number of participants excluded at each step, and the reasons in words."""
    out = Printed("Excluded", ["Step", "Reason", "Participants"], words=2)
    counts = table.groupby(["step", "reason"], sort=False).size()
    for (step, reason), number in counts.sort_values(ascending=False, kind="stable").items():
        out.rows.append([Cell(step), Cell(str(reason)), Cell(shown_count(int(number)))])
    return out


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    for name, required in {
        "split": 1,
        "exclusions": 1,
        "phenotypes": 1,
        "targets": 1,
        "fields": 0,
        "labels": 0,
        "fields_remarks": 0,
        "diagnoses_remarks": 0,
    }.items():
        parser.add_argument(f"--{name}", required=bool(required), type=Path, help=f"{name} table")
    parser.add_argument("--output", required=True, type=Path, help="Markdown to write")
    parser.add_argument("--html", required=True, type=Path, help="page to write")
    cli.add_settings(parser, "the block `input`")
    args = parser.parse_args(arguments)
    split, targets = pd.read_parquet(args.split), read_targets(args.targets)
    fields = pd.read_parquet(args.fields) if args.fields else None
    tables = [participants(split, fields)]
    if args.labels:
        tables.append(diseases(split, pd.read_parquet(args.labels), targets))
    if fields is not None:
        tables.append(rare_fields(split, fields))
    if odd := [path for path in (args.fields_remarks, args.diagnoses_remarks) if path]:
        tables.append(remarks(odd))
    tables.append(phenotypes(split, pd.read_parquet(args.phenotypes), targets))
    tables.append(exclusions(pd.read_parquet(args.exclusions)))
    source = SOURCES[needed(args.settings, "input.source")]
    sections = ["# Data card", source, *(markdown(table) for table in tables if table.rows)]
    write_card(sections, args.output, args.html)


if __name__ == "__main__":
    cli.run(main)
