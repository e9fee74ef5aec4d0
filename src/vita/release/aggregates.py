"""Aggregation of points and rows over a minimum number of people: hexagons, bands of quantiles, boxes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

_GRIDS = (14, 12, 10, 8, 6, 5, 4, 3, 2)  # hexagons across
_COVERED = 0.8  # share of people that a finer grid must still draw
_BANDS = 12  # at most
_DIGITS = 3
_SPAN_DIGITS = 2  # the outermost points are single people
QUARTILES = (0.25, 0.5, 0.75)
_MOST = 5  # a table of quartiles needs this many times the smallest cell


def few_digits(values: pd.Series) -> pd.Series:
    """Numbers at three significant digits."""
    return values.map(lambda value: float(f"{value:.{_DIGITS}g}") if np.isfinite(value) else value)


def rounded_count(count: int, cell: int) -> int:
    """A count rounded to a multiple of the smallest cell, so that differences of counts reveal nobody."""
    return max(cell, int(count / cell + 0.5) * cell)


def cells_of(x: np.ndarray, y: np.ndarray, across: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The hexagon that each point lies in, as one number, and the centres of all: (points,), (hexagons,) x and y.

    Two lattices of rectangles, shifted against each other by half; a point belongs to the nearer centre. The lattices
    start at zero and span a rounded range, so that they do not give away the outermost points.
    """
    width, height = widths(x, y, across)
    u, v = x / width, y / height
    centres = np.stack([np.stack([np.round(u), np.round(v)]), np.stack([np.floor(u) + 0.5, np.floor(v) + 0.5])])
    away = (centres[:, 0] - u) ** 2 + 3 * (centres[:, 1] - v) ** 2
    nearest = np.where(away[0] < away[1], centres[0], centres[1])  # (2, points)
    places, member = np.unique(nearest.T, axis=0, return_inverse=True)
    return member.ravel(), places[:, 0] * width, places[:, 1] * height


def widths(x: np.ndarray, y: np.ndarray, across: int) -> tuple[float, float]:
    """Width and height of the rectangles of the lattices, of which about `across` cover the points."""
    wide, high = (float(f"{max(float(np.ptp(axis)), 1e-9):.{_SPAN_DIGITS}g}") for axis in (x, y))
    return wide / across, high / across * float(np.sqrt(3))


def hexagons(points: pd.DataFrame, cell: int, values: Sequence[str] = (), person_by: str | None = None) -> pd.DataFrame:
    """Hexagons with at least `cell` people.

    Args:
        points: columns x and y, and those of `values`.
        cell: fewest people.
        values: columns of which each hexagon gets the mean; it is missing if fewer values are known.
        person_by: column within each value of which a participant has one point; a hexagon gets the value of most of
            its points, and their number of people. None: each point is a participant.

    Returns:
        `x`, `y`, `n` (a multiple of `cell`), the columns of `values` and `person_by`; and in `attrs` the hexagons'
        `width` and `height`.
    """
    best, drawn = pd.DataFrame(columns=["x", "y", "n", *values, *([person_by] if person_by else [])]), 0.0
    if len(points) < cell:
        return best
    x, y = points["x"].to_numpy(float), points["y"].to_numpy(float)
    for across in _GRIDS:
        member, centre_x, centre_y = cells_of(x, y, across)
        found = _counted(points, member, cell, values, person_by)
        share = float(found["people"].sum()) / len(points) if len(found) else 0.0
        if share > drawn:
            place = found.index.to_numpy()
            table = pd.DataFrame({"x": centre_x[place], "y": centre_y[place], "n": found["n"].to_numpy()})
            for name in [*values, *([person_by] if person_by else [])]:
                table[name] = found[name].to_numpy()
            best, drawn = table, share
            best.attrs = dict(zip(("width", "height"), widths(x, y, across), strict=True))
        if drawn >= _COVERED:
            break
    for name in ("x", "y", *values):
        best[name] = few_digits(best[name])
    return best


def _counted(
    points: pd.DataFrame, member: np.ndarray, cell: int, values: Sequence[str], person_by: str | None
) -> pd.DataFrame:
    """For each hexagon with enough people: `people` that it draws, the published `n`, and its values."""
    if person_by is not None:
        by_value = points.groupby([member, points[person_by].to_numpy()]).size().rename("people").reset_index()
        by_value.columns = pd.Index(["cell", person_by, "people"])
        most = by_value.sort_values("people").groupby("cell").last()
        most = most[most["people"] >= cell]
        total = pd.Series(member).value_counts()
        return most.assign(n=[rounded_count(count, cell) for count in most["people"]], people=total.reindex(most.index))
    sizes = pd.Series(member).value_counts().sort_index()
    sizes = sizes[sizes >= cell]
    found = pd.DataFrame({"people": sizes, "n": [rounded_count(count, cell) for count in sizes]})
    for name in values:
        grouped = points[name].groupby(member)
        found[name] = grouped.mean().where(grouped.count() >= cell).reindex(found.index)
    return found


def bands(points: pd.DataFrame, first: str, second: str, cell: int) -> pd.DataFrame:
    """People sorted by `first` and cut into bands of equal size: the means of both, the SD of the second, and `n`."""
    known = points[[first, second]].dropna().sort_values(first, kind="stable")
    count = min(_BANDS, len(known) // cell)
    rows = [
        {first: part[first].mean(), second: part[second].mean(), "sd": part[second].std(ddof=1), "n": len(part)}
        for place in (np.array_split(np.arange(len(known)), count) if count else [])
        for part in [known.iloc[place]]
    ]
    table = pd.DataFrame(rows, columns=[first, second, "sd", "n"])
    for name in (first, second, "sd"):
        table[name] = few_digits(table[name])
    return table


def box(values: pd.Series, cell: int) -> dict[str, float]:
    """`n`, `mean`, `sd`, and the quartiles as means of the ten people in the middle of each; missing for few people."""
    known = np.sort(values.dropna().to_numpy(float))
    found: dict[str, float] = dict.fromkeys(("n", "mean", "sd", "low", "median", "high"), np.nan)
    if len(known) < cell:
        return found
    found |= {"n": len(known), "mean": _short(known.mean()), "sd": _short(known.std(ddof=1))}
    if len(known) >= _MOST * cell:
        for name, part in zip(("low", "median", "high"), QUARTILES, strict=True):
            found[name] = _short(float(middle(known, part, cell)))
    return found


def middle(values: np.ndarray, part: float, cell: int) -> np.ndarray:
    """The mean of the `cell` people around a quantile, for each column of (people, columns)."""
    ordered = np.sort(values, axis=0)
    start = int(np.clip(round(part * (len(ordered) - 1)) - cell // 2, 0, len(ordered) - cell))
    return np.asarray(ordered[start : start + cell].mean(axis=0))


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
