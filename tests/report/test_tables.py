from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import filled
from evaluation import synthetic
from vita.evaluation import classification, over_seeds, regression, segmentation
from vita.evaluation.predictions import read_targets
from vita.report import tables
from vita.runtime.errors import UserError

RESOURCES = Path(__file__).parents[2] / "workflow" / "resources"
SETTINGS = ["--settings", filled.argument(seed=0, evaluation={"bootstrap": 100}, phenotypes={})]


def _table(tmp_path, name, metrics, targets, *more):
    out = {kind: tmp_path / f"{name}.{kind}" for kind in ("csv", "md", "tex", "html")}
    arguments = ["--name", name, "--metrics", *map(str, metrics), "--targets", str(targets), *SETTINGS, *more]
    arguments += ["--paper", str(RESOURCES / "paper"), "--vs-paper", str(tmp_path / f"{name}_vs_paper.csv")]
    tables.main(arguments + [text for kind, path in out.items() for text in (f"--{kind}", str(path))])
    texts = out["md"].read_text(encoding="utf-8"), out["tex"].read_text(encoding="utf-8")
    return pd.read_csv(out["csv"]), *texts, pd.read_csv(tmp_path / f"{name}_vs_paper.csv")


def _regression(tmp_path, targets, task, names, **noise):
    made = []
    for model, spread in noise.items():
        synthetic.regression(tmp_path / task / f"{model}.parquet", names, spread)
    for model in noise:
        others = [str(tmp_path / task / f"{other}.parquet") for other in noise if other != model]
        arguments = ["--task", task, "--model", model, "--targets", str(targets), *SETTINGS]
        arguments += ["--predictions", str(tmp_path / task / f"{model}.parquet")]
        arguments += ["--baselines", *others] if model == "vita" else []
        made.append(tmp_path / "metrics" / task / f"{model}.csv")
        regression.main([*arguments, "--output", str(made[-1])])
    return made


def test_table_1(tmp_path, targets):
    metrics = _regression(tmp_path, targets, "sa_phenotypes", ["LVEDV", "LVM"], mean_guess=1.0, mae=0.6, vita=0.3)
    table, md, tex, versus = _table(tmp_path, "table1_sa_phenotypes", metrics, targets)
    assert list(table["target"]) == ["LVEDV", "LVM", "Average"]  # LVESV is not printed
    rows = table.iloc[:2]
    assert table.loc[2, "vita_mae"] == pytest.approx(rows["vita_mae"].mean())
    assert rows["significant"].tolist() == [True, True]
    assert table["resnet50_mae"].isna().all()
    assert md.count("**\\*\\*") == 2
    assert "<sup>a</sup> not run" in md
    assert "LVEDV (mL)" in md
    assert f"\\textbf{{{rows['vita_mae'][0]:.3f} $\\pm$ {rows['vita_std'][0]:.3f}}}" in tex
    paper = versus.set_index(["row", "model", "quantity"])
    assert paper.loc[("LVEDV", "vita", "mae"), "paper"] == 6.193
    ours = rows["vita_mae"][0]
    assert paper.loc[("LVEDV", "vita", "mae"), "difference"] == pytest.approx(ours - 6.193, rel=1e-4)
    assert paper.loc[("LVEDV", "vita", "mae"), "relative_difference"] == pytest.approx(ours / 6.193 - 1, abs=1e-4)
    assert paper.loc[("LVSV", "resnet50", "mae"), "note"].startswith("the print repeats")


def test_a_worse_system_gets_no_mark(tmp_path, targets):
    metrics = _regression(tmp_path, targets, "sa_phenotypes", ["LVEDV", "LVM"], mae=0.3, vita=0.9)
    table, md, _, _ = _table(tmp_path, "table1_sa_phenotypes", metrics, targets)
    assert (table["p"].dropna() < 0.01).all()
    assert not table["significant"].fillna(False).any()
    assert "**\\*\\*" not in md


