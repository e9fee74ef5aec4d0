"""Associations of image and phenotypes with every feature and disease, by group of features.

    python -m vita.report.figures.association_map --associations results/associations/associations.csv
        --svg results/figures/association_map.svg --png ... --csv ...

A dot is a feature, or a class of one: the smallest p of all outcomes of a kind (image components, image directions,
phenotypes). Above the line, the largest p whose false discovery rate is below 5 %, associations count as found.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vita.report.extension_tables import OUTCOME_KINDS, SIGNIFICANT
from vita.report.figures import style
from vita.report.reading import read_numbers
from vita.runtime import cli

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = dict(zip(OUTCOME_KINDS, (style.BLUE, style.ORANGE, style.GREEN), strict=True))
SMALLEST_P = 1e-300
TICKS = (0, 2, 5, 10, 20, 50, 100, 200, 300)  # of -log10 p, drawn by its square root
ACRONYMS = {"Ecg": "ECG", "mri": "MRI"}
COLUMNS = ["group", "trait", "kind", "outcome", "n", "effect", "p", "q"]


def collect(path: Path) -> pd.DataFrame:
    """The strongest association of each trait with each kind of outcome, in the order of groups: COLUMNS.

    Raises:
        UserError: the file is missing or holds no associations.
    """
    table = read_numbers(path, COLUMNS, "associations", "measure_associations", "it holds no associations")
    known = table.dropna(subset=["p"])
    best = known.loc[known.groupby(["group", "trait", "kind"], sort=False)["p"].idxmin(), COLUMNS]
    place = {group: number for number, group in enumerate(dict.fromkeys(table["group"]))}
    return best.sort_values("group", key=lambda groups: groups.map(place), kind="stable").reset_index(drop=True)


def draw(drawn: pd.DataFrame) -> Figure:
    """Dots by group of features."""
    if drawn.empty:
        return style.note("no feature varies among enough participants")
    figure, axes = style.subplots(figsize=(style.PAGE_INCHES, 3.0))
    traits = drawn[["group", "trait"]].drop_duplicates().reset_index(drop=True)
    gaps = (traits["group"] != traits["group"].shift()).cumsum() * 3
    traits["x"] = np.arange(len(traits)) + gaps
    shown = drawn.merge(traits, on=["group", "trait"])
    height = -np.log10(shown["p"].clip(lower=SMALLEST_P))
    for kind, colour in COLOURS.items():
        own = shown["kind"] == kind
        axes.scatter(
            shown.loc[own, "x"], height[own], s=7, color=colour, alpha=0.75, linewidths=0, label=OUTCOME_KINDS[kind]
        )
    if (found := shown["q"] < SIGNIFICANT).any():
        axes.axhline(height[found].min(), color=style.GREY, linewidth=0.7, linestyle=(0, (3, 2)))
    middle = traits.groupby("group", sort=False)["x"].mean()
    axes.set_xticks(middle, [_title(group) for group in middle.index], rotation=40, ha="right", rotation_mode="anchor")
    axes.set_ylabel("−log$_{10}$ p (square-root scale)")
    axes.set_yscale("function", functions=(lambda y: np.sqrt(np.maximum(y, 0)), np.square))
    top = max(height.max() * 1.1, TICKS[1])
    axes.set_yticks([tick for tick in TICKS if tick <= top], minor=False)
    axes.set_ylim(0, top)
    axes.margins(x=0.01)
    figure.legend(loc="outside upper center", ncols=len(COLOURS))
    return figure


def _title(group: str) -> str:
    """A group of features as it is printed."""
    words = group.replace("_", " ")
    words = words[:1].upper() + words[1:]
    return " ".join(ACRONYMS.get(word, word) for word in words.split())


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    style.draw_one(__doc__, arguments, ("associations", "associations.csv"), collect, draw)


if __name__ == "__main__":
    cli.run(main)
