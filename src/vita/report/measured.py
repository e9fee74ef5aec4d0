"""Results of a finished phantom run, next to what the phantom was designed to show: the README's table of measured
values.

Each function reads a folder of results and returns the lines of one topic; `LINES` holds them in order. An aim is a
bound that the default run should meet; `reached` is None without an aim.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from vita import names
from vita.report import run_times
from vita.runtime.errors import UserError
from vita.runtime.privacy import shown_count

TABLE = names.TABLES[0]  # of short-axis phenotypes
SYSTEMS = tuple(name for name in TABLE.systems if name != "vita_sa")
LARGEST_ERROR, LOWEST_R = 0.05, 0.98  # of volumes from reference masks against the phantom's own
LARGEST_RATIO = 0.5  # of ViTa's error to the mean guess's
LOWEST_DICE, LOWEST_AUC, FEWEST_DISEASES = 0.85, 0.65, 4
LARGEST_DISK_GB, LARGEST_JOB_GB = 3.0, 3.0
# by title: of simulations.csv, and its decimals
SIMULATIONS = {
    "planted log hazard ratios in their 95 % intervals, share": ("planted hazards", 2),
    "coverage of conformal 90 % intervals, groups of at least 100": ("coverage", 2),
    "genomic-control lambda": ("lambda", 2),
}


@dataclass(frozen=True)
class Line:
    """A measured value in words, its aim, and whether the aim was reached."""

    name: str
    value: str
    aim: str = ""
    reached: bool | None = None


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise UserError(f"no {path}: the measured values are those of a finished default run; run `snakemake` first")
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)


def _joined(values: pd.Series, decimals: int = 2) -> str:
    return ", ".join(f"{name} {value:.{decimals}f}" for name, value in values.items())


def participants(results: Path) -> list[Line]:
    """The number of participants in each split."""
    counts = _read(results / "cohort/split.parquet")["split"].value_counts()
    names = {"train": "training", "val": "validation", "test": "test"}
    return [
        Line(
            "participants",
            ", ".join(f"{shown_count(int(counts.get(name, 0)))} {title}" for name, title in names.items()),
        )
    ]


def true_volumes(results: Path) -> list[Line]:
    """Volumes from reference masks against the true volumes of the phantom's hearts."""
    found = _read(results / "images/phenotypes.parquet").set_index("eid")
    truth = _read(results / "phantom/truth.parquet").set_index("eid")
    lines = []
    for name in ("LVEDV", "LVESV"):
        both = pd.concat([found[name], truth[name]], axis=1, keys=["found", "true"], join="inner").dropna()
        error = float(((both["found"] - both["true"]).abs() / both["true"]).mean())
        r = float(both["found"].corr(both["true"]))
        title = f"{name} from reference masks against the true volume: mean absolute error, r"
        kept = error <= LARGEST_ERROR and r >= LOWEST_R
        lines.append(Line(title, f"{error:.1%}, {r:.3f}", f"{LARGEST_ERROR:.0%}, {LOWEST_R}", kept))
    return lines


def short_axis_errors(results: Path) -> list[Line]:
    """Table 1's mean absolute errors by system, and ViTa's over the mean guess's."""
    metrics = {name: _read(results / f"metrics/{TABLE.tasks[0]}/{name}.csv").query("in_table == 1") for name in SYSTEMS}
    mae = pd.DataFrame({name: table.set_index("target")["mae"] for name, table in metrics.items()})
    average, ratios = mae.mean(), mae["vita"] / mae["mean_guess"]
    ratio = float(average["vita"] / average["mean_guess"])
    ordered = bool(average["vita"] <= average["mae"] <= average["vit"] < average["mean_guess"])
    return [
        Line(
            "average MAE of Table 1",
            _joined(average.rename(names.title)),
            "ViTa <= MAE <= ViT < mean guess",
            ordered,
        ),
        Line("ViTa's average MAE over the mean guess's", f"{ratio:.2f}", f"{LARGEST_RATIO}", ratio <= LARGEST_RATIO),
        Line("the same by phenotype", _joined(ratios), "each below 1", bool((ratios < 1).all())),
        Line("mean of these ratios", f"{ratios.mean():.2f}"),
    ]