def test_a_target_without_predictions_is_a_dash_with_a_footnote(tmp_path, targets):
    metrics = _regression(tmp_path, targets, "sa_phenotypes", ["LVEDV"], vita=0.5)
    _, md, _, _ = _table(tmp_path, "table1_sa_phenotypes", metrics, targets)
    assert "no participant of the test split has a known value" in md
    assert "over 1 of 2 rows only" in md
    assert "| **" not in md  # a system alone is not the best


@pytest.mark.parametrize("name", list(tables.MAKERS))
def test_without_any_metrics_only_dashes(tmp_path, name):
    table, md, tex, _ = _table(tmp_path, name, [], RESOURCES / "targets.tsv")
    assert "not run" in md
    assert len(table) > 0
    numbers = table.select_dtypes("number").drop(columns=["significant", "n"], errors="ignore")
    assert numbers.isna().all(axis=None)
    assert "nan" not in md.lower().replace("finance", "")
    assert tex.count("\\begin{table}") == tex.count("\\end{table}") == 1


def test_every_printed_row_of_the_paper_meets_a_target():
    for name, task in tables.REGRESSION.items():
        titles = set(read_targets(RESOURCES / "targets.tsv", task)["title"]) | {"Average"}
        assert set(pd.read_csv(RESOURCES / "paper" / f"{name}.csv").iloc[:, 0]) <= titles
    diseases = read_targets(RESOURCES / "targets.tsv").query("task.str.startswith('disease_')")["title"]
    assert set(pd.read_csv(RESOURCES / "paper" / "table4_diseases.csv")["disease"]) <= set(diseases)


def _classified(tmp_path, targets, strengths, baseline=None):
    """Metrics of a disease by systems that see it so strongly; ViTa is compared with the baseline."""
    metrics = []
    for model, strength in strengths.items():
        synthetic.disease(tmp_path / f"{model}.parquet", "cad", strength)
        metrics.append(tmp_path / "metrics" / f"{model}.csv")
        arguments = ["--task", "disease_cad", "--model", model, "--targets", str(targets), *SETTINGS]
        arguments += ["--predictions", str(tmp_path / f"{model}.parquet"), "--output", str(metrics[-1])]
        arguments += ["--baselines", str(tmp_path / f"{baseline}.parquet")] if baseline and model == "vita" else []
        classification.main(arguments)
    return metrics


def test_table_4(tmp_path, targets):
    metrics = _classified(tmp_path, targets, {"resnet50": 0.5, "vita": 3.0}, "resnet50")
    table, md, _, versus = _table(tmp_path, "table4_diseases", metrics, targets)
    assert list(zip(table["target"], table["model"], strict=True))[:2] == [("cad", "resnet50"), ("cad", "vita")]
    best = table.loc[1]
    assert f"**{best['auc']:.3f} ({best['auc_low']:.3f}–{best['auc_high']:.3f})**\\*\\*" in md
    assert "| Stroke | ResNet-50 | –<sup>b</sup> |" in md  # a: calibration that is off
    paper = versus.set_index(["row", "model", "quantity"])
    assert paper.loc[("CAD", "vita", "auc_roc"), "paper"] == 0.77
    assert paper.loc[("CAD", "vita", "auc_roc"), "ours"] == pytest.approx(best["auc"], rel=1e-4)
    assert "six diseases" in paper.loc[("Stroke", "vita", "auc_roc"), "note"]


