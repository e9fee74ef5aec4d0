"""Releasable figures: the content of a figure's CSV, aggregated over a minimum number of people, and its drawing.

A figure that shows pixels is released only if the participants are synthetic; its numbers of single scans never are.
Of other participants, one that shows averages has a form without pixels.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from vita import names
from vita.release import aggregates, extension_figures
from vita.report.figures import style
from vita.report.figures.fig4_phenotype_tsne import SHARES
from vita.report.figures.fig7_segmentation import METRICS
from vita.report.figures.volume_curves import BAND, summarise
from vita.runtime.atomic import replacing

PIXELS = (
    *("fig8_segmentation_examples", "figB9_reconstructions", "scan_quality", "plane_intersections"),
    "latent_directions",  # averages, which a reader cannot tell from scans
)
AS_IT_IS = ("learning_curves",)  # only about models
_PANEL_INCHES = 1.7
_COLUMNS = 6
_TITLE_WIDTH = 24  # characters
_TRIANGLE = np.array([(0, 2), (1, 1), (1, -1), (0, -2), (-1, -1), (-1, 1)]) / np.array([2, 6]) * 2  # corners


@dataclass(frozen=True)
class Aggregated:
    """A figure over groups of people.

    Attributes:
        table: what is drawn.
        figure: the drawing; None if too few people are known.
    """

    table: pd.DataFrame
    figure: Figure | None


def released_as_pixels(name: str, phantom: bool) -> bool:
    """Whether a figure leaves as it is or not at all, since it shows pixels and has no other form for these people."""
    return name in PIXELS and (phantom or name not in _FORMS)


def aggregate(name: str, drawn: pd.DataFrame, cell: int) -> Aggregated:
    """A figure's CSV as numbers over at least `cell` people, and their drawing.

    Raises:
        KeyError: no form of this figure may be released.
    """
    return _FORMS[name](drawn, cell)


def drawn_from(name: str, path: Path, results: Path, cell: int) -> pd.DataFrame:
    """What a figure is drawn from: its CSV; volume curves from the curves themselves, since each of their percentiles
    is one participant's volume, in place of which the mean of those around it is released.
    """
    curves = results / "images" / "curves.parquet"
    if name != "volume_curves" or not curves.is_file():
        return pd.read_csv(path)

    def quantiles(values: np.ndarray) -> list[np.ndarray]:
        few = len(values) < cell
        return [np.full(values.shape[1], np.nan) if few else aggregates.middle(values, part, cell) for part in BAND]

    return summarise(pd.read_parquet(curves), quantiles)


def save(found: Aggregated, folder: Path, name: str) -> list[Path]:
    """Write a figure's CSV, and SVG and PNG if there is something to draw."""
    paths = [folder / f"{name}.csv"]
    with replacing(paths[0]) as path:
        found.table.to_csv(path, index=False, float_format="%.4g")
    if found.figure is not None:
        for form, extra in (("svg", {"Date": None, "Creator": None}), ("png", {"Software": None})):
            paths.append(folder / f"{name}.{form}")
            with replacing(paths[-1]) as path:
                found.figure.savefig(path, format=form, dpi=style.PNG_DPI, metadata=extra)
            with plt.rc_context({"figure.constrained_layout.use": False, "figure.autolayout": False}):
                found.figure.set_layout_engine(None)  # the second form is laid out as the first
        plt.close(found.figure)
    return paths


def _grid(count: int, height: float = _PANEL_INCHES) -> tuple[Figure, Sequence[Axes]]:
    columns = min(_COLUMNS, max(count, 1))
    rows = math.ceil(max(count, 1) / columns)
    size = (max(_PANEL_INCHES * columns, 3.4), height * rows + 0.35)
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for axes in grid.flat[count:]:
        axes.set_axis_off()
    return figure, list(grid.flat[:count])


# --- t-SNE maps -------------------------------------------------------------------------------------------------


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


def _map(drawn: pd.DataFrame, cell: int) -> Aggregated:
    """Figure 4: the mean of each phenotype by hexagon."""
    phenotypes = [name for name in drawn.columns if name not in ("x", "y", *SHARES)]
    table = aggregates.hexagons(drawn, cell, phenotypes)
    shown = [name for name in phenotypes if table[name].notna().any()] if len(table) else []
    if not shown:
        return Aggregated(table, None)
    figure, grid = _grid(len(shown))
    for axes, name in zip(grid, shown, strict=True):
        patches = _hexagons(axes, table, (table.attrs["width"], table.attrs["height"]), table[name], "viridis")
        bar = figure.colorbar(patches, ax=axes, fraction=0.05, pad=0.03)
        bar.locator = MaxNLocator(3)
        bar.update_ticks()
        axes.set_title(name)
    figure.supxlabel(f"t-SNE; mean of each hexagon of at least {cell} people", fontsize=8)
    return Aggregated(table, figure)


