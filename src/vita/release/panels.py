"""A figure over groups of people, and the grid of panels that it is drawn in."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_PANEL_INCHES = 1.7

_COLUMNS = 6


@dataclass(frozen=True)
class Aggregated:
    """A figure over groups of people.

    Attributes:
        table: what is drawn.
        figure: the drawing; None if too few people are known.
    """

    table: pd.DataFrame
    figure: Figure | None


def panels(count: int, height: float = _PANEL_INCHES) -> tuple[Figure, Sequence[Axes]]:
    """A figure with a given number of panels, in rows; those that are not needed are hidden."""
    columns = min(_COLUMNS, max(count, 1))
    rows = math.ceil(max(count, 1) / columns)
    size = (max(_PANEL_INCHES * columns, 3.4), height * rows + 0.35)
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for axes in grid.flat[count:]:
        axes.set_axis_off()
    return figure, list(grid.flat[:count])
