"""Conformal prediction: intervals for numbers and sets of classes, by sex and age band, and their coverage.

    python -m vita.extensions.conformal --predictions results/predictions/sa_phenotypes/vita.parquet ...
        --fields results/cohort/fields.parquet --targets workflow/resources/targets.tsv --settings '{"seed": 2025}'
        --output results/conformal/coverage.csv

Folder and name of each file are its task and system. The test split, which was not used for any choice, is divided at
random 20 times into a calibration part and an evaluation part. The calibration part determines the size of errors: an
interval is the prediction plus and minus the quantile of absolute errors that gives 90 % coverage, a set holds every
class whose probability is high enough (Vovk; Papadopoulos; Sadinle). Each group of sex and age band has a separate
quantile (Mondrian); with fewer than 33 participants in the calibration part, where the quantile would be rounded up by
more than 3 %, it uses that of its sex or of all participants. Coverage: the share of true values that are covered,
averaged over the 20 divisions. Width: that of the interval in the target's unit, or the number of classes in a set.
`ratio`: this width divided by the range from the 5th to the 95th percentile of true values, or by the number of
classes; 1 carries no information.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from vita.config.blocks import needed
from vita.evaluation.predictions import read_predictions, read_targets
from vita.evaluation.small_counts import FEW, is_small
from vita.evaluation.subgroups import BANDS, groups, read_fields
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.runtime.privacy import SMALLEST_COUNT

LEVEL = 0.9
SPLITS = 20
CALIBRATION = 0.5  # share of the test split
FEWEST = 9  # in the calibration part; with fewer there is no quantile of 90 %
# in that of a cell: the quantile of n is rounded up to a multiple of 1 / (n + 1), which for 33 covers at most 93 %
FEWEST_OF_CELL = 33
COLUMNS = ["task", "model", "target", "title", "unit", "kind", "group", "level", "n"]
NUMBERS = ["coverage", "coverage_sd", "width", "ratio"]
UNDIVIDED = f"a test split of fewer than {2 * FEWEST + 2} participants cannot be divided"
SHOWN = ("all", "sex", "age")


@dataclass(frozen=True)
class Known:
    """Participants with a target: the error of each, and the interval or set that a limit on the error gives."""

    eids: np.ndarray  # (n,)
    score: np.ndarray  # (n,) absolute error, or 1 - the probability of the true class
    others: np.ndarray | None  # (n, classes) 1 - the probability of each class; None for numbers
    whole: float  # the width that carries no information

    def width(self, limits: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Widths of the intervals, or sizes of the sets, of some rows with a limit each."""
        if self.others is None:
            return 2 * limits
        return np.asarray((self.others[rows] <= limits[:, None]).sum(axis=1).astype(float))


def known_numbers(rows: pd.DataFrame) -> Known:
    """Of a number's predictions."""
    truth = rows["truth"].to_numpy(float)
    low, high = np.quantile(truth, [0.05, 0.95]) if truth.size else (np.nan, np.nan)
    return Known(rows["eid"].to_numpy(), np.abs(truth - rows["prediction"].to_numpy(float)), None, float(high - low))


def known_classes(rows: pd.DataFrame) -> Known:
    """Of the probabilities of yes/no targets (one row a participant) or of classes (one row a class)."""
    if (rows["class"] < 0).all():
        chance = rows["prediction"].to_numpy(float)
        probability, first = np.column_stack([1 - chance, chance]), rows
    else:
        table = rows.pivot_table(index="eid", columns="class", values="prediction")
        first = rows.drop_duplicates("eid").set_index("eid").loc[table.index].reset_index()
        probability = table.to_numpy(float)
    truth = first["truth"].to_numpy(int)
    missing = 1 - probability
    return Known(first["eid"].to_numpy(), missing[np.arange(len(truth)), truth], missing, float(probability.shape[1]))


def limit(scores: np.ndarray) -> float:
    """The conformal quantile: the ceil((n + 1) LEVEL)-th smallest score; infinite where n is too small for it."""
    place = int(np.ceil((scores.size + 1) * LEVEL - 1e-9))
    return float(np.partition(scores, place - 1)[place - 1]) if 0 < place <= scores.size else float("inf")


def limits_by(score_c: np.ndarray, cells_c: np.ndarray, cells_m: np.ndarray) -> np.ndarray:
    """The limit for each of (m,) participants, from the scores of (c,) participants of the calibration part.

    Args:
        score_c: scores.
        cells_c: (c, depth) cell at each depth, the finest last; the first column is the same for all.
        cells_m: (m, depth) the same, of those whose limit is wanted.

    Returns:
        (m,): limit from the finest cell with enough participants; infinite if no cell has enough.
    """
    found = np.full(len(cells_m), np.inf)
    for depth in range(cells_c.shape[1]):
        for cell in np.unique(cells_m[:, depth]):
            own = score_c[cells_c[:, depth] == cell]
            if own.size >= (FEWEST_OF_CELL if depth else FEWEST):
                found[cells_m[:, depth] == cell] = limit(own)
    return found


