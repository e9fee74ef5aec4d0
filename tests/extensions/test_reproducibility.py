"""Directions over seeds: canonical correlations as scikit-learn's, measured where nothing was fitted, and one seed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.cross_decomposition import CCA

from vita.extensions import reproducibility
from vita.runtime.errors import UserError

N = 400
SPLIT = np.array(["train"] * 250 + ["val"] * 50 + ["test"] * 100)


def features(seed: int, shared: np.ndarray, size: int = 6) -> np.ndarray:
    """An embedding that holds what is shared, rotated, beside noise of its own."""
    rng = np.random.default_rng(seed)
    own = np.hstack([shared, rng.standard_normal((N, size - shared.shape[1]))])
    return own @ np.linalg.qr(rng.standard_normal((size, size)))[0] + 0.2 * rng.standard_normal((N, size))


@pytest.fixture
def shared() -> np.ndarray:
    return 2 * np.random.default_rng(9).standard_normal((N, 2))


def test_variates_are_those_of_scikit_learn(shared: np.ndarray) -> None:
    one, other, train = features(1, shared), features(2, shared), SPLIT == "train"
    first, second, found = reproducibility.canonical(one, other, train, most=6)
    peer = CCA(2, scale=False, max_iter=5000, tol=1e-12).fit(one[train], other[train])
    theirs = peer.transform(one, other)
    for place in range(2):
        expected = np.corrcoef(theirs[0][train, place], theirs[1][train, place])[0, 1]
        assert found[place] == pytest.approx(expected, abs=1e-5)
        for own, their in ((first, theirs[0]), (second, theirs[1])):
            assert abs(np.corrcoef(own[:, place], their[:, place])[0, 1]) == pytest.approx(1, abs=1e-4)
    assert np.corrcoef(first[train].T) == pytest.approx(np.eye(6), abs=1e-9)


def test_what_is_shared_is_found_on_the_test_split_and_noise_is_not(shared: np.ndarray) -> None:
    rows = pd.DataFrame(reproducibility.compare(features(1, shared), features(2, shared), SPLIT))
    assert rows["direction"].tolist() == [1, 2, 3, 4, 5, 6]
    assert rows.loc[:1, "value"].min() > 0.95
    assert rows.loc[2:, "value"].abs().max() < 0.3
    assert rows.loc[2, "train"] > rows.loc[2, "value"]  # fitted, it looks better than it is
    assert (rows["low"] < rows["value"]).all()
    # Fisher's z: 1.96 / sqrt(100 - 3)
    half = np.arctanh(rows["high"]) - np.arctanh(rows["value"])
    assert half.to_numpy() == pytest.approx(1.959964 / np.sqrt(97), rel=1e-5)
    assert rows["n_test"].unique().tolist() == [100]


def test_people_outside_training_change_no_direction(shared: np.ndarray) -> None:
    one, other, train = features(1, shared), features(2, shared), SPLIT == "train"
    before = reproducibility.canonical(one, other, train, most=4)[2]
    one[~train] += 100
    assert reproducibility.canonical(one, other, train, most=4)[2] == pytest.approx(before)


def test_few_people_limit_the_components(shared: np.ndarray) -> None:
    few = np.where(np.arange(N) < 35, "train", np.where(np.arange(N) < 60, "test", "val"))
    rows = list(reproducibility.compare(features(1, shared), features(2, shared), few))
    assert len(rows) == 3
    none = np.where(np.arange(N) < 35, "train", "val")
    assert [row["note"] for row in reproducibility.compare(shared, shared, none)] == [reproducibility.FEW]


def write(path: Path, vectors_nf: np.ndarray, eids: np.ndarray) -> str:
    """Embeddings with two sections, whose mean is the vector."""
    table = pd.DataFrame({"eid": eids.repeat(2), "split": SPLIT.repeat(2), "section": [0, 1] * N})
    shift = np.tile([[1.0], [-1.0]], (N, 1))
    table["vector"] = list((vectors_nf.repeat(2, axis=0) + shift).astype(np.float32))
    table.to_parquet(path)
    return str(path)


def test_every_pair_of_seeds_has_rows(tmp_path: Path, shared: np.ndarray) -> None:
    eids = np.arange(N) + 1_000_000
    order = np.random.default_rng(0).permutation(N)
    paths = [f"{seed}={write(tmp_path / f'{seed}.parquet', features(seed, shared), eids)}" for seed in (7, 8, 9)]
    reproducibility.main(["--embeddings", *paths, "--output", str(tmp_path / "out.csv")])
    table = pd.read_csv(tmp_path / "out.csv")
    assert list(table.columns) == reproducibility.COLUMNS
    pairs = table[["first", "second"]].drop_duplicates().to_numpy().tolist()
    assert pairs == [[7, 8], [7, 9], [8, 9]]
    expected = [row["value"] for row in reproducibility.compare(features(7, shared), features(8, shared), SPLIT)]
    assert table.loc[:5, "value"].to_numpy() == pytest.approx(expected, abs=1e-4)
    other = write(tmp_path / "other.parquet", features(3, shared), eids[order] + 1)
    with pytest.raises(UserError, match="different participants"):
        reproducibility.main(["--embeddings", paths[0], f"3={other}", "--output", str(tmp_path / "out.csv")])
    with pytest.raises(UserError, match="run the rule embed"):
        reproducibility.main(["--embeddings", f"3={tmp_path / 'none'}", "--output", str(tmp_path / "out.csv")])


def test_one_seed_is_a_note(tmp_path: Path, shared: np.ndarray) -> None:
    path = write(tmp_path / "a.parquet", shared, np.arange(N))
    reproducibility.main(["--embeddings", f"7={path}", "--output", str(tmp_path / "out.csv")])
    assert pd.read_csv(tmp_path / "out.csv")["note"].tolist() == [reproducibility.ONE_SEED]
