"""Any part of the table for numbers: phenotypes by the image and 0 to 100 % of the table, against either alone.

    python -m vita.extensions.any_part_phenotypes --tasks sa_phenotypes la_phenotypes
        --features probe_vita=results/controls/probe_vita.parquet --fields results/cohort/fields.parquet
        --split results/cohort/split.parquet --targets workflow/resources/targets.tsv
        --phenotypes results/images/phenotypes.parquet
        --predictions sa_phenotypes=results/predictions/sa_phenotypes/vita.parquet ...   (optional)
        --settings '{"seed": 2025, "tabular": {"exclude": []}}' --output results/any_part/phenotypes.csv

As `vita.extensions.any_part` for diseases: the same parts of the same table, without what masks give, what counts a
diagnosis by a date that may lie after the scan, what `tabular.exclude` keeps out of these tasks, and all that is or
reveals one of the phenotypes. The image alone is ViTa, and the linear head on its frozen encoder; `part_ridge` and
trees of the table move ViTa's answers as far as this helps each phenotype on validation (`part_update`). The table
alone is these trees, scikit-learn's gradient boosting, taught with random parts hidden and sized on validation.
Measured are the mean absolute error as a ratio to that of the mean guess (the training mean), and R2 (explained
variance), of each phenotype and as the mean over a task's. Intervals: normal, from everybody's influence on the ratio.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import ndtri

from vita.cohort.split_table import read_split
from vita.config.blocks import needed
from vita.evaluation.small_counts import is_small
from vita.evaluation.statistics import LEVEL
from vita.extensions import part_ridge, part_table
from vita.extensions.any_part import AVERAGE, COLUMNS, read_tuned
from vita.extensions.availability import Part, clinical_parts, random_parts
from vita.extensions.part_contenders import Scores, learn
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.runtime.privacy import SMALLEST_COUNT
from vita.tabular.targets import Target
from vita.tabular.truth import load_targets

NUMBERS = ["ratio", "low", "high", "se", "r2", "r2_low", "r2_high", "r2_se"]
FEW = f"fewer than {SMALLEST_COUNT} with it in the training or the test split, or all alike"
Named = tuple[str, Target]  # the task of a phenotype, and it


def enough(truth_n: np.ndarray, split_n: np.ndarray) -> bool:
    """Whether at least ten people in training and in the test split have the number, and it varies in both."""
    parts = [truth_n[(split_n == split) & ~np.isnan(truth_n)] for split in ("train", "test")]
    return all(len(part) >= SMALLEST_COUNT and np.ptp(part) > 0 for part in parts)


def measure(
    contenders: Mapping[str, Scores], parts: Sequence[Part], truth_nd: np.ndarray, targets: Sequence[Named]
) -> Iterator[dict[str, object]]:
    """A row per contender, part of the table and phenotype, and of the mean over a task's.

    Args:
        contenders: the answers of each for the test participants.
        parts: of the table.
        truth_nd: (test participants, numbers) with mean 0 in training, NaN where unknown.
        targets: in the order of `truth_nd`.
    """
    known_nd = ~np.isnan(truth_nd)
    tasks = {task: [at for at, (own, _) in enumerate(targets) if own == task] for task, _ in targets}
    for model, scores in contenders.items():
        for part in parts:
            about = {"model": model, "kind": part.kind, "part": part.part, "percent": part.percent}
            about |= {"features": part.features, "draws": len(part.seen_dnf)}
            drawn = np.stack([scores(seen_nf) for seen_nf in part.seen_dnf])
            found = [errors(truth_nd[:, place], drawn[:, :, place]) for place in range(len(targets))]
            for place, (task, target) in enumerate(targets):
                own = {"task": task, "target": target.name, "title": target.title, "n": known_nd[:, place].sum()}
                yield own | about | with_intervals([found[place]])
            for task, places in tasks.items():
                if len(places) > 1:
                    own = {"task": task, "target": AVERAGE, "title": AVERAGE, "n": known_nd[:, places].any(1).sum()}
                    yield own | about | with_intervals([found[place] for place in places])


def errors(truth_n: np.ndarray, found_dn: np.ndarray) -> dict[str, tuple[float, np.ndarray]]:
    """Ratio to the mean guess's error and R2, over draws, of those whose truth is known; and everybody's influence.

    Args:
        truth_n: (n,) with mean 0 in training, which is the mean guess; NaN where unknown.
        found_dn: (draws, n).
    """
    known = ~np.isnan(truth_n)
    truth, found = truth_n[known], found_dn[:, known]
    values = {
        "ratio": (np.abs(found - truth).mean(axis=0), np.abs(truth)),
        "r2": (((found - truth) ** 2).mean(axis=0), (truth - truth.mean()) ** 2),
    }
    out = {}
    for name, (error, guess) in values.items():
        ratio, influence = error.mean() / guess.mean(), np.zeros(len(truth_n))
        influence[known] = (error - ratio * guess) / guess.sum()
        out[name] = (float(ratio), influence) if name == "ratio" else (float(1 - ratio), -influence)
    return out


def with_intervals(found: Sequence[dict[str, tuple[float, np.ndarray]]]) -> dict[str, float]:
    """Means over phenotypes, their intervals, which end at 0 (ratio) and 1 (R2), and standard errors: NUMBERS."""
    reach, out = float(ndtri((1 + LEVEL) / 2)), []
    for name, least, most in (("ratio", 0.0, np.inf), ("r2", -np.inf, 1.0)):
        value = float(np.mean([one[name][0] for one in found]))
        error = float(np.sqrt((np.mean([one[name][1] for one in found], axis=0) ** 2).sum()))
        out += [value, max(least, value - reach * error), min(most, value + reach * error), error]
    return dict(zip(NUMBERS, out, strict=True))


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--tasks", nargs="+", required=True, help="tasks of targets.tsv whose targets are phenotypes")
    parser.add_argument("--phenotypes", required=True, type=Path, help="phenotypes.parquet")
    part_table.add_options(parser)
    args = parser.parse_args(arguments)
    split, seed = read_split(args.split), needed(args.settings, "seed")
    split_n, test_n = split.to_numpy(), (split == "test").to_numpy()
    named: list[Named] = []
    columns = []
    for task in args.tasks:
        values, targets = load_targets(args.targets, task, None, args.phenotypes, None)
        printed = [target for target in targets if target.in_table]
        named += [(task, target) for target in printed]
        columns += [values[target.name].reindex(split.index).to_numpy(float) for target in printed]
    learnt = [place for place, truth in enumerate(columns) if enough(truth, split_n)]
    rows: list[dict[str, object]] = [
        {"task": task, "target": each.name, "title": each.title, "n": (~np.isnan(columns[place][test_n])).sum()}
        | {"note": FEW}
        for place, (task, each) in enumerate(named)
        if place not in learnt
    ]
    if learnt:
        sources, phenotypes = part_table.Sources.of(vars(args)), [target for _, target in named]
        table, image, image_nf = part_table.read(
            sources, split, args.tasks, phenotypes, [args.phenotypes], "any_part_phenotypes"
        )
        truth_nd = np.column_stack([columns[place] for place in learnt])
        own_train = truth_nd[split_n == "train"]
        mean, spread = np.nanmean(own_train, axis=0), np.nanstd(own_train, axis=0)
        truth_nd = (truth_nd - mean) / spread
        chosen = [(named[place][0], named[place][1].name) for place in learnt]
        tuned = {name: (own - mean) / spread for name, own in read_tuned(args.predictions, chosen, split).items()}
        contenders = learn(part_ridge.NUMBERS, table, image_nf, truth_nd, split_n, seed, image, tuned)
        n, features = int(test_n.sum()), table.features
        parts = [*random_parts(n, len(features), seed), *clinical_parts(n, features)]
        rows += measure(contenders, parts, truth_nd[test_n], [named[place] for place in learnt])
    found = pd.DataFrame(rows).reindex(columns=[*COLUMNS, *NUMBERS, "note"])
    order = [(task, target.name) for task, target in named] + [(task, AVERAGE) for task in args.tasks]
    places = {key: (args.tasks.index(key[0]), place) for place, key in enumerate(order)}
    place_of = [places[row["task"], row["target"]] for row in rows]
    found = found.iloc[sorted(range(len(rows)), key=place_of.__getitem__)]  # sorted keeps the order of equal ones
    found["n"] = found["n"].mask(is_small(found["n"])).astype("Int64")
    with replacing(args.output) as path:
        found.to_csv(path, index=False)


if __name__ == "__main__":
    cli.run(main)
