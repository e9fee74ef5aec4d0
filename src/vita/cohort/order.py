"""Whether dates of hospital diagnoses (41280) can be those of their codes (41270), and of their people.

Somebody who sorts one column of a table, or joins it by row, gives people the dates of others. What can be noticed then
is a code without a date or a date without a code at the same place, a date before birth, and a date after death. It is
counted; where it is so for more people than any mistake of UK Biobank's would explain, the table is refused.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from vita.cohort.delivery import Delivery
from vita.cohort.hospital import CODES, DATES
from vita.cohort.remarks import Remarks
from vita.runtime.errors import UserError

_MOST_UNEVEN = 0.5  # of the participants; UK Biobank's own releases have a date for every code
_MOST_AFTER_DEATH = 0.1  # of those who died; a few records are of the days after it
_GRACE_DAYS = 30  # after death
_FEW = 2  # up to this many people are counted but never cause a refusal
_YEAR_DAYS = 365.25


def tables_of(deliveries: Sequence[Delivery]) -> str:
    """Names of the tables with hospital diagnoses, for messages."""
    return " and ".join(d.name for d in deliveries if any(column.field == CODES for column in d.header.columns))


def refuse_uneven(people: Mapping[str, int], uneven: Mapping[str, int], most: float) -> None:
    """Refuse a table in which most people have a code without a date at its place, or a date without a code.

    Args:
        people: participants with a code or a date, by table.
        uneven: those of them with one of the two alone, by table.
        most: `cohort.max_contradictions`; above the share that is allowed here, it is the share.

    Raises:
        UserError: with the table's name.
    """
    for table, count in uneven.items():
        if count > max(_FEW, max(most, _MOST_UNEVEN) * people[table]):
            raise UserError(
                f"{table}, fields {CODES} and {DATES}: {count} of {people[table]} participants have a code without a "
                "date at its place, or a date without a code; one of the columns was sorted or shifted by itself. "
                "Export both fields again, or raise cohort.max_contradictions"
            )


def refuse_out_of_order(frame: pl.DataFrame, tables: str, most: float, remarks: Remarks) -> None:
    """Count people with a hospital date before their birth or after their death, and refuse too many.

    Args:
        frame: `dates` (lists), `imaging_date`, `imaging_age` and `death` of each participant.
        tables: names of the tables with hospital dates.
        most: of those with dates and a known age at the scan, the share who may have one before birth.
        remarks: where they are counted.

    Raises:
        UserError: with the tables' names.
    """
    # whoever is 60 years old at the scan was born less than 61 years before it
    days = ((pl.col("imaging_age") + 1) * _YEAR_DAYS).ceil().cast(pl.Int64)
    born = pl.col("imaging_date") - pl.duration(days=days)
    dated = frame.select(
        first=pl.col("dates").list.min(), last=pl.col("dates").list.max(), born=born, death="death"
    ).filter(pl.col("first").is_not_null())
    shares = {
        "before their birth": (pl.col("first") < pl.col("born"), most),
        "after their death": (
            pl.col("last") > pl.col("death") + pl.duration(days=_GRACE_DAYS), max(most, _MOST_AFTER_DEATH)
        ),
    }  # fmt: skip
    for told, (wrong, share) in shares.items():
        found = dated.select(wrong.alias("wrong"))["wrong"].drop_nulls()
        count = int(found.sum())
        if count > max(_FEW, share * len(found)):
            raise UserError(
                f"{tables}, field {DATES}: {count} of {len(found)} participants have a hospital diagnosis {told}; the "
                "dates, or those of birth and death, are other people's, as after sorting one column. Export the "
                f"fields again into one table, or raise cohort.max_contradictions"
            )
        remarks.add(tables, str(DATES), f"participants have a hospital diagnosis {told}", "kept", count)
