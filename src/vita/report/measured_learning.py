"""What training is worth beside controls: ratios to the mean guess, gaps with intervals, AUC, on the test split.

A participant's ratio is the mean over Table 1's targets of the absolute error over the mean guess's mean absolute
error of that target, so that a system's mean over participants is its mean ratio. Of a run with several seeds, errors
and AUC are means over seeds. Intervals and tests are over participants.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from vita import names
from vita.evaluation.statistics import mean_interval, wilcoxon_p
from vita.report.measured_line import Line, joined, read

TASK = "sa_phenotypes"
RESAMPLES, SEED = 2000, 0
FEW_PERCENT = 10
SMALLEST_RATIO = {"demographics": 0.93, "brightness": 0.85, "random_encoder": 0.80}  # how little a control may know
LARGEST_AUC = {"demographics": 0.66, "brightness": 0.58, "random_encoder": 0.60}
LARGEST_OWN_RATIO, LARGEST_P, FEW_LABELS_GAP = {"vit": 0.70, "mae": 0.58}, 0.01, -0.08
LOWEST_MEAN_AUC, LOWEST_R2 = 0.78, 0.5


def seed_folders(results: Path) -> list[Path]:
    """The results folder itself and, of a run with several seeds, that of each further seed that is whole."""
    further = sorted(path for path in results.glob("seeds/*") if path.name.isdigit())
    return [results, *(path for path in further if (path / f"metrics/{TASK}/vita.csv").is_file())]


def ratios(predictions: pd.DataFrame, mean_guess: pd.DataFrame, targets: list[str]) -> pd.Series:
    """Each test participant's ratio (see the module's docstring), by eid.

    Args:
        predictions, mean_guess: rows of predictions/sa_phenotypes/<system>.parquet.
        targets: those of the table.
    """
    return (_errors(predictions)[targets] / _errors(mean_guess)[targets].mean()).mean(axis=1)


def _errors(predictions: pd.DataFrame) -> pd.DataFrame:
    """Absolute errors in the test split, a row per participant and a column per target."""
    test = predictions[predictions["split"] == "test"]
    test = test.assign(error=(test["prediction"] - test["truth"]).abs())
    return test.pivot_table(index="eid", columns="target", values="error")


def _targets(results: Path) -> list[str]:
    return list(read(results / f"metrics/{TASK}/mean_guess.csv").query("in_table == 1")["target"])


def system_ratios(results: Path, systems: list[str]) -> dict[str, pd.DataFrame]:
    """Of each system that was run, the participants' ratios (participants, seeds)."""
    guess, targets = read(results / f"predictions/{TASK}/mean_guess.parquet"), _targets(results)
    places = {name: [root / f"predictions/{TASK}/{name}.parquet" for root in seed_folders(results)] for name in systems}
    return {
        name: pd.concat([ratios(read(path), guess, targets) for path in paths if path.is_file()], axis=1)
        for name, paths in places.items()
        if paths[0].is_file()
    }


def gap(first: pd.DataFrame, second: pd.DataFrame) -> tuple[float, float, float, float]:
    """Mean difference of two systems' ratios, its 95 % bootstrap interval, and the p of a paired Wilcoxon test."""
    both = pd.concat([first.mean(axis=1), second.mean(axis=1)], axis=1, join="inner").to_numpy()
    difference = both[:, 0] - both[:, 1]
    low, high = mean_interval(difference, RESAMPLES, SEED, "gap")
    return float(difference.mean()), low, high, wilcoxon_p(both[:, 0], both[:, 1])


def _with_spread(runs: pd.Series) -> str:
    """Mean, and SD if there are several seeds."""
    spread = f" ± {runs.std(ddof=1):.3f}" if len(runs) > 1 else ""
    return f"{runs.mean():.3f}{spread}"


def phenotype_ratios(results: Path) -> list[Line]:
    """Mean ratios of controls and trained systems, and the gaps that show whether training pays."""
    systems = [name for name in names.ordered([*names.CONTROLS, *names.TABLES[0].systems]) if name != names.MEAN_GUESS]
    found = system_ratios(results, systems)
    mean = pd.Series({name: float(table.mean().mean()) for name, table in found.items()})
    seeds = max(table.shape[1] for table in found.values())
    shown = ", ".join(f"{names.title(name)} {_with_spread(table.mean())}" for name, table in found.items())
    over = f" (mean ± SD over {seeds} seeds of trained systems)" if seeds > 1 else ""
    lines = [Line(f"mean ratio of the error on short-axis phenotypes to the mean guess's{over}", shown)]
    lines += [
        _own(mean, name, mean[name] >= least, f"at least {least}", _interval(found[name]))
        for name, least in SMALLEST_RATIO.items()
    ]
    controls = mean[[name for name in names.CONTROLS if name in mean]]
    lines += [
        _own(
            mean,
            name,
            mean[name] <= most and mean[name] < controls.min(),
            f"at most {most}, below controls",
            _interval(found[name]),
        )
        for name, most in LARGEST_OWN_RATIO.items()
    ]
    pairs = (("mae", "random_encoder"), ("mae", "vit"), ("vita", str(controls.idxmin())))
    lines += [_gap_line(found, first, second) for first, second in pairs]
    return [*lines, _gap_line(found, "vita", "mae", LARGEST_P)]