def test_holm_corrects_over_the_diseases_of_all_files(tmp_path, targets):
    metrics = []
    for disease, strength in {"cad": 1.2, "stroke": 0.8}.items():
        for model, more in {"resnet50": 0.0, "vita": strength}.items():
            path = tmp_path / disease / f"{model}.parquet"
            synthetic.disease(path, disease, more)
            metrics.append(tmp_path / "metrics" / disease / f"{model}.csv")
            arguments = ["--task", f"disease_{disease}", "--model", model, "--targets", str(targets), *SETTINGS]
            arguments += ["--predictions", str(path), "--output", str(metrics[-1])]
            arguments += ["--baselines", str(path.with_name("resnet50.parquet"))] if model == "vita" else []
            classification.main(arguments)
    table, md, _, _ = _table(tmp_path, "table4_diseases", metrics, targets)
    vita = table[table["model"] == "vita"].set_index("target")
    small, large = sorted(vita["p"].dropna())
    assert small < large
    assert sorted(vita["p_holm"].dropna()) == pytest.approx([2 * small, max(2 * small, large)])
    assert "p (Holm)" in md
    assert "Calibration slope" in md


def test_tables_say_which_systems_are_individual(tmp_path, targets):
    metrics = _regression(tmp_path, targets, "sa_phenotypes", ["LVEDV", "LVM"], vit=0.5, mae=0.4, vita=0.3)
    _, md, _, _ = _table(tmp_path, "table1_sa_phenotypes", metrics, targets, "--individual", "mae", "vit", "resnet50")
    assert "One model for each target: ViT, MAE. Other trained systems" in md  # ResNet-50 was not run
    _, md, _, _ = _table(tmp_path, "table1_sa_phenotypes", metrics, targets)
    assert "Every trained system learns one model for all targets of the task." in md


def test_the_table_of_diseases_says_where_encoders_and_heads_come_from(tmp_path, targets):
    path = tmp_path / "disease_cad" / "vita.parquet"
    synthetic.disease(path, "cad", 1.0)
    metrics = tmp_path / "m.csv"
    arguments = ["--task", "disease_cad", "--model", "vita", "--targets", str(targets), *SETTINGS]
    classification.main([*arguments, "--predictions", str(path), "--output", str(metrics)])
    ways = ["--starts", "vita=sa_phenotypes", "mae=sa_phenotypes", "--through", "sa_phenotypes", "la_phenotypes"]
    _, md, _, _ = _table(tmp_path, "table4_diseases", [metrics], targets, *ways)
    assert "ViTa starts from its model of short-axis phenotypes." in md
    assert "MAE starts" not in md  # not run
    assert "through short-axis phenotypes and long-axis phenotypes" in md
    _, md, _, _ = _table(tmp_path, "table4_diseases", [metrics], targets)
    assert "starts from" not in md
    assert "through" not in md


def test_segmentation_table(tmp_path, targets):
    synthetic.masks(tmp_path / "vita.npz", n=10, frames=2)
    arguments = ["--model", "vita", "--masks", str(tmp_path / "vita.npz"), *SETTINGS]
    arguments += ["--output", str(tmp_path / "m.csv"), "--per-participant", str(tmp_path / "m.parquet")]
    segmentation.main(arguments)
    table, md, _, _ = _table(tmp_path, "segmentation", [tmp_path / "m.csv"], targets)
    assert set(zip(table["view"], table["phase"], strict=True)) == set(segmentation.GROUPS)
    row = table.query("target == 'RABP' and model == 'vita' and view == 'all' and phase == 'all'").iloc[0]
    assert f"{row['dice']:.3f} ({row['dice_low']:.3f}–{row['dice_high']:.3f})" in md
    assert md.count("nnU-Net") == 1  # not a row in every block
    assert any(line.startswith("Not run: ") and "nnU-Net" in line for line in md.splitlines())
    assert "they follow the frame number" not in md  # nobody knows of masks without such frames
    assert row["ef_bias"] == pytest.approx(pd.read_csv(tmp_path / "m.csv")["ef_bias"].dropna().iloc[-1])