def _sections(drawn: pd.DataFrame, cell: int) -> Aggregated:
    """Figure 2: the section that most people of a hexagon are in."""
    parts = {}
    for panel, part in drawn.groupby("panel", sort=False):
        parts[str(panel)] = aggregates.hexagons(part, cell, person_by="section")
    table = pd.concat([part.assign(panel=panel) for panel, part in parts.items()], ignore_index=True)
    table = table[["panel", "section", "x", "y", "n"]]
    shown = {panel: part for panel, part in parts.items() if len(part)}
    if not shown:
        return Aggregated(table, None)
    figure, grid = _grid(len(shown), 2.6)
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


def _mean_path(drawn: pd.DataFrame, cell: int) -> Aggregated:
    """Figure 3: the trajectory of the mean of all participants through the cycle."""
    grouped = drawn.groupby("section")
    table = grouped[["x", "y"]].mean().reset_index()
    table["n"] = [aggregates.told(count, cell) for count in grouped.size()]
    table = table[(grouped.size() >= cell).to_numpy()].reset_index(drop=True)
    for axis in ("x", "y"):
        table[axis] = aggregates.few_digits(table[axis])
    if len(table) < 2:
        return Aggregated(table, None)
    figure, (axes,) = _grid(1, 2.6)
    closed = pd.concat([table, table.iloc[:1]])
    axes.plot(closed["x"], closed["y"], color=style.BLUE, marker="o", markersize=3)
    for _, row in table.iterrows():
        axes.annotate(str(int(row["section"])), (row["x"], row["y"]), xytext=(4, 4), textcoords="offset points")
    axes.set(title="Mean of all test participants by section", xlabel="t-SNE 1", ylabel="t-SNE 2")
    axes.margins(0.15)
    return Aggregated(table, figure)


# --- scatter plots ----------------------------------------------------------------------------------------------


def _scatter(
    first: str, second: str, labels: tuple[str, str], identity: bool
) -> Callable[[pd.DataFrame, int], Aggregated]:
    """A scatter plot as bands of people: means of both, and the SD of the second as a bar."""

    def form(drawn: pd.DataFrame, cell: int) -> Aggregated:
        parts = []
        for target, part in drawn.groupby("target", sort=False):
            about = {"target": target, "title": part["title"].iloc[0], "unit": part["unit"].iloc[0]}
            parts.append(aggregates.bands(part, first, second, cell).assign(**about))
        table = (
            pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["target", first, second, "sd", "n"])
        )
        shown = list(dict.fromkeys(table["target"]))
        if not shown:
            return Aggregated(table, None)
        table = table[["target", "title", "unit", first, second, "sd", "n"]]
        figure, grid = _grid(len(shown))
        for axes, target in zip(grid, shown, strict=True):
            part = table[table["target"] == target]
            axes.plot(part[first], part[second], color=style.BLUE, linewidth=0.8)
            axes.vlines(part[first], part[second] - part["sd"], part[second] + part["sd"], color=style.BLUE, alpha=0.5)
            if identity:
                ends = [part[[first, second]].min(axis=None), part[[first, second]].max(axis=None)]
                axes.plot(ends, ends, color=style.GREY, linewidth=0.8, linestyle=(0, (3, 2)))
            else:
                axes.axhline(0, color=style.GREY, linewidth=0.5)
            unit = part["unit"].iloc[0]
            title = style.labelled(str(part["title"].iloc[0]), unit if isinstance(unit, str) else "")
            axes.set_title(fill(title, _TITLE_WIDTH, break_long_words=False))
            axes.locator_params(nbins=4)
        figure.supxlabel(f"{labels[0]} (mean of bands of at least {cell} people)", fontsize=8)
        figure.supylabel(f"{labels[1]} (mean ± SD)", fontsize=8)
        return Aggregated(table, figure)

    return form


# --- boxes, curves, calibration ---------------------------------------------------------------------------------


def _boxes(drawn: pd.DataFrame, cell: int) -> Aggregated:
    """Figure 7: mean, SD and quartiles of each system, structure and metric."""
    keys = ["metric", "target", "model"]
    rows = [
        dict(zip(keys, key, strict=True)) | aggregates.box(part["value"], cell)
        for key, part in drawn.groupby(keys, sort=True)
    ]
    table = pd.DataFrame(rows, columns=[*keys, "n", "mean", "sd", "low", "median", "high"])
    table = table[table["n"].notna()].reset_index(drop=True)
    there, structures = set(table["metric"]), set(table["target"])
    if not there:
        return Aggregated(table, None)
    metrics = [metric for metric in METRICS if metric in there]
    models = names.ordered(set(table["model"]))
    targets = [structure.name for structure in names.STRUCTURES if structure.name in structures]
    colours = style.colours(models)
    figure, grid = plt.subplots(len(metrics), 1, figsize=(style.PAGE_INCHES * 0.75, 1.7 * len(metrics)), squeeze=False)
    for axes, metric in zip(grid.flat, metrics, strict=True):
        for number, model in enumerate(models):
            part = table[(table["metric"] == metric) & (table["model"] == model)]
            place = np.array([targets.index(target) for target in part["target"]]) + 0.8 * (number + 0.5) / len(models)
            axes.errorbar(
                place,
                part["mean"],
                yerr=part["sd"],
                fmt="o",
                markersize=3,
                color=colours[model],
                label=names.title(model),
            )
            axes.vlines(place, part["low"], part["high"], color=colours[model], linewidth=4, alpha=0.4)
        axes.set_ylabel(METRICS[metric])
        axes.set_xticks(np.arange(len(targets)) + 0.4, targets)
    grid.flat[0].legend(ncols=len(models), loc="lower center", bbox_to_anchor=(0.5, 1))
    figure.supxlabel("Mean ± SD; wide bar: from the lower to the upper quartile", fontsize=8)
    return Aggregated(table, figure)


