"""Run time and memory of each rule, from Snakemake's benchmark files.

    python -m vita.report.run_times --folder results/benchmarks
        --csv results/run_times.csv --md results/run_times.md --html results/run_times.html

A rule's files are <folder>/<rule>.tsv or are in <folder>/<rule>/. Times are wall-clock times; memory is the largest
resident set that Snakemake measured. It is missing for jobs that ended before the first measurement, or of which only
the shell was measured.
"""

from pathlib import Path

import pandas as pd

from vita.printing.cells import Cell, Printed, markdown
from vita.printing.numbers import number
from vita.printing.web import page
from vita.runtime import cli
from vita.runtime.atomic import replacing, write_text
from vita.runtime.errors import UserError

CAPTION = "Run time and memory by rule"
_LEAST_MB = 10  # no job's Python is smaller than this: a smaller value is that of the shell that starts it
_LEAST_S = 0.1
COLUMNS = ["rule", "jobs", "total_s", "mean_s", "longest_s", "cpu_s", "peak_memory_mb"]


def read(folder: Path) -> pd.DataFrame:
    """A row per benchmark file: `rule`, `s`, `cpu_time`, `max_rss`, and `again`, whether it is of a further seed.

    Raises:
        UserError: there is no benchmark file.
    """
    parts = []
    for path in sorted(folder.rglob("*.tsv")):
        places = path.relative_to(folder).parts
        rule, again = places[0].removesuffix(".tsv"), "seeds" in places
        table = pd.read_csv(path, sep="\t", na_values=["-", "NA"])
        table = table.reindex(columns=["s", "cpu_time", "max_rss"]).astype(float).assign(rule=rule, again=again)
        table["max_rss"] = table["max_rss"].where(table["max_rss"] >= _LEAST_MB)
        parts.append(table)
    if not parts:
        raise UserError(f"{folder} holds no benchmark file (.tsv): run the workflow first")
    return pd.concat(parts, ignore_index=True)


def summarise(jobs: pd.DataFrame) -> pd.DataFrame:
    """One row per rule, with the longest total first."""
    rules = jobs.groupby("rule")
    table = pd.DataFrame(
        {
            "jobs": rules.size(),
            "total_s": rules["s"].sum(),
            "mean_s": rules["s"].mean(),
            "longest_s": rules["s"].max(),
            "cpu_s": rules["cpu_time"].sum(min_count=1),
            "peak_memory_mb": rules["max_rss"].max(),
        }
    )
    return table.sort_values(["total_s"], ascending=False).reset_index()[COLUMNS]


def _seconds(value: float) -> str:
    """Seconds with one decimal; for shorter times the lower bound, such as <0.1."""
    return f"<{_LEAST_S}" if value < _LEAST_S else number(value, 1)


def printed(table: pd.DataFrame) -> Printed:
    """The table for readers."""
    out = Printed(CAPTION, ["Rule", "Jobs", "Total, s", "Mean, s", "Longest, s", "CPU, s", "Peak memory, MB"])
    for _, row in table.iterrows():
        cells = [Cell(row["rule"]), Cell(str(row["jobs"]))]
        cells += [Cell(_seconds(row[name])) for name in COLUMNS[2:6]]
        out.rows.append([*cells, Cell(number(row["peak_memory_mb"], 0))])
    total = Cell(number(table["total_s"].sum(), 1), bold=True)
    out.rows.append([Cell("All", bold=True), Cell(str(table["jobs"].sum()), bold=True), total, *[Cell("")] * 4])
    return out


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--folder", required=True, type=Path, help="folder of the benchmark files")
    parser.add_argument("--csv", required=True, type=Path, help="table to write, plain numbers")
    parser.add_argument("--md", required=True, type=Path, help="table to write, Markdown")
    parser.add_argument("--html", required=True, type=Path, help="table to write, a web page")
    args = parser.parse_args(arguments)
    table = summarise(read(args.folder))
    with replacing(args.csv) as path:
        table.to_csv(path, index=False)
    shown = printed(table)
    for path, text in {args.md: markdown(shown), args.html: page(shown)}.items():
        write_text(path, text)


if __name__ == "__main__":
    cli.run(main)
