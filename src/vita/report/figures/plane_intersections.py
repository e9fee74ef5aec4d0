"""Where long-axis planes and the slices of the short-axis stack cut each other, for a few participants.

If affines are read correctly, anatomy continues across the lines; the table has the correlation of both images along
each line. Every picture shows the same width around the point where the planes meet. Participants with most views
come first; of one without long-axis views, two cuts through the stack are drawn in their place.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from vita.images.geometry import canonical
from vita.images.index import read_index
from vita.images.planes import Plane, agreement, common_point, meeting_line
from vita.images.rows import IndexRow
from vita.images.settings import ImageSettings
from vita.report.figures import mosaic, style
from vita.runtime import cli
from vita.runtime.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vita.images.view import Image

LONG_AXIS = {
    "la_2ch": ("2-chamber", style.ORANGE),
    "la_3ch": ("3-chamber", style.GREEN),
    "la_4ch": ("4-chamber", style.SKY),
}
SHOWN_SLICES = ("Base", "Mid", "Apex")
FIELD_MM = 180
STEP_MM = 1.0


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


def cuts(stack: list[Plane]) -> list[Plane]:
    """Two planes through the middle of the stack, along its slices' rows and along their columns."""
    volume = np.stack([cut.image_hw for cut in stack])
    place = stack[0].orientation
    result = []
    for axis in (1, 2):
        axes = (axis, *(other for other in range(3) if other != axis))
        affine = place.affine[:, [*axes, 3]]
        turned = volume.transpose(axes)
        number = len(turned) // 2
        result.append(Plane(replace(place, affine=affine, shape=turned.shape), number, turned[number]))
    return result


def measure(long_axis: dict[str, Plane], stack: list[Plane]) -> pd.DataFrame:
    """A row per long-axis view and slice: `view`, `slice`, `correlation`, `length_mm` of the common line."""
    rows = []
    for view, plane in long_axis.items():
        for cut in stack:
            line = meeting_line(plane, cut)
            length = float(np.linalg.norm(line[-1] - line[0])) if len(line) else 0.0
            rows.append((view, cut.number, agreement(plane, cut), length))
    return pd.DataFrame(rows, columns=["view", "slice", "correlation", "length_mm"])


def draw(people: list[tuple[dict[str, Plane], list[Plane]]]) -> Figure:
    """A row per participant: long-axis planes with the slices' lines, then slices with the planes' lines."""
    titles = [title for title, _ in LONG_AXIS.values()]
    names = [str(number) for number in range(1, len(people) + 1)]
    figure, cells = mosaic.grid(names, [*titles, *SHOWN_SLICES])
    for axes, (long_axis, stack) in zip(cells, people, strict=True):
        chosen = [stack[i] for i in np.linspace(0, len(stack) - 1, len(SHOWN_SLICES) + 2).round().astype(int)[1:-1]]
        centre = common_point([*long_axis.values(), stack[len(stack) // 2]])
        for place, (view, (_, colour)) in zip(axes[:3], LONG_AXIS.items(), strict=True):
            if view in long_axis:
                _show(place, long_axis[view], [(cut, colour) for cut in stack], centre)
            elif long_axis:
                mosaic.note(place, "not scanned")
        if not long_axis:
            for place, cut in zip(axes[:2], cuts(stack), strict=True):
                _show(place, cut, [(other, style.GREY) for other in stack], centre)
                place.set_xlabel("cut through the stack", fontsize=6)
            mosaic.note(axes[2], "no long-axis\nview")
        for place, cut in zip(axes[3:], chosen, strict=True):
            _show(place, cut, [(plane, LONG_AXIS[view][1]) for view, plane in long_axis.items()], centre)
    return figure


def _show(axes: Axes, plane: Plane, others: list[tuple[Plane, str]], centre_mm: np.ndarray) -> None:
    """Draw a square of FIELD_MM of the plane around `centre_mm`, and the lines in which it meets other planes."""
    steps = plane.orientation.affine[:3, 1:3]
    directions = steps / np.linalg.norm(steps, axis=0)
    middle = centre_mm - plane.normal * ((centre_mm - plane.origin) @ plane.normal)
    offsets = np.arange(-FIELD_MM / 2, FIELD_MM / 2, STEP_MM)
    grid = middle + offsets[:, None, None] * directions[:, 0] + offsets[:, None] * directions[:, 1]
    values = plane.sample(grid.reshape(-1, 3)).reshape(len(offsets), -1)
    mosaic.picture(axes, mosaic.stretched(values, plane.image_hw))
    for other, colour in others:
        line = meeting_line(plane, other)
        if len(line):
            rows, columns = ((line[[0, -1]] - middle) @ directions / STEP_MM + len(offsets) / 2).T
            axes.plot(columns, rows, color=colour, linewidth=0.7)
    axes.set(xlim=(-0.5, len(offsets) - 0.5), ylim=(len(offsets) - 0.5, -0.5))


def choose(index: pd.DataFrame, wanted: int) -> list[dict[str, IndexRow]]:
    """Index rows by view of participants who have a stack, those with most views first."""
    usable = index[index["usable"].astype(bool)]
    people = [group for _, group in usable.groupby("eid") if "sa" in set(group["view"])]
    people.sort(key=len, reverse=True)
    rows = [cast(list[IndexRow], group.to_dict("records")) for group in people[:wanted]]
    return [{row["view"]: row for row in each} for each in rows]


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--index", type=Path, required=True, help="index.parquet")
    parser.add_argument("--participants", type=int, default=2, help="rows of the figure")
    style.add_common(parser)
    args = parser.parse_args(arguments)
    chosen = choose(read_index(args.index), args.participants)
    if not chosen:
        raise UserError(f"{args.index}: nobody has a short-axis stack that can be used")
    from vita.images.participant import read_images  # brings nibabel and pydicom, which --help need not wait for

    settings = replace(ImageSettings.from_dict(args.settings), write_nifti=None)
    style.apply()
    people = [planes_of(read_images(rows, settings)[0]) for rows in chosen]
    measured = [measure(*planes).assign(participant=number) for number, planes in enumerate(people, 1)]
    style.save(draw(people), pd.concat(measured, ignore_index=True), style.Files.of(vars(args)))


if __name__ == "__main__":
    cli.run(main)
