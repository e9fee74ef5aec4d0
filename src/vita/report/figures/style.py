"""What all figures share: colours, sizes, and output files that are identical for identical data.

Importing matplotlib takes longer than `--help` may take: figures import it inside functions, or use the functions here.
"""

from __future__ import annotations

import argparse
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import pandas as pd

from vita import names
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.runtime.privacy import SMALLEST_COUNT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = names.PALETTE
GREY = names.GREY
SYSTEM_COLOURS = {system.name: system.colour for system in names.SYSTEMS}
# of what only this run knows, such as variants of ablations: Tol's muted colours, which differ from the above
OTHER_COLOURS = (SKY, "#332288", "#999933", "#44AA99", "#661100")
STRUCTURE_COLOURS = {structure.label: structure.colour for structure in names.STRUCTURES}
PLANES = names.PLANES
PAGE_INCHES = 7.2  # a journal's full text width
FEW = f"fewer than {SMALLEST_COUNT} participants have it"
PNG_DPI = 200
RASTER_DPI = 300
_CLIP = re.compile(r'<clipPath id="(\w+)"')
_CLIP_NAME = re.compile(r"\bp[0-9a-f]{10}\b")


def apply() -> None:
    """Set matplotlib up: no display, print sizes, reproducible SVG."""
    import matplotlib as mpl  # start-up

    mpl.use("Agg")
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # do not log every glyph of a PDF
    mpl.rcParams.update(
        {
            "svg.hashsalt": "vita",
            "svg.fonttype": "none",  # text stays text: to search, to edit
            "pdf.fonttype": 42,
            "font.family": "DejaVu Sans",
            "font.size": 7,
            "axes.titlesize": 7.5,
            "axes.labelsize": 7,
            "xtick.labelsize": 6,
            "ytick.labelsize": 6,
            "legend.fontsize": 6.5,
            "legend.frameon": False,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.linewidth": 0.6,
            "xtick.major.width": 0.6,
            "ytick.major.width": 0.6,
            "lines.linewidth": 1.2,
            "figure.constrained_layout.use": True,
        }
    )


def colour(system: str) -> str:
    """A system's colour, whatever target a model of it is for; one that only this run knows is sky blue."""
    return SYSTEM_COLOURS.get(system.partition("-")[0], SKY)


def colours(systems: list[str]) -> dict[str, str]:
    """A colour for each of several systems; those that only this run knows differ as far as there are colours."""
    others = [name for name in systems if name not in SYSTEM_COLOURS]
    own = {name: OTHER_COLOURS[place % len(OTHER_COLOURS)] for place, name in enumerate(others)}
    return {name: own.get(name) or colour(name) for name in systems}


def subplots(*args: Any, **options: Any) -> tuple[Figure, Any]:
    """A figure and its axes: `matplotlib.pyplot.subplots`."""
    import matplotlib.pyplot as plt  # start-up

    return plt.subplots(*args, **options)


def colormap(name: str) -> Colormap:
    """One of matplotlib's colour maps."""
    import matplotlib as mpl  # start-up

    return mpl.colormaps[name]


@dataclass(frozen=True)
class Files:
    """Where a figure goes: for print, for screens, and the table of what it draws."""

    svg: Path
    png: Path
    csv: Path
    pdf: Path | None = None

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Files:
        """The files that the arguments of `add_common` name, among others."""
        return cls(**{field.name: arguments[field.name] for field in fields(cls)})


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add `--svg`, `--png`, `--csv`, and `--settings`, which every figure accepts, whether it needs them or not."""
    cli.add_settings(parser, "seed and the block `evaluation`")
    parser.add_argument("--svg", required=True, type=Path, help="figure to write, for print")
    parser.add_argument("--png", required=True, type=Path, help="figure to write, for screens")
    parser.add_argument("--pdf", type=Path, help="the same as the SVG, for journals that take PDF only")
    parser.add_argument("--csv", required=True, type=Path, help="what is drawn")


def draw_one(
    about: str | None,
    arguments: list[str] | None,
    option: tuple[str, str],
    read: Callable[[Path], pd.DataFrame],
    draw: Callable[[pd.DataFrame], Figure],
) -> None:
    """The command line of a figure that shows one file.

    Args:
        about: the module's docstring.
        arguments: of the command line.
        option: its name and its help; it takes the file.
        read: what is drawn, from the file.
        draw: makes the figure from it.
    """
    name, what = option
    parser = cli.parser(about)
    parser.add_argument(f"--{name}", nargs=1, required=True, type=Path, help=what)
    add_common(parser)
    args = vars(parser.parse_args(arguments))
    apply()
    drawn = read(args[name][0])
    save(draw(drawn), drawn, Files.of(args))


def save(figure: Figure, drawn: pd.DataFrame, files: Files) -> None:
    """Write the figure and what it draws; the table must not identify participants.

    Raises:
        ValueError: the table has a column of participants' ids.
    """
    import matplotlib.pyplot as plt  # start-up

    if "eid" in drawn.columns:
        raise ValueError("a figure's table must not hold participants' ids")
    with replacing(files.svg) as path:
        figure.savefig(path, format="svg", dpi=RASTER_DPI, metadata={"Date": None, "Creator": None})
        path.write_text(_numbered_clips(path.read_text(encoding="utf-8")), encoding="utf-8")
    with replacing(files.png) as path:
        figure.savefig(path, format="png", dpi=PNG_DPI, metadata={"Software": None})
    if files.pdf:
        with replacing(files.pdf) as path:
            undated = dict.fromkeys(("CreationDate", "Creator", "Producer"))
            figure.savefig(path, format="pdf", dpi=RASTER_DPI, metadata=undated)
    with replacing(files.csv) as path:
        drawn.to_csv(path, index=False, float_format="%.6g")
    plt.close(figure)


def _numbered_clips(svg: str) -> str:
    """An SVG whose clip paths are numbered in their order.

    Matplotlib names them by a hash of their corners, whose last digits differ between runs where the layout is solved
    for; so the same figure would not be the same file.
    """
    numbers = {name: f"clip{number}" for number, name in enumerate(_CLIP.findall(svg), 1)}
    return _CLIP_NAME.sub(lambda found: numbers.get(found[0], found[0]), svg)


def unknown(axes: Axes, title: str, reason: str) -> None:
    """A panel that states why it is empty."""
    axes.set_title(title)
    axes.set_axis_off()
    axes.text(0.5, 0.5, f"– {fill(reason, 18)}", transform=axes.transAxes, ha="center", va="center", color=GREY)


def note(reason: str) -> Figure:
    """A figure that only holds a sentence, if there is nothing to draw."""
    import matplotlib.pyplot as plt  # start-up

    figure = plt.figure(figsize=(PAGE_INCHES / 2, 1))
    figure.text(0.5, 0.5, f"– {fill(reason, 50)}", ha="center", va="center", color=GREY)
    return figure


def labelled(title: str, unit: str) -> str:
    """`title (unit)`, or the title alone without a unit."""
    return f"{title} ({unit.replace('m2', 'm²')})" if unit else title
