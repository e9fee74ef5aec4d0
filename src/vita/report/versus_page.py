"""This run beside the paper, as a page for readers: a table per system, folded, ViTa's first and open."""

import pandas as pd

from vita import names
from vita.printing.cells import Cell, Printed, known, rounded
from vita.printing.web import folded

HEADER = ["", "Metric", "Paper", "This run", "Difference", "Relative, %"]
QUANTITIES = {
    "mae": "MAE",
    "std": "SD",
    "mean": "PSNR, mean",
    "positive_ratio": "Prevalence",
    "auc_roc": "AUC-ROC",
    "f1": "F1",
    "recall": "Recall",
    "precision": "Precision",
    "average_precision": "Average precision",
}


def versus_page(versus: pd.DataFrame, name: str, sizes: str) -> str:
    """The page.

    Args:
        versus: as `vita.report.paper.versus` gives it.
        name: of the table.
        sizes: of how many participants ours is, in words.
    """
    ours = f"This run, test split ({sizes})" if sizes else "This run"
    caption = f"{names.TABLE_TITLES[name]}. {ours} beside the paper (UK Biobank, 1,000 participants)"
    models = reversed(names.ordered(set(versus["model"])))
    groups = {model: versus[versus["model"] == model] for model in models}
    parts = [_part(model, rows) for model, rows in groups.items() if rows["paper"].notna().any()]
    silent = [_title(model) for model, rows in groups.items() if rows["paper"].isna().all()]
    remarks = ["Difference: this run less the paper; relative: in percent of the paper's value."] if parts else []
    remarks += [f"The paper prints no numbers for {', '.join(silent)}."] if silent else []
    return folded(caption, parts, remarks)


def _title(model: str) -> str:
    return "Stage I" if model == "stage1" else names.title(model)


def _part(model: str, rows: pd.DataFrame) -> Printed:
    """One system's rows; what both sides lack is left out."""
    out = Printed(_title(model), HEADER, words=2)
    before, order = None, {name: place for place, name in enumerate(dict.fromkeys([*QUANTITIES, *rows["quantity"]]))}
    place = rows["row"].map({name: place for place, name in enumerate(dict.fromkeys(rows["row"]))})
    rows = rows.assign(place=place, order=rows["quantity"].map(order)).sort_values(["place", "order"])
    for _, row in rows[rows["paper"].notna() | rows["ours"].notna()].iterrows():
        name = f"{row['row']} ({row['unit']})" if isinstance(row["unit"], str) and row["unit"] else row["row"]
        first = Cell("" if name == before else name)
        quantity = row["quantity"]
        cells = [first, Cell(QUANTITIES.get(quantity, quantity))]
        cells += [Cell(rounded(row[side])) for side in ("paper", "ours")]
        relative = 100 * row["relative_difference"]
        cells += [
            Cell(rounded(row["difference"], "+")),
            Cell(f"{round(relative):+d}" if known(relative) else rounded(relative)),
        ]
        if row["note"]:
            cells[2] = out.note(cells[2], row["note"])
        out.rows.append(cells)
        before = name
    return out
