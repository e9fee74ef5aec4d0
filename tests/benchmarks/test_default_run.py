"""What the default run found, against what its world was made to show. Prints the table that the README holds:

VITA_RESULTS=results python -m pytest tests/benchmarks/test_default_run.py -m benchmark -s
"""

import os
from pathlib import Path

import pandas as pd
import pytest

RESULTS = Path(os.environ.get("VITA_RESULTS", "results"))
pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.skipif(
        not (RESULTS / "report.html").is_file(), reason="VITA_RESULTS names no folder of a finished default run"
    ),
]
SYSTEMS = {"mean_guess": "mean guess", "vit": "ViT", "mae": "MAE", "resnet50": "ResNet-50", "vita": "ViTa"}
DISEASES = ("cad", "infarct", "high_blood_pressure", "diabetes", "hypertension", "stroke")


def row(measured: str, value: str, aim: str = "") -> None:
    """A line of the README's table."""
    print(f"| {measured} | {value} | {aim} |")


def table1() -> pd.DataFrame:
    """MAE of each short-axis phenotype in Table 1 (rows) by each system (columns)."""
    metrics = {system: pd.read_csv(RESULTS / f"metrics/sa_phenotypes/{system}.csv") for system in SYSTEMS}
    return pd.DataFrame({name: m[m["in_table"] == 1].set_index("target")["mae"] for name, m in metrics.items()})


@pytest.mark.parametrize("name", ["LVEDV", "LVESV"])
def test_masks_measure_the_true_volumes(name: str) -> None:
    truth = pd.read_parquet(RESULTS / "phantom/truth.parquet").set_index("eid")[name]
    both = pd.concat(
        [pd.read_parquet(RESULTS / "images/phenotypes.parquet").set_index("eid")[name], truth], axis=1, join="inner"
    ).dropna()
    measured, true = both.iloc[:, 0], both.iloc[:, 1]
    error, r = float(((measured - true).abs() / true).mean()), float(measured.corr(true))
    row(f"{name} from masks against the true volumes, mean absolute error and r", f"{error:.1%}, {r:.3f}", "5 %, 0.98")
    assert error <= 0.05
    assert r >= 0.98


def test_vita_halves_the_error_of_the_mean_guess() -> None:
    mae = table1()
    average = mae.mean()
    row(
        "average MAE of Table 1: " + ", ".join(SYSTEMS.values()),
        ", ".join(f"{average[system]:.2f}" for system in SYSTEMS),
        "ViTa <= MAE <= ViT < mean guess",
    )
    row("ViTa's average MAE over the mean guess's", f"{average['vita'] / average['mean_guess']:.2f}", "0.50")
    ratios = mae["vita"] / mae["mean_guess"]
    row("the same by phenotype", ", ".join(f"{name} {value:.2f}" for name, value in ratios.items()), "each below 1")
    assert (ratios < 1).all()
    assert average["vita"] <= 0.5 * average["mean_guess"]
    assert average["vita"] <= average["mae"] <= average["vit"] < average["mean_guess"]


def test_the_left_ventricle_is_found() -> None:
    table = pd.read_csv(RESULTS / "metrics/segmentation/vita.csv")
    dice = float(
        table[(table["target"] == "LVBP") & (table["view"] == "all") & (table["phase"] == "all")]["dice"].item()
    )
    row("Dice of the LV cavity, ViTa, test split", f"{dice:.3f}", "0.85")
    assert dice >= 0.85


def test_four_of_six_diseases_are_seen() -> None:
    auc = {name: float(pd.read_csv(RESULTS / f"metrics/disease_{name}/vita.csv")["auc"].item()) for name in DISEASES}
    row("AUC, ViTa: " + ", ".join(DISEASES), ", ".join(f"{v:.2f}" for v in auc.values()), "four of six at least 0.65")
    assert sum(value >= 0.65 for value in auc.values()) >= 4


def test_it_fits_a_laptop() -> None:
    disk_gb = sum(path.stat().st_size for path in RESULTS.rglob("*") if path.is_file()) / 1e9
    jobs = [pd.read_csv(path, sep="\t") for path in RESULTS.glob("benchmarks/**/*.tsv")]
    largest_gb = max(float(job["max_rss"].max()) for job in jobs) / 1e3
    row("results/, disk", f"{disk_gb:.1f} GB", "3 GB")
    row("largest job, memory", f"{largest_gb:.1f} GB", "6 GB in all")
    row("processor time of all jobs", f"{sum(float(job['cpu_time'].sum()) for job in jobs) / 60:.0f} min")
    assert disk_gb <= 3
    assert largest_gb <= 3


def test_pretraining_learns() -> None:
    stage1 = pd.read_csv(RESULTS / "models/stage1/vita/history.csv").iloc[-1]
    stage2 = pd.read_csv(RESULTS / "models/stage2/vita/history.csv")
    best = stage2.loc[stage2["val_loss"].idxmin()]
    row("Stage I, validation, PSNR of masked patches", f"{stage1['psnr_masked']:.1f} dB")
    row("Stage II, validation, retrieval top-1 and top-5", f"{best['top1']:.0%}, {best['top5']:.0%}")
    assert stage1["psnr_masked"] > 12
    assert best["top5"] > 0.2
