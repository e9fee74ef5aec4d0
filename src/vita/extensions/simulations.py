"""Whether the extensions' intervals and tests hold, in simulated worlds whose answer is known; outside of every run.

    python -m vita.extensions.simulations --output simulations.csv

A row per number, with the range it should lie in and whether it does:
    planted hazards   95 % intervals of a Cox model for each log hazard ratio that the phantom plants, in resampled
                      cohorts of 1,000 people of its world: the share that holds the planted value, over all of them
                      (at least 93 %) and for each (at least 90 %)
    coverage          conformal 90 % intervals by sex and age over 20 splits, where errors differ threefold between
                      groups: lowest and highest coverage of groups with at least 100 people (87 to 93 %)
    lambda            genomic-control lambda of 1,000 permuted traits with covariates (0.95 to 1.05)
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from vita.extensions.outcomes import CENSORED, DAYS_PER_YEAR, DEATH, DISEASE
from vita.extensions.timed_metrics import Followed
from vita.runtime import cli
from vita.runtime.atomic import replacing

log = logging.getLogger(__name__)
COHORTS = 100
PEOPLE = 1000
TRAITS, PERMUTATIONS = 20, 50
LARGE = 100  # people, of a group whose coverage is asked for
COLUMNS = ["simulation", "number", "value", "least", "most", "holds"]


def cohort(seed: int, n: int = PEOPLE) -> tuple[pd.DataFrame, Followed]:
    """People of the phantom's world and their years after the scan; prevalent heart failure is out.

    Args:
        seed: of the world.
        n: people, before those with heart failure are left out.
    """
    from vita.phantom import diagnoses, hazards, traits  # start-up

    rng = np.random.default_rng(seed)
    people = traits.draw_body(n, rng)
    people = people.join(diagnoses.draw_diseases(people, rng))
    people = people.join(traits.draw_heart(people, rng))
    people["imaging_date"] = pd.Timestamp("2016-01-01") + pd.to_timedelta(rng.integers(0, 1000, n), unit="D")
    people = people.join(hazards.draw_follow_up(people, rng))
    people = people[~(people["heart_failure_date"] <= people["imaging_date"])].reset_index(drop=True)
    end = people[["death_date", "lost_date"]].min(axis=1).fillna(pd.Timestamp(diagnoses.RECORD_END))
    ill = people["heart_failure_date"].notna()
    years = (people["heart_failure_date"].where(ill, end) - people["imaging_date"]).dt.days / DAYS_PER_YEAR
    event = np.where(ill, DISEASE, np.where(people["death_date"].notna(), DEATH, CENSORED))
    return people, Followed(years.to_numpy(), event)


def covered_hazards(cohorts: int, seed: int) -> pd.DataFrame:
    """Whether the 95 % interval of each planted log hazard ratio (columns) holds it in each cohort (rows)."""
    from statsmodels.duration.hazard_regression import PHReg  # start-up

    from vita.phantom import hazards

    weights = pd.Series(hazards.WEIGHTS["heart_failure"])
    rows = []
    for place in range(cohorts):
        people, known = cohort(seed + place)
        design = hazards.scores(people)[list(weights.index)].to_numpy()
        low, high = PHReg(known.years, design, status=known.ill).fit().conf_int().T
        rows.append((low <= weights.to_numpy()) & (weights.to_numpy() <= high))
    return pd.DataFrame(rows, columns=weights.index)


def conformal_coverage(seed: int) -> pd.DataFrame:
    """Coverage by sex and age of 1,600 people whose errors have heavy tails and grow with age, and more in men."""
    from vita.extensions.conformal import of_file  # start-up

    rng, n = np.random.default_rng(seed), 1600
    people = pd.DataFrame({"eid": np.arange(n), "sex": rng.integers(0, 2, n), "age": rng.integers(46, 83, n)})
    truth = rng.normal(150, 30, n)
    spread = 5 + 10 * people["sex"] + 0.3 * (people["age"] - 46)
    rows = people[["eid"]].assign(truth=truth, prediction=truth + spread * rng.standard_t(4, n))
    rows = rows.assign(target="LVEDV", **{"class": -1})
    targets = pd.DataFrame({"target": ["LVEDV"], "title": ["LVEDV"], "unit": ["mL"], "kind": ["numerical"]})
    return of_file(rows, targets, people, seed)


def permuted_lambda(seed: int) -> float:
    """Genomic-control lambda of TRAITS x PERMUTATIONS permuted traits, on which outcomes depend in their old order."""
    from vita.extensions.regressions import permuted_inflation  # start-up

    rng = np.random.default_rng(seed)
    covariates = rng.standard_normal((300, 3))
    traits = rng.standard_normal((300, TRAITS)) + 0.5 * covariates[:, :1]
    outcomes = 0.3 * traits @ rng.standard_normal((TRAITS, 30)) + rng.standard_normal((300, 30)) + covariates[:, 1:2]
    return permuted_inflation(outcomes, traits, covariates, PERMUTATIONS, seed)


def simulate(cohorts: int, seed: int) -> Iterator[dict[str, object]]:
    """A row per number, see the module's docstring."""

    def row(simulation: str, number: str, value: float, least: float, most: float) -> dict[str, object]:
        log.info("%s, %s: %.3f", simulation, number, value)
        values = (simulation, number, value, least, most, bool(least <= value <= most))
        return dict(zip(COLUMNS, values, strict=True))

    covered = covered_hazards(cohorts, seed).mean()
    yield row("planted hazards", "all", float(covered.mean()), 0.93, 1)
    for name, share in covered.items():
        yield row("planted hazards", str(name), float(share), 0.9, 1)
    found = conformal_coverage(seed)
    large = found.loc[found["n"] >= LARGE, "coverage"]
    yield row("coverage", "lowest of groups", float(large.min()), 0.87, 0.93)
    yield row("coverage", "highest of groups", float(large.max()), 0.87, 0.93)
    yield row("lambda", "permuted traits", permuted_lambda(seed), 0.95, 1.05)


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--cohorts", type=int, default=COHORTS, help=f"cohorts with planted hazards, {COHORTS}")
    parser.add_argument("--seed", type=int, default=0, help="of the worlds, 0")
    parser.add_argument("--output", required=True, type=Path, help="CSV to write")
    args = parser.parse_args(arguments)
    table = pd.DataFrame(simulate(args.cohorts, args.seed))
    with replacing(args.output) as path:
        table.to_csv(path, index=False)


if __name__ == "__main__":
    cli.run(main)
