"""A table of the paper, or one like it: CSV with plain numbers, Markdown, LaTeX, and the comparison with the paper.

    python -m vita.report.tables --name table1_sa_phenotypes
        --metrics results/metrics/sa_phenotypes/mean_guess.csv results/metrics/sa_phenotypes/vita.csv ...
        --targets workflow/resources/targets.tsv --paper workflow/resources/paper
        --settings '{"evaluation": {"significance": 0.01}}'
        --csv results/tables/table1_sa_phenotypes.csv --md results/tables/table1_sa_phenotypes.md
        --tex results/tables/table1_sa_phenotypes.tex --html results/tables/table1_sa_phenotypes.html
        --vs-paper results/tables/table1_sa_phenotypes_vs_paper.csv
        --vs-paper-html results/tables/table1_sa_phenotypes_vs_paper.html   (optional)
        --seeds results/seeds/metrics/sa_phenotypes/vita.csv ...   (optional)

Names and the metrics they take: table1_sa_phenotypes (sa_phenotypes/*.csv), table2_la_phenotypes
(la_phenotypes/*.csv), table3_physiological (physiological/*.csv), table4_diseases (disease_*/*.csv), segmentation
(segmentation/*.csv), binary_features, categorical_features, tableC8_cohort (mean_guess.csv of sa_phenotypes,
la_phenotypes and physiological). Each file names its system. A system of the paper without a file
becomes a column, or rows, of dashes with the footnote that it was not run.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from vita import names
from vita.config.blocks import needed
from vita.evaluation.over_seeds import AVERAGE, KEYS
from vita.evaluation.small_counts import is_small, metrics_withheld
from vita.printing.cells import latex, markdown
from vita.printing.numbers import sizes
from vita.printing.web import page
from vita.report.paper import versus_page
from vita.report.reading import read_numbers
from vita.report.table_makers import MAKERS, REGRESSION
from vita.runtime import cli
from vita.runtime.atomic import replacing, write_text
from vita.runtime.errors import UserError

COUNTS = ("n", "positives", "classes", "compared", "missed", "spurious", "absent", "seeds")


def read_metrics(paths: list[Path], name: str) -> pd.DataFrame:
    """All metrics files concatenated; without any file, the empty columns that the table needs.

    Raises:
        UserError: a file is missing or holds no metrics.
    """
    tables = []
    for path in paths:
        if not path.is_file():
            raise UserError(f"no metrics file {path}: run the rule that measures this system")
        table = pd.read_csv(path, keep_default_na=True)
        if not {"model", "target", "n"} <= set(table.columns):
            raise UserError(f"{path} is not a metrics file: it needs the columns model, target and n")
        tables.append(table)
    if tables:
        return pd.concat(tables, ignore_index=True)
    return pd.DataFrame(columns=_expected_columns(name))


def _expected_columns(name: str) -> list[str]:
    from vita.evaluation import classification, regression, segmentation

    if name == "segmentation":
        return segmentation.COLUMNS
    return regression.COLUMNS if name in (*REGRESSION, "tableC8_cohort") else classification.COLUMNS


def _learnt_alone(name: str, individual: list[str], run: set[str]) -> list[str]:
    """A remark below the table that says which systems train a separate model for each target."""
    tasks = names.table(name).tasks
    if not run or name == "tableC8_cohort" or tasks == ("segmentation",):
        return []
    if tasks == names.DISEASE_TASKS:
        return ["Every trained system learns one model for each disease."]
    alone = [names.title(system) for system in names.ordered(run & set(individual))]
    if not alone:
        return ["Every trained system learns one model for all targets of the task."]
    return [f"One model for each target: {', '.join(alone)}. Other trained systems: one model for all targets."]


def _ways(starts: dict[str, str], through: list[str], run: set[str]) -> list[str]:
    """Remarks below the table of diseases: whose encoder comes from another task, and how linear heads were fitted."""
    remarks = [
        f"{names.title(system)} starts from its model of {names.task_title(starts[system]).lower()}."
        for system in names.ordered(run & set(starts))
    ]
    if through:
        tasks = " and ".join(names.task_title(task).lower() for task in through)
        remarks.append(
            f"Linear heads, those of controls too, were fitted to the disease directly, or through {tasks} (features "
            "to phenotypes, phenotypes to disease), whichever had the lower log loss on validation."
        )
    return remarks


def _whole_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Counts without a decimal point although a system that was not run leaves them empty, as do small counts."""
    counts = [name for name in COUNTS if name in frame.columns]
    frame = frame.astype(dict.fromkeys(counts, "Int64"))
    return frame.assign(n=frame["n"].mask(is_small(frame["n"]))) if "n" in frame else frame


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--name", required=True, choices=list(MAKERS), help="which table")
    parser.add_argument("--metrics", nargs="*", default=[], type=Path, help="metrics CSVs, any number of systems")
    parser.add_argument("--targets", required=True, type=Path, help="targets.tsv")
    parser.add_argument("--paper", required=True, type=Path, help="folder of the paper's numbers")
    for name, what in {"csv": "plain numbers", "md": "Markdown", "tex": "LaTeX", "html": "a web page"}.items():
        parser.add_argument(f"--{name}", required=True, type=Path, help=f"table to write, {what}")
    parser.add_argument("--seeds", nargs="*", default=[], type=Path, help="CSVs of means and SDs over seeds")
    parser.add_argument("--individual", nargs="*", default=[], help="systems that learn a model for each target")
    parser.add_argument("--starts", nargs="*", default=[], metavar="SYSTEM=TASK", help="whose model each starts from")
    parser.add_argument("--through", nargs="*", default=[], help="tasks through which linear heads were fitted")
    parser.add_argument("--vs-paper", required=True, type=Path, help="CSV of the paper's values, ours, differences")
    parser.add_argument("--vs-paper-html", type=Path, help="the same as a web page")
    cli.add_settings(parser, "the block `evaluation`")
    args = parser.parse_args(arguments)
    significance = needed(args.settings, "evaluation.significance")
    metrics = metrics_withheld(join_seeds(read_metrics(args.metrics, args.name), args.seeds))
    table, out, versus = MAKERS[args.name](args.name, metrics, args.targets, args.paper, significance)
    run = set(metrics["model"])
    out.remarks += _learnt_alone(args.name, args.individual, run)
    out.remarks += _ways(cli.named(args.starts, "--starts", "task"), args.through, run) + seeds_remark(metrics)
    whole = table.query("view == 'all' and phase == 'all'") if "view" in table else table
    number = sizes(whole["n"])
    out.caption += f" ({number})" if number else ""
    texts = {args.md: markdown(out), args.tex: latex(out, args.name), args.html: page(out)}
    if args.vs_paper_html:
        texts[args.vs_paper_html] = versus_page(versus, args.name, number)
    for path, text in texts.items():
        write_text(path, text)
    for path, frame in {args.csv: table, args.vs_paper: versus}.items():
        with replacing(path) as temporary:
            _whole_numbers(frame).to_csv(temporary, index=False)


