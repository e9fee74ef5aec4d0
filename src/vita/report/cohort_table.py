"""Table C.8: what the test split is like, and how far the training mean is from it."""

import pandas as pd

from vita.printing.cells import Cell, Printed, count, with_spread

TASKS = {
    "sa_phenotypes": "Short axis",
    "la_phenotypes": "Long axis",
    "physiological": "Physiological",
}
COLUMNS = ["n", "truth_mean", "truth_sd", "mae", "sd"]


def cohort_table(
    metrics: pd.DataFrame, targets: pd.DataFrame, caption: str
) -> tuple[pd.DataFrame, Printed, pd.DataFrame]:
    """The table, its printed form and its long form against the paper's mean-guess columns.

    Args:
        metrics: regression metrics of the system `mean_guess`; other systems are ignored.
        targets: rows of targets.tsv to print.
        caption: of the printed table.
    """
    guess = metrics[metrics["model"] == "mean_guess"]
    table = targets[["task", "target", "title", "unit", "decimals"]].merge(
        guess[["task", "target", *COLUMNS, "note"]], on=["task", "target"], how="left"
    )
    out = Printed(caption, ["", "Unit", "n", "Test split, mean ± SD", "Mean guess, MAE ± SD"], words=2)
    for task, rows in table.groupby("task", sort=False):
        out.rows.append([Cell(TASKS.get(task, task), bold=True), *(Cell("") for _ in range(4))])
        for _, row in rows.iterrows():
            out.rows.append(_row(out, row))
        out.rules.add(len(out.rows) - 1)
    ours = pd.DataFrame(
        {"row": row["title"], "unit": row["unit"], "model": "mean_guess", "quantity": quantity, "ours": value}
        for _, row in table.iterrows()
        for quantity, value in (("mae", row["mae"]), ("std", row["sd"]))
    )
    return table.drop(columns=["decimals", "note"]), out, ours


def _row(out: Printed, row: pd.Series) -> list[Cell]:
    places = int(row["decimals"])
    guess = Cell(with_spread(row["mae"], row["sd"], places))
    if pd.isna(row["mae"]):
        note = row["note"] if isinstance(row["note"], str) and row["note"] else "the mean guess was not run"
        guess = out.note(guess, note)
    return [
        Cell(row["title"]),
        Cell(row["unit"]),
        Cell(count(row["n"])),
        Cell(with_spread(row["truth_mean"], row["truth_sd"], places)),
        guess,
    ]
