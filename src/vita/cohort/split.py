"""One split into train, val and test for every stage and task: nobody who was once tested on is ever trained on.

Every participant has a number between 0 and 1, a hash of the seed and the id. Those whose number is below
`split.held_out` are never trained on, whatever else the cohort holds: val and test are drawn from them, and everybody
else is in train.
So no release, withdrawal or new diagnosis moves anybody between train and test, in either direction.

Among those held out, test is everybody whose number, divided by the stratum's weight, is below the fraction. A stratum
is the participant's rarest disease (rarest first: infarct, stroke, diabetes, cad, high_blood_pressure, hypertension),
or for those without any, sex and age band. Diseases are the paper's; the config's `labels` play no part in the split
(see vita.cohort.strata). The weight is 1 unless too few of the stratum would be in test (below 0.7 of the expected
number for a disease, 0.5 for the others); then it is the first step of a ladder upwards that is enough, as far as
there are people of the stratum held out. Val is the rest.

What this guarantees, and what it does not:
    * between test and val people may move: where a stratum is short, or with a number (`test: 1000`), for which those
      with the smallest numbers are taken. Where a stratum expects 100 people in test its weight is 1 (a shortfall of
      0.3 is more than 3 standard deviations), and with fractions nobody moves at all;
    * each disease's stratum has at least 0.7 of its expected number in test, if so many of it are held out. In
      simulated cohorts of 800 with 72 cases or more, where 14 are expected in a test split of 160, 10 or more were.
      In a tiny cohort, by chance none of a handful of people may be held out: taking one from train would break the
      rule;
    * the shares themselves vary by chance: a fifth of 800 is 160 +- 10, of 40,000 it is 8,000 +- 80;
    * `test: 1000` is exactly 1000 people. As the cohort grows, those who leave test go to val, which has at least what
      `split.val` asks for, and more where test takes fewer than those held out;
    * another seed, or another `held_out` (by default the sum of val and test), is another split.
All scans of a participant are in one split, since the split is by `eid`.

People without labels (exclusions of the step `labels`) are in train, whatever their number: val and test, and their
sizes, are of the labelled. `--labelled` is the split of the labelled alone, which Stage III, metrics and controls read.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from vita.cohort.elsewhere import split_elsewhere
from vita.cohort.icd10 import load_code_lists
from vita.cohort.reading import EID
from vita.cohort.split_table import share_of_each
from vita.cohort.strata import HEALTHY, participants
from vita.config.blocks import check_complete, needed
from vita.config.typed import Split
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.runtime.errors import UserError

LOG = logging.getLogger(__name__)
FLOOR = 0.7  # of the expected number of a disease's people that must be in val and in test
HEALTHY_FLOOR = 0.5
_FEW = 4  # a stratum of this many people has at least one in test, if one is held out, even in a tiny cohort
_LADDER = tuple(1.12**step for step in range(17))
USUAL = {"test": 0.2, "val": 0.15}
_FEWEST = 2  # one to train on and one to be judged by


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of `python -m vita.cohort.split`."""
    parser = cli.parser(__doc__)
    parser.add_argument("--fields", type=Path, help="fields.parquet; leave out for a run from scans alone")
    parser.add_argument("--diagnoses", type=Path, help="diagnoses.parquet; leave out for a run from scans alone")
    parser.add_argument("--icd10", type=Path, help="code lists of the strata, icd10.tsv; goes with --diagnoses")
    parser.add_argument("--exclusions", required=True, type=Path, help="exclusions.parquet")
    parser.add_argument("--index", required=True, type=Path, help="images/index.parquet")
    parser.add_argument("--output", required=True, type=Path, help="split.parquet")
    parser.add_argument("--labelled", type=Path, help="the same without those whose labels nobody knows")
    cli.add_settings(parser, "seed and block split of config.yaml; block apply where trained models are applied")
    args = parser.parse_args(arguments)
    if (args.diagnoses is None) != (args.icd10 is None):
        raise UserError("--diagnoses and --icd10 go together: give both or neither")
    lists = load_code_lists(args.icd10) if args.icd10 else None
    people = participants(args.index, args.exclusions, args.fields, args.diagnoses, lists)
    applied = args.settings.get("apply")
    split = split_elsewhere(people, applied) if applied else split_everybody(people, args.settings)
    if args.labelled:
        with replacing(args.labelled) as path:
            split.join(people.filter("labelled"), on=EID, how="semi").write_parquet(path, compression="zstd")
    with replacing(args.output) as path:
        split.write_parquet(path, compression="zstd")
    for name, count in split.group_by("split").len().sort("split").iter_rows():
        LOG.info("%s: %d participants", name, count)


def split_everybody(people: pl.DataFrame, settings: Mapping[str, object]) -> pl.DataFrame:
    """The split of those with labels, and the others in train; arguments and errors as those of `make_split`.

    Args:
        people: `eid`, `stratum`, `labelled`.
        settings: as for `make_split`.

    Returns:
        `eid`, `split`, sorted by `eid`.
    """
    others = people.filter(~pl.col("labelled"))
    labelled = make_split(people.filter("labelled"), settings)
    return pl.concat([labelled, others.select(EID, split=pl.lit("train"))]).sort(EID)


