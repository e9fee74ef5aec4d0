"""The main metric of each target by sex, age band and BMI band, on the test split.

    python -m vita.evaluation.subgroups --task sa_phenotypes --model vita
        --predictions results/predictions/sa_phenotypes/vita.parquet
        --fields results/cohort/fields.parquet --targets workflow/resources/targets.tsv
        --settings '{"seed": 2025, "evaluation": {"bootstrap": 1000}}'
        --output results/metrics/subgroups/sa_phenotypes/vita.csv
        --html results/metrics/subgroups/sa_phenotypes/vita.html   (optional)

For segmentation, `--predictions` is the per-participant file of vita.evaluation.segmentation. Main metrics: MAE for
numbers, AUC-ROC for binary targets (with DeLong's interval), accuracy for categorical ones, Dice for structures; the
other intervals are bootstrap intervals. A group has an empty value and a note if the metric is undefined, or if the
group is too small to be published.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from vita import names
from vita.config.blocks import needed
from vita.evaluation import regression
from vita.evaluation.classification import binary, categorical
from vita.evaluation.predictions import pairs, read_predictions, read_targets, why_none
from vita.evaluation.small_counts import withheld
from vita.evaluation.statistics import mean_interval
from vita.printing.cells import Cell, Printed
from vita.printing.numbers import known, rounded, sizes
from vita.printing.web import folded
from vita.runtime import cli
from vita.runtime.atomic import replacing, write_text
from vita.runtime.errors import UserError

SEXES = {0: "female", 1: "male"}  # UK Biobank's data coding 9
BANDS = {
    "age": ([55, 65, 75], ["below 55", "55 to 64", "65 to 74", "75 and above"]),
    "bmi": ([25, 30], ["below 25", "25 to 29.9", "30 and above"]),  # thresholds of overweight and obesity (WHO)
}
GROUPS = {"all": "All", "sex": "Sex", "age": "Age, years", "bmi": "BMI, kg/m²"}
METRICS = {"mae": "MAE", "auc": "AUC-ROC", "accuracy": "Accuracy", "dice": "Dice"}
COLUMNS = ["task", "model", "target", "title", "metric", "unit", "group", "level", "n", "value", "low", "high", "note"]


def groups(fields: pd.DataFrame) -> dict[tuple[str, str], np.ndarray]:
    """Participants of each (group, level), starting with all of them; participants without the field are in none of its
    levels.

    Args:
        fields: `eid`, and any of `sex`, `age`, `bmi`.
    """
    eid = fields["eid"].to_numpy()
    found = {("all", "all"): eid}
    if "sex" in fields:
        found |= {("sex", name): eid[(fields["sex"] == code).fillna(False)] for code, name in SEXES.items()}
    for name, (edges, labels) in BANDS.items():
        if name in fields:
            values = fields[name].to_numpy(float, na_value=np.nan)
            band = np.where(np.isnan(values), -1, np.digitize(values, edges))
            found |= {(name, label): eid[band == place] for place, label in enumerate(labels)}
    return found


def _target_metric(
    part: pd.DataFrame, target: pd.Series, bootstrap: int, seed: int
) -> tuple[str, dict[str, float | int | str]]:
    """The name of the target's main metric, and the row that holds it."""
    name, kind = target["target"], target["kind"]
    if kind == "numerical":
        return "mae", regression.measure(pairs(part, name), name, bootstrap, seed)
    if kind == "binary":
        return "auc", binary(pairs(part, name), name, bootstrap, seed)
    return "accuracy", categorical(part, name, bootstrap, seed)


def of_targets(
    predictions: pd.DataFrame,
    targets: pd.DataFrame,
    fields: pd.DataFrame,
    bootstrap: int,
    seed: int,
) -> pd.DataFrame:
    """Rows per target, group and level from predictions; columns `target` to `note` of COLUMNS."""
    rows = []
    for (group, level), eids in groups(fields).items():
        part = predictions[predictions["eid"].isin(eids)]
        for place, target in targets.iterrows():
            metric, found = _target_metric(part, target, bootstrap, seed)
            row = {name: target[name] for name in ("target", "title", "unit")} | {"place": place}
            note = found.get("note", "") if found["n"] else why_none(part, target["target"])
            row |= {"group": group, "level": level, "metric": metric, "n": found["n"], "note": note}
            row |= {"value": found.get(metric, np.nan), "low": found.get(f"{metric}_low", np.nan)}
            rows.append(row | {"high": found.get(f"{metric}_high", np.nan)})
    return pd.DataFrame(rows).sort_values("place", kind="stable")


