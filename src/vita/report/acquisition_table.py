"""Table C.7: acquisition parameters by view, from the index of scans, compared with the paper.

    python -m vita.report.acquisition_table --index results/images/index.parquet --paper workflow/resources/paper
        --csv results/tables/tableC7_acquisition.csv --md ... --tex ... --html ...

For usable scans: the median, and the range from the 5th to the 95th percentile unless it is a single value. The index
holds the distance between slices, which on the short axis is slice thickness plus gap; a long-axis view is a single
slice, for which the header gives the thickness instead.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from vita import names
from vita.images.index import read_index
from vita.printing.cells import Cell, Printed, latex, markdown
from vita.printing.numbers import DASH, count, known, number
from vita.printing.web import page
from vita.runtime import cli
from vita.runtime.atomic import replacing, write_text
from vita.runtime.errors import UserError
from vita.runtime.privacy import SMALLEST_COUNT

QUANTITIES = {
    "spacing_row_mm": "Pixel spacing along a column (mm)",
    "spacing_column_mm": "Pixel spacing along a row (mm)",
    "spacing_slice_mm": "Slice thickness and gap (mm)",
    "slices": "Slices",
    "rows": "Rows",
    "columns": "Columns",
    "frames": "Frames",
    "frame_ms": "Duration of a frame (ms)",
}
# no decimals for other quantities
DECIMALS = {"spacing_row_mm": 2, "spacing_column_mm": 2, "spacing_slice_mm": 1, "frame_ms": 1}
EDGES = (0.05, 0.5, 0.95)
VIEWS = {"sa": "Short axis", "la": "Long axis"}


def measure(index: pd.DataFrame) -> pd.DataFrame:
    """`view` (sa, la), `quantity`, `n` scans, `low`, `median`, `high`, in the order in which they are printed."""
    usable = index[index["usable"].astype(bool)]
    usable = usable.assign(frame_ms=1000 * usable["frame_s"], axis=np.where(usable["view"] == "sa", "sa", "la"))
    rows = []
    for view in VIEWS:
        part = usable[usable["axis"] == view]
        for quantity in QUANTITIES:
            values = part[quantity].dropna().to_numpy(float)
            enough = values.size >= SMALLEST_COUNT
            low, median, high = np.quantile(values, EDGES) if enough else (np.nan,) * 3
            rows.append((view, quantity, len(part), low, median, high))
    return pd.DataFrame(rows, columns=["view", "quantity", "n", "low", "median", "high"])


def paper_values(folder: Path) -> dict[tuple[str, str], float]:
    """The values printed in the paper's Table C.7, by view and quantity.

    Raises:
        UserError: the file is missing.
    """
    path = folder / f"{names.ACQUISITION_TABLE}.csv"
    if not path.is_file():
        raise UserError(f"the paper's table {path} is missing")
    table = pd.read_csv(path).set_index("quantity")
    values = {}
    for view in VIEWS:
        column = table[view.upper()]
        thickness = float(column["slice thickness (mm)"])
        gap = column["slice gap (mm)"]
        values[view, "spacing_slice_mm"] = thickness + (0.0 if pd.isna(gap) else float(gap))
        row_mm, column_mm, _ = (float(text) for text in column["voxel size (mm)"].split(" x "))
        values[view, "spacing_row_mm"], values[view, "spacing_column_mm"] = row_mm, column_mm
    return values


def printed(table: pd.DataFrame, paper: dict[tuple[str, str], float]) -> Printed:
    """The table for readers, a row per quantity under each view."""
    out = Printed(names.table(names.ACQUISITION_TABLE).caption, ["", "This run", "Paper"])
    for view, rows in table.groupby("view", sort=False):
        out.rows.append([Cell(f"{VIEWS[view]} ({count(rows['n'].iloc[0])} scans)", bold=True), Cell(""), Cell("")])
        for _, row in rows.iterrows():
            theirs = number(paper.get((view, row["quantity"])), 1)
            out.rows.append([Cell(QUANTITIES[row["quantity"]]), Cell(_in_words(row)), Cell(theirs)])
        out.rules.add(len(out.rows) - 1)
    out.remarks.append(
        "Median of the usable scans; in brackets the 5th and 95th percentile if they differ. The paper's "
        "thickness of 8.0 mm and gap of 2 mm give 10.0 mm between short-axis slices, which is the distance that a "
        "file holds. A long-axis view is a single slice without a gap."
    )
    return out


def _in_words(row: pd.Series) -> str:
    if not known(row["median"]):
        return DASH
    places = DECIMALS.get(row["quantity"], 0)
    low, median, high = (number(row[name], places) for name in ("low", "median", "high"))
    return median if low == median == high else f"{median} ({low} to {high})"


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--index", required=True, type=Path, help="index.parquet")
    parser.add_argument("--paper", required=True, type=Path, help="folder of the paper's numbers")
    for name in ("csv", "md", "tex", "html"):
        parser.add_argument(f"--{name}", required=True, type=Path, help="file to write")
    args = parser.parse_args(arguments)
    paper = paper_values(args.paper)
    table = measure(read_index(args.index))
    table["paper"] = [paper.get(key, np.nan) for key in zip(table["view"], table["quantity"], strict=True)]
    out = printed(table, paper)
    texts = {args.md: markdown(out), args.tex: latex(out, names.ACQUISITION_TABLE), args.html: page(out)}
    for path, text in texts.items():
        write_text(path, text)
    with replacing(args.csv) as temporary:
        few = table["n"].between(1, SMALLEST_COUNT - 1)
        table.assign(n=table["n"].astype("Int64").mask(few)).to_csv(temporary, index=False, float_format="%.6g")


if __name__ == "__main__":
    cli.run(main)
