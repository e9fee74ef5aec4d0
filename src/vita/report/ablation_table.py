"""Tables A.5 and A.6: PSNR of Stage I's reconstruction on the test split by variant, compared with the paper.

    python -m vita.report.ablation_table --name tableA6_masking_ratio
        --predictions results/predictions/reconstruction/mask50.parquet ...   (one per variant that was run)
        --variants mask50=0.5 vita=0.7 mask90=0.9   (each file's name and its row of the table)
        --paper workflow/resources/paper --settings '{"seed": 2025, "evaluation": {"bootstrap": 1000}}'
        --csv results/tables/tableA6_masking_ratio.csv --md ... --tex ... --html ... --vs-paper ..._vs_paper.csv
        --vs-paper-html ..._vs_paper.html   (optional)

Names: tableA5_positional_encoding (rows 4D and 5D), tableA6_masking_ratio (rows 0.5, 0.7 and 0.9), ablation_frames
(not in the paper); further rows may be given. PSNR in dB, peak 1.0: over the masked patches, over the image with
visible patches kept, over the image with every patch reconstructed, and over that image for each frame, averaged over
planes and frames. The published code's test step measures the last one, so it is compared with the paper. A row of the
paper without a file has dashes.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from vita import names
from vita.config.blocks import needed
from vita.evaluation.predictions import read_predictions
from vita.evaluation.small_counts import FEW, is_small
from vita.evaluation.statistics import mean_interval
from vita.printing.cells import Cell, Printed, latex, markdown
from vita.printing.numbers import count, known, sizes, with_interval, with_spread
from vita.printing.web import page
from vita.report import paper
from vita.report.regression_table import NOT_RUN
from vita.runtime import cli
from vita.runtime.atomic import replacing, write_text
from vita.runtime.errors import UserError
from vita.runtime.privacy import SMALLEST_COUNT

NAMES = (*names.ABLATION_TABLES, names.FRAMES_TABLE)
QUANTITIES = {
    "psnr_masked": "Masked patches",
    "psnr_filled": "Image, visible patches kept",
    "psnr_all": "Image, all patches reconstructed",
    "psnr_frames": "The same, mean over frames",
}
PAPERS = "psnr_frames"
COLUMNS = ("eid", "split", "target", "prediction")


def measure(path: Path, bootstrap: int, seed: int) -> dict[str, float]:
    """Mean, SD and interval of each quantity over the test participants with a finite PSNR."""
    table = read_predictions(path, columns=COLUMNS)
    row: dict[str, float] = {"n": table["eid"].nunique()}
    for quantity in QUANTITIES:
        values = table.loc[table["target"] == quantity, "prediction"].to_numpy(float)
        values = values[np.isfinite(values)] if row["n"] >= SMALLEST_COUNT else values[:0]
        row[f"{quantity}_mean"] = values.mean() if values.size else np.nan
        row[f"{quantity}_std"] = values.std(ddof=1) if values.size > 1 else np.nan
        low, high = mean_interval(values, bootstrap, seed, quantity)
        row |= {f"{quantity}_low": low, f"{quantity}_high": high}
    return row


def plain(printed_rows: list[str], found: dict[str, dict[str, float]]) -> pd.DataFrame:
    """One row per variant: first those of the paper, in its order, then others."""
    columns = ["n", *(f"{name}_{end}" for name in QUANTITIES for end in ("mean", "std", "low", "high"))]
    order = list(dict.fromkeys([*printed_rows, *found]))
    return pd.DataFrame([{"variant": row} | found.get(row, {}) for row in order], columns=["variant", *columns])


def printed(table: pd.DataFrame, values: pd.DataFrame, caption: str) -> Printed:
    """The table for readers, the paper's value in the last column."""
    theirs = "Paper (mean over frames)"
    out = Printed(caption, ["", "n", *QUANTITIES.values(), "Masked patches, mean (95 % CI)", theirs])
    papers = values.pivot_table(index="row", columns="quantity", values="paper")
    for _, row in table.iterrows():
        cells = [Cell(row["variant"]), Cell(count(row["n"]))]
        cells += [Cell(with_spread(row[f"{name}_mean"], row[f"{name}_std"], 2)) for name in QUANTITIES]
        ends = (row["psnr_masked_mean"], row["psnr_masked_low"], row["psnr_masked_high"])
        cells.append(Cell(with_interval(*ends, 2)))
        if not known(row["n"]):
            cells[1] = out.note(cells[1], NOT_RUN)
        elif not known(row["psnr_masked_mean"]):
            cells[2] = out.note(cells[2], FEW)
        both = papers.loc[row["variant"]] if row["variant"] in papers.index else {"mean": np.nan, "std": np.nan}
        cells.append(Cell(with_spread(both["mean"], both["std"], 2)))
        out.rows.append(cells)
    return out


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--name", required=True, choices=NAMES, help="which table")
    parser.add_argument("--predictions", nargs="*", default=[], type=Path, help="PSNR, one file per variant")
    parser.add_argument("--variants", nargs="*", default=[], metavar="FILE=ROW", help="row of each file, by its name")
    parser.add_argument("--paper", required=True, type=Path, help="folder of the paper's numbers")
    for name in ("csv", "md", "tex", "html", "vs-paper"):
        parser.add_argument(f"--{name}", required=True, type=Path, help="file to write")
    parser.add_argument("--vs-paper-html", type=Path, help="page of the comparison to write")
    cli.add_settings(parser, "seed and the block `evaluation`")
    args = parser.parse_args(arguments)
    rows = dict(text.partition("=")[::2] for text in args.variants)
    unnamed = [path.stem for path in args.predictions if not rows.get(path.stem)]
    if unnamed:
        raise UserError(f"--variants must name the row of {', '.join(unnamed)}, such as vita=0.7")
    bootstrap, seed = needed(args.settings, "evaluation.bootstrap"), needed(args.settings, "seed")
    found = {rows[path.stem]: measure(path, bootstrap, seed) for path in args.predictions}
    values = paper.psnr_values(args.paper, args.name)
    table = plain(list(dict.fromkeys(values["row"])), found)
    number = sizes(table["n"])
    out = printed(table, values, names.table(args.name).caption + (f" ({number})" if number else ""))
    versus = paper.versus(comparable(table), values, args.paper, args.name)
    texts = {args.md: markdown(out), args.tex: latex(out, args.name), args.html: page(out)}
    if args.vs_paper_html:
        texts[args.vs_paper_html] = paper.versus_page(versus, args.name, number)
    for path, text in texts.items():
        write_text(path, text)
    counts = table["n"].astype("Int64")
    for path, frame in {args.csv: table.assign(n=counts.mask(is_small(counts))), args.vs_paper: versus}.items():
        with replacing(path) as temporary:
            frame.to_csv(temporary, index=False)


def comparable(table: pd.DataFrame) -> pd.DataFrame:
    """PSNR as the paper measures it, in the long form that is compared with the paper."""
    rows = [
        {"row": row["variant"], "unit": "dB", "model": "stage1", "quantity": quantity}
        | {"ours": row[f"{PAPERS}_{quantity}"]}
        for _, row in table.iterrows()
        for quantity in ("mean", "std")
    ]
    return pd.DataFrame(rows, columns=["row", "unit", "model", "quantity", "ours"])


if __name__ == "__main__":
    cli.run(main)