def of_structures(participants: pd.DataFrame, fields: pd.DataFrame, bootstrap: int, seed: int) -> pd.DataFrame:
    """The same from the per-participant file of a segmentation."""
    whole = participants[(participants["view"] == "all") & (participants["phase"] == "all")]
    rows = []
    for structure in names.STRUCTURE_NAMES.values():
        for (group, level), eids in groups(fields).items():
            chosen = (whole["target"] == structure) & whole["eid"].isin(eids)
            values = whole.loc[chosen, "dice"].dropna().to_numpy(float)
            low, high = mean_interval(values, bootstrap, seed, f"{structure} {group} {level}")
            row: dict[str, object] = {"target": structure, "title": structure, "unit": "", "metric": "dice"}
            row |= {"group": group, "level": level, "n": values.size, "low": low, "high": high}
            row |= {"value": values.mean() if values.size else np.nan}
            rows.append(row | {"note": "" if values.size else "no participant is in this group"})
    return pd.DataFrame(rows)


def read_fields(path: Path, eids: np.ndarray) -> pd.DataFrame:
    """`eid` and those of sex, age and BMI that the table has, of the given participants.

    Raises:
        UserError: the file is missing.
    """
    if not path.is_file():
        raise UserError(f"no table {path}: run the rule that extracts the fields")
    table = pd.read_parquet(path)
    table = table[[name for name in ("eid", "sex", *BANDS) if name in table.columns]]
    return table[table["eid"].isin(eids)].reset_index(drop=True)


def printed(table: pd.DataFrame) -> list[Printed]:
    """The tables for readers: one per target, with one row per group, and `n` and notes as `withheld` leaves them."""
    parts = []
    for _, rows in table.groupby("target", sort=False):
        first = rows.iloc[0]
        title = f"{first['title']} ({first['unit']})" if first["unit"] else first["title"]
        part = Printed(title, ["", "", "n", f"{METRICS[first['metric']]} (95 % CI)"], words=2)
        before = None
        for _, row in rows.iterrows():
            value = rounded(row["value"])
            if known(row["low"]) and known(row["high"]):
                value += f" ({rounded(row['low'])} to {rounded(row['high'])})"
            cell = Cell(value) if known(row["value"]) else part.note(Cell(value), row["note"] or "undefined")
            name = GROUPS[row["group"]] if row["group"] != before else ""
            before = row["group"]
            part.rows.append(
                [Cell(name), Cell(row["level"] if name != GROUPS["all"] else ""), Cell(str(row["n"])), cell]
            )
        parts.append(part)
    return parts


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--task", required=True, help="task as in targets.tsv, or segmentation")
    parser.add_argument("--model", required=True, help="name of the system")
    parser.add_argument("--predictions", required=True, type=Path, help="predictions, or per-participant Dice")
    parser.add_argument("--fields", required=True, type=Path, help="fields.parquet")
    parser.add_argument("--targets", required=True, type=Path, help="targets.tsv")
    parser.add_argument("--output", required=True, type=Path, help="CSV to write")
    parser.add_argument("--html", type=Path, help="the same as a page, to write")
    cli.add_settings(parser, "seed and the block `evaluation`")
    args = parser.parse_args(arguments)
    bootstrap, seed = needed(args.settings, "evaluation.bootstrap"), needed(args.settings, "seed")
    if args.task == "segmentation":
        participants = pd.read_parquet(args.predictions)
        fields = read_fields(args.fields, participants["eid"].unique())
        table = of_structures(participants, fields, bootstrap, seed)
    else:
        predictions = read_predictions(args.predictions)
        fields = read_fields(args.fields, predictions["eid"].unique())
        table = of_targets(predictions, read_targets(args.targets, args.task), fields, bootstrap, seed)
    number = sizes(table.loc[table["group"] == "all", "n"])
    table = withheld(table.assign(task=args.task, model=args.model)[COLUMNS], ["value", "low", "high"])
    with replacing(args.output) as path:
        table.to_csv(path, index=False)
    if args.html:
        what = f"{names.task_title(args.task)} by {names.title(args.model)}"
        caption = f"{what}: subgroups of the test split ({number})"
        write_text(args.html, folded(caption, printed(table), []))


if __name__ == "__main__":
    cli.run(main)