def test_a_system_that_moves_on_a_still_heart_is_marked(tmp_path, targets):
    synthetic.masks(tmp_path / "vita.npz", n=10, frames=2)
    segmentation.main(
        [
            *("--model", "vita", "--masks", str(tmp_path / "vita.npz"), *SETTINGS),
            *("--output", str(tmp_path / "m.csv"), "--per-participant", str(tmp_path / "m.parquet")),
        ]
    )
    metrics = pd.read_csv(tmp_path / "m.csv")
    whole = (metrics["view"] == "all") & (metrics["phase"] == "all")
    metrics.loc[whole & (metrics["target"] == "RVBP"), ["still_ed", "still_es", "moves_at_rest"]] = 7.25, 2.0, 1
    metrics.to_csv(tmp_path / "m.csv", index=False)
    _, md, _, _ = _table(tmp_path, "segmentation", [tmp_path / "m.csv"], targets)
    assert "masks change by more than 5 % on a still heart: they follow the frame number" in md
    assert "| 7.2 | 2.0 |" in md


def test_cohort_table(tmp_path, targets):
    metrics = _regression(tmp_path, targets, "sa_phenotypes", ["LVEDV", "LVM"], mean_guess=1.0)
    metrics += _regression(tmp_path, targets, "physiological", ["age", "bmi"], mean_guess=1.0)
    table, md, _, versus = _table(tmp_path, "tableC8_cohort", metrics, targets)
    table = table.set_index("target")
    measured = pd.read_csv(metrics[0]).set_index("target")
    assert table.loc["LVM", "mae"] == pytest.approx(measured.loc["LVM", "mae"])
    assert np.isnan(table.loc["LAV max", "mae"])
    assert "the mean guess was not run" in md
    assert set(versus["model"]) == {"mean_guess"}
    assert versus.set_index(["row", "quantity"]).loc[("Age", "mae"), "paper"] == 6.203


def test_files_that_are_no_metrics(tmp_path, targets):
    with pytest.raises(UserError, match="no metrics file"):
        _table(tmp_path, "table1_sa_phenotypes", [tmp_path / "none.csv"], targets)
    pd.DataFrame({"a": [1]}).to_csv(tmp_path / "other.csv")
    with pytest.raises(UserError, match="needs the columns"):
        _table(tmp_path, "table1_sa_phenotypes", [tmp_path / "other.csv"], targets)


def _seeds(tmp_path, metrics: Path, **columns: float) -> Path:
    """What two seeds gave: the metrics as they are, and with the given columns more by a constant."""
    other = pd.read_csv(metrics)
    for name, more in columns.items():
        other[name] += more
    other.to_csv(tmp_path / "other.csv", index=False)
    out = tmp_path / "seeds" / metrics.name
    out.parent.mkdir(parents=True, exist_ok=True)
    over_seeds.main(["--metrics", str(metrics), str(tmp_path / "other.csv"), "--output", str(out)])
    return out


def test_table_1_over_seeds_has_a_line_below_each_row(tmp_path, targets):
    metrics = _regression(tmp_path, targets, "sa_phenotypes", ["LVEDV", "LVM"], mean_guess=1.0, vita=0.3)
    alone = _table(tmp_path, "table1_sa_phenotypes", metrics, targets)
    seeds = _seeds(tmp_path, metrics[1], mae=2.0)
    table, md, _, versus = _table(tmp_path, "table1_sa_phenotypes", metrics, targets, "--seeds", str(seeds))
    mae, average = table["vita_mae"], table["vita_mae"].iloc[2]
    assert list(table["vita_mae_seeds_mean"]) == pytest.approx(list(mae + 1))
    assert list(table["vita_mae_seeds_sd"]) == pytest.approx([2**0.5] * 3)  # of 0 and 2
    assert table["mean_guess_mae_seeds_mean"].isna().all()
    lines = [line for line in md.splitlines() if line.startswith("|")]
    assert lines[-1].startswith("| over seeds |  |  |")  # the mean guess is there once
    assert f" {average + 1:.3f} ± 1.414 |" in lines[-1]
    assert lines[-2].startswith("| Average |")
    assert md.count("| over seeds |") == 3
    assert "Over seeds: mean ± SD of 2 trainings of Stages I to III" in md
    # nothing else has changed
    kept = [line for line in md.splitlines() if not line.lower().startswith(("| over seeds", "over seeds"))]
    assert [line for line in kept if line] == [line for line in alone[1].splitlines() if line]
    pd.testing.assert_frame_equal(table[alone[0].columns], alone[0])
    pd.testing.assert_frame_equal(versus, alone[3])


