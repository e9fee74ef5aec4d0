"""How long everybody is followed after the scan: dates of death and of loss to follow-up, from the delivered tables.

A row per participant, withdrawn ones left out: `eid`, `death` (field 40000, the first of its instances) and `lost`
(field 191). A field that no table has leaves its column empty, with a warning: everybody then lives, or is never lost.

    python -m vita.cohort.follow_up --table ukb.csv --output results/survival/follow_up.parquet
"""

import logging
from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl

from vita.cohort.cleaning import dates
from vita.cohort.delivery import open_delivery
from vita.cohort.reading import EID, stream
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.withdrawals import load_withdrawals

LOG = logging.getLogger(__name__)
FIELDS = {40000: "death", 191: "lost"}
TITLES = {40000: "Date of death", 191: "Date lost to follow-up"}
_SCHEMA = {EID: pl.Int64, "death": pl.Date, "lost": pl.Date}


def collect(tables: Sequence[Path], withdrawn: Collection[int]) -> pl.DataFrame:
    """A row per participant, sorted by `eid`: `eid`, `death`, `lost` (Date, missing where there is none).

    Args:
        tables: files that share `eid`.
        withdrawn: ids left out.

    Raises:
        UserError: a table cannot be read, or a cell is no date.
    """
    parts = []
    found: set[int] = set()
    for delivery in map(open_delivery, tables):
        columns = [column for column in delivery.header.columns if column.field in FIELDS]
        found |= {column.field for column in columns}
        for batch in stream(delivery, columns, withdrawn):
            parsed = batch.with_columns(dates(batch, [column.canonical for column in columns], delivery.name))
            firsts = [
                pl.min_horizontal([pl.lit(None, pl.Date), *(c.canonical for c in columns if c.field == field)]).alias(
                    name
                )
                for field, name in FIELDS.items()
            ]
            parts.append(parsed.select(EID, *firsts))
    for field in FIELDS.keys() - found:
        LOG.warning("field %d (%s) is in no table: nobody counts as such", field, TITLES[field])
    frame = pl.concat([pl.DataFrame(schema=_SCHEMA), *parts])
    return frame.group_by(EID).agg(pl.col("death", "lost").min()).sort(EID)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of `python -m vita.cohort.follow_up`."""
    parser = cli.parser(__doc__)
    parser.add_argument("--table", required=True, nargs="+", type=Path, help="tables that share participants' ids")
    parser.add_argument("--withdrawals", type=Path, help="ids of withdrawn participants, one a line")
    parser.add_argument("--output", required=True, type=Path, help="follow_up.parquet")
    args = parser.parse_args(arguments)
    frame = collect(args.table, load_withdrawals(args.withdrawals))
    with replacing(args.output) as path:
        frame.write_parquet(path, compression="zstd")
    LOG.info("%d participants, %d died, %d lost", len(frame), frame["death"].count(), frame["lost"].count())


if __name__ == "__main__":
    cli.run(main)
