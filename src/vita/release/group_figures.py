"""Releasable figures of groups: bands of a scatter, boxes, percentiles of curves, calibration."""

from collections.abc import Callable
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from vita import names
from vita.release import aggregates
from vita.release.panels import Aggregated, panels
from vita.report.figures import style
from vita.report.figures.fig7_segmentation import METRICS

_TITLE_WIDTH = 24  # characters


def scatter(
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
        figure, grid = panels(len(shown))
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


def boxes(drawn: pd.DataFrame, cell: int) -> Aggregated:
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


def curves(drawn: pd.DataFrame, cell: int) -> Aggregated:
    """Volumes over the cycle: the median, and the band, if at least `cell` people are beyond each of its ends."""
    table = drawn[drawn["n"] >= 2 * cell].copy()
    narrow = table["n"] * 0.05 < cell
    table.loc[narrow, ["low", "high"]] = np.nan
    for name in ("low", "median", "high"):
        table[name] = aggregates.few_digits(table[name])
    structures = list(dict.fromkeys(table["structure"]))
    if not structures:
        return Aggregated(table, None)
    figure, grid = panels(len(structures))
    for axes, structure in zip(grid, structures, strict=True):
        part = table[table["structure"] == structure]
        axes.plot(part["phase"], part["median"], color=style.BLUE)
        if part["low"].notna().all():
            axes.fill_between(part["phase"], part["low"], part["high"], color=style.BLUE, alpha=0.25, linewidth=0)
        axes.set(title=structure, xlim=(0, 1), ylim=(0, None))
    figure.supxlabel("Part of the cycle", fontsize=8)
    figure.supylabel("Volume (mL)", fontsize=8)
    return Aggregated(table, figure)


def calibration(drawn: pd.DataFrame, cell: int) -> Aggregated:
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
    figure, grid = panels(len(shown))
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
