"""Embeddings and their t-SNE map: shared by figures 2, 3 and 4."""

from pathlib import Path

import numpy as np
import pandas as pd

from vita.runtime.errors import UserError

COMPONENTS = 50  # principal components that t-SNE sees, as its authors advise for speed
PERPLEXITY = 30
FEWEST = 5


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
    spread = vectors.std(axis=0)
    standard = (vectors - vectors.mean(axis=0)) / np.where(spread > 0, spread, 1)
    components = PCA(min(COMPONENTS, *standard.shape), random_state=seed).fit_transform(standard)
    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    position: np.ndarray = TSNE(init="pca", perplexity=perplexity, random_state=seed).fit_transform(components)
    return position
