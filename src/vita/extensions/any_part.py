"""Any part of the table: diseases by the image and 0 to 100 % of the table, against image alone and table alone.

    python -m vita.extensions.any_part --tasks disease_cad disease_stroke ...
        --features probe_vita=results/controls/probe_vita.parquet --fields results/cohort/fields.parquet
        --split results/cohort/split.parquet --targets workflow/resources/targets.tsv
        --labels cad=results/cohort/labels/cad.parquet stroke=results/cohort/labels/stroke.parquet ...
        --predictions disease_cad=results/predictions/disease_cad/vita.parquet ...   (optional)
        --settings '{"seed": 2025, "tabular": {"exclude": []}}' --output results/any_part/availability.csv

`any_part` is ViTa's answer to the image, moved by the given part of the table (`part_update`): by a network that learns
all diseases at once beside the frozen encoder (`part_network`), and by trees. The table is UK Biobank's without
what masks give, what counts a diagnosis by a date that may lie after the scan, what `tabular.exclude` keeps out of a
disease, and all that is or reveals one of the diseases (`vita.tabular.overlap`, with the dependence in training).
The image alone is ViTa, and a linear head on its frozen encoder that was fitted to the disease directly, while those of
Table 4 may go through phenotypes; without predictions of ViTa, the table moves this head's answers. The table alone is
scikit-learn's gradient boosting of each disease, which takes missing values itself; it
learns, as the network does, from copies of training participants of whom a random part of the table is hidden, since
trees cannot handle the absence of a feature that was never absent in training. Its size is chosen on validation. All
are measured on the same test participants with the same features seen: random ones of each participant, nested over
the levels and drawn five times, of which AUCs are averaged, and the features that a clinic has. Intervals: DeLong's,
of the mean over draws and over diseases.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtri

from vita import names
from vita.cohort.split_table import read_split
from vita.config.blocks import needed
from vita.evaluation.small_counts import is_small
from vita.evaluation.statistics import LEVEL, auc_influence
from vita.extensions import part_table
from vita.extensions.availability import Part, clinical_parts, random_parts
from vita.extensions.part_contenders import Scores, learn
from vita.extensions.part_update import log_odds
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.runtime.errors import UserError
from vita.runtime.privacy import SMALLEST_COUNT
from vita.tabular.targets import Target
from vita.tabular.truth import load_targets

AVERAGE = "Average"
COLUMNS = ["task", "target", "title", "model", "kind", "part", "percent", "features", "n", "draws"]
NUMBERS = ["auc", "low", "high", "se"]
FEW = f"fewer than {SMALLEST_COUNT} with the disease, or without it, in the training or the test split"


def enough(truth_n: np.ndarray, split_n: np.ndarray) -> bool:
    """Whether at least ten have a disease, and ten do not, in training and in the test split."""
    counts = [(truth_n[split_n == split] == kind).sum() for split in ("train", "test") for kind in (0, 1)]
    return bool(min(counts) >= SMALLEST_COUNT)


def measure(
    contenders: Mapping[str, Scores], parts: Sequence[Part], truth_nd: np.ndarray, targets: Mapping[str, Target]
) -> Iterator[dict[str, object]]:
    """A row per contender, part of the table and disease, and of the mean over the diseases.

    Args:
        contenders: the answers of each for the test participants.
        parts: of the table.
        truth_nd: (test participants, diseases), NaN where unknown.
        targets: the disease of each task, in the order of `truth_nd`.
    """
    named = [{"task": task, "target": each.name, "title": each.title} for task, each in targets.items()]
    known_nd = ~np.isnan(truth_nd)
    for model, scores in contenders.items():
        for part in parts:
            about = {"model": model, "kind": part.kind, "part": part.part, "percent": part.percent}
            about |= {"features": part.features, "draws": len(part.seen_dnf)}
            drawn = [scores(seen_nf) for seen_nf in part.seen_dnf]
            found = [
                mean_auc(truth_nd[:, place], np.column_stack([one[:, place] for one in drawn]))
                for place in range(len(named))
            ]
            for place, (auc, influence) in enumerate(found):
                yield named[place] | about | {"n": known_nd[:, place].sum()} | with_interval(auc, influence)
            if len(found) > 1:
                auc, influence = (np.mean(each, axis=0) for each in zip(*found, strict=True))
                own = {"task": "diseases", "target": AVERAGE, "title": AVERAGE, "n": known_nd.any(axis=1).sum()}
                yield own | about | with_interval(float(auc), influence)


def mean_auc(truth_n: np.ndarray, scores_nd: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean AUC over draws of those whose truth is known, and the influence (n,) of everybody on it."""
    known = ~np.isnan(truth_n)
    found = [auc_influence(truth_n[known] == 1, score) for score in scores_nd[known].T]
    influence = np.zeros(len(truth_n))
    influence[known] = np.mean([each for _, each in found], axis=0)
    return float(np.mean([auc for auc, _ in found])), influence


