"""Volumes over the cardiac cycle: median and the middle 90 % of the cohort, for each chamber and the myocardium."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vita.report.figures import style
from vita.runtime import cli
from vita.runtime.privacy import shown_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CHAMBERS = {
    "LV": ("LV cavity", style.VERMILION),
    "LVMYO": ("LV myocardium", style.ORANGE),
    "RV": ("RV cavity", style.BLUE),
    "LA": ("Left atrium", style.GREEN),
    "RA": ("Right atrium", style.PURPLE),
}
PHASES = np.linspace(0, 1, 51)
BAND = (0.05, 0.5, 0.95)


Quantiles = Callable[[np.ndarray], Sequence[np.ndarray]]  # of (people, phases), at BAND


def _quantiles(values: np.ndarray) -> Sequence[np.ndarray]:
    return list(np.quantile(values, BAND, axis=0))


def summarise(curves: pd.DataFrame, quantiles: Quantiles = _quantiles) -> pd.DataFrame:
    """Curves of curves.parquet over the part of the cycle: `structure`, `phase`, `low`, `median`, `high`, `n`.

    Args:
        curves: a row per participant, structure and frame.
        quantiles: how they are taken over the participants.
    """
    rows = []
    for structure in CHAMBERS:
        part = curves[(curves["structure"] == structure) & curves["volume_ml"].notna()]
        aligned = [_aligned(person) for _, person in part.groupby("eid") if len(person) > 1]
        if aligned:
            low, median, high = quantiles(np.stack(aligned))
            for values in zip(PHASES, low, median, high, strict=True):
                rows.append((structure, *values, len(aligned)))
    return pd.DataFrame(rows, columns=["structure", "phase", "low", "median", "high", "n"])


def _aligned(person: pd.DataFrame) -> np.ndarray:
    """A participant's curve at PHASES; the cycle closes."""
    count = person["frame"].max() + 1
    volumes: np.ndarray = np.interp(PHASES, person["frame"] / count, person["volume_ml"], period=1)
    return volumes


def draw(summary: pd.DataFrame) -> Figure:
    """A panel per chamber."""
    structures = list(summary["structure"].unique())
    width = style.PAGE_INCHES
    figure, cells = style.subplots(1, max(len(structures), 1), figsize=(width, 1.7), squeeze=False)
    for axes, structure in zip(cells[0], structures, strict=False):
        part = summary[summary["structure"] == structure]
        title, colour = CHAMBERS[structure]
        axes.fill_between(part["phase"], part["low"], part["high"], color=colour, alpha=0.25, linewidth=0)
        axes.plot(part["phase"], part["median"], color=colour)
        axes.set(
            title=f"{title}\nn = {shown_count(int(part['n'].iloc[0]))}",
            xlabel="Part of the cycle",
            xlim=(0, 1),
            ylim=(0, None),
        )
    cells[0, 0].set_ylabel("Volume (mL)")
    return figure


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--curves", type=Path, required=True, help="curves.parquet")
    style.add_common(parser)
    args = parser.parse_args(arguments)
    style.apply()
    summary = summarise(pd.read_parquet(args.curves))
    style.save(draw(summary), summary, style.Files.of(vars(args)))


if __name__ == "__main__":
    cli.run(main)
