"""Build one shard: nine planes per participant from the scans, their masks, and curves over the cycle.

A participant's shard is a hash of the eid, so that one added scan changes one shard; a shard's scans are listed here
as the index lists them. A scan that cannot be read is a row with usable = false and the reason. Curves are measured on
the whole masks, before slices and crop are chosen. With --made-masks, masks that the run made stand for those that were
not delivered.
"""

import itertools
import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from threadpoolctl import threadpool_limits

from vita.images.header import ScanError
from vita.images.index import add_shard, index_shard
from vita.images.layout import CURVES, MASK_FILES
from vita.images.participant import read_participant
from vita.images.rows import IndexRow
from vita.images.settings import ImageSettings
from vita.images.shards import ShardWriter, write_table
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.withdrawals import load_withdrawals

log = logging.getLogger(__name__)

_FLOATS = pa.list_(pa.float64())
_QUALITY = pa.struct(
    [
        ("view", pa.string()),
        ("rule", pa.string()),
        ("value", pa.float64()),
        ("limit", pa.float64()),
        ("broken", pa.bool_()),
    ]
)
SCHEMA = pa.schema(
    [
        ("eid", pa.int64()),
        ("row", pa.int32()),
        ("usable", pa.bool_()),
        ("reason", pa.string()),
        ("planes_present", pa.list_(pa.bool_())),
        ("has_masks", pa.bool_()),
        ("notes", pa.list_(pa.string())),
        ("quality", pa.list_(_QUALITY)),
        *[(name, _FLOATS) for name in ("spacing_row_mm", "spacing_column_mm", "crop_row", "crop_column")],
        *[(name, _FLOATS) for name in ("range_low", "range_high")],
        *[(f"frames_{view}", pa.int32()) for view in ("sa", "2ch", "3ch", "4ch")],
        *[(f"frame_s_{view}", pa.float64()) for view in ("sa", "2ch", "3ch", "4ch")],
        *[(f"oriented_{view}", pa.bool_()) for view in ("sa", "2ch", "3ch", "4ch")],
        ("sa_slices", pa.list_(pa.int32())),
        ("sa_stack", pa.int32()),
        ("sa_spacing_mm", pa.float64()),
        ("voxels_crc32", pa.int64()),
        ("masks_crc32", pa.int64()),
        *[(name, _FLOATS) for name in CURVES],
    ]
)


def build(index: Iterable[IndexRow], settings: ImageSettings, voxels: Path) -> list[dict[str, object]]:
    """Write the voxels of the participants in the index's rows, which are sorted by eid; returns the table's rows."""
    rows = []
    with ShardWriter(voxels) as writer:
        for row, (eid, views) in enumerate(itertools.groupby(index, itemgetter("eid"))):
            record = {"eid": eid, "row": row, "usable": False, "reason": None, "has_masks": False}
            try:
                read = read_participant(list(views), settings)
                record |= read.record | writer.add(row, read.voxels_sthw, read.masks_sthw) | {"usable": True}
            except ScanError as error:
                record["reason"] = str(error)
            rows.append(record)
    return rows


def with_made(index: Iterable[IndexRow], table: Path, source: str) -> Iterator[IndexRow]:
    """Rows of the index with the masks that the run made, and their scores.

    Args:
        index: rows.
        table: scores of `vita.contouring.make_masks`; masks lie in a folder per participant beside the table's folder.
        source: model or both; with `model` no other masks are used.
    """
    made = pd.read_parquet(table).dropna(subset="score").set_index(["eid", "view"])["score"].to_dict()
    for row in index:
        score = made.get((row["eid"], row["view"]))
        files: dict[str, str | None] = {}
        if source == "model":
            files = {"seg_path": None, "seg4_path": None}
        if score is not None:
            folder = table.parent.parent / str(row["eid"])
            names = {"seg_path": MASK_FILES.get(row["view"]), "seg4_path": MASK_FILES.get(f"{row['view']}_all")}
            files |= {key: str(folder / name[0]) for key, name in names.items() if name}
        yield row | files | {"mask_score": score}  # type: ignore[misc]  # it stays a row


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    add_shard(parser)
    parser.add_argument("--made-masks", type=Path, help="scores of the masks that the run made")
    parser.add_argument("--voxels", type=Path, required=True, help="output NNNNN.npz")
    parser.add_argument("--table", type=Path, required=True, help="output NNNNN.parquet")
    cli.add_settings(parser, "block images")
    args = parser.parse_args(arguments)
    settings = ImageSettings.from_dict(args.settings)
    index = index_shard(args.scans, settings, load_withdrawals(args.withdrawals), args.shard, args.shards)
    if args.made_masks:
        index = list(with_made(index, args.made_masks, settings.mask_source))
    started = time.perf_counter()
    # A shard counts on one core; several are built side by side.
    with replacing(args.voxels) as voxels, replacing(args.table) as table, threadpool_limits(1):
        rows = build(index, settings, voxels)
        write_table(rows, SCHEMA, table, args.settings["images"])
    _summarise(rows, time.perf_counter() - started)


def _summarise(rows: list[dict[str, Any]], seconds: float) -> None:
    each = 1000 * seconds / max(len(rows), 1)
    usable = sum(row["usable"] for row in rows)
    log.info("%d participants, %d usable, %.0f ms a participant", len(rows), usable, each)
    for reason, count in Counter(row["reason"] for row in rows if row["reason"]).most_common():
        log.info("%d left out: %s", count, reason)
    broken = (
        f"{row['view']}: quality rule {row['rule']}"
        for person in rows
        for row in person.get("quality", [])
        if row["broken"]
    )
    for rule, count in Counter(broken).most_common():
        log.info("%d noted: %s", count, rule)
    for note, count in Counter(note for row in rows for note in row.get("notes", [])).most_common():
        log.info("%d noted: %s", count, note)


if __name__ == "__main__":
    cli.run(main)
