"""Figure 8: one test participant's masks by every system, at end-diastole, over the images.

    python -m vita.report.figures.fig8_segmentation_examples
        --masks results/predictions/segmentation/vit.npz ... results/predictions/segmentation/vita.npz
        --shards results/images/shards/00000.npz ...   (optional: the images behind the masks)
        --svg results/figures/fig8_segmentation_examples.svg --png results/figures/fig8_segmentation_examples.png
        --csv results/figures/fig8_segmentation_examples.csv

The participant is the one with the median Dice, averaged over structures, of the last system named; systems are
named by their files. Columns: 2- and 4-chamber, base, mid and apex of the short axis. The CSV holds each panel's
areas in mm2 and Dice per structure.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vita import names
from vita.evaluation.mask_metrics import dice
from vita.evaluation.segmentation import read_masks
from vita.mask_classes import NOT_ANNOTATED
from vita.report.figures import mosaic, style
from vita.runtime import cli
from vita.runtime.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FRAME = 0  # end-diastole
REFERENCE = "Reference"


def typical(truth: np.ndarray, prediction: np.ndarray) -> int:
    """Row of the participant with the median of the mean Dice over structures, of the frame shown."""
    truth, prediction = truth[:, :, FRAME], prediction[:, :, FRAME]
    known = truth != NOT_ANNOTATED
    scores = []
    for label in names.STRUCTURE_NAMES:
        a, b = truth == label, (prediction == label) & known
        counts = [mask.sum(axis=(1, 2, 3)) for mask in (a & b, a, b)]
        scores.append(dice(*counts))
    table = np.stack(scores)
    defined = np.isfinite(table)
    mean = np.where(defined, table, 0).sum(axis=0) / np.maximum(defined.sum(axis=0), 1)
    complete = np.flatnonzero(defined.sum(axis=0) == defined.sum(axis=0).max())
    return int(complete[np.argsort(mean[complete], kind="stable")[complete.size // 2]])


def collect(paths: list[Path]) -> tuple[int, dict[str, np.ndarray], np.ndarray]:
    """The participant shown and its masks.

    Returns:
        eid, masks (9, height, width) by row name (the reference first), spacing (9, 2) in mm.

    Raises:
        UserError: a system has no masks of the participant.
    """
    arrays = {path.stem: read_masks(path) for path in paths}
    last = arrays[paths[-1].stem]
    if not len(last["eid"]):
        raise UserError(f"{paths[-1]} holds no participant, so figure 8 has nothing to draw")
    row = typical(last["truth"], last["prediction"])
    eid = int(last["eid"][row])
    masks = {REFERENCE: last["truth"][row, :, FRAME]}
    for name in names.ordered(set(arrays)):
        place = np.flatnonzero(arrays[name]["eid"] == eid)
        if not place.size:
            raise UserError(f"{name} has no masks of a participant that {paths[-1].stem} has: predict both again")
        masks[names.title(name)] = arrays[name]["prediction"][place[0], :, FRAME]
    return eid, masks, last["spacing_mm"][row]


def describe(masks: dict[str, np.ndarray], spacing_mm: np.ndarray) -> pd.DataFrame:
    """Area and Dice of each structure in each panel."""
    rows = []
    for plane, plane_name in mosaic.SHOWN_PLANES.items():
        reference = masks[REFERENCE][plane]
        for name, mask in masks.items():
            for label, structure in names.STRUCTURE_NAMES.items():
                a, b = reference == label, (mask[plane] == label) & (reference != NOT_ANNOTATED)
                rows.append(
                    {"plane": plane_name, "system": name, "structure": structure}
                    | {"area_mm2": int((mask[plane] == label).sum()) * spacing_mm[plane].prod()}
                    | {"dice": float(dice((a & b).sum(), a.sum(), b.sum()))}
                )
    return pd.DataFrame(rows)


def draw(masks: dict[str, np.ndarray], images: np.ndarray | None) -> Figure:
    """A row per system, a column per plane; without images (9, height, width) the masks are drawn on black."""
    figure, cells = mosaic.grid(list(masks), list(mosaic.SHOWN_PLANES.values()), mosaic.LEGEND_INCHES)
    for row, mask in enumerate(masks.values()):
        for column, plane in enumerate(mosaic.SHOWN_PLANES):
            axes = cells[row, column]
            mosaic.picture(axes, np.zeros(mask[plane].shape) if images is None else images[plane])
            mosaic.overlay(axes, mask[plane], 1.0 if images is None else mosaic.MASK_ALPHA)
    mosaic.legend(figure)
    return figure


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--masks", nargs="+", required=True, type=Path, help="masks, one file per system")
    parser.add_argument("--shards", nargs="*", default=[], type=Path, help="shards with the images")
    style.add_common(parser)
    args = parser.parse_args(arguments)
    style.apply()
    eid, masks, spacing_mm = collect(args.masks)
    images = None
    if args.shards:
        from vita.images.shards import ShardReader

        reader = ShardReader(args.shards)
        if eid not in reader:
            raise UserError("the participant whose masks are shown is not in the shards: name all shards of the run")
        images = reader.voxels(eid, [FRAME])[:, 0]
    style.save(draw(masks, images), describe(masks, spacing_mm), style.Files.of(vars(args)))


if __name__ == "__main__":
    cli.run(main)
