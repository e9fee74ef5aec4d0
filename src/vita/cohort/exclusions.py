"""Everybody who is left out of training and evaluation, and why.

Steps: `scan` (no scan, or a required view is missing or unusable), `shard` (the scan's voxels could not be
read), `table` (a scan, but no row in the tables), `ethnicity` (config cohort.ethnicity). People at the step `labels`
are left out of Stage III, metrics and controls alone: nobody knows their labels (config phantom.labelled). Withdrawn
participants are in no result, and so not in this one; their number is logged. The run stops when more than
`images.max_excluded` of the participants with a scan cannot be used, since then something is wrong with the scans or
the settings.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import polars as pl

from vita.cohort.reading import EID
from vita.cohort.settings import CohortSettings
from vita.config.blocks import needed
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.runtime.errors import UserError
from vita.withdrawals import load_withdrawals

LOG = logging.getLogger(__name__)
LABELS_STEP = "labels"  # those who are left out where labels are needed, and nowhere else
SCHEMA = {EID: pl.Int64, "step": pl.String, "reason": pl.String}


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of `python -m vita.cohort.exclusions`."""
    parser = cli.parser(__doc__)
    parser.add_argument("--fields", type=Path, help="fields.parquet; leave out for a run from scans alone")
    parser.add_argument("--index", required=True, type=Path, help="images/index.parquet")
    parser.add_argument("--shards", required=True, nargs="+", type=Path, help="the shards' Parquet tables")
    parser.add_argument("--withdrawals", type=Path, help="ids of withdrawn participants, one a line")
    parser.add_argument("--unlabelled", type=Path, help="ids of those without labels, one a line")
    parser.add_argument("--output", required=True, type=Path, help="exclusions.parquet")
    cli.add_settings(parser, "blocks cohort and images of config.yaml")
    args = parser.parse_args(arguments)
    withdrawn = load_withdrawals(args.withdrawals)
    index = pl.read_parquet(args.index)
    shards = pl.concat([pl.read_parquet(path, columns=[EID, "usable", "reason"]) for path in args.shards])
    fields = pl.read_parquet(args.fields) if args.fields else None
    found = list_exclusions(index, shards, fields, args.settings, load_withdrawals(args.unlabelled))
    found = found.filter(~pl.col(EID).is_in(sorted(withdrawn)))
    _refuse_many(found, index, args.settings)
    with replacing(args.output) as path:
        found.write_parquet(path, compression="zstd")
    for step, count in found.group_by("step").len().sort("step").iter_rows():
        LOG.info("left out at step %s: %d participants", step, count)
    LOG.info("withdrawn: %d ids on the list", len(withdrawn))


def list_exclusions(
    index: pl.DataFrame,
    shards: pl.DataFrame,
    fields: pl.DataFrame | None,
    settings: Mapping[str, object],
    unlabelled: Collection[int] = (),
) -> pl.DataFrame:
    """One row per participant who is left out, with the first step that did it, sorted by `eid`.

    Args:
        index: `eid`, `view`, `usable`, `reason`, `participant_usable`; a row per scan found.
        shards: `eid`, `usable`, `reason`; a row per participant whose scan was read.
        fields: the table's features, or None.
        settings: blocks cohort and images.
        unlabelled: those whose labels nobody knows.
    """
    required = needed(settings, "images.required_views")
    parts = [_unusable_scans(index, required), _unreadable(shards)]
    if fields is not None:
        parts += _table_steps(index, fields, CohortSettings.read(settings).ethnicity)
    reason = "no masks, phenotypes or disease labels (phantom.labelled); in Stages I and II only"
    rows = [(eid, LABELS_STEP, reason) for eid in sorted(unlabelled)]
    parts.append(pl.DataFrame(rows, schema=SCHEMA, orient="row"))
    everybody = pl.concat([pl.DataFrame(schema=SCHEMA), *parts])
    return everybody.unique(EID, keep="first", maintain_order=True).sort(EID)


def _unusable_scans(index: pl.DataFrame, required: Sequence[str]) -> pl.DataFrame:
    """Participants of the index who do not have enough usable views, with the fault of each view."""
    rows = []
    for (eid,), views in index.filter(~pl.col("participant_usable")).group_by([EID], maintain_order=True):
        there = set(views["view"])
        wrong = [
            f"{view}: {reason or 'cannot be used'}"
            for view, usable, reason in views.select("view", "usable", "reason").iter_rows()
            if not usable
        ]
        wrong += [f"{view}: missing" for view in required if view not in there]
        rows.append((eid, "scan", "; ".join(wrong) or "a required view is missing"))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _unreadable(shards: pl.DataFrame) -> pl.DataFrame:
    bad = shards.filter(~pl.col("usable"))
    return bad.select(EID, pl.lit("shard").alias("step"), pl.col("reason").fill_null("cannot be read"))


def _table_steps(index: pl.DataFrame, fields: pl.DataFrame, ethnicity: Collection[int]) -> list[pl.DataFrame]:
    scanned = index.select(EID).unique(maintain_order=True)
    parts = [
        fields.select(EID).join(scanned, on=EID, how="anti").select(EID, step=pl.lit("scan"), reason=pl.lit("no scan")),
        scanned.join(fields.select(EID), on=EID, how="anti").select(
            EID, step=pl.lit("table"), reason=pl.lit("no row in the tables")
        ),
    ]
    if ethnicity:
        if "ethnicity" not in fields.columns:
            raise UserError("config cohort.ethnicity filters, but the tables have no field 21000 (Ethnic background)")
        kept = pl.col("ethnicity").is_in(sorted(ethnicity)).fill_null(value=False)
        other = fields.filter(~kept)
        parts.append(other.select(EID, step=pl.lit("ethnicity"), reason=pl.lit("not among cohort.ethnicity")))
    return parts


def _refuse_many(found: pl.DataFrame, index: pl.DataFrame, settings: Mapping[str, object]) -> None:
    allowed = needed(settings, "images.max_excluded")
    scanned = index[EID].n_unique()
    bad = found.filter(pl.col("step").is_in(["scan", "shard"]) & (pl.col("reason") != "no scan"))
    if not scanned or len(bad) <= allowed * scanned:
        return
    reason, count = bad["reason"].value_counts(sort=True).row(0)
    raise UserError(
        f"{len(bad)} of {scanned} participants' scans cannot be used, more than images.max_excluded: {allowed} "
        f"allows; most often ({count} times): {reason}. Repair the scans or raise images.max_excluded"
    )


if __name__ == "__main__":
    cli.run(main)
