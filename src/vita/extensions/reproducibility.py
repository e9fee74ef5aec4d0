"""Whether trainings with different seeds find the same directions: canonical correlations between their embeddings.

    python -m vita.extensions.reproducibility
        --embeddings 2026=results/embeddings/vita.parquet 7=results/seeds/7/embeddings/vita.parquet ...
        --output results/reproducibility/correlations.csv

An embedding is a person's mean over the sections of the cycle. Of each pair of seeds, the strongest principal
components of both embeddings (at most 20, and one per ten people of the training split) are rotated to canonical
directions, both fitted on training; the correlations are those of the test split, with Fisher's intervals. A
correlation near 1: both seeds have found this direction. With one seed there is nothing to compare.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import ndtri

from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.runtime.errors import UserError
from vita.runtime.privacy import SMALLEST_COUNT

MOST = 20  # principal components of each embedding
PEOPLE_PER_COMPONENT = 10
LEVEL = 0.95
COLUMNS = ["first", "second", "direction", "directions", "train", "value", "low", "high", "n_train", "n_test", "note"]
ONE_SEED = "a single seed has trained this Stage II; config seeds names further ones"
FEW = "too few people in the training or the test split"


def read_embeddings(path: Path) -> tuple[pd.DataFrame, pd.Series]:
    """Embeddings by `eid`, the mean of each person's sections, and everybody's split.

    Raises:
        UserError: the file is missing.
    """
    if not path.is_file():
        raise UserError(f"no embeddings {path}: run the rule embed")
    table = pd.read_parquet(path).sort_values(["eid", "section"], kind="stable")
    vectors = pd.DataFrame(np.stack(table["vector"].to_list()).astype(float), index=table["eid"].to_numpy())
    split = table.drop_duplicates("eid").set_index("eid")["split"]
    return vectors.groupby(level=0).mean(), split


def whitened(features_nf: np.ndarray, train_n: np.ndarray, most: int) -> np.ndarray:
    """The strongest principal components (participants, components) of training, with mean 0 and variance 1 in it."""
    centred = features_nf - features_nf[train_n].mean(axis=0)
    _, spread, axes = np.linalg.svd(centred[train_n], full_matrices=False)
    kept = (spread > 1e-9 * spread.max(initial=0.0))[:most].sum()
    scores: np.ndarray = centred @ axes[:kept].T * (np.sqrt(train_n.sum()) / spread[:kept])
    return scores


def canonical(
    first_nf: np.ndarray, second_nf: np.ndarray, train_n: np.ndarray, most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Canonical variates of two embeddings (participants, directions) each, and their correlations in training.

    Args:
        first_nf: (participants, features).
        second_nf: (participants, features), of the same participants.
        train_n: (participants,) bool, to whom the directions are fitted.
        most: principal components of each that are rotated.
    """
    first, second = (whitened(each, train_n, most) for each in (first_nf, second_nf))
    left, found, right = np.linalg.svd(first[train_n].T @ second[train_n] / train_n.sum(), full_matrices=False)
    return first @ left, second @ right.T, found


def compare(first_nf: np.ndarray, second_nf: np.ndarray, split_n: np.ndarray) -> Iterator[dict[str, object]]:
    """A row per direction, the most alike in training first; one row with a note where people are too few."""
    train, test = split_n == "train", split_n == "test"
    most = min(MOST, int(train.sum()) // PEOPLE_PER_COMPONENT)
    about = {"n_train": int(train.sum()), "n_test": int(test.sum())}
    if most < 1 or test.sum() < SMALLEST_COUNT:
        yield {**about, "note": FEW}
        return
    one, other, fitted = canonical(first_nf, second_nf, train, most)
    reach = float(ndtri((1 + LEVEL) / 2)) / np.sqrt(test.sum() - 3)
    for place in range(len(fitted)):
        value = float(np.corrcoef(one[test, place], other[test, place])[0, 1])
        low, high = np.tanh(np.arctanh(np.clip(value, -1 + 1e-12, 1 - 1e-12)) + reach * np.array([-1, 1]))
        row = {"direction": place + 1, "directions": len(fitted), "train": float(fitted[place])}
        yield {**about, **row, "value": value, "low": float(low), "high": float(high)}


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--embeddings", nargs="+", required=True, metavar="SEED=FILE", help="embeddings of each seed")
    parser.add_argument("--output", required=True, type=Path, help="CSV to write")
    args = parser.parse_args(arguments)
    found = {seed: read_embeddings(path) for seed, path in cli.named_files(args.embeddings, "--embeddings").items()}
    rows: list[dict[str, object]] = [{"note": ONE_SEED}] if len(found) == 1 else []
    for first, second in itertools.combinations(found, 2):
        (one, split), (other, _) = found[first], found[second]
        if not one.index.equals(other.index):
            raise UserError(f"the embeddings of seeds {first} and {second} hold different participants; embed again")
        rows += [
            {"first": first, "second": second, **row}
            for row in compare(one.to_numpy(), other.to_numpy(), split.reindex(one.index).to_numpy())
        ]
    with replacing(args.output) as path:
        pd.DataFrame(rows).reindex(columns=COLUMNS).to_csv(path, index=False)


if __name__ == "__main__":
    cli.run(main)
