"""Figure 8: one test participant's masks by every system, at end-diastole, over the images.

    python -m vita.report.figures.fig8_segmentation_examples
        --masks results/predictions/segmentation/vit.npz ... results/predictions/segmentation/vita.npz
        --shards results/images/shards/00000.npz ...   (optional: the images behind the masks)
        --svg results/figures/fig8_segmentation_examples.svg --png results/figures/fig8_segmentation_examples.png
        --csv results/figures/fig8_segmentation_examples.csv

The participant is the one with the median Dice, averaged over structures, of the system that sees most planes, of
several the last one named; systems are named by their files, and have no picture of planes that they do not see.
Columns: 2- and 4-chamber, base, mid and apex of the short axis, which are the first, middle and last slice with enough
myocardium in the reference. Pictures show no more than all masks need. The number in a panel is the mean Dice over the
structures of the reference. The CSV holds each panel's areas in mm2 and Dice per structure.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vita import names
from vita.evaluation.mask_metrics import dice
from vita.evaluation.predictions import read_masks
from vita.mask_classes import NOT_ANNOTATED
from vita.report.figures import mosaic, style
from vita.runtime import cli
from vita.runtime.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FRAME = 0  # end-diastole
REFERENCE = "Reference"
ENOUGH_MYOCARDIUM = 0.4  # of the area of the slice that has most: less is a slice through the tip or the valve
LONG_AXIS_PLANES = sum(not title.startswith("SA") for title in names.PLANES)
MARGIN = 0.2  # of the extent of all masks, around them


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
        eid, masks (9, height, width) by row name (the reference first), spacing (9, 2) in mm. A system's masks are
        NOT_ANNOTATED on planes that it does not see.

    Raises:
        UserError: a system has no masks of the participant.
    """
    arrays = {path.stem: read_masks(path) for path in paths}
    seen = {name: (each["truth"] != NOT_ANNOTATED).any(axis=(0, 2, 3, 4)).sum() for name, each in arrays.items()}
    chosen = max(reversed(list(arrays)), key=lambda name: seen[name])
    last = arrays[chosen]
    if not len(last["eid"]):
        raise UserError(f"the masks of {chosen} hold no participant, so figure 8 has nothing to draw")
    row = typical(last["truth"], last["prediction"])
    eid = int(last["eid"][row])
    masks = {REFERENCE: last["truth"][row, :, FRAME]}
    reference_planes = (last["truth"] != NOT_ANNOTATED).any(axis=(0, 2, 3, 4))
    for name in names.ordered(set(arrays)):
        place = np.flatnonzero(arrays[name]["eid"] == eid)
        if not place.size:
            raise UserError(f"{name} has no masks of a participant that {chosen} has: predict both again")
        unseen = (arrays[name]["truth"] == NOT_ANNOTATED).all(axis=(0, 2, 3, 4)) & reference_planes
        mask = arrays[name]["prediction"][place[0], :, FRAME].copy()
        mask[unseen] = NOT_ANNOTATED
        masks[names.title(name)] = mask
    return eid, masks, last["spacing_mm"][row]


def shown_planes(reference: np.ndarray) -> dict[int, str]:
    """Planes and their titles: those of the mosaic, but base, mid and apex where the reference (9, h, w) has a ring."""
    wall = next(structure.label for structure in names.STRUCTURES if structure.name == "LVMYO")
    area = (reference == wall).sum(axis=(1, 2)) * (np.arange(len(reference)) >= LONG_AXIS_PLANES)
    slices = np.flatnonzero((area > 0) & (area >= ENOUGH_MYOCARDIUM * area.max()))
    if not slices.size:
        return dict(mosaic.SHOWN_PLANES)
    long_axis = {plane: title for plane, title in mosaic.SHOWN_PLANES.items() if plane < LONG_AXIS_PLANES}
    ends = {int(slices[-1]): "Apex", int(slices[0]): "Base", int(slices[slices.size // 2]): "Mid"}
    return long_axis | dict(sorted(ends.items()))


def describe(masks: dict[str, np.ndarray], spacing_mm: np.ndarray) -> pd.DataFrame:
    """Area and Dice of each structure in each panel."""
    rows = []
    for plane, plane_name in shown_planes(masks[REFERENCE]).items():
        reference = masks[REFERENCE][plane]
        for name, mask in masks.items():
            if name != REFERENCE and (mask[plane] == NOT_ANNOTATED).all():
                continue
            for label, structure in names.STRUCTURE_NAMES.items():
                a, b = reference == label, (mask[plane] == label) & (reference != NOT_ANNOTATED)
                rows.append(
                    {"plane": plane_name, "system": name, "structure": structure}
                    | {"area_mm2": int((mask[plane] == label).sum()) * spacing_mm[plane].prod()}
                    | {"dice": float(dice((a & b).sum(), a.sum(), b.sum()))}
                )
    return pd.DataFrame(rows)


def draw(masks: dict[str, np.ndarray], images: np.ndarray | None, described: pd.DataFrame) -> Figure:
    """A row per system, a column per plane; without images (9, height, width) the masks are drawn on black."""
    planes = shown_planes(masks[REFERENCE])
    figure, cells = mosaic.grid(list(masks), list(planes.values()), mosaic.LEGEND_INCHES)
    reference = described[(described["system"] == REFERENCE) & (described["area_mm2"] > 0)]
    found = described.merge(reference[["plane", "structure"]], on=["plane", "structure"])
    mean = found.groupby(["plane", "system"])["dice"].mean()
    for row, (name, mask) in enumerate(masks.items()):
        for column, (plane, title) in enumerate(planes.items()):
            axes = cells[row, column]
            if name != REFERENCE and (mask[plane] == NOT_ANNOTATED).all():
                mosaic.note(axes, "not seen")
                continue
            image = np.zeros(mask[plane].shape) if images is None else images[plane]
            mosaic.picture(axes, mosaic.stretched(image, image))
            mosaic.overlay(axes, mask[plane], 1.0 if images is None else mosaic.MASK_ALPHA)
            _around(axes, [each[plane] for each in masks.values()])
            value = mean.get((title, name), np.nan)
            if name != REFERENCE and np.isfinite(value):
                box = {"facecolor": "black", "alpha": 0.5, "linewidth": 0, "pad": 1}
                axes.text(0.04, 0.04, f"{value:.2f}", transform=axes.transAxes, fontsize=6, color="white", bbox=box)
    mosaic.legend(figure)
    return figure


def _around(axes: Axes, masks_hw: list[np.ndarray]) -> None:
    """Show the smallest square with a margin that holds every structure of these masks, or all if there is none."""
    labels = list(names.STRUCTURE_NAMES)
    inside = np.any([np.isin(mask, labels) for mask in masks_hw], axis=0)
    if not inside.any():
        return
    places = np.argwhere(inside)
    low, high = places.min(axis=0) - 0.5, places.max(axis=0) + 0.5
    half = min((0.5 + MARGIN) * float((high - low).max()), min(inside.shape) / 2)
    middle = np.clip((low + high) / 2, half - 0.5, np.array(inside.shape) - half - 0.5)
    axes.set(xlim=(middle[1] - half, middle[1] + half), ylim=(middle[0] + half, middle[0] - half))


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
    described = describe(masks, spacing_mm)
    style.save(draw(masks, images, described), described, style.Files.of(vars(args)))


if __name__ == "__main__":
    cli.run(main)
