"""A grid of pictures with names at its rows and columns: shared by figures 8 and B.9."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vita import names
from vita.report.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN_PLANES = {0: "2-chamber", 2: "4-chamber", 3: "Base", 5: "Mid", 8: "Apex"}
CELL_INCHES = 1.05
HEIGHT_INCHES = 9.2  # what a page leaves beside a caption
LABEL_INCHES = 1.0
LEGEND_INCHES = 0.35
MASK_ALPHA = 0.55
BRIGHTNESS = (0.5, 99)  # percentiles shown as black and white
HIDDEN_COLOUR = "#9FB8CC"


def grid(row_names: list[str], column_names: list[str], legend_inches: float = 0.0) -> tuple[Figure, np.ndarray]:
    """Empty axes (rows, columns) without ticks, names to the left and above; `legend_inches` are left below.

    They are as large as one page allows.
    """
    rows, columns = len(row_names), len(column_names)
    cell = min(CELL_INCHES, (HEIGHT_INCHES - 0.2 - legend_inches) / rows)
    size = (cell * columns + LABEL_INCHES, cell * rows + 0.2 + legend_inches)
    figure, cells = style.subplots(rows, columns, figsize=size, squeeze=False)
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0.0, hspace=0.0)
    for axes in cells.flat:
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set_visible(False)
    for place, name in enumerate(row_names):
        cells[place, 0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=7, linespacing=1.2)
    for place, name in enumerate(column_names):
        cells[0, place].set_title(name)
    return figure, cells


def picture(axes: Axes, image_hw: np.ndarray) -> None:
    """A grey picture of intensities in [0, 1]; what is not a number has a colour that no intensity has."""
    colours = style.colormap("gray").with_extremes(bad=HIDDEN_COLOUR)
    axes.imshow(image_hw, cmap=colours, vmin=0, vmax=1, interpolation="nearest")


def stretched(image_hw: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The image in [0, 1] for the eye, by the range of the inner half of `like` (height, width), where the heart is.

    Fat next to a coil does not darken the rest.
    """
    inner = like[tuple(slice(extent // 4, extent - extent // 4) for extent in like.shape)]
    known = inner[np.isfinite(inner)]
    low, high = np.percentile(known, BRIGHTNESS) if known.size else (0, 1)
    return np.clip((image_hw - low) / max(high - low, 1e-6), 0, 1)


def note(axes: Axes, text: str) -> None:
    """Words in the place of a picture."""
    axes.text(0.5, 0.5, text, ha="center", va="center", fontsize=6, color=style.GREY, transform=axes.transAxes)
    axes.set_aspect("equal")


def legend(figure: Figure) -> None:
    """The structures' colours, below the grid, which has left `LEGEND_INCHES` for them."""
    from matplotlib.patches import Patch  # start-up: see style

    handles = [Patch(facecolor=structure.colour, label=structure.name) for structure in names.STRUCTURES]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), borderpad=0.8)


def overlay(axes: Axes, mask_hw: np.ndarray, alpha: float = MASK_ALPHA) -> None:
    """Structures in their colours over whatever is drawn; background and what is not annotated stay clear."""
    from matplotlib.colors import to_rgba  # start-up: see style

    colours = np.zeros((*mask_hw.shape, 4))
    for label, colour in style.STRUCTURE_COLOURS.items():
        colours[mask_hw == label] = to_rgba(colour, alpha)
    axes.imshow(colours, interpolation="nearest")


def outline(axes: Axes, mask_hw: np.ndarray) -> None:
    """Outlines of structures in their colours, along the edges of pixels, so that the picture inside stays free.

    An edge that two structures share has the colour of the one with the lower label: a cavity's within its wall.
    """
    from matplotlib.collections import LineCollection  # start-up

    for label, colour in reversed(style.STRUCTURE_COLOURS.items()):
        edges = LineCollection(edges_of(mask_hw == label), colors=colour, linewidths=0.9, capstyle="projecting")
        axes.add_collection(edges)


def edges_of(inside_hw: np.ndarray) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """The sides of pixels between inside and outside: pairs of points (column, row), pixel centres at whole numbers."""
    padded = np.pad(inside_hw, 1)
    sides = np.argwhere(padded[1:-1, 1:] != padded[1:-1, :-1])
    levels = np.argwhere(padded[1:, 1:-1] != padded[:-1, 1:-1])
    upright = [((x - 0.5, y - 0.5), (x - 0.5, y + 0.5)) for y, x in sides]
    return [*upright, *(((x - 0.5, y - 0.5), (x + 0.5, y - 0.5)) for y, x in levels)]