def make_split(people: pl.DataFrame, settings: Mapping[str, object]) -> pl.DataFrame:
    """Assign train, val and test.

    Args:
        people: `eid`, `stratum`.
        settings: `seed`, and block `split` with `val` and `test`, each a fraction below 1 or a number of people, and
            `held_out`, the share never trained on.

    Returns:
        `eid`, `split`, sorted by `eid`.

    Raises:
        UserError: a size is not possible.
    """
    seed = needed(settings, "seed")
    block = needed(settings, "split")
    check_complete("split", block, ("val", "test", "held_out"))
    eids, strata = people[EID].to_numpy(), people["stratum"].to_numpy()
    sizes = {name: _size(block[name], name) for name in USUAL}  # type: ignore[literal-required]
    wanted = {name: size if size >= 1 else size * len(eids) for name, size in sizes.items()}
    if len(eids) < _FEWEST or sum(wanted.values()) >= len(eids):
        raise UserError(
            f"config split: val and test want {sum(wanted.values()):g} of {len(eids)} participants; "
            "lower them, so that some are left to train on"
        )
    share = held_out(block)
    numbers = share_of_each(eids, f"{seed} test")
    held = numbers < share
    if sizes["test"] >= 1 and held.sum() < sizes["test"]:
        enough = min(1.25 * sizes["test"] / len(eids), 0.9)
        raise UserError(
            f"config split.test wants {sizes['test']:g} participants, but only {held.sum()} of {len(eids)} are held "
            f"out of training, a share of {share:g}; set split.held_out to {enough:.2f}"
        )
    test = choose(numbers, strata, sizes["test"], held)
    val = held & ~test
    if max(sizes.values()) >= 1:  # with fractions val is whatever is held out, and nobody moves
        val |= _fill(numbers, ~held, round(wanted["val"]) - int(val.sum()))
    if val.sum() > 1.1 * wanted["val"] + 1 and max(sizes.values()) >= 1:
        LOG.info("val has %d people where %d were asked for: those who may once have been tested on are not trained on",
                 val.sum(), wanted["val"])  # fmt: skip
    names = np.where(test, "test", np.where(val, "val", "train"))
    return pl.DataFrame({EID: eids, "split": names}).sort(EID)


def held_out(block: Split) -> float:
    """Share of participants who are never trained on: `split.held_out`, or by default val and test together.

    A number of people would be another share in each cohort, so it counts as the usual fraction; but a number for val
    alone counts as a quarter of test, since the others of val may be trained on in another run.
    """
    test, val = (_size(block[name], name) for name in ("test", "val"))
    share = block["held_out"]
    if share is None and test >= 1:
        share = USUAL["test"] + (val if val < 1 else USUAL["val"])
    elif share is None:
        share = test + (val if val < 1 else test / 4)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share < 1:
        raise UserError(f"config split.held_out: {share!r} is not a share between 0 and 1")
    if share < test < 1:
        raise UserError(
            f"config split.held_out: {share:g} is less than split.test: {test:g}, which is drawn from it; "
            "raise the first"
        )
    return share


def _fill(numbers: np.ndarray, free: np.ndarray, count: int) -> np.ndarray:
    """As many of the free people as wanted, by the smallest numbers; they may be trained on in another run."""
    chosen = np.zeros(len(numbers), bool)
    places = np.flatnonzero(free)
    chosen[places[np.argsort(numbers[places], kind="stable")[: max(count, 0)]]] = True
    return chosen


def choose(numbers: np.ndarray, strata: np.ndarray, size: float, held: np.ndarray) -> np.ndarray:
    """Choose a share (size below 1) or a number of those held out, balanced over strata.

    Args:
        numbers: (n,) hash of each participant, uniform in 0..1.
        strata: (n,) stratum of each.
        size: fraction or count.
        held: (n,) bool, who may be chosen.

    Returns:
        (n,) bool.
    """
    fraction = _fraction(size, len(numbers))
    keys = numbers.copy()
    for stratum in np.unique(strata):
        own = strata == stratum
        floor = HEALTHY_FLOOR if str(stratum).startswith(HEALTHY) else FLOOR
        keys[own] /= _weight(numbers[own], fraction, floor)
    return (keys < fraction) & held if size < 1 else _fill(keys, held, int(size))


def _weight(numbers: np.ndarray, fraction: float, floor: float) -> float:
    """The first step of the ladder at which the stratum has enough; the last one if it never has."""
    least = max(np.floor(floor * fraction * len(numbers)), min(1, len(numbers) // _FEW))
    return next((weight for weight in _LADDER if (numbers < fraction * weight).sum() >= least), _LADDER[-1])


def _fraction(size: float, people: int) -> float:
    return size if size < 1 else size / people


def _size(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0 or (value >= 1 and value % 1):
        raise UserError(
            f"config split.{name}: {value!r} is neither a fraction below 1 nor a whole number of people; write either"
        )
    return value


if __name__ == "__main__":
    cli.run(main)