def _own(mean: pd.Series, name: str, reached: bool, aim: str, interval: str = "") -> Line:
    """The line of one system below that of all."""
    return Line(f"the same, {names.title(name)}", f"{mean[name]:.3f}{interval}", aim, bool(reached))


def _interval(ratios: pd.DataFrame) -> str:
    """The 95 % bootstrap interval of a system's mean ratio over participants, for those of the mean guess as given."""
    low, high = mean_interval(ratios.mean(axis=1).to_numpy(), RESAMPLES, SEED, "ratio")
    return f" (95 % interval {low:.3f} to {high:.3f})"


def _in_words(found: tuple[float, float, float, float]) -> str:
    """A gap with its interval and p."""
    difference, low, high, p = found
    return f"{difference:+.3f} ({low:+.3f} to {high:+.3f}), p {p:.2g}"


def _gap_line(found: dict[str, pd.DataFrame], first: str, second: str, largest_p: float | None = None) -> Line:
    between = difference, _, high, p = gap(found[first], found[second])
    kept = high < 0 if largest_p is None else difference < 0 and p < largest_p
    aim = "interval below 0" if largest_p is None else f"below 0, p < {largest_p}"
    return Line(f"{names.title(first)} less {names.title(second)}, 95 % interval", _in_words(between), aim, bool(kept))


def few_labels(results: Path) -> list[Line]:
    """ViTa less MAE with a tenth of the labels."""
    guess, targets = read(results / f"predictions/{TASK}/mean_guess.parquet"), _targets(results)
    folder = results / f"label_efficiency/predictions/{FEW_PERCENT}/{TASK}"
    found = {
        name: ratios(read(folder / f"{name}.parquet"), guess, targets).to_frame() for name in ("vit", "mae", "vita")
    }
    shown = joined(pd.Series({names.title(name): table.to_numpy().mean() for name, table in found.items()}), 3)
    between = gap(found["vita"], found["mae"])
    name = f"with {FEW_PERCENT} % of the labels"
    return [
        Line(f"mean ratio {name}", shown),
        Line(
            f"ViTa less MAE {name}, 95 % interval",
            _in_words(between),
            f"at most {FEW_LABELS_GAP}",
            bool(between[0] <= FEW_LABELS_GAP),
        ),
    ]


def ejection_fraction(results: Path) -> list[Line]:
    """Explained variance of LVEF by ViTa, the mean over seeds."""
    found = [
        read(root / f"metrics/{TASK}/vita.csv").set_index("target").loc["LVEF", "r2_explained"]
        for root in seed_folders(results)
    ]
    value = float(np.mean(found))
    return [Line("R² of LVEF, ViTa", _with_spread(pd.Series(found)), f"at least {LOWEST_R2}", value >= LOWEST_R2)]


def mean_aucs(results: Path) -> list[Line]:
    """Mean AUC of the six diseases of controls and systems."""
    systems = names.ordered([*names.CONTROLS, *names.table("table4_diseases").systems])
    found = {name: runs for name in systems if len(runs := _mean_auc(results, name))}
    mean = pd.Series({name: float(runs.mean()) for name, runs in found.items()})
    shown = ", ".join(f"{names.title(name)} {_with_spread(runs)}" for name, runs in found.items())
    lines = [Line("mean AUC of six diseases", shown)]
    lines += [_own(mean, name, mean[name] <= most, f"at most {most}") for name, most in LARGEST_AUC.items()]
    main = names.MAIN_SYSTEM
    kept = mean[main] >= LOWEST_MEAN_AUC and mean[main] > mean.drop(main).max()
    return [*lines, _own(mean, main, kept, f"at least {LOWEST_MEAN_AUC}, above all others")]


def _mean_auc(results: Path, system: str) -> pd.Series:
    """Mean over diseases, for each seed that has them all."""
    values = []
    for root in seed_folders(results):
        paths = [root / f"metrics/{task}/{system}.csv" for task in names.DISEASE_TASKS]
        needed = root == results and system in (*LARGEST_AUC, names.MAIN_SYSTEM)
        if needed or all(path.is_file() for path in paths):
            values.append(float(np.mean([read(path)["auc"].iloc[0] for path in paths])))
    return pd.Series(values, dtype=float)
