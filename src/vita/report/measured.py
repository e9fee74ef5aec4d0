"""Results of a finished phantom run, next to what the phantom was designed to show: the README's table of measured
values.

Each function reads a folder of results and returns the lines of one topic; `LINES` holds them in order. An aim is a
bound that the default run should meet; `reached` is None without an aim.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from vita import names
from vita.report import measured_calibration, measured_controls, measured_learning, measured_masks, run_times
from vita.report.measured_line import Line, joined, read
from vita.runtime.errors import UserError
from vita.runtime.privacy import shown_count

TABLE = names.TABLES[0]  # of short-axis phenotypes
SYSTEMS = tuple(name for name in TABLE.systems if name != "vita_sa")
LARGEST_ERROR, LOWEST_R = 0.05, 0.98  # of volumes from reference masks against the phantom's own
LARGEST_RATIO = 0.5  # of ViTa's error to the mean guess's
LOWEST_AUC, FEWEST_DISEASES = 0.65, 4
LARGEST_DISK_GB, LARGEST_JOB_GB = 3.0, 3.0
PSNR_DB = 26.0  # of hidden patches, with 70 % hidden
CLOSED_STEPS, CLOSED_SHARE, WINDING_SHARE, MAP_SHARE = 1.0, 0.8, 0.7, 0.5  # of figures 2 to 4
OWN_PROBES = {"probe_mae": "mae", "probe_vita": "vita"}  # and what is trained from the same encoder
# by title: of simulations.csv, and its decimals
SIMULATIONS = {
    "planted log hazard ratios in their 95 % intervals, share": ("planted hazards", 2),
    "coverage of conformal 90 % intervals, groups of at least 100": ("coverage", 2),
    "genomic-control lambda": ("lambda", 2),
}


def participants(results: Path) -> list[Line]:
    """The number of participants in each split."""
    counts = read(results / "cohort/split.parquet")["split"].value_counts()
    names = {"train": "training", "val": "validation", "test": "test"}
    return [
        Line(
            "participants",
            ", ".join(f"{shown_count(int(counts.get(name, 0)))} {title}" for name, title in names.items()),
        )
    ]


def true_volumes(results: Path) -> list[Line]:
    """Volumes from reference masks against the true volumes of the phantom's hearts."""
    found = read(results / "images/phenotypes.parquet").set_index("eid")
    truth = read(results / "phantom/truth.parquet").set_index("eid")
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
    metrics = {name: read(results / f"metrics/{TABLE.tasks[0]}/{name}.csv").query("in_table == 1") for name in SYSTEMS}
    mae = pd.DataFrame({name: table.set_index("target")["mae"] for name, table in metrics.items()})
    average, ratios = mae.mean(), mae["vita"] / mae["mean_guess"]
    ratio = float(average["vita"] / average["mean_guess"])
    ordered = bool(average["vita"] <= average["mae"] <= average["vit"] < average["mean_guess"])
    return [
        Line(
            "average MAE of Table 1",
            joined(average.rename(names.title)),
            "ViTa <= MAE <= ViT < mean guess",
            ordered,
        ),
        Line("ViTa's average MAE over the mean guess's", f"{ratio:.2f}", f"{LARGEST_RATIO}", ratio <= LARGEST_RATIO),
        Line("the same by phenotype", joined(ratios), "each below 1", bool((ratios < 1).all())),
        Line("mean of these ratios", f"{ratios.mean():.2f}"),
    ]


def diseases(results: Path) -> list[Line]:
    """AUC by system."""
    lines = []
    for system in reversed(names.table("table4_diseases").systems):
        paths = {task: results / f"metrics/{task}/{system}.csv" for task in names.DISEASE_TASKS}
        auc = pd.Series({name: float(read(path)["auc"].iloc[0]) for name, path in paths.items()})
        seen = int((auc >= LOWEST_AUC).sum())
        aim = f"{FEWEST_DISEASES} of {len(auc)} at least {LOWEST_AUC}" if system == names.MAIN_SYSTEM else ""
        shown = auc.rename(names.task_title)
        lines.append(Line(f"AUC, {names.title(system)}", joined(shown), aim, seen >= FEWEST_DISEASES if aim else None))
    return lines


def pretraining(results: Path) -> list[Line]:
    """Results of Stages I and II on validation."""
    first = read(results / "models/stage1/vita/history.csv").iloc[-1]
    second = read(results / "models/stage2/vita/history.csv")
    best = second.loc[second["val_loss"].idxmin()]
    return [
        Line("Stage I, validation: PSNR of hidden patches", f"{first['psnr_masked']:.1f} dB"),
        Line("Stage II, validation: own row first, among the first five", f"{best['top1']:.0%}, {best['top5']:.0%}"),
    ]


