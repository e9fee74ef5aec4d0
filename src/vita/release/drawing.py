"""Points of a drawing's paths, and whether each of them may be a participant."""

import re
from collections.abc import Iterator

import numpy as np

_COMMAND = re.compile(r"([MmLlHhVvCcSsQqTtAaZz])|([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)")
_TAKES = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7, "Z": 0}  # numbers of a command
_FEWEST_STEPS = 20  # of a curve, which may be one for each participant
_JUMP = 0.12  # of the drawing's size, between neighbours of points that are no line
_SIZES = 3  # of steps, that a grid may have
_ALONG_AXES = 0.8  # of all steps
_SHAPE = 12  # largest number of points of a mark that is drawn as a separate path
_LONGEST = 20_000


def path_points(drawn: str) -> list[tuple[float, float]]:
    """The points that a path of SVG (its attribute d, or the points of a polygon) goes through, in absolute units."""
    command = "L"
    numbers: list[float] = []
    points: list[tuple[float, float]] = []
    at, start = (0.0, 0.0), (0.0, 0.0)
    for letter, number in _COMMAND.findall(drawn):
        if letter:
            command, numbers = letter, []
            if letter in "Zz":
                at = start
            continue
        numbers.append(float(number))
        if len(numbers) < _TAKES[command.upper()] or len(points) > _LONGEST:
            continue
        at = _moved(command, numbers, at)
        points.append(at)
        numbers = []
        if command in "Mm":
            start, command = at, "L" if command == "M" else "l"
    return points


def _moved(command: str, numbers: list[float], at: tuple[float, float]) -> tuple[float, float]:
    """Where a command ends."""
    origin = at if command.islower() else (0.0, 0.0)
    if command in "Hh":
        return origin[0] + numbers[0], at[1]
    if command in "Vv":
        return at[0], origin[1] + numbers[0]
    return origin[0] + numbers[-2], origin[1] + numbers[-1]


def shape(points: list[tuple[float, float]]) -> tuple[float, ...] | None:
    """A small path without its place, which equal marks share; None for others, and for one without size."""
    if not 1 < len(points) <= _SHAPE:
        return None
    first = points[0]
    form = tuple(round(part, 1) for point in points for part in (point[0] - first[0], point[1] - first[1]))
    return form if any(form) else None


def suspicious(points: list[tuple[float, float]]) -> Iterator[str]:
    """What makes the points of a path look like those of single participants."""
    place = np.array(points)
    if len(place) < _FEWEST_STEPS:
        return
    size = np.ptp(place, axis=0)
    if not size.all():
        return
    steps = np.abs(np.diff(place, axis=0)) / size
    if (steps == 0).any(axis=1).mean() > _ALONG_AXES:  # to each point along one axis and then along the other
        steps = np.abs(np.diff(place[::2], axis=0)) / size
    closed = bool(np.allclose(place[0], place[-1]))
    if len(np.unique(place[:, 0])) >= _FEWEST_STEPS and np.median(steps, axis=0).min() > _JUMP and not closed:
        yield f"a path through {len(place)} scattered points: each may be a participant"
    along = place[:, 0] * np.sign(place[-1, 0] - place[0, 0])
    wide = np.unique(np.round(along, 2))
    if (np.diff(along) >= -1e-9).all() and len(wide) >= _FEWEST_STEPS and not closed and _is_uneven(np.diff(wide)):
        yield f"a curve with {len(wide)} uneven steps: each may be a participant"


def _is_uneven(steps: np.ndarray) -> bool:
    """Whether steps are of many sizes, unlike those of a grid."""
    return len(np.unique(np.round(steps / steps.max(), 2))) > _SIZES
