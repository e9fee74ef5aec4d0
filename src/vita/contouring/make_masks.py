"""Masks of one shard's scans that have none: rule segment_scans (images.masks.source: model or both).

Writes <masks>/<eid>/seg_sa.nii.gz (1 LV cavity, 2 LV wall, 3 RV), seg_la_2ch.nii.gz (1 left atrium), seg_la_4ch.nii.gz
(1 left, 2 right atrium), as such masks are delivered, and seg4_la_2ch, seg4_la_3ch and seg4_la_4ch with all that the
view shows (1 LV cavity, 2 LV wall, 3 RV, 4 left atrium, 5 right atrium), each on its scan's own pixels, slices and
frames. With `model` every view is segmented, with `both` those for which no mask was delivered; by the network that
comes with the package, by what `adapt_contours` made of it, or by images.masks.command. The table has a row for each
view: its score, or the reason why it has no mask.
"""

import logging
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from vita.config.blocks import block, needed
from vita.contouring.delivered import WEIGHTS
from vita.contouring.plugged import Keep, Plugged
from vita.contouring.template import commands_of
from vita.images.folders import bucket, participant_number
from vita.images.geometry import orient
from vita.images.header import ScanError
from vita.images.index import add_shard, index_shard
from vita.images.layout import LABELS, VIEWS
from vita.images.nifti import write_nifti
from vita.images.participant import read_file
from vita.images.rows import IndexRow
from vita.images.settings import ImageSettings
from vita.images.view import Image, as_stored
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.withdrawals import load_withdrawals

if TYPE_CHECKING:  # start-up: torch is imported where it is first needed
    from vita.contouring.network import Contours

log = logging.getLogger(__name__)

COLUMNS = {
    "eid": "int64",
    "view": "string",
    "frames": "Int32",
    "slices": "Int32",
    "score": "float64",
    "agreement": "float64",
    "smoothness": "float64",
    "plausible": "float64",
    "reason": "string",
}
# What a mask file as delivered knows of a view's classes: class to label.
_DELIVERED = {view: {name: label for label, name in labels.items()} for view, labels in LABELS.items()}


def make(
    index: Iterable[IndexRow], settings: ImageSettings, masks: Path, network: "Contours | None" = None
) -> list[dict[str, object]]:
    """Write the masks of the scans in the index's rows, which are sorted by eid; returns the table's rows.

    Args:
        index: rows.
        settings: whose commands draw the views that have one.
        masks: folder to write a folder per participant into.
        network: draws the other views; not needed where every view has a command.
    """
    wanted = [row for row in index if settings.mask_source != "both" or not (row["seg_path"] or row["seg4_path"])]
    there = [row for row in wanted if row["path"]]
    found = {(row["eid"], row["view"]): {"reason": row["reason"]} for row in wanted if not row["path"]}

    def keep(eid: int, image: Image, classes_tsyx: np.ndarray) -> None:
        write_masks(classes_tsyx, image, masks / str(eid))

    commands = commands_of(settings.mask_command)
    for command in dict.fromkeys(commands.values()):
        its_own = [row for row in there if commands.get(row["view"]) == command]
        found |= Plugged(command, settings, keep).draw(its_own)
    for row in there:
        if row["view"] not in commands and network is not None:
            found[row["eid"], row["view"]] = _by_network(row, network, settings, keep)
    return [{"eid": row["eid"], "view": row["view"], **found[row["eid"], row["view"]]} for row in wanted]


def _by_network(row: IndexRow, network: "Contours", settings: ImageSettings, keep: Keep) -> dict[str, Any]:
    from vita.contouring.drawing import draw_view

    view = row["view"]
    try:
        header, stored = read_file(row, settings)
        image = Image(view, header, stored, orient(header, view))
        drawn = draw_view(network, image)
    except ScanError as error:
        return {"reason": str(error)}
    keep(row["eid"], image, drawn.classes_tsyx)
    return drawn.scores.as_row(drawn.classes_tsyx)


def write_masks(classes_tsyx: np.ndarray, image: Image, folder: Path) -> None:
    """Write a view's files of masks into a participant's folder.

    Args:
        classes_tsyx: of the whole view, in the convention's orientation.
        image: that they belong to.
        folder: of the participant.
    """
    files = {} if image.view == "sa" else {f"seg4_{image.view}": np.arange(256, dtype=np.uint8)}
    if labels := _DELIVERED.get(image.view):
        table = np.zeros(256, np.uint8)
        for name, label in labels.items():
            table[name] = label
        files[f"seg_{image.view}"] = table
    for file, table in files.items():
        header, stored = as_stored(table[classes_tsyx], image)
        write_nifti(header, stored, folder / f"{file}.nii.gz")


def clear(masks: Path, shard: int, shards: int) -> None:
    """Remove the masks of an earlier run for this shard's participants, some of whom may have withdrawn since."""
    for folder in masks.iterdir() if masks.is_dir() else ():
        if folder.name.isdecimal() and bucket(participant_number(folder.name), shards) == shard:
            shutil.rmtree(folder)


def image_settings(settings: Mapping[str, object]) -> ImageSettings:
    """Settings for reading scans. Masks depend on three of the keys; the others are those of the default run.

    Raises:
        UserError: one of the three is missing.
    """
    own = {
        "masks": needed(settings, "images.masks"),
        "instance": needed(settings, "images.instance"),
        "max_file_mb": needed(settings, "images.max_file_mb"),
    }
    return ImageSettings.from_dict({"images": block("images", own)})


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    add_shard(parser)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="where to compute")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="of the network; by default the package's")
    parser.add_argument("--masks", type=Path, required=True, help="folder to write a folder per participant into")
    parser.add_argument("--table", type=Path, required=True, help="Parquet of scores and reasons")
    cli.add_settings(parser, "masks, instance and max_file_mb of the block images")
    args = parser.parse_args(arguments)
    from vita.contouring.network import load

    settings = image_settings(args.settings)
    index = index_shard(args.scans, settings, load_withdrawals(args.withdrawals), args.shard, args.shards)
    clear(args.masks, args.shard, args.shards)
    commands = commands_of(settings.mask_command)
    network = None if set(commands) == set(VIEWS) else load(args.weights).to(args.device)
    rows = make(index, settings, args.masks, network)
    with replacing(args.table) as path:
        pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS).to_parquet(path, index=False)
    log.info("%d views, %d with masks", len(rows), sum("score" in row for row in rows))
    for reason, count in Counter(f"{row['view']}: {row['reason']}" for row in rows if "reason" in row).most_common():
        log.info("%d without: %s", count, reason)


if __name__ == "__main__":
    cli.run(main)
