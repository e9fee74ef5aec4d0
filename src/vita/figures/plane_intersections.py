"""Where long-axis planes cut the short-axis stack, and the stack's slices the long-axis planes, for one participant.

If affines are read rightly, anatomy continues across the lines; the table has the correlation of both images along
each line. The participant is the first of the index that has the stack and a long-axis view, or --number of these.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from vita import cli
from vita.errors import UserError
from vita.figures import mosaic, style
from vita.images.geometry import canonical
from vita.images.index import read_index
from vita.images.intersections import Plane, agreement, meeting_line
from vita.images.participant import read_images
from vita.images.settings import ImageSettings
from vita.images.view import Image

LONG_AXIS = {
    "la_2ch": ("2-chamber", style.ORANGE),
    "la_3ch": ("3-chamber", style.GREEN),
    "la_4ch": ("4-chamber", style.SKY),
}
SHOWN_SLICES = 3


def planes_of(images: dict[str, Image]) -> tuple[dict[str, Plane], list[Plane]]:
    """Long-axis planes by view, and all slices of the stack, at end-diastole."""
    long_axis = {}
    for view in LONG_AXIS:
        if view in images:
            image = images[view]
            long_axis[view] = Plane(image.orientation, 0, canonical(image.stored_tzyx, image.orientation)[0, 0])
    stack = images["sa"]
    frame = canonical(stack.stored_tzyx, stack.orientation)[0]
    return long_axis, [Plane(stack.orientation, number, image) for number, image in enumerate(frame)]


def measure(long_axis: dict[str, Plane], stack: list[Plane]) -> pd.DataFrame:
    """A row per long-axis view and slice: `view`, `slice`, `correlation`, `length_mm` of the common line."""
    rows = []
    for view, plane in long_axis.items():
        for cut in stack:
            line = meeting_line(plane, cut)
            length = float(np.linalg.norm(line[-1] - line[0])) if len(line) else 0.0
            rows.append((view, cut.number, agreement(plane, cut), length))
    return pd.DataFrame(rows, columns=["view", "slice", "correlation", "length_mm"])


def draw(long_axis: dict[str, Plane], stack: list[Plane]) -> Figure:
    """Long-axis planes with the slices' lines, then slices with the planes' lines."""
    chosen = [stack[i] for i in np.linspace(0, len(stack) - 1, SHOWN_SLICES + 2).round().astype(int)[1:-1]]
    names = [LONG_AXIS[view][0] for view in long_axis] + [f"Slice {cut.number + 1}" for cut in chosen]
    figure, cells = mosaic.grid([""], names)
    for axes, (view, plane) in zip(cells[0], long_axis.items(), strict=False):
        _show(axes, plane, [(cut, LONG_AXIS[view][1]) for cut in stack])
    for axes, cut in zip(cells[0, len(long_axis) :], chosen, strict=True):
        _show(axes, cut, [(plane, LONG_AXIS[view][1]) for view, plane in long_axis.items()])
    return figure


def _show(axes, plane: Plane, others: list[tuple[Plane, str]]) -> None:
    low, high = np.percentile(plane.image_hw, (0.5, 99.5))
    mosaic.picture(axes, np.clip((plane.image_hw - low) / max(high - low, 1e-6), 0, 1))
    for other, colour in others:
        line = meeting_line(plane, other)
        if len(line):
            rows, columns = plane.pixels(line[[0, -1]]).T
            axes.plot(columns, rows, color=colour, linewidth=0.6)


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--index", type=Path, required=True, help="index.parquet")
    parser.add_argument("--number", type=int, default=0, help="which participant, counted from 0")
    style.add_common(parser)
    args = parser.parse_args(arguments)
    index = read_index(args.index)
    usable = index[index["usable"].astype(bool)]
    views = usable.groupby("eid")["view"].agg(set)
    able = views.index[[("sa" in have and len(have) > 1) for have in views]]
    if not 0 <= args.number < len(able):
        raise UserError(
            f"{args.index}: {len(able)} participants have a stack and a long-axis view; --number is too large"
        )
    settings = ImageSettings.from_dict(args.settings)
    rows = {row["view"]: row for row in usable[usable["eid"] == able[args.number]].to_dict("records")}
    style.apply()
    long_axis, stack = planes_of(read_images(rows, settings)[0])
    style.save(draw(long_axis, stack), measure(long_axis, stack), args)


if __name__ == "__main__":
    cli.run(main)