def with_interval(auc: float, influence_n: np.ndarray) -> dict[str, float]:
    """An AUC with its interval, cut to [0, 1], and its standard error."""
    error = float(np.sqrt((influence_n**2).sum()))
    half = error * float(ndtri((1 + LEVEL) / 2))
    return {"auc": auc, "low": max(0.0, auc - half), "high": min(1.0, auc + half), "se": error}


def read_tuned(
    given: Sequence[str] | None, targets: Sequence[tuple[str, str]], split: pd.Series
) -> dict[str, np.ndarray]:
    """Predictions (participants, targets) of ViTa's models of these tasks and targets; nothing without any.

    Args:
        given: TASK=FILE of each task.
        targets: task and name of each target.
        split: by eid.

    Raises:
        UserError: the predictions are without one of the targets.
    """
    files = cli.named_files(given or [], "--predictions")
    if not files:
        return {}
    tables = {task: pd.read_parquet(path) for task, path in files.items()}
    columns = []
    for task, name in targets:
        rows = tables[task][tables[task]["target"] == name] if task in tables else pd.DataFrame()
        if rows.empty:
            raise UserError(f"--predictions: no file of {task} with {name}; give those of every task or of none")
        columns.append(rows.set_index("eid")["prediction"].reindex(split.index).to_numpy(float))
    return {names.MAIN_SYSTEM: np.column_stack(columns)}


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--tasks", nargs="+", required=True, help="diseases among the tasks of targets.tsv")
    parser.add_argument("--labels", nargs="+", required=True, metavar="DISEASE=FILE", help="labels of each disease")
    part_table.add_options(parser)
    args = parser.parse_args(arguments)
    split, seed = read_split(args.split), needed(args.settings, "seed")
    labels = cli.named_files(args.labels, "--labels")
    truths, targets = {}, {}
    for task in args.tasks:
        values, (target,) = load_targets(args.targets, task, None, None, labels.get(task.removeprefix("disease_")))
        truths[task], targets[task] = values[target.name].reindex(split.index).to_numpy(float), target
    split_n, test_n = split.to_numpy(), (split == "test").to_numpy()
    learnt = {task: target for task, target in targets.items() if enough(truths[task], split_n)}
    rows: list[dict[str, object]] = [
        {"task": task, "target": each.name, "title": each.title, "n": (~np.isnan(truths[task][test_n])).sum()}
        | {"note": FEW}
        for task, each in targets.items()
        if task not in learnt
    ]
    if learnt:
        from vita.extensions.part_network import DISEASES  # start-up: torch

        sources, diseases = part_table.Sources.of(vars(args)), list(targets.values())
        table, image, image_nf = part_table.read(
            sources, split, args.tasks, diseases, list(labels.values()), "any_part"
        )
        truth_nd = np.column_stack([truths[task] for task in learnt])
        chosen = [(task, targets[task].name) for task in learnt]
        tuned = {name: log_odds(chances) for name, chances in read_tuned(args.predictions, chosen, split).items()}
        contenders = learn(DISEASES, table, image_nf, truth_nd, split_n, seed, image, tuned)
        n, features = int(test_n.sum()), table.features
        parts = [*random_parts(n, len(features), seed), *clinical_parts(n, features)]
        rows += measure(contenders, parts, truth_nd[test_n], learnt)
    found = pd.DataFrame(rows).reindex(columns=[*COLUMNS, *NUMBERS, "note"])
    order = {task: place for place, task in enumerate([*targets, "diseases"])}
    found = found.sort_values("task", key=lambda tasks: tasks.map(order), kind="stable")
    found["n"] = found["n"].mask(is_small(found["n"])).astype("Int64")
    with replacing(args.output) as path:
        found.to_csv(path, index=False)


if __name__ == "__main__":
    cli.run(main)