def cells_of(eids: np.ndarray, fields: pd.DataFrame) -> np.ndarray:
    """(n, 3) numbers for all participants, sex, and sex with age band; unknown sex or age forms a separate cell."""
    table = fields.set_index("eid").reindex(eids)
    sex = table["sex"].astype("Float64").fillna(-1).to_numpy(int) if "sex" in table else np.full(len(eids), -1)
    band = np.full(len(eids), -1)
    if "age" in table:
        age = table["age"].to_numpy(float, na_value=np.nan)
        band = np.where(np.isnan(age), -1, np.digitize(age, BANDS["age"][0]))
    return np.column_stack([np.zeros(len(eids), int), sex, 100 * sex + band])


def measure(known: Known, cells: np.ndarray, members: Sequence[np.ndarray], seed: int) -> pd.DataFrame:
    """Coverage and width over random splits of the participants.

    Args:
        known: (n,) participants.
        cells: (n, depth), see `limits_by`.
        members: (n,) bool of each group that is measured.
        seed: of the splits.

    Returns:
        A row per group: `n` and NUMBERS; without numbers where the test split is too small to be divided.
    """
    n = known.score.size
    generator = np.random.default_rng(seed)
    inside = np.full((SPLITS, n), np.nan)
    width = np.full((SPLITS, n), np.nan)
    for split in range(SPLITS if n >= 2 * FEWEST + 2 else 0):
        order = generator.permutation(n)
        calibration, rest = np.split(order, [int(np.ceil(n * CALIBRATION))])
        limits = limits_by(known.score[calibration], cells[calibration], cells[rest])
        inside[split, rest] = known.score[rest] <= limits
        width[split, rest] = known.width(limits, rest)
    rows = []
    for member in members:
        measured = (~np.isnan(inside[:, member])).any(axis=1)
        covered = np.nanmean(inside[np.ix_(measured, member)], axis=1) if measured.any() else np.full(1, np.nan)
        wide = np.nanmean(width[np.ix_(measured, member)]) if measured.any() else np.nan
        row = {"n": int(member.sum()), "coverage": covered.mean(), "width": wide, "ratio": wide / known.whole}
        rows.append(row | {"coverage_sd": covered.std(ddof=1) if covered.size > 1 else np.nan})
    return pd.DataFrame(rows)


def of_file(predictions: pd.DataFrame, targets: pd.DataFrame, fields: pd.DataFrame, seed: int) -> pd.DataFrame:
    """A row per target and group of a task's predictions by one system: COLUMNS from `target` on, and NUMBERS."""
    parts = []
    chosen = {key: eids for key, eids in groups(fields).items() if key[0] in SHOWN}
    for _, target in targets.iterrows():
        rows = predictions[(predictions["target"] == target["target"]) & predictions["truth"].notna()]
        if rows.empty:
            continue
        known = known_numbers(rows) if target["kind"] == "numerical" else known_classes(rows)
        members = [np.isin(known.eids, eids) for eids in chosen.values()]
        part = measure(known, cells_of(known.eids, fields), members, seed)
        part[["group", "level"]] = list(chosen)
        parts.append(part.assign(**{name: target[name] for name in ("target", "title", "unit", "kind")}))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*COLUMNS[2:], *NUMBERS])


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--predictions", nargs="+", required=True, type=Path, help="<task>/<system>.parquet")
    parser.add_argument("--fields", required=True, type=Path, help="fields.parquet")
    parser.add_argument("--targets", required=True, type=Path, help="targets.tsv")
    parser.add_argument("--output", required=True, type=Path, help="CSV to write")
    cli.add_settings(parser, "seed")
    args = parser.parse_args(arguments)
    parts = []
    for path in args.predictions:
        predictions = read_predictions(path)
        fields = read_fields(args.fields, predictions["eid"].unique())
        found = of_file(
            predictions, read_targets(args.targets, path.parent.name), fields, needed(args.settings, "seed")
        )
        parts.append(found.assign(task=path.parent.name, model=path.stem))
    table = pd.concat(parts, ignore_index=True)
    few, undivided = is_small(table["n"]), table["coverage"].isna()
    table = table.assign(note=np.where(few, FEW, np.where(undivided, UNDIVIDED, ""))).astype(
        dict.fromkeys(NUMBERS, float)
    )
    table.loc[few | undivided, NUMBERS] = np.nan
    table["n"] = table["n"].mask(table["n"].between(1, SMALLEST_COUNT - 1)).astype("Int64")
    with replacing(args.output) as path:
        table[[*COLUMNS, *NUMBERS, "note"]].to_csv(path, index=False)


if __name__ == "__main__":
    cli.run(main)