def own_probes(results: Path) -> list[Line]:
    """Where a trained system is no better than a closed-form head on the frozen encoder that it starts from."""
    curves = read(results / "label_efficiency/metrics.csv")
    value = curves.pivot_table(index=["task", "metric", "percent"], columns="model", values="value")
    sign = value.index.get_level_values("metric").map({"mae": -1, "auc": 1}).to_numpy()
    worse = [
        f"{names.title(trained)}: {names.task_title(task)}, {percent} % of labels"
        for probe, trained in OWN_PROBES.items()
        for (task, _, percent) in value.index[(value[probe] - value[trained]).mul(sign) > 0]
    ]
    return [
        Line("trained systems below a head on their own frozen encoder", "; ".join(worse) or "none", "none", not worse)
    ]


def reconstructions(results: Path) -> list[Line]:
    """Stage I on the test split by share of hidden patches and by positions."""
    masked = read(results / "tables/tableA6_masking_ratio.csv").set_index("variant")["psnr_masked_mean"]
    positions = read(results / "tables/tableA5_positional_encoding.csv").set_index("variant")["psnr_masked_mean"]
    half, usual, most = (float(masked[name]) for name in ("0.5", "0.7", "0.9"))
    flat = float(positions["4D"])
    return [
        Line("PSNR of hidden patches, 70 % hidden", f"{usual:.1f} dB", f"{PSNR_DB:g} dB", usual >= PSNR_DB),
        Line(
            "the same with 50 % and 90 % hidden, and with positions in 4D",
            f"{half:.1f}, {most:.1f} and {flat:.1f} dB",
            "above, below, below",
            half > usual > max(most, flat),
        ),
    ]


def embeddings(results: Path) -> list[Line]:
    """Figures 2 to 4: whether paths of sections close and wind, and how few directions hold the variance."""
    people = read(results / "figures/fig3_subject_trajectories.csv").dropna(subset=["closing"])
    steps, closed = float(people["closing"].median()), float((people["closing"] <= CLOSED_STEPS).mean())
    winds, chance = float(people["winds_once"].mean()), float(people["winds_by_chance"].mean())
    spread = read(results / "figures/fig4_phenotype_tsne.csv").iloc[0]
    first_two = float(spread["first_two_components"])
    return [
        Line(
            "last section to first, median steps; share of people within one step",
            f"{steps:.2f}; {closed:.0%}",
            f"{CLOSED_SHARE:.0%} within {CLOSED_STEPS:g}",
            closed >= CLOSED_SHARE,
        ),
        Line(
            "paths that wind once around (in a random order)",
            f"{winds:.0%} ({chance:.0%})",
            f"{WINDING_SHARE:.0%}",
            winds > WINDING_SHARE,
        ),
        Line(
            "variance of participants in the first two components; explained by phenotypes",
            f"{first_two:.0%}; {spread['phenotypes_explain']:.0%}",
            f"below {MAP_SHARE:.0%}",
            first_two < MAP_SHARE,
        ),
    ]


def cost(results: Path) -> list[Line]:
    """Disk, memory and processor time of the run itself, and of its further seeds."""
    sizes_gb = {path: path.stat().st_size / 1e9 for path in results.rglob("*") if path.is_file()}
    further_gb = sum(size for path, size in sizes_gb.items() if path.is_relative_to(results / "seeds"))
    disk_gb = sum(sizes_gb.values()) - further_gb
    jobs = run_times.read(results / "benchmarks")
    own, further = jobs[~jobs["again"]], jobs[jobs["again"]]
    largest_gb = float(own["max_rss"].max()) / 1e3
    lines = [
        Line("results/, disk", f"{disk_gb:.1f} GB", f"{LARGEST_DISK_GB:g} GB", disk_gb <= LARGEST_DISK_GB),
        Line("largest job, memory", f"{largest_gb:.1f} GB", f"{LARGEST_JOB_GB:g} GB", largest_gb <= LARGEST_JOB_GB),
        Line("processor time of all jobs", f"{own['cpu_time'].sum() / 60:.0f} min"),
    ]
    if len(further):
        more = f"{further_gb:.1f} GB, {further['cpu_time'].sum() / 60:.0f} min"
        lines.append(Line("further seeds on top: disk, processor time", more))
    return lines


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
    "phenotypes beside controls": measured_learning.phenotype_ratios,
    "few labels": measured_learning.few_labels,
    "ejection fraction": measured_learning.ejection_fraction,
    "diseases beside controls": measured_learning.mean_aucs,
    "controls over the cohort": measured_controls.cross_validated,
    "own probes": own_probes,
    "reconstructions": reconstructions,
    "embeddings": embeddings,
    "segmentation": measured_masks.segmentation,
    "diseases": diseases,
    "calibration": measured_calibration.mean_predictions,
    "cost": cost,
}
