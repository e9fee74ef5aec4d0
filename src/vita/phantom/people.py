"""The people of the phantom cohort: their traits and diseases, their UK Biobank table, and who withdrew.

Writes people.parquet (traits, which the scans are made from), a classic UK Biobank CSV (columns `31-0.0`, quoted)
and the ids of withdrawn participants, who are still in the table and among the scans, as in any real delivery. If
labels are known for a part of the people only, the ids of the others are written too.
"""

import datetime
import logging
from pathlib import Path

import numpy as np
import pandas as pd

from vita.phantom import diagnoses, hazards, traits
from vita.phantom.settings import PhantomSettings
from vita.runtime import cli
from vita.runtime.atomic import replacing, write_text

log = logging.getLogger(__name__)

PEOPLE_STREAM = 1  # apart from the streams of table.py and scans.py
FOLLOW_UP_STREAM = 7
LABELLED_STREAM = 8
FIRST_EID, EIDS = 1_000_000, 5_000_000
FIRST_SCAN, LAST_SCAN = datetime.date(2014, 6, 1), datetime.date(2020, 3, 13)


def draw_people(settings: PhantomSettings) -> pd.DataFrame:
    """Everybody of the cohort.

    Returns:
        Sorted by `eid`: the columns of `traits`, `diagnoses` and `hazards`, `imaging_date` (datetime64), and `broken`
        and `withdrawn` (nobody is both), and `labelled`: whether masks, phenotypes and disease labels are known. The
        labelled of a smaller share are among those of a larger one.
    """
    rng = np.random.default_rng([settings.seed, PEOPLE_STREAM])
    n = settings.participants
    people = traits.draw_body(n, rng)
    people = people.join(diagnoses.draw_diseases(people, rng))
    people = people.join(traits.draw_heart(people, rng))
    days = rng.integers(0, (LAST_SCAN - FIRST_SCAN).days, n)
    people["imaging_date"] = pd.Timestamp(FIRST_SCAN) + pd.to_timedelta(days, unit="D")
    people.insert(0, "eid", np.sort(FIRST_EID + rng.choice(EIDS, n, replace=False)).astype("int64"))
    order = rng.permutation(n)
    place = np.empty(n, int)
    place[order] = np.arange(n)
    people["broken"] = place < settings.broken_scans
    follow_up = hazards.draw_follow_up(people, np.random.default_rng([settings.seed, FOLLOW_UP_STREAM]))
    people = people.join(follow_up)
    people["withdrawn"] = (place >= settings.broken_scans) & (place < settings.broken_scans + settings.withdrawn)
    rank = np.random.default_rng([settings.seed, LABELLED_STREAM]).permutation(n)
    people["labelled"] = rank < max(round(settings.labelled * n), 1)
    return people


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--people", type=Path, required=True, help="people.parquet")
    parser.add_argument("--table", type=Path, required=True, help="classic UK Biobank CSV")
    parser.add_argument("--withdrawals", type=Path, required=True, help="ids, one a line, no header")
    parser.add_argument("--unlabelled", type=Path, help="ids of those without labels, one a line, no header")
    cli.add_settings(parser, "seed and block phantom")
    args = parser.parse_args(arguments)
    from vita.phantom.table import write_table

    settings = PhantomSettings.from_dict(args.settings)
    people = draw_people(settings)
    with replacing(args.people) as part:
        people.to_parquet(part, index=False)
    with replacing(args.table) as part:
        columns = write_table(people, settings.seed, part)
    _write_ids(args.withdrawals, people, people["withdrawn"])
    if args.unlabelled:
        _write_ids(args.unlabelled, people, ~people["labelled"])
    log.info("%d participants, %d columns, %d withdrawn", len(people), columns, settings.withdrawn)


def _write_ids(path: Path, people: pd.DataFrame, chosen: "pd.Series[bool]") -> None:
    write_text(path, "".join(f"{eid}\n" for eid in people.loc[chosen, "eid"]))


if __name__ == "__main__":
    cli.run(main)