def test_table_4_over_seeds_has_a_column_behind_the_auc(tmp_path, targets):
    metrics = _classified(tmp_path, targets, {"mean_guess": 0.0, "vita": 1.0})
    seeds = _seeds(tmp_path, metrics[1], auc=-0.2)
    table, md, _, _ = _table(tmp_path, "table4_diseases", metrics, targets, "--seeds", str(seeds))
    own = table.set_index(["target", "model"]).loc[("cad", "vita")]
    assert own["auc_seeds_mean"] == pytest.approx(own["auc"] - 0.1)
    assert own["auc_seeds_sd"] == pytest.approx(0.2 / 2**0.5)
    assert own["seeds"] == 2
    header = next(line for line in md.splitlines() if line.startswith("|")).split(" | ")
    place = header.index("AUC-ROC over seeds")
    assert header[place - 1] == "AUC-ROC (95 % CI)"
    rows = [line.split(" | ") for line in md.splitlines() if "| ViTa |" in line]
    assert next(row[place] for row in rows) == f"{own['auc'] - 0.1:.3f} ± 0.141"  # of CAD; the others were not run
    assert "Over seeds" not in _table(tmp_path, "table4_diseases", metrics, targets)[1]


def test_calibration_that_is_off_is_marked_where_enough_are_positive(tmp_path, targets):
    synthetic.disease(tmp_path / "vita.parquet", "cad", 1.0)
    path = tmp_path / "vita.csv"
    arguments = ["--task", "disease_cad", "--model", "vita", "--targets", str(targets), *SETTINGS]
    classification.main([*arguments, "--predictions", str(tmp_path / "vita.parquet"), "--output", str(path)])
    metrics = pd.read_csv(path)
    for positives, ratio, marked in ((20, 1.16, True), (20, 1.14, False), (19, 1.16, False), (20, 0.84, True)):
        metrics.assign(
            positives=positives,
            calibration_ratio=ratio,
            calibration_ratio_low=ratio - 0.1,
            calibration_ratio_high=ratio + 0.1,
        ).to_csv(path, index=False)
        table, md, _, _ = _table(tmp_path, "table4_diseases", [path], targets)
        assert ("calibration off by more than 15 %: 1 lies outside the interval" in md) == marked
        assert f"{ratio:.2f} ({ratio - 0.1:.2f}–{ratio + 0.1:.2f}){'<sup>' if marked else ' |'}" in md
        assert table.set_index(["target", "model"]).loc[("cad", "vita"), "calibration_ratio"] == ratio


@pytest.mark.parametrize(("low", "high", "words"), [(0.99, 1.6, "alone can explain it"), (1.01, 1.6, "1 lies outside")])
def test_a_ratio_that_is_off_says_whether_1_lies_in_its_interval(tmp_path, targets, low, high, words):
    synthetic.disease(tmp_path / "vita.parquet", "cad", 1.0)
    path = tmp_path / "vita.csv"
    arguments = ["--task", "disease_cad", "--model", "vita", "--targets", str(targets), *SETTINGS]
    classification.main([*arguments, "--predictions", str(tmp_path / "vita.parquet"), "--output", str(path)])
    ends = {"calibration_ratio": 1.3, "calibration_ratio_low": low, "calibration_ratio_high": high}
    pd.read_csv(path).assign(positives=20, **ends).to_csv(path, index=False)
    notes = [line for line in _table(tmp_path, "table4_diseases", [path], targets)[1].splitlines() if "off by" in line]
    assert [words in note for note in notes] == [True]
