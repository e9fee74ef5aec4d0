"""Tables 1 to 3: MAE and SD of the absolute error, with one row per target and a pair of columns per system."""

import numpy as np
import pandas as pd

from vita import names
from vita.printing.cells import Cell, Printed
from vita.printing.numbers import count, known, p_value, with_spread

AVERAGE = "Average"
NOT_RUN = "not run"
MARK = "**"
SEEDS = ("mae_seeds_mean", "mae_seeds_sd")


def wide(metrics: pd.DataFrame, targets: pd.DataFrame, models: list[str], significance: float) -> pd.DataFrame:
    """The table with plain numbers.

    Args:
        metrics: rows of metrics files, any number of systems.
        targets: rows of targets.tsv that the table prints.
        models: systems in the table's order; those without metrics get empty columns.
        significance: p below this is significant.

    Returns:
        `target`, `title`, `unit`, `n`, per system `<model>_mae`, `_std`, `_mae_low`, `_mae_high`, `_r2`, over several
        seeds `_mae_seeds_mean` and `_mae_seeds_sd`, then `best_baseline`, `p`, `p_holm`, `significant` of ViTa against
        the best baseline. The last row is the average over the targets, for each system over the targets that it has.
    """
    table = targets[["target", "title", "unit"]].reset_index(drop=True)
    columns = {"mae": "mae", "std": "sd", "mae_low": "mae_low", "mae_high": "mae_high", "r2": "r2_correlation"}
    columns |= {name: name for name in SEEDS if name in metrics}
    by_system = {model: metrics[metrics["model"] == model].set_index("target") for model in models}
    counts = metrics.groupby("target")["n"].max()
    table["n"] = table["target"].map(counts)
    for model, rows in by_system.items():
        for column, source in columns.items():
            values = table["target"].map(rows[source]) if len(rows) else np.nan
            table[f"{model}_{column}"] = pd.Series(values, index=table.index, dtype=float)
    tested = metrics[metrics["p"].notna()].drop_duplicates("target").set_index("target")
    for column in ("best_baseline", "p", "p_holm"):
        table[column] = table["target"].map(tested[column]) if len(tested) else np.nan
    better = table["target"].map(tested["mae"] < tested["best_baseline_mae"]) if len(tested) else False
    table["significant"] = (table["p"] < significance) & (better == True)  # noqa: E712 (NaN where untested)
    return pd.concat([table, _average(table, models, by_system)], ignore_index=True)


def _average(table: pd.DataFrame, models: list[str], by_system: dict[str, pd.DataFrame]) -> pd.DataFrame:
    row: dict[str, object] = {"target": AVERAGE, "title": AVERAGE, "unit": ""}
    for model in models:
        for column in ("mae", "std", "r2"):
            row[f"{model}_{column}"] = table[f"{model}_{column}"].mean()
        for column in SEEDS:  # the SD of averages is not the average of SDs
            if AVERAGE in by_system[model].index:
                row[f"{model}_{column}"] = by_system[model].loc[AVERAGE, column]
    return pd.DataFrame([row])


def printed(
    table: pd.DataFrame, metrics: pd.DataFrame, models: list[str], decimals: dict[str, int], caption: str
) -> Printed:
    """The table for readers: the lowest MAE in bold, marks and Holm's p for ViTa, dashes explained."""
    tested = sorted(set(metrics.loc[metrics["p"].notna(), "model"]))
    out = Printed(caption, ["", "n", *(names.title(model) for model in models), "p (Holm)"])
    notes = {(row["model"], row["target"]): row["note"] for _, row in metrics.iterrows()}
    for _, row in table.iterrows():
        name, places = row["target"], decimals.get(row["target"], 3)
        values = [row[f"{model}_mae"] for model in models]
        best = np.nanmin(values) if np.isfinite(values).sum() > 1 else np.nan
        cells = [Cell(f"{row['title']} ({row['unit']})" if row["unit"] else row["title"])]
        cells.append(Cell(count(row["n"]) if name != AVERAGE else ""))
        for model in models:
            value = row[f"{model}_mae"]
            marked = MARK if row["significant"] is True and model in tested else ""
            cell = Cell(with_spread(value, row[f"{model}_std"], places), value == best, marked)
            if not known(value):
                cell = out.note(cell, _reason(model, notes.get((model, name)), model in set(metrics["model"])))
            cells.append(cell)
        cells.append(Cell(p_value(row["p_holm"]) if name != AVERAGE else ""))
        if name == AVERAGE:
            out.rules = {len(out.rows) - 1}
            cells = _partial_averages(out, cells, table, models)
        out.rows.append(cells)
        if any(known(row.get(f"{model}_{SEEDS[0]}")) for model in models):
            out.rows.append(_over_seeds(row, models, places))
    return out


def _over_seeds(row: pd.Series, models: list[str], places: int) -> list[Cell]:
    """The line below a row: mean and SD of its MAEs over seeds; blank for systems that are trained once."""
    values = [tuple(row.get(f"{model}_{column}") for column in SEEDS) for model in models]
    cells = [Cell(with_spread(mean, sd, places) if known(mean) else "") for mean, sd in values]
    return [Cell("over seeds"), Cell(""), *cells, Cell("")]


def _reason(model: str, note: str | float | None, ran: bool) -> str:
    if not ran:
        return NOT_RUN
    return note if isinstance(note, str) and note else "not predicted by this system"


def _partial_averages(out: Printed, cells: list[Cell], table: pd.DataFrame, models: list[str]) -> list[Cell]:
    """The row of averages; it says if an average leaves out rows, since it is then not comparable with the others."""
    for place, model in enumerate(models):
        values = table[f"{model}_mae"].iloc[:-1]
        if values.notna().any() and values.isna().any():
            cells[2 + place] = out.note(cells[2 + place], f"over {values.notna().sum()} of {len(values)} rows only")
    return cells


def comparable(table: pd.DataFrame, models: list[str]) -> pd.DataFrame:
    """MAE and SD in the long form that is compared with the paper: `row`, `unit`, `model`, `quantity`, `ours`."""
    return pd.DataFrame(
        {"row": row["title"], "unit": row["unit"], "model": model, "quantity": quantity}
        | {"ours": row[f"{model}_{quantity}"]}
        for _, row in table.iterrows()
        for model in models
        for quantity in ("mae", "std")
    )
