"""Label efficiency: Tables 1 and 4 for what learns from a fraction of the labels.

    python -m vita.extensions.label_efficiency --task sa_phenotypes disease_cad ...
        --features brightness=results/controls/brightness.parquet probe_vita=results/controls/probe_vita.parquet ...
        --split results/cohort/split.parquet --targets workflow/resources/targets.tsv
        --phenotypes results/images/phenotypes.parquet --labels cad=results/cohort/labels/cad.parquet ...
        --trained vita@10=results/label_efficiency/predictions/10/sa_phenotypes/vita.parquet ...
        --settings '{"seed": 2025}' --output results/label_efficiency/metrics.csv

The heads of controls and frozen probes are those of vita.training.controls, fitted to 2, 10, 25, 50 and 100 % of the
training participants with the penalty chosen on the same fraction of validation; with --through, diseases may be
reached through phenotypes, those of the same fraction. Smaller fractions are subsets of larger ones, and each except
the whole is drawn three times. With --trained, the predictions of systems follow that rule train_few_labels trained
with a fraction of the labels, the first of those that are drawn. Numbers: the mean absolute error of the test split,
averaged over the targets that Table 1 prints. Diseases: AUC-ROC, each and averaged. A fraction with a single class has
an AUC of 0.5, since nothing can be learnt from it.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vita.cohort.split_table import read_split
from vita.config.blocks import needed
from vita.evaluation.small_counts import is_small
from vita.extensions.inputs import read_features
from vita.extensions.label_shares import DRAWS, LEFT_OUT, parts
from vita.names import FEW_LABELS_TASK, LABEL_PERCENTS, PHENOTYPE_TASKS
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.runtime.privacy import SMALLEST_COUNT
from vita.tabular.targets import Target
from vita.tabular.truth import load_numbers, load_targets

if TYPE_CHECKING:
    from vita.training.closed_form import Between

log = logging.getLogger(__name__)
_WORTH = 3  # features per training participant
COLUMNS = ["task", "target", "title", "metric", "model", "percent", "n", "draws", "value", "low", "high", "note"]
FEW = f"fewer than {SMALLEST_COUNT} labels, or the test split has fewer of one kind"
AVERAGE = "Average"


def compact(features_nf: np.ndarray, train_n: np.ndarray) -> np.ndarray:
    """Standardised features in as many directions as training spans: the best heads are the same with them, and faster
    to fit. If this would save little, all features are kept, and the heads equal those of the controls to the last
    digit.
    """
    from vita.training.closed_form import standardised  # start-up: scikit-learn

    scaled = standardised(features_nf, train_n)
    if not scaled.shape[1]:
        return np.zeros((len(scaled), 1))  # nothing varies, so heads predict the training mean
    if scaled.shape[1] <= _WORTH * train_n.sum():
        return scaled
    _, _, axes = np.linalg.svd(scaled[train_n], full_matrices=False)
    return np.asarray(scaled @ axes.T)


def error_of(
    features: np.ndarray, truth: np.ndarray, split: np.ndarray, target: Target, between: "Between | None" = None
) -> float:
    """Mean absolute error, or AUC, of a target on the test split; NaN if it is undefined or based on few people.

    Args:
        features: (participants, features), standardised.
        truth: (participants,), NaN where unknown.
        split: (participants,) train, val, test or LEFT_OUT.
        target: what the truth is of.
        between: numbers through which a disease may be reached, see `closed_form.fit_classes`.
    """
    from sklearn.metrics import roc_auc_score  # start-up

    from vita.training.closed_form import fit_classes, fit_number

    test = (split == "test") & ~np.isnan(truth)
    known = truth[test]
    if known.size < SMALLEST_COUNT or not ((split == "train") & ~np.isnan(truth)).any():
        return float("nan")
    if target.kind == "numerical":
        return float(np.abs(fit_number(features, truth, split)(features)[test, 0] - known).mean())
    if min(known.sum(), (1 - known).sum()) < SMALLEST_COUNT:
        return float("nan")
    logits = fit_classes(features, truth, split, 2, between)(features)[test]
    return float(roc_auc_score(known, logits[:, 1] - logits[:, 0]))


def measure(
    task: str, values: pd.DataFrame, targets: Sequence[Target], features: Mapping[str, np.ndarray],
    split_n: np.ndarray, seed: int, ways: "Ways | None" = None,
) -> Iterator[dict[str, object]]:  # fmt: skip
    """A row per target, control and percentage, and per control and percentage the average over the printed targets.

    `ways` leads to classes through numbers that the same participants have.
    """
    printed = [target for target in targets if target.in_table]
    metric = "mae" if task in PHENOTYPE_TASKS else "auc"
    for model, own in features.items():
        for percent in LABEL_PERCENTS:
            draws = DRAWS if percent < 100 else 1
            chosen = [parts(split_n, percent, draw, seed) for draw in range(draws)]
            found = np.full((draws, len(printed)), np.nan)
            for draw, split in enumerate(chosen):
                usable = compact(own, split == "train")
                for column, target in enumerate(printed):
                    between = ways.of(f"{model} {percent} {draw}", usable, split) if ways else None
                    found[draw, column] = error_of(usable, values[target.name].to_numpy(float), split, target, between)
            n = int((chosen[0] == "train").sum())
            about = {"task": task, "metric": metric, "model": model, "percent": percent, "n": n, "draws": draws}
            yield from _rows(about, printed, found)
        log.info("%s: %s", task, model)


def of_trained(
    files: Mapping[str, Path], task: str, targets: Sequence[Target], split_n: np.ndarray, seed: int
) -> Iterator[dict[str, object]]:
    """Rows as those of `measure`, for systems that are trained with a part of the labels.

    Args:
        files: predictions of "system@percent", as Stage III writes them.
        task: of phenotypes.
        targets: of the task.
        split_n: (participants,) of the whole cohort.
        seed: of the run.
    """
    printed = [target for target in targets if target.in_table]
    for name, path in files.items():
        model, _, percent = name.partition("@")
        found = pd.read_parquet(path, columns=["split", "target", "truth", "prediction"])
        test = found[found["split"] == "test"]
        errors = (test["prediction"] - test["truth"]).abs().groupby(test["target"]).mean()
        values = errors.reindex([target.name for target in printed]).to_numpy(float)
        n = int((parts(split_n, int(percent), 0, seed) == "train").sum())
        about = {"task": task, "metric": "mae", "model": model, "percent": int(percent), "n": n, "draws": 1}
        yield from _rows(about, printed, values[None])


class Ways:
    """From features to numbers, fitted once for all diseases.

    Args:
        numbers_nk: (participants, numbers), NaN where unknown.
    """

    def __init__(self, numbers_nk: np.ndarray) -> None:
        self._numbers_nk = numbers_nk
        self._found: dict[str, Between | None] = {}

    def of(self, name: str, features: np.ndarray, split: np.ndarray) -> "Between | None":
        """That of a control and a part of the participants; `name` is the key under which it is kept."""
        from vita.training.closed_form import numbers_between  # start-up: scikit-learn

        if name not in self._found:
            known = np.where((split == LEFT_OUT)[:, None], np.nan, self._numbers_nk)
            self._found[name] = numbers_between(features, known, split)
        return self._found[name]


def _rows(about: dict[str, object], printed: Sequence[Target], found_dt: np.ndarray) -> Iterator[dict[str, object]]:
    """A row per target, and one of their average if there are several, over the draws (draws, targets)."""
    for column, target in enumerate(printed):
        yield about | {"target": target.name, "title": target.title} | _spread(found_dt[:, column])
    if len(printed) > 1:
        yield about | {"target": AVERAGE, "title": AVERAGE} | _spread(found_dt.mean(axis=1))


def _spread(values: np.ndarray) -> dict[str, float]:
    """Mean, lowest and highest of the draws."""
    return {"value": float(values.mean()), "low": float(values.min()), "high": float(values.max())}


def averaged_diseases(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the mean AUC over the diseases that have one at every percentage."""
    diseases = table[table["metric"] == "auc"]
    known = diseases.groupby("task")["value"].transform(lambda values: values.notna().all())
    keys = ["metric", "model", "percent", "n", "draws"]
    found = diseases[known].groupby(keys, sort=False)[["value", "low", "high"]].mean().reset_index()
    return found.assign(task="diseases", target=AVERAGE, title=AVERAGE)


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--tasks", nargs="+", required=True, help="tasks of targets.tsv")
    parser.add_argument("--features", nargs="+", required=True, metavar="CONTROL=FILE", help="features of each control")
    parser.add_argument("--split", required=True, type=Path, help="split.parquet")
    parser.add_argument("--targets", required=True, type=Path, help="targets.tsv, features.tsv beside it")
    parser.add_argument("--phenotypes", required=True, type=Path, help="phenotypes.parquet")
    parser.add_argument("--labels", nargs="*", default=[], metavar="DISEASE=FILE", help="labels of each disease")
    parser.add_argument("--through", nargs="*", default=[], help="tasks through whose numbers diseases may be reached")
    parser.add_argument(
        "--trained", nargs="*", default=[], metavar="SYSTEM@PERCENT=FILE", help="predictions for Table 1"
    )
    parser.add_argument("--output", required=True, type=Path, help="CSV to write")
    cli.add_settings(parser, "seed")
    args = parser.parse_args(arguments)
    split = read_split(args.split)
    features = read_features(cli.named_files(args.features, "--features"), split.index)
    labels = cli.named_files(args.labels, "--labels")
    numbers = load_numbers(args.targets, args.through, None, args.phenotypes)
    ways = None if numbers is None else Ways(numbers.reindex(split.index).to_numpy(float))
    trained, seed = cli.named_files(args.trained, "--trained"), needed(args.settings, "seed")
    rows: list[dict[str, object]] = []
    for task in args.tasks:
        own = labels.get(task.removeprefix("disease_"))
        values, targets = load_targets(args.targets, task, None, args.phenotypes, own)
        rows += measure(task, values.reindex(split.index), targets, features, split.to_numpy(), seed, ways)
        if task == FEW_LABELS_TASK:
            rows += of_trained(trained, task, targets, split.to_numpy(), seed)
    table = pd.DataFrame(rows)
    table = pd.concat([table, averaged_diseases(table)], ignore_index=True)
    few = is_small(table["n"]) | table["value"].isna()
    table["note"] = np.where(few, FEW, "")
    table.loc[few, ["value", "low", "high"]] = np.nan
    table["n"] = table["n"].mask(is_small(table["n"])).astype("Int64")
    with replacing(args.output) as path:
        table[COLUMNS].to_csv(path, index=False)


if __name__ == "__main__":
    cli.run(main)
