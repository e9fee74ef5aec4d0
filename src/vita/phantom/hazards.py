"""After the scan: heart failure, death and loss to follow-up, each with a hazard that depends on the traits.

Hazards are constant in time and proportional: rate x exp(weights . scores), so that times are exponential and a Cox
model without the traits' other effects is right. Heart failure before the scan affects some people at random. Follow-up
ends with the first of heart failure, death, loss to follow-up and the end of the hospital records.
"""

import numpy as np
import pandas as pd

from vita.phantom.diagnoses import RECORD_END

PREVALENT = 0.03
_DAYS_A_YEAR = 365.25
# events per person and year if all scores are 0; higher than in real people, so that a small test split has some
RATES = {"heart_failure": 0.03, "death": 0.01, "lost": 0.003}
# log hazard ratios of scores, see `scores`
WEIGHTS = {
    "heart_failure": {"age": 0.5, "smokes": 0.4, "pressure": 0.3, "ejection": -0.7, "atrium": 0.35},
    "death": {"age": 0.7, "smokes": 0.5, "ejection": -0.2},
    "lost": {},
}


def scores(people: pd.DataFrame) -> pd.DataFrame:
    """Variables of the hazards: standard scores at about the cohort's spread, and 0 or 1 for smoking.

    Args:
        people: columns of `traits.draw_body` and `traits.draw_heart`.

    Returns:
        Columns age, smokes, pressure, ejection (of the left ventricle) and atrium (its largest volume for the body's
        size).
    """
    ejection = 100 * people["lvsv"] / people["lvedv"]
    return pd.DataFrame(
        {
            "age": (people["age"] - 64) / 7.7,
            "smokes": (people["smoking"] > 0).astype(float),
            "pressure": people["pressure_z"],
            "ejection": (ejection - 62) / 8,
            "atrium": (people["la_max"] / people["bsa_m2"] - 37) / 9,
        }
    )


def log_hazard(people: pd.DataFrame, event: str) -> np.ndarray:
    """The part (n,) of the log hazard that differs between people."""
    found = scores(people)
    return np.asarray(sum((weight * found[name] for name, weight in WEIGHTS[event].items()), np.zeros(len(people))))


def draw_follow_up(people: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The observed follow-up of all people after the scan.

    Args:
        people: columns of `draw_body` and `draw_heart`, and `imaging_date`.
        rng: random numbers.

    Returns:
        `heart_failure_date`, `death_date`, `lost_date` (datetime64, missing if it is not observed).
    """
    n = len(people)
    scan = people["imaging_date"].to_numpy().astype("datetime64[D]")
    days = {
        event: 1 + _DAYS_A_YEAR * rng.exponential(1.0, n) / (rate * np.exp(log_hazard(people, event)))
        for event, rate in RATES.items()
    }
    left = (np.datetime64(RECORD_END) - scan).astype(float)
    last = np.minimum.reduce([left, days["death"], days["lost"]])
    before = rng.random(n) < PREVALENT
    failure = np.where(before, -rng.uniform(30, 3000, n), days["heart_failure"])
    seen = {
        "heart_failure_date": (failure, failure < last),
        "death_date": (days["death"], days["death"] <= np.minimum(left, days["lost"])),
        "lost_date": (days["lost"], days["lost"] < np.minimum(left, days["death"])),
    }
    return pd.DataFrame(
        {
            name: pd.Series(scan + np.floor(day).astype("timedelta64[D]"), index=people.index).where(pd.Series(where))
            for name, (day, where) in seen.items()
        }
    )
