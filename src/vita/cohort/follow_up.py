"""How long everybody is followed after the scan, and where it was taken, from the delivered tables.

A row per participant, withdrawn ones left out: `eid`, `death` (field 40000, the first of its instances), `lost` (field
191), dates both, and `centre` (field 54 of the scan's visit, a code). A field that no table has leaves its column
empty, with a warning: everybody then lives, is never lost, or was at one centre.

    python -m vita.cohort.follow_up --table ukb.csv --output results/survival/follow_up.parquet
"""

import logging
from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl

from vita.cohort.cleaning import dates, numbers
from vita.cohort.delivery import open_delivery
from vita.cohort.reading import EID, stream
from vita.cohort.settings import CohortSettings
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.withdrawals import load_withdrawals

LOG = logging.getLogger(__name__)
FIELDS = {40000: "death", 191: "lost", 54: "centre"}
TITLES = {40000: "Date of death", 191: "Date lost to follow-up", 54: "UK Biobank assessment centre"}
_SCHEMA = {EID: pl.Int64, "death": pl.Date, "lost": pl.Date, "centre": pl.Float64}
_CENTRE = 54


def collect(tables: Sequence[Path], instance: int, withdrawn: Collection[int]) -> pl.DataFrame:
    """A row per participant, sorted by `eid`: `eid`, `death`, `lost`, `centre`, missing where there is none.

    Args:
        tables: files that share `eid`.
        instance: the scan's visit.
        withdrawn: ids left out.

    Raises:
        UserError: a table cannot be read, or a cell is no date.
    """
    parts = []
    found: set[int] = set()
    for delivery in map(open_delivery, tables):
        columns = [column for column in delivery.header.columns if column.field in FIELDS]
        columns = [column for column in columns if column.field != _CENTRE or column.instance == instance]
        found |= {column.field for column in columns}
        own = {name: [each.canonical for each in columns if each.field == field] for field, name in FIELDS.items()}
        codes = own["centre"]
        for batch in stream(delivery, columns, withdrawn):
            days = dates(batch, own["death"] + own["lost"], delivery.name)
            read = pl.concat(
                [days, numbers(batch, codes, delivery.name, dict.fromkeys(codes, TITLES[_CENTRE]))], how="horizontal"
            )
            firsts = [pl.min_horizontal(pl.lit(None, _SCHEMA[name]), *each).alias(name) for name, each in own.items()]
            parts.append(batch.with_columns(read).select(EID, *firsts))
    for field in FIELDS.keys() - found:
        LOG.warning("field %d (%s) is in no table: nobody counts as such", field, TITLES[field])
    frame = pl.concat([pl.DataFrame(schema=_SCHEMA), *parts])
    return frame.group_by(EID).agg(pl.col(*FIELDS.values()).min()).sort(EID)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of `python -m vita.cohort.follow_up`."""
    parser = cli.parser(__doc__)
    parser.add_argument("--table", required=True, nargs="+", type=Path, help="tables that share participants' ids")
    parser.add_argument("--withdrawals", type=Path, help="ids of withdrawn participants, one a line")
    parser.add_argument("--output", required=True, type=Path, help="follow_up.parquet")
    cli.add_settings(parser, "block cohort of config.yaml")
    args = parser.parse_args(arguments)
    instance = CohortSettings.read(args.settings).instance
    frame = collect(args.table, instance, load_withdrawals(args.withdrawals))
    with replacing(args.output) as path:
        frame.write_parquet(path, compression="zstd")
    LOG.info("%d participants, %d died, %d lost", len(frame), frame["death"].count(), frame["lost"].count())


if __name__ == "__main__":
    cli.run(main)