def join_seeds(metrics: pd.DataFrame, paths: Sequence[Path]) -> pd.DataFrame:
    """Metrics with the columns `<metric>_seeds_mean`, `<metric>_seeds_sd` and `seeds`; unchanged without files.

    Args:
        metrics: rows of metrics files, any number of systems.
        paths: what `vita.evaluation.over_seeds` wrote for some of them. Its row `Average` is added to the metrics.

    Raises:
        UserError: a file is missing, or holds no means over seeds.
    """
    if not paths:
        return metrics
    tables = [read_numbers(path, ("model", "target", "seeds"), "means over seeds", "average_seeds") for path in paths]
    found = pd.concat(tables, ignore_index=True)
    keys = [name for name in KEYS if name in metrics and name in found]
    average = found[found["target"] == AVERAGE]
    joined = metrics.merge(found, on=keys, how="left", validate="one_to_one")
    return pd.concat([joined, average], ignore_index=True) if len(average) else joined


def seeds_remark(metrics: pd.DataFrame) -> list[str]:
    """The explanation of "over seeds" below a table that has it."""
    if "seeds" not in metrics or metrics["seeds"].isna().all():
        return []
    return [
        f"Over seeds: mean ± SD of {int(metrics['seeds'].max())} trainings of Stages I to III that differ only in "
        "their seed, evaluated on the same test split; other intervals and SDs are over participants."
    ]


if __name__ == "__main__":
    cli.run(main)
