"""One split into train, val and test for every stage and task: balanced, and steady when people come or go.

Every participant has a number between 0 and 1, a hash of the seed and the id. A stratum is the participant's rarest
disease (rarest first: infarct, stroke, diabetes, cad, high_blood_pressure, hypertension), or for those without any,
sex and age band. Diseases are the paper's; the config's `labels` have no part in the split (see vita.cohort.strata).
The test split is everybody whose number, divided by the stratum's weight, is below the fraction. The weight is 1
unless too few of the stratum would be in the test split (below 0.7 of the expected number for a disease, 0.5 for the
others); then it is the first step of a ladder upwards that mends this. The validation split is chosen among the others
in the same way with an independent hash.

Why not exact shares: a share that is exact for everybody at once must move somebody when one person leaves. A hash
alone moves nobody but leaves rare diseases to chance. This is the hash, with a floor.

What this guarantees:
    * a participant's split depends on the others only through the stratum's weight. Where a stratum expects 100
      people in a split, the weight is 1 (a shortfall of 0.3 is more than 3 standard deviations), and nobody moves when
      people withdraw or are added. In a cohort of 800 about one withdrawal in 40 lifts a stratum over the floor or
      drops it below, and then a few of its people move;
    * each disease's stratum has at least 0.7 of its expected number in val and test. Cases of a disease who have a
      rarer one too are in that one's stratum, by chance alone; in simulated cohorts of 800 with 72 cases or more,
      where 14 are expected in a test split of 160, 10 were there in 509 of 510;
    * the shares themselves vary by chance: a fifth of 800 is 160 +- 10, of 40,000 it is 8,000 +- 80;
    * with a number instead of a fraction (`test: 1000`) the test split has exactly so many: those with the smallest
      numbers. If one of them withdraws, the next in line takes the place.
All scans of a participant are in one split, since the split is by `eid`.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from vita.cohort.icd10 import load_code_lists
from vita.cohort.reading import EID
from vita.cohort.strata import HEALTHY, participants
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.runtime.errors import UserError

LOG = logging.getLogger(__name__)
FLOOR = 0.7  # of the expected number of a disease's people that must be in val and in test
HEALTHY_FLOOR = 0.5
_FEW = 4  # a stratum of so many people has at least one in val and test, also in a tiny cohort
_LADDER = tuple(1.12**step for step in range(17))
_FEWEST = 2  # somebody to train on and somebody to judge by


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of `python -m vita.cohort.split`."""
    parser = cli.parser(__doc__)
    parser.add_argument("--fields", type=Path, help="fields.parquet; leave out for a run from scans alone")
    parser.add_argument("--diagnoses", type=Path, help="diagnoses.parquet; leave out for a run from scans alone")
    parser.add_argument("--icd10", type=Path, help="code lists of the strata, icd10.tsv; goes with --diagnoses")
    parser.add_argument("--exclusions", required=True, type=Path, help="exclusions.parquet")
    parser.add_argument("--index", required=True, type=Path, help="images/index.parquet")
    parser.add_argument("--output", required=True, type=Path, help="split.parquet")
    cli.add_settings(parser, "seed and block split of config.yaml")
    args = parser.parse_args(arguments)
    if (args.diagnoses is None) != (args.icd10 is None):
        raise UserError("--diagnoses and --icd10 go together: give both or neither")
    lists = load_code_lists(args.icd10) if args.icd10 else None
    people = participants(args.index, args.exclusions, args.fields, args.diagnoses, lists)
    split = make_split(people, args.settings)
    with replacing(args.output) as path:
        split.write_parquet(path, compression="zstd")
    for name, count in split.group_by("split").len().sort("split").iter_rows():
        LOG.info("%s: %d participants", name, count)


def make_split(people: pl.DataFrame, settings: Mapping[str, Any]) -> pl.DataFrame:
    """Assign train, val and test.

    Args:
        people: `eid`, `stratum`.
        settings: `seed`, and block `split` with `val` and `test`, each a fraction below 1 or a number of people.

    Returns:
        `eid`, `split`, sorted by `eid`.

    Raises:
        UserError: a size is not possible.
    """
    seed = settings.get("seed", 0)
    block = settings.get("split") or {}
    eids, strata = people[EID].to_numpy(), people["stratum"].to_numpy()
    sizes = {name: _size(block.get(name, default), name) for name, default in (("test", 0.2), ("val", 0.15))}
    wanted = {name: size if size >= 1 else size * len(eids) for name, size in sizes.items()}
    if len(eids) < _FEWEST or sum(wanted.values()) >= len(eids):
        raise UserError(
            f"config split: val and test want {sum(wanted.values()):g} of {len(eids)} participants; "
            "make them smaller, so that some are left to train on"
        )
    test = choose(_uniform(eids, f"{seed} test"), strata, sizes["test"])
    val = np.zeros_like(test)
    rest = ~test
    # of those not in test; rounded, so that with a number of test participants one withdrawal does not shift it
    others = 1 - round(_fraction(sizes["test"], len(eids)), 3)
    share = sizes["val"] if sizes["val"] >= 1 else sizes["val"] / others
    val[rest] = choose(_uniform(eids[rest], f"{seed} val"), strata[rest], share)
    names = np.where(test, "test", np.where(val, "val", "train"))
    return pl.DataFrame({EID: eids, "split": names}).sort(EID)


def choose(numbers: np.ndarray, strata: np.ndarray, size: float) -> np.ndarray:
    """Choose a share (size below 1) or so many participants, balanced over strata.

    Args:
        numbers: (n,) hash of each participant, uniform in 0..1.
        strata: (n,) stratum of each.
        size: fraction or count.

    Returns:
        (n,) bool.
    """
    fraction = _fraction(size, len(numbers))
    keys = numbers.copy()
    for stratum in np.unique(strata):
        own = strata == stratum
        floor = HEALTHY_FLOOR if str(stratum).startswith(HEALTHY) else FLOOR
        keys[own] /= _weight(numbers[own], fraction, floor)
    if size < 1:
        return keys < fraction
    chosen = np.zeros(len(keys), bool)
    chosen[np.argsort(keys, kind="stable")[: int(size)]] = True
    return chosen


def _weight(numbers: np.ndarray, fraction: float, floor: float) -> float:
    """The first step of the ladder at which a stratum is not short; the last one if it always is."""
    least = max(np.floor(floor * fraction * len(numbers)), min(1, len(numbers) // _FEW))
    return next((weight for weight in _LADDER if (numbers < fraction * weight).sum() >= least), _LADDER[-1])


def _fraction(size: float, people: int) -> float:
    return size if size < 1 else size / people


def _size(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0 or (value >= 1 and value % 1):
        raise UserError(f"config split.{name}: {value!r} is neither a fraction below 1 nor a whole number of people")
    return value


def _uniform(eids: np.ndarray, key: str) -> np.ndarray:
    """A number in 0..1 of each id that depends on the key and the id alone, on every machine."""
    digests = (hashlib.blake2b(f"{key} {eid}".encode(), digest_size=8).digest() for eid in eids)
    return np.fromiter((int.from_bytes(d, "big") / 2**64 for d in digests), float, count=len(eids))


if __name__ == "__main__":
    cli.run(main)
