"""Many linear regressions at once: each outcome on each trait, adjusted for covariates.

For one trait, all outcomes share a design and can be computed by one matrix product; with complete outcomes, a study of
42,000 people, 200 outcomes and 126 traits takes a few seconds. Outcomes with the same missing people are handled
together.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import scipy  # its parts are imported where they are first used

LEVEL = 0.95
MEDIAN_CHI2 = 0.454936423119573  # of one degree of freedom
_LEAST_VARIANCE = 1e-8  # variance of a standardised trait that covariates leave unexplained


def standard(values: np.ndarray) -> np.ndarray:
    """Mean 0 and SD 1 (n - 1) along the first axis; NaN throughout if nothing varies."""
    spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.full(values.shape[1:], np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((values - values.mean(axis=0)) / np.where(spread > 1e-12, spread, np.nan))


def regress(outcomes_nd: np.ndarray, trait_n: np.ndarray, covariates_nk: np.ndarray) -> np.ndarray:
    """The trait's coefficient in a regression of each outcome on trait, covariates and a constant.

    Args:
        outcomes_nd: (people, outcomes), complete.
        trait_n: (people,), complete.
        covariates_nk: (people, covariates), complete.

    Returns:
        (5, outcomes): effect in SD of the outcome per SD of the trait, its 95 % interval's low and high, two-sided p of
        Student's t, and t itself; NaN where the trait does not vary beside the covariates, or people are too few.
    """
    n = len(trait_n)
    unknown = np.full((5, outcomes_nd.shape[1]), np.nan)
    design = np.column_stack([np.ones(n), covariates_nk])
    axes, spread, _ = np.linalg.svd(design, full_matrices=False) if n else (design, np.zeros(0), None)
    axes = axes[:, spread > 1e-10 * spread.max(initial=0.0)]
    freedom = n - axes.shape[1] - 1
    if freedom < 1:
        return unknown
    trait = standard(trait_n)
    rest = trait - axes @ (axes.T @ trait)
    own = float(rest @ rest)
    if not own / n > _LEAST_VARIANCE:  # NaN too
        return unknown
    outcomes = standard(outcomes_nd)
    effect = (rest @ outcomes) / own
    # sums of squares of the outcome, minus what covariates explain, minus what the trait explains of the rest
    squares = (n - 1) - ((axes.T @ outcomes) ** 2).sum(axis=0) - effect**2 * own
    error = np.sqrt(np.maximum(squares, 0) / freedom / own)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = effect / error
    half = float(scipy.stats.t.ppf((1 + LEVEL) / 2, freedom)) * error
    return np.stack([effect, effect - half, effect + half, 2 * scipy.stats.t.sf(np.abs(t), freedom), t])


def _gaps(outcomes_nd: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Columns that are known for the same people, and those people."""
    known = ~np.isnan(outcomes_nd)
    patterns, member = np.unique(known, axis=1, return_inverse=True)
    for place in range(patterns.shape[1]):
        yield np.flatnonzero(member.ravel() == place), patterns[:, place]


def scan(
    outcomes_nd: np.ndarray, traits_nm: np.ndarray, covariates_nk: np.ndarray, leave: Sequence[Sequence[int]] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Every outcome on every trait, over the people for whom both and all covariates are known.

    Args:
        outcomes_nd: (people, outcomes), NaN where unknown.
        traits_nm: (people, traits), NaN where unknown.
        covariates_nk: (people, covariates), NaN where unknown.
        leave: for each trait, covariates with the same information, which are left out; none by default.

    Returns:
        (5, traits, outcomes) as `regress`, and the number of people (traits, outcomes).
    """
    found = np.full((5, traits_nm.shape[1], outcomes_nd.shape[1]), np.nan)
    counts = np.zeros(found.shape[1:], int)
    groups = list(_gaps(outcomes_nd))
    for place in range(traits_nm.shape[1]):
        without = set(leave[place]) if leave else set()
        covariates = covariates_nk[:, [c for c in range(covariates_nk.shape[1]) if c not in without]]
        usable = ~np.isnan(traits_nm[:, place]) & ~np.isnan(covariates).any(axis=1)
        for columns, known in groups:
            rows = np.flatnonzero(usable & known)
            chosen = outcomes_nd[np.ix_(rows, columns)]
            found[:, place, columns] = regress(chosen, traits_nm[rows, place], covariates[rows])
            counts[place, columns] = len(rows)
    return found, counts


def false_discovery(p: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg's adjusted p values of any shape; NaN are not counted and stay NaN."""
    adjusted = np.full(p.shape, np.nan)
    known = np.isfinite(p)
    if known.any():
        adjusted[known] = scipy.stats.false_discovery_control(p[known])
    return adjusted


def inflation(p: np.ndarray) -> float:
    """Genomic-control lambda: the median of the p values' chi-squares over the median without any association."""
    known = p[np.isfinite(p)]
    return float(np.median(scipy.stats.chi2.isf(known, 1)) / MEDIAN_CHI2) if known.size else float("nan")


def permuted_inflation(
    outcomes_nd: np.ndarray, traits_nm: np.ndarray, covariates_nk: np.ndarray, count: int, seed: int
) -> float:
    """Lambda without any association: the rows of the traits are permuted among the people several times."""
    generator = np.random.default_rng(seed)
    orders = [generator.permutation(len(traits_nm)) for _ in range(count)]
    p = [scan(outcomes_nd, traits_nm[order], covariates_nk)[0][3] for order in orders]
    return inflation(np.concatenate([each.ravel() for each in p])) if p else float("nan")


def rank_normal(values: np.ndarray) -> np.ndarray:
    """Rank-based inverse normal transform (Blom: (rank - 3/8) / (n + 1/4)) of (n,); ties share a rank, NaN stay NaN."""
    known = np.isfinite(values)
    ranks = scipy.stats.rankdata(values[known])
    found = np.full(len(values), np.nan)
    found[known] = scipy.stats.norm.ppf((ranks - 0.375) / (known.sum() + 0.25))
    return found
