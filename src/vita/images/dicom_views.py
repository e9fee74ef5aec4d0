"""Which series of a study are which view, found from geometry: descriptions differ from scanner to scanner.

A cine has several frames at one place, at different times of the cycle. The short-axis stack is the one set of at least
six parallel cine planes that does not lie along the body's axes, as localisers and stacks of the whole chest do. Planes
across it are long-axis views, told apart by their angles around the long axis; where there are more than three, those
of the stack's sequence count. Pictures of flow and tags are no cines. What is not clear is not guessed: the reason then
lists the series, of which the user names those that count.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from vita.images.dicom_series import SAME_DIRECTION
from vita.images.dicom_studies import Plane, Series, Study, describe
from vita.images.folders import Frames
from vita.images.geometry import APEX
from vita.images.header import ScanError
from vita.images.layout import SA_PLANES, VIEWS
from vita.images.planes import ANGLE_OF_VIEW, angles_around, away, long_axis, name_planes

FEWEST_FRAMES = 5
SAME_SLICE_MM = 1.0
# A stack closer than this to an axis of the body, in degrees, shows no short axis.
OFF_BODY_AXES = 15.0
# A long-axis plane's normal and the stack's are 90 degrees apart, give or take this.
ACROSS = 30.0
# Planes this close in angle and place are one view that was repeated.
REPEAT_DEGREES, REPEAT_MM = 10.0, 10.0
# A plane farther than this from its view's usual angle is none of the three.
FARTHEST_DEGREES = 30.0


def views_of(study: Study, chosen: Mapping[str, Sequence[str]]) -> tuple[dict[str, Frames], dict[str, str]]:
    """Frames of each view, and for each view that is not found the reason.

    Args:
        study: all series.
        chosen: numbers or UIDs of the series of a view, by view, that the user named; others are found from geometry.

    Raises:
        ScanError: a series that was named is not there, or several have its number.
    """
    series = list(study.series.values())
    named = {view: _named(series, wanted) for view, wanted in chosen.items()}
    taken = {plane.series for planes in named.values() for plane in planes}
    free = [plane for each in series for plane in each.planes if plane.series not in taken and is_cine(plane)]
    found, reason = dict(named), ""
    if "sa" not in found:
        stacks = short_axis_stacks(free)
        if len(stacks) == 1:
            found["sa"] = stacks[0]
        else:
            reason = f"{len(stacks) or 'no'} sets of parallel planes can be the short-axis stack"
    if missing := [view for view in ANGLE_OF_VIEW if view not in found]:
        groups = long_axis_groups(free, found["sa"]) if "sa" in found else []
        alike = [group for group in groups if group[0].kind == found["sa"][0].kind]
        views = (named_groups(groups) or named_groups(alike)) if len(missing) == len(ANGLE_OF_VIEW) else None
        found |= views or {}
        if not views and not reason:
            reason = f"{len(groups) or 'no'} planes across the short-axis stack do not say which view is which"
    absent = [view for view in VIEWS if view not in found]
    reasons = dict.fromkeys(absent, "no series is told by its planes; name it with --series")
    if absent:
        lines = "; ".join(describe(series)) or "none"
        reasons[absent[0]] = f"{reason}; name series with --series, as in --series {absent[0]}=NUMBER. Series: {lines}"
    return {view: _frames_of(planes) for view, planes in found.items()}, reasons


def _frames_of(planes: Sequence[Plane]) -> Frames:
    """The numbers of the planes' frames, by the file that they are in."""
    result: Frames = {}
    for plane in planes:
        for file, number in zip(plane.files, plane.numbers, strict=True):
            result.setdefault(file, []).append(number)
    return result


def _named(series: Sequence[Series], wanted: Sequence[str]) -> list[Plane]:
    """Planes of the series of these numbers or UIDs."""
    result = []
    for name in wanted:
        matches = [each for each in series if each.planes and name in (each.uid, str(each.number))]
        if len(matches) != 1:
            what = "no series with planes is" if not matches else f"{len(matches)} series are"
            raise ScanError(f"--series: {what} {name}; there are {'; '.join(describe(series)) or 'none'}")
        result += matches[0].planes
    return result


def is_cine(plane: Plane) -> bool:
    """Whether a plane shows the heart at times of the cycle; perfusion and mapping show one time again and again."""
    frames = len(plane.files)
    return plane.form and frames >= FEWEST_FRAMES and (not plane.times_ms or len(plane.times_ms) > 0.4 * frames)


def short_axis_stacks(planes: Sequence[Plane]) -> list[list[Plane]]:
    """Sets of parallel planes of one grid, at least six places one after the other, that can be a short-axis stack."""
    sets: list[list[Plane]] = []
    for plane in planes:
        known = next((each for each in sets if _parallel(each[0], plane)), None)
        if known is None:
            sets.append(known := [])
        known.append(plane)
    return [each for each in sets if _slices(each) >= SA_PLANES and _oblique(each[0].normal)]


def _parallel(first: Plane, second: Plane) -> bool:
    alike = first.kind == second.kind and np.allclose(first.grid, second.grid, rtol=1e-3)
    return bool(alike and np.abs(first.axes - second.axes).max() < SAME_DIRECTION)


def _slices(planes: Sequence[Plane]) -> int:
    along = np.sort([plane.position @ planes[0].normal for plane in planes])
    return 1 + int((np.diff(along) > SAME_SLICE_MM).sum())


def _oblique(normal: np.ndarray) -> bool:
    return bool(np.abs(normal).max() < np.cos(np.radians(OFF_BODY_AXES)))


def long_axis_groups(planes: Sequence[Plane], stack: Sequence[Plane]) -> list[list[Plane]]:
    """Planes across the stack; those of about the same angle and place, one view and its repeats, together."""
    axis = stack[0].normal if stack[0].normal @ APEX > 0 else -stack[0].normal
    across = [plane for plane in planes if abs(plane.normal @ axis) < np.sin(np.radians(ACROSS))]
    angles = angles_around(axis, [plane.normal for plane in across])
    groups: list[list[int]] = []
    for place in range(len(across)):
        known = next((group for group in groups if _repeats(across, angles, group[0], place)), None)
        if known is None:
            groups.append(known := [])
        known.append(place)
    return [[across[place] for place in group] for group in groups]


def _repeats(planes: Sequence[Plane], angles: np.ndarray, first: int, second: int) -> bool:
    if planes[first].kind != planes[second].kind:
        return False
    apart_mm = abs((planes[first].position - planes[second].position) @ planes[first].normal)
    return bool(away(angles[first], angles[second]) < REPEAT_DEGREES and apart_mm < REPEAT_MM)


def named_groups(groups: Sequence[list[Plane]]) -> dict[str, list[Plane]] | None:
    """The group that is each long-axis view; None if that is not clear."""
    normals = [group[-1].normal for group in groups]
    places = name_planes(normals)
    if places is None:
        return None
    angles = angles_around(long_axis(normals), normals)
    farthest = max(away(angles[place], ANGLE_OF_VIEW[view]) for view, place in places.items())
    return {view: groups[place] for view, place in places.items()} if farthest < FARTHEST_DEGREES else None
