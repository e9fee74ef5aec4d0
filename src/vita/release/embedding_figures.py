"""Releasable figures of embeddings: hexagons of people, and their mean path."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from vita.release import aggregates
from vita.release.panels import Aggregated, panels
from vita.report.figures import style
from vita.report.figures.fig4_phenotype_tsne import SHARES

_TRIANGLE = np.array([(0, 2), (1, 1), (1, -1), (0, -2), (-1, -1), (-1, 1)]) / np.array([2, 6]) * 2  # corners


def _hexagons(
    axes: Axes, table: pd.DataFrame, size: tuple[float, float], values: pd.Series, cmap: str
) -> PolyCollection:
    corners = _TRIANGLE * np.array(size) / 2
    patches = PolyCollection(
        [corners + centre for centre in table[["x", "y"]].to_numpy(float)],
        cmap=cmap,
        edgecolors="white",
        linewidths=0.2,
    )
    patches.set_array(values.to_numpy(float))
    axes.add_collection(patches)
    axes.autoscale_view()
    axes.set(xticks=[], yticks=[])
    axes.set_box_aspect(1)
    return patches


def phenotype_map(drawn: pd.DataFrame, cell: int) -> Aggregated:
    """Figure 4: the mean of each phenotype by hexagon."""
    phenotypes = [name for name in drawn.columns if name not in ("x", "y", *SHARES)]
    table = aggregates.hexagons(drawn, cell, phenotypes)
    shown = [name for name in phenotypes if table[name].notna().any()] if len(table) else []
    if not shown:
        return Aggregated(table, None)
    figure, grid = panels(len(shown))
    for axes, name in zip(grid, shown, strict=True):
        patches = _hexagons(axes, table, (table.attrs["width"], table.attrs["height"]), table[name], "viridis")
        bar = figure.colorbar(patches, ax=axes, fraction=0.05, pad=0.03)
        bar.locator = MaxNLocator(3)
        bar.update_ticks()
        axes.set_title(name)
    figure.supxlabel(f"t-SNE; mean of each hexagon of at least {cell} people", fontsize=8)
    return Aggregated(table, figure)


def sections(drawn: pd.DataFrame, cell: int) -> Aggregated:
    """Figure 2: the section that most people of a hexagon are in."""
    parts = {}
    for panel, part in drawn.groupby("panel", sort=False):
        parts[str(panel)] = aggregates.hexagons(part, cell, person_by="section")
    table = pd.concat([part.assign(panel=panel) for panel, part in parts.items()], ignore_index=True)
    table = table[["panel", "section", "x", "y", "n"]]
    shown = {panel: part for panel, part in parts.items() if len(part)}
    if not shown:
        return Aggregated(table, None)
    figure, grid = panels(len(shown), 2.6)
    for axes, (panel, part) in zip(grid, shown.items(), strict=True):
        size = part.attrs["width"], part.attrs["height"]
        patches = _hexagons(axes, part, size, part["section"], "twilight")
        patches.set_clim(1, drawn["section"].max() + 1)
        axes.set_title({"embedding": "Embeddings", "motion": "Minus each participant's mean"}.get(panel, panel))
    numbers = np.arange(1, int(drawn["section"].max()) + 1)
    colours = patches.to_rgba(numbers)
    handles = [Patch(color=colour, label=str(number)) for number, colour in zip(numbers, colours, strict=True)]
    figure.legend(handles=handles, loc="outside upper center", ncols=10, title="Section of the cycle", fontsize=6)
    figure.supxlabel(f"t-SNE; colour: section of most people, at least {cell} a hexagon", fontsize=8)
    return Aggregated(table, figure)


def mean_path(drawn: pd.DataFrame, cell: int) -> Aggregated:
    """Figure 3: the trajectory of the mean of all participants through the cycle."""
    grouped = drawn.groupby("section")
    table = grouped[["x", "y"]].mean().reset_index()
    table["n"] = [aggregates.rounded_count(count, cell) for count in grouped.size()]
    table = table[(grouped.size() >= cell).to_numpy()].reset_index(drop=True)
    for axis in ("x", "y"):
        table[axis] = aggregates.few_digits(table[axis])
    if len(table) < 2:
        return Aggregated(table, None)
    figure, (axes,) = panels(1, 2.6)
    closed = pd.concat([table, table.iloc[:1]])
    axes.plot(closed["x"], closed["y"], color=style.BLUE, marker="o", markersize=3)
    for _, row in table.iterrows():
        axes.annotate(str(int(row["section"])), (row["x"], row["y"]), xytext=(4, 4), textcoords="offset points")
    axes.set(title="Mean of all test participants by section", xlabel="t-SNE 1", ylabel="t-SNE 2")
    axes.margins(0.15)
    return Aggregated(table, figure)
