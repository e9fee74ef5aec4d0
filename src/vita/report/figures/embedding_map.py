"""Embeddings and their t-SNE map: shared by figures 2, 3 and 4."""

from pathlib import Path

import numpy as np
import pandas as pd

from vita.runtime.errors import UserError

COMPONENTS = 50  # principal components that t-SNE sees, as its authors advise for speed
PERPLEXITY = 30
FEWEST = 5
FEWEST_SECTIONS = 3  # two sections are a line there and back
ORDERS = 999  # random orders of each participant's sections
FEWEST_EXPLAINED = 5  # people for each value that is to explain their vectors
TINY = 1e-12


def read_sections(path: Path, split: str | None = None) -> tuple[pd.DataFrame, np.ndarray]:
    """Embeddings of temporal sections.

    Args:
        path: embeddings file.
        split: only this split; None for all.

    Returns:
        `eid`, `section` sorted by both, and their vectors (rows, width) float32.

    Raises:
        UserError: the file is missing, is not an embeddings file, or has no row of the split.
    """
    if not path.is_file():
        raise UserError(f"no embeddings file {path}: run the rule that embeds the participants")
    table = pd.read_parquet(path)
    missing = [name for name in ("eid", "split", "section", "vector") if name not in table.columns]
    if missing:
        raise UserError(f"{path} is not an embeddings file: it has no column {', '.join(missing)}")
    table = table if split is None else table[table["split"] == split]
    if table.empty:
        raise UserError(f"{path} has no row" + (f" with split {split!r}" if split else ""))
    table = table.sort_values(["eid", "section"], kind="stable").reset_index(drop=True)
    return table[["eid", "section"]], np.stack(table["vector"].to_numpy()).astype(np.float32)


