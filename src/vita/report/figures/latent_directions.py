"""The average heart along directions of the image's features: from -2 to 2 SD, and what changes between.

    python -m vita.report.figures.latent_directions --images results/associations/direction_images.npz
        --numbers results/associations/directions.csv
        --svg results/figures/latent_directions.svg --png ... --csv ...

Rows are directions with their correlation to the number that they predict, on the test split; in each group of columns
are the pictures of one plane and moment, with the number's mean at each step, and the last minus the first.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vita.report.figures import mosaic, style
from vita.report.reading import read_numbers
from vita.runtime import cli
from vita.runtime.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = ["direction", "title", "unit", "n", "r", "n_test", "low", "middle", "high", "panel", "change"]
STEPS = {"low": "−2 SD", "middle": "mean", "high": "+2 SD"}
CHANGE = "change"
CELL_INCHES, LABEL_INCHES = 0.54, 0.7
ABOVE_INCHES, BELOW_INCHES = 0.17, 0.55  # titles of groups; titles of columns and the bar
GAP = 0.12  # between groups of columns, of a cell
LARGEST = 97  # percentile of changes that has the strongest colour
MAP = "RdBu_r"
NOTHING = "too few people to draw an average heart of"


def collect(path: Path) -> pd.DataFrame:
    """The pictures' numbers: COLUMNS, a row per direction and group of columns.

    Raises:
        UserError: the file is missing or holds no directions.
    """
    table = read_numbers(path, COLUMNS, "directions", "trace_directions", "it holds no directions")
    return table.loc[table["panel"].notna(), COLUMNS].reset_index(drop=True)


def read_pictures(path: Path, drawn: pd.DataFrame) -> np.ndarray:
    """(directions, steps, panels, height, width) in the order of the numbers.

    Raises:
        UserError: the file is missing, or holds other directions or panels than the numbers.
    """
    if not path.is_file():
        raise UserError(f"no pictures {path}: run the rule trace_directions")
    with np.load(path, allow_pickle=False) as arrays:
        pictures, directions = arrays["pictures"], arrays["directions"].tolist()
    panels = drawn["panel"].nunique()
    if directions != list(dict.fromkeys(drawn["direction"])) or (directions and pictures.shape[2] != panels):
        raise UserError(f"{path} and the numbers of directions are not of the same run; make both again")
    return np.asarray(pictures, dtype=float)


def draw(pictures_dsphw: np.ndarray, drawn: pd.DataFrame) -> Figure:
    """A row per direction, a group of columns per panel."""
    if drawn.empty:
        return style.note(NOTHING)
    panels = list(dict.fromkeys(drawn["panel"]))
    directions = drawn.drop_duplicates("direction").reset_index(drop=True)
    figure, cells = _grid(len(directions), panels)
    largest = max(float(np.percentile(np.abs(pictures_dsphw[:, -1] - pictures_dsphw[:, 0]), LARGEST)), 1e-6)
    shades = None
    for place, about in directions.iterrows():
        cells[place, 0].set_ylabel(_label(about), rotation=0, ha="right", va="center", linespacing=1.2)
        for panel in range(len(panels)):
            own, group = pictures_dsphw[place, :, panel], cells[place, 4 * panel : 4 * panel + 4]
            if not own.any():
                for axes in group:
                    mosaic.note(axes, "not scanned")
                continue
            for axes, picture, step in zip(group[:3], own, STEPS, strict=True):
                mosaic.picture(axes, mosaic.stretched(picture, own[1]))
                if panel == 0:
                    _write(axes, about[step], about["unit"])
            shades = group[3].imshow(own[-1] - own[0], cmap=MAP, vmin=-largest, vmax=largest)
    if shades is not None:
        bar = figure.colorbar(shades, ax=cells, location="bottom", shrink=0.3, aspect=30, pad=0.015)
        bar.set_label("Change of intensity from −2 to +2 SD", fontsize=6)
        bar.ax.tick_params(labelsize=5, length=2)
    return figure


def _grid(rows: int, panels: list[str]) -> tuple[Figure, np.ndarray]:
    """Axes (rows, 4 a panel) without ticks, with a gap between panels, and titles above."""
    widths = [width for _ in panels for width in (GAP, 1, 1, 1, 1)][1:]
    height = CELL_INCHES * rows + ABOVE_INCHES + BELOW_INCHES
    size = (CELL_INCHES * sum(widths) + LABEL_INCHES, height)
    figure, grid = style.subplots(rows, len(widths), figsize=size, squeeze=False, gridspec_kw={"width_ratios": widths})
    figure.set_layout_engine(
        "constrained", w_pad=0.008, h_pad=0.008, wspace=0, hspace=0, rect=(0, 0, 1, 1 - ABOVE_INCHES / height)
    )
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set_visible(False)
    gaps = list(range(4, len(widths), 5))
    for axes in grid[:, gaps].flat:
        axes.set_axis_off()
    cells = np.delete(grid, gaps, axis=1)
    for place, panel in enumerate(panels):
        for axes, words in zip(cells[0, 4 * place : 4 * place + 4], [*STEPS.values(), CHANGE], strict=True):
            axes.set_title(words, fontsize=6, pad=2)
        # over the group's middle, which is the right edge of its second picture
        title = cells[0, 4 * place + 1].annotate(
            panel, (1.0, 1.0), (0, 11), xycoords="axes fraction", textcoords="offset points", ha="center", fontsize=7
        )
        title.set_in_layout(False)  # or its column would become as wide as it
    return figure, cells


def _label(about: pd.Series) -> str:
    """A direction's title, and how well it predicts its number."""
    return f"{about['title']}\nr = {about['r']:.2f}" if pd.notna(about["r"]) else str(about["title"])


def _write(axes: Axes, value: float, unit: str) -> None:
    """A number's mean in the corner of a picture."""
    if pd.notna(value):
        box = {"facecolor": "black", "alpha": 0.45, "linewidth": 0, "pad": 0.8}
        axes.text(0.04, 0.05, f"{value:.0f} {unit}", transform=axes.transAxes, color="white", fontsize=5.5, bbox=box)


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--images", nargs=1, required=True, type=Path, help="direction_images.npz")
    parser.add_argument("--numbers", nargs=1, required=True, type=Path, help="directions.csv")
    style.add_common(parser)
    args = parser.parse_args(arguments)
    style.apply()
    drawn = collect(args.numbers[0])
    style.save(draw(read_pictures(args.images[0], drawn), drawn), drawn, style.Files.of(vars(args)))


if __name__ == "__main__":
    cli.run(main)