def segmentation(results: Path) -> list[Line]:
    """Dice, and the error of volumes from predicted masks."""
    table = _read(results / "metrics/segmentation/vita.csv")
    dice = table[(table["view"] == "all") & (table["phase"] == "all")].set_index("target")["dice"]
    volumes = _read(results / "metrics/mask_phenotypes/vita.csv").set_index("target")["bias"]
    chosen = volumes.reindex(["LVEF", "RVEF", "LAEF", "RAEF"]).dropna()
    return [
        Line("Dice of the LV cavity, ViTa", f"{dice['LVBP']:.3f}", f"{LOWEST_DICE}", bool(dice["LVBP"] >= LOWEST_DICE)),
        Line("Dice of the other structures", _joined(dice.drop("LVBP"), 3)),
        Line(
            "ejection fractions from predicted less from reference masks, points",
            ", ".join(f"{name} {value:+.1f}" for name, value in chosen.items()),
        ),
    ]


def diseases(results: Path) -> list[Line]:
    """AUC by system."""
    lines = []
    for system in reversed(names.table("table4_diseases").systems):
        paths = {task: results / f"metrics/{task}/{system}.csv" for task in names.DISEASE_TASKS}
        auc = pd.Series({name: float(_read(path)["auc"].iloc[0]) for name, path in paths.items()})
        seen = int((auc >= LOWEST_AUC).sum())
        aim = f"{FEWEST_DISEASES} of {len(auc)} at least {LOWEST_AUC}" if system == names.MAIN_SYSTEM else ""
        shown = auc.rename(names.task_title)
        lines.append(Line(f"AUC, {names.title(system)}", _joined(shown), aim, seen >= FEWEST_DISEASES if aim else None))
    return lines


def pretraining(results: Path) -> list[Line]:
    """Results of Stages I and II on validation."""
    first = _read(results / "models/stage1/vita/history.csv").iloc[-1]
    second = _read(results / "models/stage2/vita/history.csv")
    best = second.loc[second["val_loss"].idxmin()]
    return [
        Line("Stage I, validation: PSNR of hidden patches", f"{first['psnr_masked']:.1f} dB"),
        Line("Stage II, validation: own row first, among the first five", f"{best['top1']:.0%}, {best['top5']:.0%}"),
    ]


def cost(results: Path) -> list[Line]:
    """Disk, memory and processor time."""
    disk_gb = sum(path.stat().st_size for path in results.rglob("*") if path.is_file()) / 1e9
    jobs = run_times.read(results / "benchmarks")
    largest_gb = float(jobs["max_rss"].max()) / 1e3
    return [
        Line("results/, disk", f"{disk_gb:.1f} GB", f"{LARGEST_DISK_GB:g} GB", disk_gb <= LARGEST_DISK_GB),
        Line("largest job, memory", f"{largest_gb:.1f} GB", f"{LARGEST_JOB_GB:g} GB", largest_gb <= LARGEST_JOB_GB),
        Line("processor time of all jobs", f"{jobs['cpu_time'].sum() / 60:.0f} min"),
    ]


def simulated(path: Path) -> list[Line]:
    """What `vita.extensions.simulations` found in worlds whose answer is known; its file is stored with the package.

    Raises:
        UserError: there is no such file.
    """
    if not path.is_file():
        raise UserError(f"no {path}: write it by `python -m vita.extensions.simulations --output {path}`")
    table = pd.read_csv(path)
    lines = []
    for title, (simulation, decimals) in SIMULATIONS.items():
        own = table[table["simulation"] == simulation]
        values = ", ".join(f"{row.number} {row.value:.{decimals}f}" for row in own.itertuples())
        aims = dict.fromkeys(f"{row.least:.{decimals}f} to {row.most:.{decimals}f}" for row in own.itertuples())
        lines.append(Line(f"simulated: {title}", values, ", ".join(aims), bool(own["holds"].all())))
    return lines


LINES: dict[str, Callable[[Path], list[Line]]] = {
    "participants": participants,
    "true volumes": true_volumes,
    "pretraining": pretraining,
    "short-axis errors": short_axis_errors,
    "segmentation": segmentation,
    "diseases": diseases,
    "cost": cost,
}


def markdown(lines: list[Line]) -> str:
    """The lines as a Markdown table of text cells, none of them right-aligned."""
    verdicts = {True: "yes", False: "no", None: ""}
    rows = [(each.name, each.value, each.aim, verdicts[each.reached]) for each in lines]
    header = [("measured", "value", "aim", "reached"), ("---",) * 4]
    return "".join(f"| {' | '.join(row)} |\n" for row in [*header, *rows])