def participants(sections: pd.DataFrame, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean vector of each participant over its sections: eid (n,) ascending and (n, width) float32."""
    eid, place = np.unique(sections["eid"].to_numpy(), return_inverse=True)
    sums = np.zeros((len(eid), vectors.shape[1]), np.float32)
    np.add.at(sums, place, vectors)
    return eid, sums / np.bincount(place)[:, None].astype(np.float32)


def choose(eid: np.ndarray, limit: int, seed: int) -> np.ndarray:
    """At most `limit` of the participants (n,), a random choice in ascending order."""
    if len(eid) <= limit:
        return eid
    return np.sort(np.random.default_rng(seed).choice(eid, limit, replace=False))


def embed(vectors: np.ndarray, seed: int) -> np.ndarray:
    """t-SNE of (n, width) standardised vectors to (n, 2).

    Raises:
        UserError: there are fewer than five vectors.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    if len(vectors) < FEWEST:
        raise UserError(f"t-SNE needs at least {FEWEST} embeddings, there are {len(vectors)}")
    standard = _standardised(vectors)
    components = PCA(min(COMPONENTS, *standard.shape), random_state=seed).fit_transform(standard)
    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    position: np.ndarray = TSNE(init="pca", perplexity=perplexity, random_state=seed).fit_transform(components)
    return position


def same_as_nearest(vectors: np.ndarray, labels: np.ndarray, others: np.ndarray | None = None) -> np.ndarray:
    """Whether the nearest other vector has the same label: (n,) bool.

    Args:
        vectors: (n, width), n at least 2.
        labels: (n,) what is compared.
        others: (n,) only vectors with another value here count as neighbours; None counts all but the vector itself.
    """
    from sklearn.metrics import pairwise_distances_chunked

    found = np.zeros(len(vectors), bool)

    def nearest(distance: np.ndarray, start: int) -> np.ndarray:
        rows = np.arange(start, start + len(distance))
        distance[np.arange(len(distance)), rows] = np.inf
        if others is not None:
            distance[others[rows][:, None] == others] = np.inf
        places: np.ndarray = np.argmin(distance, axis=1)
        return places

    start = 0
    for places in pairwise_distances_chunked(vectors, reduce_func=nearest):
        found[start : start + len(places)] = labels[places] == labels[start : start + len(places)]
        start += len(places)
    return found


def closing(path_sw: np.ndarray) -> float:
    """Distance from the last section of a cycle to the first, over the median of the other steps.

    NaN of fewer than three sections.
    """
    if len(path_sw) < FEWEST_SECTIONS:
        return float("nan")
    steps = np.linalg.norm(np.diff(path_sw, axis=0), axis=1)
    return float(np.linalg.norm(path_sw[-1] - path_sw[0]) / max(float(np.median(steps)), TINY))


def winds_once(path_sw: np.ndarray) -> float:
    """1 if a closed path goes around its mean exactly once in the plane of its first two principal components, else 0.

    NaN of fewer than three sections. The winding number is the sum of the angles between consecutive sections.
    """
    if len(path_sw) < FEWEST_SECTIONS:
        return float("nan")
    return float(_around(_angles(path_sw)[None])[0])


def winds_by_chance(paths_psw: list[np.ndarray], seed: int) -> tuple[np.ndarray, float]:
    """How many paths wind once around if each has its sections in a random order.

    Args:
        paths_psw: of each participant, (sections, width).
        seed: of the orders.

    Returns:
        (participants,) share of each one's random orders that wind once around; and the p value of the observed share
        among those of `ORDERS` sets of random orders, one-sided. NaN of fewer than three sections.
    """
    if any(len(path) < FEWEST_SECTIONS for path in paths_psw):
        return np.full(len(paths_psw), np.nan), float("nan")
    orders = np.random.default_rng(seed)
    chance_po = np.empty((len(paths_psw), ORDERS))
    observed = 0.0
    for place, path in enumerate(paths_psw):
        angles = _angles(path)
        observed += float(_around(angles[None])[0])
        chance_po[place] = _around(orders.permuted(np.tile(angles, (ORDERS, 1)), axis=1))
    as_many = int((chance_po.sum(axis=0) >= observed).sum())
    return chance_po.mean(axis=1), (1 + as_many) / (1 + ORDERS)


def _angles(path_sw: np.ndarray) -> np.ndarray:
    """(sections,) angles around the mean, in the plane of the first two principal components."""
    centred = path_sw - path_sw.mean(axis=0)
    directions = np.linalg.svd(centred, full_matrices=False)[2][:2]
    x, y = (centred @ directions.T).T
    angles: np.ndarray = np.arctan2(y, x)
    return angles


def _around(angles_os: np.ndarray) -> np.ndarray:
    """(orders,) bool, whether closed paths with these angles go around exactly once."""
    turn = np.angle(np.exp(1j * np.diff(angles_os, axis=1, append=angles_os[:, :1])))
    once: np.ndarray = np.abs(np.rint(turn.sum(axis=1) / (2 * np.pi))) == 1
    return once


def first_two_components(vectors: np.ndarray) -> float:
    """Share of the variance of standardised vectors (n, width) in their first two principal components."""
    singular = np.linalg.svd(_standardised(vectors), compute_uv=False)
    return float((singular[:2] ** 2).sum() / max(float((singular**2).sum()), TINY))


def explained_by(vectors: np.ndarray, values: np.ndarray, seed: int) -> float:
    """Share of the variance of standardised vectors (n, width) that a linear function of some values (n, k) explains.

    It is computed for people to whom the function was not fitted, in five folds; it is at most 0 for uninformative
    values. Rows with an unknown value are left out; NaN where fewer than `FEWEST_EXPLAINED` for each value are left.
    """
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import KFold, cross_val_predict

    known = np.isfinite(values).all(axis=1)
    if known.sum() < FEWEST_EXPLAINED * values.shape[1]:
        return float("nan")
    standard = _standardised(vectors[known])
    folds = KFold(5, shuffle=True, random_state=seed)
    errors = standard - cross_val_predict(LinearRegression(), values[known], standard, cv=folds)
    return float(1 - (errors**2).sum() / max(float((standard**2).sum()), TINY))


def _standardised(vectors: np.ndarray) -> np.ndarray:
    spread = vectors.std(axis=0)
    scores: np.ndarray = (vectors - vectors.mean(axis=0)) / np.where(spread > 0, spread, 1)
    return scores
