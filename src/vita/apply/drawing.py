"""Key frames with masks, and volume curves, as one picture."""

import base64
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vita.apply.reading import Scan
from vita.apply.segmenting import ViewMask
from vita.images.layout import FIRST_SA_PLANE, PLANE_OF_VIEW, STRUCTURES

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def drawing(scan: Scan, masks: Mapping[str, ViewMask], curves: pd.DataFrame, ed: str) -> str:
    """Rows of end-diastole and end-systole, and the curves, as a PNG in a data address.

    Args:
        scan: as read.
        masks: by view; may be empty.
        curves: from `measuring`.
        ed: first | largest, which frame is end-diastole (`phenotypes.ed`).
    """
    import matplotlib.pyplot as plt
    from matplotlib.patches import Patch

    from vita.report.figures import style
    from vita.report.figures.mosaic import overlay, picture, stretched

    style.apply()
    shown = _planes(scan, masks)
    phases = key_frames(curves, scan.cine_sthw.shape[1], ed)
    figure = plt.figure(figsize=(1.25 * len(shown), 4.6))
    grid = figure.add_gridspec(3, len(shown), height_ratios=[1, 1, 1.25])
    for row, (name, frame) in enumerate(phases.items()):
        for column, (plane_name, plane, mask) in enumerate(shown):
            axes = figure.add_subplot(grid[row, column])
            axes.set(xticks=[], yticks=[])
            picture(axes, stretched(scan.cine_sthw[plane, frame], scan.cine_sthw[plane, 0]))
            if mask is not None:
                overlay(axes, mask[frame], alpha=0.4)
            if row == 0:
                axes.set_title(plane_name)
            if column == 0:
                axes.set_ylabel(f"{name}\n(frame {frame + 1})")
    _draw_curves(figure.add_subplot(grid[2, : max(len(shown) - 2, 1)]), curves)
    handles = [Patch(color=style.STRUCTURE_COLOURS[number], alpha=0.6) for number in STRUCTURES.values()]
    legend = figure.add_subplot(grid[2, max(len(shown) - 2, 1) :])
    legend.axis("off")
    titles = ["LV cavity", "LV myocardium", "RV cavity", "Left atrium", "Right atrium"]
    legend.legend(handles, titles, loc="center", title="Masks")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=160, metadata={"Software": None})
    plt.close(figure)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _planes(scan: Scan, masks: Mapping[str, ViewMask]) -> list[tuple[str, int, np.ndarray | None]]:
    """Name, number and mask (time, size, size) of the planes that are there."""
    from vita.report.figures import style

    shown = []
    for view in scan.images:
        numbers = scan.record["sa_slices"] if view == "sa" else [0]
        for offset, slice_number in enumerate(numbers):
            plane = PLANE_OF_VIEW.get(view, FIRST_SA_PLANE) + offset
            mask = masks[view].cropped_tsyx[:, slice_number] if view in masks else None
            shown.append((style.PLANES[plane], plane, mask))
    return sorted(shown, key=lambda entry: entry[1])


def key_frames(curves: pd.DataFrame, frames: int, ed: str) -> dict[str, int]:
    """Frames of end-diastole and end-systole, by the rule that phenotypes are measured by.

    Args:
        curves: from `measuring`; only the phases that the segmenter was trained on count.
        frames: in the cycle.
        ed: first | largest. Without a volume of the LV, end-diastole is frame 0, end-systole a third of the cycle on.
    """
    trained = curves[curves["trained_phase"].astype(bool)]
    cavity = trained[trained["structure"] == "LV"].dropna(subset=["volume_ml"]).set_index("frame")["volume_ml"]
    if cavity.empty:
        return {"End-diastole": 0, "End-systole": frames // 3}
    return {"End-diastole": 0 if ed == "first" else int(cavity.idxmax()), "End-systole": int(cavity.idxmin())}


def _draw_curves(axes: "Axes", curves: pd.DataFrame) -> None:
    from vita.report.figures import style

    colours = dict(zip(("LV", "LVMYO", "RV", "LA", "RA"), style.STRUCTURE_COLOURS.values(), strict=True))
    titles = {"LV": "LV", "LVMYO": "LV myocardium", "RV": "RV", "LA": "LA", "RA": "RA"}
    timed = bool(curves["time_s"].notna().all()) and len(curves) > 0
    for name, part in curves.dropna(subset=["volume_ml"]).groupby("structure", sort=False):
        at = part["time_s"] if timed else part["frame"] + 1
        trained = part["trained_phase"].astype(bool)
        axes.plot(at[trained], part["volume_ml"][trained], color=colours[name], marker="o", ms=3, label=titles[name])
        axes.plot(at, part["volume_ml"], color=colours[name], ls="none", marker=".", ms=2, alpha=0.5)
    axes.set(xlabel="Time in the cycle (s)" if timed else "Frame", ylabel="Volume from masks (ml)", ylim=(0, None))
    if len(curves):
        axes.legend(ncols=5, loc="upper center", bbox_to_anchor=(0.5, 1.16))
    else:
        axes.text(0.5, 0.5, "no masks", ha="center", transform=axes.transAxes)
