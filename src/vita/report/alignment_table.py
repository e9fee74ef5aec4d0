"""Stage II by tau and lambda: retrieval on the validation split.

    python -m vita.report.alignment_table
        --histories results/models/stage2/vita/history.csv results/models/stage2/tau_0_2/history.csv ...
        --variants vita='tau 0.1, lambda 0.5' tau_0_2='tau 0.2, lambda 0.5'   (each folder's name and its row)
        --csv results/tables/ablation_alignment.csv --md ... --tex ... --html ...

Top-1 and top-5 retrieval: the share of participants whose own table row is the nearest to their image, or among the
five nearest, of all rows of the validation split, at the epoch with the lowest validation loss; Wilson's 95 %
intervals. The number of participants is taken from the config.json beside each history.
"""

from pathlib import Path

import pandas as pd
import scipy  # its parts are imported where they are first used

from vita import names
from vita.evaluation.small_counts import FEW, withheld
from vita.models.config_file import read_config
from vita.printing.cells import Cell, Printed, latex, markdown
from vita.printing.numbers import count, known, number, sizes, with_interval
from vita.printing.web import page
from vita.runtime import cli
from vita.runtime.atomic import replacing, write_text
from vita.runtime.errors import UserError

QUANTITIES = {"top1": "Top-1 retrieval (95 % CI)", "top5": "Top-5 retrieval (95 % CI)"}


def measure(history: Path, title: str) -> dict[str, str | float]:
    """Retrieval of a Stage II, in percent of the validation split, at its best epoch.

    Raises:
        UserError: the history or the config beside it is missing or incomplete.
    """
    if not history.is_file():
        raise UserError(f"no {history}: run the rule that trains this Stage II")
    table, n = pd.read_csv(history), read_config(history.parent).get("participants", {}).get("val")
    missing = [name for name in ("val_loss", *QUANTITIES) if name not in table.columns or table[name].isna().all()]
    if missing or not n:
        unknown = ", ".join(missing) or "number of validation participants in its config.json"
        raise UserError(f"{history} has no {unknown}: train this Stage II again")
    best = table.loc[table["val_loss"].idxmin()]
    row: dict[str, str | float] = {"variant": title, "n": int(n), "epoch": int(best["epoch"])}
    for name in QUANTITIES:
        ends = scipy.stats.binomtest(round(best[name] * n), int(n)).proportion_ci(method="wilson")
        row |= {name: 100 * best[name], f"{name}_low": 100 * ends.low, f"{name}_high": 100 * ends.high}
    return row


def printed(table: pd.DataFrame, counted: str) -> Printed:
    """The table for readers, the best in bold; `counted` is the number of participants in words."""
    out = Printed(f"{names.table(names.ALIGNMENT_TABLE).caption} ({counted})", ["", "n", "Epoch", *QUANTITIES.values()])
    for _, row in table.iterrows():
        few = not known(row["top1"])
        cells = [Cell(row["variant"]), Cell(row["n"] if few else count(row["n"])), Cell(number(row["epoch"], 0))]
        for name in QUANTITIES:
            ends = (row[name], row[f"{name}_low"], row[f"{name}_high"])
            cell = Cell(with_interval(*ends, 1), len(table) > 1 and row[name] == table[name].max())
            cells.append(out.note(cell, FEW) if few else cell)
        out.rows.append(cells)
    return out


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--histories", nargs="+", required=True, type=Path, help="history.csv of each Stage II")
    parser.add_argument("--variants", nargs="+", required=True, metavar="FOLDER=ROW", help="row of each folder")
    for name in ("csv", "md", "tex", "html"):
        parser.add_argument(f"--{name}", required=True, type=Path, help="file to write")
    args = parser.parse_args(arguments)
    titles = dict(text.partition("=")[::2] for text in args.variants)
    unnamed = [path.parent.name for path in args.histories if not titles.get(path.parent.name)]
    if unnamed:
        raise UserError(f"--variants must name the row of {', '.join(unnamed)}, such as vita='tau 0.1, lambda 0.5'")
    rows = [measure(path, titles[path.parent.name]) for path in args.histories]
    numbers = [f"{name}{end}" for name in QUANTITIES for end in ("", "_low", "_high")]
    table = withheld(pd.DataFrame(rows), ["epoch", *numbers]) if rows else pd.DataFrame()
    out = printed(table, sizes(float(row["n"]) for row in rows))
    for path, text in {
        args.md: markdown(out),
        args.tex: latex(out, names.ALIGNMENT_TABLE),
        args.html: page(out),
    }.items():
        write_text(path, text)
    with replacing(args.csv) as temporary:
        table.to_csv(temporary, index=False)


if __name__ == "__main__":
    cli.run(main)
