"""The paper's printed numbers, compared with those of this run.

The resource folder holds one CSV per printed table, as printed, and `notes.csv`, which lists where printed numbers
contradict each other. In notes.csv, an empty field `model` means the whole row, for all systems that the paper's table
has.
"""

from pathlib import Path

import pandas as pd

from vita import names
from vita.names import ABLATION_TABLES
from vita.printing.cells import Cell, Printed
from vita.printing.numbers import known, rounded
from vita.printing.web import folded
from vita.runtime.errors import UserError

METHODS = {title: name for name, title in names.SYSTEM_TITLES.items()}
DISEASE_METRICS = ("auc_roc", "f1", "recall", "precision", "average_precision")
KEYS = ["row", "model", "quantity"]
HEADER = ["", "Metric", "Paper", "This run", "Difference", "Relative, %"]
QUANTITIES = {
    "mae": "MAE",
    "mean": "PSNR, mean",
    "std": "SD",
    "positive_ratio": "Prevalence",
    "auc_roc": "AUC-ROC",
    "f1": "F1",
    "recall": "Recall",
    "precision": "Precision",
    "average_precision": "Average precision",
}
DIGITS, RELATIVE_DECIMALS = 5, 4
COLUMNS = ["row", "unit", "model", "quantity", "paper", "ours", "difference", "relative_difference", "note"]


def _read(folder: Path, name: str) -> pd.DataFrame:
    path = folder / f"{name}.csv"
    if not path.is_file():
        raise UserError(f"the paper's table {path} is missing")
    return pd.read_csv(path)


def regression_values(folder: Path, name: str) -> pd.DataFrame:
    """MAE and SD of a printed table 1 to 3: `row`, `model`, `quantity` (mae, std), `paper`."""
    table = _read(folder, name)
    table = table.rename(columns={table.columns[0]: "row"})
    values = table.melt(id_vars="row", var_name="column", value_name="paper")
    pattern = rf"^(?P<model>{'|'.join(names.SYSTEM_TITLES)})_(?P<quantity>mae|std)$"
    values = values.join(values["column"].str.extract(pattern)).dropna(subset=["model"])
    return values.assign(paper=values["paper"].astype(float))[[*KEYS, "paper"]]


def disease_values(folder: Path) -> pd.DataFrame:
    """The printed table 4 in the same form."""
    table = _read(folder, "table4_diseases").rename(columns={"disease": "row"})
    table["model"] = table["method"].map(METHODS)
    values = table.melt(
        id_vars=["row", "model"],
        value_vars=["positive_ratio", *DISEASE_METRICS],
        var_name="quantity",
        value_name="paper",
    )
    return values[[*KEYS, "paper"]]


def psnr_values(folder: Path, name: str) -> pd.DataFrame:
    """PSNR of table A.5 or A.6: `row`, `model` (stage1), `quantity` (mean, std), `paper`; empty for any other."""
    if name not in ABLATION_TABLES:
        return pd.DataFrame(columns=[*KEYS, "paper"])
    table = _read(folder, name)
    table = table.rename(columns={table.columns[0]: "row", "psnr_mean": "mean", "psnr_std": "std"})
    table["row"] = table["row"].astype(str)
    values = table.melt(id_vars="row", value_vars=["mean", "std"], var_name="quantity", value_name="paper")
    return values.assign(model="stage1")[[*KEYS, "paper"]]


def disease_order(folder: Path) -> list[str]:
    """Diseases in the order of the printed table 4."""
    return list(dict.fromkeys(_read(folder, "table4_diseases")["disease"]))


def versus(ours: pd.DataFrame, printed: pd.DataFrame, folder: Path, name: str) -> pd.DataFrame:
    """The paper's values, those of this run, and the difference.

    Args:
        ours: `row`, `unit`, `model`, `quantity`, `ours`.
        printed: `row`, `model`, `quantity`, `paper`.
        folder: the resource folder.
        name: the table's name, for its notes.
    """
    table = ours.merge(printed, on=KEYS, how="outer", sort=False)
    order = {row: place for place, row in enumerate(dict.fromkeys([*ours["row"], *printed["row"]]))}
    models = {model: place for place, model in enumerate(names.ordered(set(table["model"])))}
    places = pd.DataFrame({"row": table["row"].map(order), "model": table["model"].map(models)})
    table = table.loc[places.sort_values(["row", "model"], kind="stable").index]
    table["difference"] = table["ours"] - table["paper"]
    table["relative_difference"] = (table["difference"] / table["paper"]).where(table["paper"] != 0)
    table["note"] = _notes(table, _read(folder, "notes"), name, set(printed["model"]))
    table["ours"] = table["ours"].map(_significant)
    table["difference"] = table["difference"].map(_significant)
    table["relative_difference"] = table["relative_difference"].astype(float).round(RELATIVE_DECIMALS)
    return table[COLUMNS].reset_index(drop=True)


def _significant(value: float) -> float:
    """A number with as many digits as are meaningful next to a printed one."""
    return float(f"{value:.{DIGITS}g}")


def _notes(table: pd.DataFrame, notes: pd.DataFrame, name: str, printed: set[str]) -> list[str]:
    """For each row the notes on it, or otherwise why a side is empty; `printed` are the systems that the paper has."""
    notes = notes[notes["table"] == name]
    found = []
    for _, row in table.iterrows():
        of_system = (notes["model"] == row["model"]) | (notes["model"].isna() & (row["model"] in printed))
        fits = (notes["row"] == row["row"]) & of_system
        texts = list(notes.loc[fits, "note"])
        if pd.isna(row["paper"]) and not texts:
            texts.append("the paper prints no number")
        if pd.isna(row["ours"]):
            texts.append("not run or undefined here")
        found.append("; ".join(texts))
    return found


def versus_page(versus: pd.DataFrame, name: str, sizes: str) -> str:
    """The page.

    Args:
        versus: as `vita.report.paper.versus` gives it.
        name: of the table.
        sizes: number of participants of this run, in words.
    """
    ours = f"This run, test split ({sizes})" if sizes else "This run"
    caption = f"{names.TABLE_TITLES[name]}. {ours} compared with the paper (UK Biobank, 1,000 participants)"
    models = reversed(names.ordered(set(versus["model"])))
    groups = {model: versus[versus["model"] == model] for model in models}
    parts = [_part(model, rows) for model, rows in groups.items() if rows["paper"].notna().any()]
    silent = [_title(model) for model, rows in groups.items() if rows["paper"].isna().all()]
    remarks = ["Difference: this run minus the paper; relative: in percent of the paper's value."] if parts else []
    remarks += [f"The paper prints no numbers for {', '.join(silent)}."] if silent else []
    return folded(caption, parts, remarks)


def _title(model: str) -> str:
    return "Stage I" if model == "stage1" else names.title(model)


def _part(model: str, rows: pd.DataFrame) -> Printed:
    """The rows of one system; values that neither side has are left out."""
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