def _curves(drawn: pd.DataFrame, cell: int) -> Aggregated:
    """Volumes over the cycle: the median, and the band, if at least `cell` people are beyond each of its ends."""
    table = drawn[drawn["n"] >= 2 * cell].copy()
    narrow = table["n"] * 0.05 < cell
    table.loc[narrow, ["low", "high"]] = np.nan
    for name in ("low", "median", "high"):
        table[name] = aggregates.few_digits(table[name])
    structures = list(dict.fromkeys(table["structure"]))
    if not structures:
        return Aggregated(table, None)
    figure, grid = _grid(len(structures))
    for axes, structure in zip(grid, structures, strict=True):
        part = table[table["structure"] == structure]
        axes.plot(part["phase"], part["median"], color=style.BLUE)
        if part["low"].notna().all():
            axes.fill_between(part["phase"], part["low"], part["high"], color=style.BLUE, alpha=0.25, linewidth=0)
        axes.set(title=structure, xlim=(0, 1), ylim=(0, None))
    figure.supxlabel("Part of the cycle", fontsize=8)
    figure.supylabel("Volume (mL)", fontsize=8)
    return Aggregated(table, figure)


def _calibration(drawn: pd.DataFrame, cell: int) -> Aggregated:
    """Observed frequency by bin of probability; bins already have at least `cell` people with and without the
    disease.
    """
    # lowest and highest are percentiles of predictions, so one participant's
    table = drawn[drawn["n"].notna()].drop(columns=["lowest", "highest"], errors="ignore")
    few = (table["observed"] * table["n"]).round() < cell
    few |= ((1 - table["observed"]) * table["n"]).round() < cell
    table = table[~few].reset_index(drop=True)
    for name in ("brier", "predicted", "observed", "low", "high"):
        table[name] = aggregates.few_digits(table[name])
    shown = list(dict.fromkeys(table["target"]))
    if not shown:
        return Aggregated(table, None)
    figure, grid = _grid(len(shown))
    for axes, target in zip(grid, shown, strict=True):
        part = table[table["target"] == target]
        top = max(float(part[["predicted", "high"]].max(axis=None)) * 1.05, 0.1)
        spread = np.abs(part[["low", "high"]].to_numpy() - part[["observed"]].to_numpy()).T
        axes.plot([0, top], [0, top], color=style.GREY, linewidth=0.8, linestyle=(0, (3, 2)))
        axes.errorbar(part["predicted"], part["observed"], yerr=spread, color=style.BLUE, marker="o", markersize=3)
        axes.set_title(str(part["title"].iloc[0]))
    figure.supxlabel("Mean predicted probability", fontsize=8)
    figure.supylabel("Observed frequency", fontsize=8)
    return Aggregated(table, figure)


def _own(form: Callable[[pd.DataFrame, int], extension_figures.Found]) -> Callable[[pd.DataFrame, int], Aggregated]:
    """A figure of the extensions."""
    return lambda drawn, cell: Aggregated(*form(drawn, cell))


_FORMS: dict[str, Callable[[pd.DataFrame, int], Aggregated]] = {
    "fig2_temporal_sections": _sections,
    "fig3_subject_trajectories": _mean_path,
    "fig4_phenotype_tsne": _map,
    "fig5_phenotype_scatter": _scatter("truth", "prediction", ("Reference", "Prediction from images"), True),
    "fig6_physiological_scatter": _scatter("truth", "prediction", ("Reference", "Prediction from images"), True),
    "bland_altman": _scatter("mean", "difference", ("Mean of both masks", "Predicted minus reference"), False),
    "fig7_segmentation": _boxes,
    "volume_curves": _curves,
    "calibration": _calibration,
    "cumulative_incidence": _own(extension_figures.incidence),
    "latent_directions": _own(extension_figures.directions),
    "association_map": _own(extension_figures.associations),
    "conformal_coverage": _own(extension_figures.coverage),
    "label_curves": _own(extension_figures.labels),
    "availability_curves": _own(extension_figures.availability),
    "phenotype_curves": _own(extension_figures.phenotypes),
}
