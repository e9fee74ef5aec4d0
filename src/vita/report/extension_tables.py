"""Tables beyond the paper's: incident disease, associations, conformal coverage, few labels, any part of the table,
what trainings with different seeds find.

    python -m vita.report.extension_tables --name incident_disease --numbers results/survival/incident_disease.csv
        --csv results/tables/incident_disease.csv --md ... --tex ... --html ...

`--numbers` is the file that the table's extension wrote; associations need a second file with the inflation of their
tests.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from vita import names
from vita.extensions.availability import LEVELS
from vita.printing.cells import Cell, Printed, latex, markdown
from vita.printing.numbers import DASH, count, known, number, percent, rounded, with_interval
from vita.printing.web import page
from vita.report.grouped_table import Column
from vita.report.reading import read_numbers
from vita.runtime import cli
from vita.runtime.atomic import replacing, write_text
from vita.runtime.privacy import SUPPRESSED

AVERAGE = "Average"
STRONGEST = 10  # number of associations printed for each kind of outcome
SHOWN_DIRECTIONS = (1, 2, 5, 10, 20)  # of canonical ones
SIGNIFICANT = 0.05  # false discovery rate
OUTCOME_KINDS = {"component": "Image component", "direction": "Image direction", "phenotype": "Phenotype"}
SURVIVAL = (
    Column("c_harrell", "Harrell's C", 3),
    Column("gain", "Gain in C", 3),
    Column("c_uno", "Uno's C", 3),
    Column("auc_2", "AUC, 2 years", 3),
    Column("auc_5", "AUC, 5 years", 3),
    Column("calibration_2", "Predicted/observed, 2 years", 2),
    Column("calibration_5", "Predicted/observed, 5 years", 2),
    Column("hr", "Hazard ratio per SD", 2),
    Column("c_fine_gray", "Fine-Gray: C", 3),
    Column("calibration_fine_gray_2", "Fine-Gray: predicted/observed, 2 years", 2),
    Column("calibration_fine_gray_5", "Fine-Gray: predicted/observed, 5 years", 2),
)
PERCENTS = (0, 25, 50, 75, 100)  # of the table, of the levels that are measured
VALUES_OF_PARTS, EXPLAINED = ("ratio", "low", "high", "se"), ("r2", "r2_low", "r2_high", "r2_se")
Made = tuple[pd.DataFrame, Printed]


def incident_disease(paths: Sequence[Path]) -> Made:
    """Discrimination and calibration of each model for each incident disease."""
    table = _read(paths[0], ("outcome", "model", *(column.name for column in SURVIVAL)))
    out = _printed(
        "incident_disease", ["", "", "n", "Events", "Deaths", *(column.title for column in SURVIVAL)], words=2
    )
    before = None
    for place, row in table.iterrows():
        title = "" if row["outcome"] == before else row["title"]
        out.rules |= {place - 1} if title and place else set()
        before = row["outcome"]
        cells = [Cell(title), Cell(names.model_title(row["model"]) if known_text(row["model"]) else "All models")]
        cells += [Cell(_people(row[name])) for name in ("n", "events", "deaths")]
        for column in SURVIVAL:
            cell = Cell(with_interval(*_ends(row, column.name), column.decimals, " to "))
            unexplained = known(row[column.name]) or not known_text(row["note"])
            cells.append(cell if unexplained else out.note(cell, row["note"]))
        out.rows.append(cells)
    out.remarks.append(
        "Gain: Harrell's C minus that of age, sex and systolic blood pressure, in the same participants."
    )
    return table, out


def associations(paths: Sequence[Path]) -> Made:
    """The strongest associations of each kind of outcome, and the number of tests."""
    table, inflation = _read(paths[0], ("kind", "trait", "p", "q")), _read(paths[1], ("traits", "lambda", "tests"))
    tested = table.dropna(subset=["p"]).sort_values("p", kind="stable")
    shown = tested.groupby("kind", sort=False).head(STRONGEST)
    order = {kind: place for place, kind in enumerate(OUTCOME_KINDS)}
    shown = (
        shown.assign(place=shown["kind"].map(order)).sort_values(["place", "p"], kind="stable").drop(columns="place")
    )
    out = _printed("associations", ["", "Outcome", "Feature or disease", "n", "Effect, SD per SD", "p", "q"], words=3)
    before = None
    for _, row in shown.iterrows():
        kind = "" if row["kind"] == before else OUTCOME_KINDS[row["kind"]]
        before = row["kind"]
        effect = with_interval(*_ends(row, "effect", ("low", "high")), 2, " to ")
        cells = [kind, row["outcome"], row["trait"], count(row["n"]), effect, _small(row["p"]), _small(row["q"])]
        out.rows.append([Cell(text) for text in cells])
    rates = dict(zip(inflation["traits"], inflation["lambda"], strict=True))
    significant = int((table["q"] < SIGNIFICANT).sum())
    out.remarks.append(
        f"{len(tested):,} tests, {significant:,} with a false discovery rate below {percent(SIGNIFICANT)}; "
        f"genomic-control lambda {number(rates.get('observed'), 2)}; with traits permuted among the participants "
        f"{number(rates.get('shuffled'), 3)}."
    )
    if len(tested) < len(table):
        out.remarks.append(
            "Not tested: binary features with fewer than ten participants in one of the two groups, and constants."
        )
    return shown.drop(columns="note"), out


def conformal(paths: Sequence[Path]) -> Made:
    """Width and coverage by subgroup: each target for the main system, and averages over targets for the others."""
    table = _read(paths[0], ("task", "model", "level", "coverage", "width"))
    table = table[table["task"].isin([*names.REGRESSION_TASKS, *names.DISEASE_TASKS])].fillna({"unit": ""})
    levels = list(dict.fromkeys(table["level"]))
    wide = _by_level(table.assign(section=table["task"].map(_section)), levels)
    main = wide["model"] == names.MAIN_SYSTEM
    mean = dict.fromkeys(["ratio", *(f"coverage_{level}" for level in levels)], "mean") | {"n": "min"}
    averages = wide[~main].groupby(["section", "model"], sort=False).agg(mean).reset_index()
    shown = pd.concat([wide[main], averages.assign(title="Average", unit="")], ignore_index=True)[list(wide.columns)]
    place = {section: number for number, section in enumerate(dict.fromkeys(wide["section"]))}
    shown = shown.sort_values("section", key=lambda sections: sections.map(place), kind="stable", ignore_index=True)
    head = ["", "", "", "n", "Width", "Ratio", *("All" if level == "all" else level for level in levels)]
    out = _printed("conformal", head, words=3)
    before = None
    for _, row in shown.iterrows():
        width = rounded(row["width"], digits=3, decimals=2)
        cells = ["" if row["section"] == before else row["section"], row["title"], names.title(row["model"])]
        cells += [
            _people(row["n"]),
            width if width == DASH else f"{width} {row['unit']}".strip(),
            number(row["ratio"], 2),
        ]
        shares = [row[f"coverage_{level}"] for level in levels]
        out.rows.append([Cell(text) for text in [*cells, *(percent(one) if known(one) else DASH for one in shares)]])
        before = row["section"]
    out.remarks.append(
        "Width: of the interval; for diseases, the number of classes in a set. For systems other "
        "than ViTa: averages over targets."
    )
    out.remarks.append("A dash: too few participants in the test split to be divided or to be reported.")
    return shown, out


def _by_level(table: pd.DataFrame, levels: Sequence[str]) -> pd.DataFrame:
    """One row per section, system and target: the values over all participants, and the coverage of each level."""
    keys = ["section", "model", "title", "unit"]
    rows = []
    for key, part in table.groupby(keys, sort=False):
        of_level = part.set_index("level")
        row = dict(zip(keys, key, strict=True)) | of_level.loc["all", ["n", "width", "ratio"]].to_dict()
        rows.append(row | {f"coverage_{level}": of_level["coverage"].get(level, np.nan) for level in levels})
    return pd.DataFrame(rows)


def label_efficiency(paths: Sequence[Path]) -> Made:
    """Tables 1 and 4 by the fraction of the labels from which a system learns."""
    table = _read(paths[0], ("task", "model", "percent", "value"))
    table = table[table["target"] == AVERAGE]
    parts = sorted(table["percent"].unique())
    labels = table.groupby("percent")["n"].first()
    out = _printed("label_efficiency", ["", "", *(f"{part} % ({_people(labels[part])})" for part in parts)], words=2)
    rows: list[dict[str, object]] = []
    for task, of_task in table.groupby("task", sort=False):
        for model in names.ordered(of_task["model"]):
            found = of_task[of_task["model"] == model].set_index("percent")
            metric = found["metric"].iloc[0]
            title = "Diseases, AUC-ROC" if metric == "auc" else f"{names.task_title(str(task))}, MAE"
            cells = [Cell("" if rows and rows[-1]["task"] == task else title), Cell(names.title(model))]
            row: dict[str, object] = {"task": task, "metric": metric, "model": model}
            for part in parts:
                value, low, high = found.loc[part, ["value", "low", "high"]].astype(float)
                row |= {f"percent_{part}": value, f"percent_{part}_low": low, f"percent_{part}_high": high}
                decimals = 3 if metric == "auc" else 2
                once = found.loc[part, "draws"] == 1
                cell = Cell(number(value, decimals) if once else with_interval(value, low, high, decimals))
                cells.append(cell if known(value) else out.note(cell, found.loc[part, "note"]))
            rows.append(row)
            out.rows.append(cells)
    out.remarks.append(
        "Header: number of training participants. Controls and frozen encoders learn three times from each part, with "
        "the lowest and highest value in brackets; ViT, MAE and ViTa are trained once with each."
    )
    return pd.DataFrame(rows), out


def any_part(paths: Sequence[Path]) -> Made:
    """AUC of each disease by how much of the table is available: image and table together, and either alone."""
    table = _read(paths[0], ("task", "model", "kind", "part", "percent", "auc"))
    shown, out = _by_part("any_part", table, "auc", decimals=3)
    out.remarks.append(
        "In the header: features that are there; random ones are drawn five times, AUCs averaged. The image alone is "
        "the same in every column."
    )
    tasks = table.loc[table["auc"].notna(), "task"]
    if len(tasks):  # the mean, or the only one
        over = "on average over the diseases, " if tasks.iloc[-1] == "diseases" else ""
        out.remarks += _of_parts(table[table["task"] == tasks.iloc[-1]], "auc", over)
    return shown, out


def any_part_phenotypes(paths: Sequence[Path]) -> Made:
    """Error of each phenotype, and R2 on average, by how much of the table is available, in the same form."""
    table = _read(paths[0], ("task", "target", "model", "kind", "part", "percent", "ratio", "r2"))
    parts = []
    for task, own in table.groupby("task", sort=False):
        mean = own[own["target"] == AVERAGE]
        parts += [own[own["target"] != AVERAGE], mean.assign(title=f"{names.task_title(str(task))}, mean")]
        explained = {name: mean[column] for name, column in zip(VALUES_OF_PARTS, EXPLAINED, strict=True)}
        parts.append(mean.assign(title=f"{names.task_title(str(task))}, mean R2", **explained))
    shown, out = _by_part("any_part_phenotypes", pd.concat(parts) if parts else table, "ratio", decimals=2)
    out.remarks.append(
        "Mean absolute error divided by that of the mean guess; in the rows that say so, R2 (explained variance). In "
        "the header: features that are there; random ones are drawn five times and averaged. The image alone is the "
        "same in every column."
    )
    for task, own in table[(table["target"] == AVERAGE) & table["ratio"].notna()].groupby("task", sort=False):
        out.remarks += _of_parts(own, "ratio", f"on average over {names.task_title(str(task)).lower()}, ", sign=-1)
    return shown, out


def reproducibility(paths: Sequence[Path]) -> Made:
    """Canonical correlations of each pair of seeds: some of the directions, and the mean of all."""
    table = _read(paths[0], ("first", "second", "direction", "value", "n_test", "note"))
    head = ["Seeds", "n", *(f"Direction {place}" for place in SHOWN_DIRECTIONS), "Mean of all"]
    out = _printed("reproducibility", head, words=1)
    for (first, second), own in table.groupby(["first", "second"], sort=False, dropna=False):
        row = own.iloc[0]
        cells = [Cell(f"{first:.0f} and {second:.0f}" if known(first) else DASH), Cell(DASH)]
        if known_text(row["note"]):
            out.rows.append([*cells, *(out.note(Cell(DASH), row["note"]) for _ in head[2:])])
            continue
        cells[1] = Cell(_people(row["n_test"]))
        values = own.set_index("direction")
        for place in SHOWN_DIRECTIONS:
            ends = _ends(values.loc[place], "value", ("low", "high")) if place in values.index else (np.nan,) * 3
            cells.append(Cell(with_interval(*ends, 2, " to ")))
        out.rows.append([*cells, Cell(number(own["value"].mean(), 2))])
    if table["value"].notna().any():
        counts = ", ".join(f"{n:.0f}" for n in table["directions"].dropna().unique())
        out.remarks.append(f"Principal components of each embedding that are rotated: {counts}.")
    return table, out


def _by_part(name: str, table: pd.DataFrame, value: str, decimals: int) -> Made:
    """A row per target and model, and a column per part of the table.

    Args:
        name: of the table.
        table: rows of `vita.extensions.any_part` or `any_part_phenotypes`.
        value: column that is printed, with `low` and `high`.
        decimals: of the values.
    """
    clinical = table[table["kind"] == "clinical"].drop_duplicates("part")["part"]
    parts = {f"{level} %": f"percent_{level}" for level in PERCENTS}
    parts |= {part: part.strip("+ ").lower().replace(",", "").replace(" ", "_") for part in clinical}
    features = table.dropna(subset="part").drop_duplicates("part").set_index("part")["features"]
    head = [f"{part} ({features[part]:.0f})" if part in features else part for part in parts]
    out = _printed(name, ["", "", "n", *head], words=2)
    dash = " to " if (table["low"] < 0).any() else "–"  # a dash before a minus reads as two
    rows: list[dict[str, object]] = []
    keys = [table["task"], table["title"], table["model"].astype(object).fillna("")]
    for (task, title, model), own in table.groupby(keys, sort=False):
        first, by_part = own.iloc[0], own.set_index("part")
        same = bool(rows) and (rows[-1]["task"], rows[-1]["title"]) == (task, title)
        row = {"task": task, "title": title, "model": model, "n": first["n"]}
        cells = [Cell("" if same else title), Cell(names.model_title(model) if model else "All models")]
        cells.append(Cell(_people(first["n"])))
        image = model not in ("any_part", "boosted_table", "")
        for place, (part, column) in enumerate(parts.items()):
            ends = by_part.reindex([part])[[value, "low", "high"]].to_numpy(float)[0]
            row |= dict(zip((column, f"{column}_low", f"{column}_high"), ends, strict=True))
            cell = Cell("" if image and place else with_interval(ends[0], ends[1], ends[2], decimals, dash))
            cells.append(out.note(cell, first["note"]) if known_text(first["note"]) else cell)
        out.rules |= {len(rows) - 1} if rows and not same else set()
        rows.append(row)
        out.rows.append(cells)
    return pd.DataFrame(rows), out


def _of_parts(own: pd.DataFrame, value: str, over: str, sign: int = 1) -> list[str]:
    """Where both together do not beat either alone, and where more of the table is worse; nothing of no numbers.

    Args:
        own: rows of one target.
        value: column that is compared.
        over: what it is an average over.
        sign: 1 if more of it is better, -1 if less is.
    """
    levels = own[(own["kind"] == "random") & own[value].notna()]
    if levels.empty:
        return []
    worth, error = (levels.pivot_table(index="percent", columns="model", values=name) for name in (value, "se"))
    worth = sign * worth
    both = worth["any_part"]
    words = []
    for model in names.ordered(set(worth) - {"any_part"}):
        beaten = both.index[(both <= worth[model]) & (both.index > 0)]
        words.append(names.model_title(model) + (f" except at {_levels(beaten)} of it" if len(beaten) else ""))
    fallen = both.index[both < both.cummax() - error["any_part"]]
    less = f"at {_levels(fallen)} it is" if len(fallen) else "nowhere is it"
    return [
        f"Controls: {over}any part of the table and the image are better than {', and than '.join(words)}. "
        "With nothing of the table they are the image alone.",
        f"More of the table: {less} worse than with less of it by more than a standard error.",
    ]


def _levels(percents: pd.Index) -> str:
    """Levels, neighbours as a range: `5, 20 to 100 %`."""
    runs: list[list[int]] = []
    for level in percents.astype(int):
        if runs and level - runs[-1][-1] == LEVELS[1]:
            runs[-1].append(level)
        else:
            runs.append([level])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs) + " %"


def _people(n: float) -> str:
    """A number of people; missing if it is withheld."""
    return count(n) if known(n) else SUPPRESSED


def _section(task: str) -> str:
    return "Diseases" if task in names.DISEASE_TASKS else names.task_title(task)


def _small(p: float) -> str:
    """A p value with its order of magnitude."""
    return f"{p:.2g}" if p >= 1e-4 else f"{p:.0e}".replace("e-0", "e-")


def known_text(text: object) -> bool:
    """Whether a text cell is not empty."""
    return isinstance(text, str) and bool(text)


def _ends(row: pd.Series, name: str, ends: tuple[str, str] | None = None) -> tuple[float, float, float]:
    low, high = ends or (f"{name}_low", f"{name}_high")
    return row[name], row[low], row[high]


def _printed(name: str, header: list[str], words: int) -> Printed:
    return Printed(names.table(name).caption, header, words=words)


def _read(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    otherwise = "this table cannot be made from it"
    return read_numbers(path, columns, "file", "that measures this extension", otherwise)


MAKERS: dict[str, Callable[[Sequence[Path]], Made]] = {
    "incident_disease": incident_disease,
    "associations": associations,
    "conformal": conformal,
    "label_efficiency": label_efficiency,
    "any_part": any_part,
    "any_part_phenotypes": any_part_phenotypes,
    "reproducibility": reproducibility,
}


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--name", required=True, choices=list(MAKERS), help="which table")
    parser.add_argument("--numbers", required=True, nargs="+", type=Path, help="CSV of the extension, see above")
    for name in ("csv", "md", "tex", "html"):
        parser.add_argument(f"--{name}", required=True, type=Path, help="file to write")
    args = parser.parse_args(arguments)
    table, out = MAKERS[args.name](args.numbers)
    for path, text in {args.md: markdown(out), args.tex: latex(out, args.name), args.html: page(out)}.items():
        write_text(path, text)
    with replacing(args.csv) as temporary:
        table.to_csv(temporary, index=False)


if __name__ == "__main__":
    cli.run(main)
