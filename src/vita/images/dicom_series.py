"""Which DICOM files make a view: repeats, copies and missing frames sorted out, so that slices have equal frames.

A run is what was acquired in one go: files of one series at one place. Of several runs of a slice, the latest complete
one counts: a view is repeated when the first was not good enough, and a repeat may have been stopped. A run is
complete if it has as many frames as CardiacNumberOfImages says, or as many as its neighbours. Up to a tenth of a
run's frames may be missing; the neighbour in time stands for each.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import pydicom
from pydicom.errors import BytesLengthException

from vita.images.header import ScanError

# Part of a run's frames that may be missing; one may be in any case.
MISSING = 0.1
# Trigger times beyond a minute are no times within a cycle.
LONGEST_MS = 60_000
# Files whose places differ by less are of one place.
SAME_PLACE_MM = 0.5
SAME_DIRECTION = 5e-3
# Pixel sizes that differ by less are the same; conversion tools round.
SAME_SPACING = 1e-3
# A step between trigger times up to this many times the median one is not a missing frame.
GAP = 3.5
UNREADABLE = (
    *(TypeError, ValueError, ArithmeticError, AttributeError, LookupError, NotImplementedError),
    BytesLengthException,  # pydicom's own for a number of too few bytes
)


@dataclass(eq=False)  # two runs are the same only if they are one; arrays cannot be compared with ==
class Run:
    """Files of one series at one place (LPS, mm), later in order of time.

    Attributes:
        key: name of the slice or view that the series has.
        series: its SeriesInstanceUID.
        position, orientation, spacing: (3,), rows' and columns' directions (2, 3), and (row, column) in mm.
        size: rows and columns.
        frames: the files.
        times_ms: trigger times; NaN where they are missing.
    """

    key: str
    series: str
    position: np.ndarray
    orientation: np.ndarray
    spacing: tuple[float, float]
    size: tuple[float, float]
    frames: list[pydicom.Dataset] = field(default_factory=list)
    times_ms: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @property
    def normal(self) -> np.ndarray:
        """Across the plane."""
        return np.cross(*self.orientation)

    @property
    def when(self) -> tuple[float, float]:
        """Number and time of the series: later ones are greater."""
        return max((number(file, "SeriesNumber"), number(file, "AcquisitionTime")) for file in self.frames)

    @property
    def wanted(self) -> int:
        """Frames that the scanner says the run has; 0 if it does not."""
        return int(min(number(self.frames[0], "CardiacNumberOfImages"), 10_000))

    @property
    def step_ms(self) -> float:
        """The middle step of the trigger times; NaN without them."""
        return float(np.median(np.diff(self.times_ms))) if len(self.times_ms) > 1 else float("nan")


def number(file: pydicom.Dataset, name: str) -> float:
    """The number of a tag; 0 where it is missing, no number, or infinite."""
    try:
        value = float(file.get(name))
    except UNREADABLE:
        return 0.0
    return value if np.isfinite(value) else 0.0


def runs_of(files: Sequence[pydicom.Dataset], key: str, notes: list[str]) -> list[Run]:
    """Sort the files of a name into runs; copies are left out.

    Raises:
        ScanError: a file does not say where it lies.
    """
    runs: list[Run] = []
    for file in files:
        try:
            series = str(file.get("SeriesInstanceUID", ""))
            position = np.array(file.ImagePositionPatient, dtype=float).reshape(3)
            orientation = np.array(file.ImageOrientationPatient, dtype=float).reshape(2, 3)
            spacing = tuple(float(value) for value in file.PixelSpacing)
        except UNREADABLE as error:
            raise ScanError("a DICOM file lacks its trigger time or its place in the scanner") from error
        place = np.concatenate([position, orientation.ravel(), spacing])
        if len(spacing) != 2 or not np.isfinite(place).all() or min(spacing) <= 0:
            raise ScanError("the DICOM files give no place in the scanner")
        new = Run(key, series, position, orientation, spacing, (number(file, "Rows"), number(file, "Columns")))
        run = next((run for run in runs if run.series == series and _alike(run, new)), None)
        if run is None:
            runs.append(run := new)
        run.frames.append(file)
    for run in runs:
        _without_copies(run, notes)
        _in_time(run, notes)
    return runs


def _alike(first: Run, second: Run) -> bool:
    """Whether frames of one series are of one picture: at one place, with the same pixels."""
    same_pixels = np.allclose(first.spacing, second.spacing, rtol=SAME_SPACING) and first.size == second.size
    return bool(same_pixels and _at(first, second.position, second.orientation))


def _at(run: Run, position: np.ndarray, orientation: np.ndarray) -> bool:
    near = np.abs(run.position - position).max() < SAME_PLACE_MM
    return bool(near and np.abs(run.orientation - orientation).max() < SAME_DIRECTION)


def _without_copies(run: Run, notes: list[str]) -> None:
    """Keep one of the files that are the same instance, or the same frame of the cycle with the same pixels."""
    kept: dict[tuple[float, float], list[pydicom.Dataset]] = defaultdict(list)
    for file in run.frames:
        same = kept[number(file, "InstanceNumber"), number(file, "TriggerTime")]
        if all(file.get("PixelData") != other.get("PixelData") for other in same):
            same.append(file)
    frames = [file for same in kept.values() for file in same]
    if len(frames) < len(run.frames):
        notes.append("a DICOM file is there twice")
    run.frames = frames


def _in_time(run: Run, notes: list[str]) -> None:
    """Sort the frames by trigger time, or by InstanceNumber if trigger times do not distinguish the frames.

    Raises:
        ScanError: neither gives the order.
    """
    times = [float(file.TriggerTime) if _has_time(file) else np.nan for file in run.frames]
    if np.isfinite(times).all() and len(set(times)) == len(times):
        order = np.argsort(times)
        run.times_ms = np.asarray(times)[order]
    else:
        order = np.argsort(numbers := [number(file, "InstanceNumber") for file in run.frames])
        known = np.isfinite(times)
        if known.all() and len(set(times)) > 1:
            raise ScanError("two DICOM files of a slice have the same trigger time")
        if len(set(numbers)) < len(numbers):
            raise ScanError("a DICOM file lacks its trigger time or its place in the scanner")
        run.times_ms = np.full(len(times), np.nan)
        notes.append("trigger times are missing; frames are in the order of InstanceNumber")
    run.frames = [run.frames[place] for place in order]


def _has_time(file: pydicom.Dataset) -> bool:
    try:
        return abs(float(file.TriggerTime)) < LONGEST_MS
    except UNREADABLE:
        return False


def slots_of(runs: Sequence[Run], many_places: Collection[str] = ()) -> list[list[Run]]:
    """Runs of the same slice, slice by slice.

    Series with names of their own are slices of their own, wherever a repeat lies. Where one series has several
    places, or the name is one of `many_places`, which say nothing about the place, the place tells slices apart.
    """
    by_key: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        by_key[run.key].append(run)
    slots: list[list[Run]] = []
    for group in by_key.values():
        several = group[0].key in many_places or max(Counter(run.series for run in group).values()) > 1
        slots += by_place(group) if several else [group]
    return slots


def by_place(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs at the same place together."""
    places: list[list[Run]] = []
    for run in runs:
        known = next((place for place in places if _at(place[0], run.position, run.orientation)), None)
        if known is None:
            places.append(known := [])
        known.append(run)
    return places


def choose(slots: Sequence[Sequence[Run]], notes: list[str]) -> list[Run]:
    """Of each slice the latest complete run, all with the same number of frames.

    Raises:
        ScanError: the slices have different numbers of frames.
    """
    most = [max(len(run.frames) for run in slot) for slot in slots]
    usual = max(Counter(most).items(), key=lambda item: (item[1], item[0]))[0]
    chosen = [_latest(slot, usual, notes) for slot in slots]
    if len(slots) == 1:
        usual = _own_frames(chosen[0])
    start = np.nanmedian([run.times_ms[0] / run.step_ms for run in chosen if run.step_ms > 0] or [0.0])
    counts = {len(run.frames) for run in chosen}
    for run in chosen:
        if missing := usual - len(run.frames):
            if not 0 < missing <= _allowed(usual):
                raise ScanError(f"slices have different numbers of frames ({', '.join(map(str, sorted(counts)))})")
            _fill(run, usual, float(start))
            notes.append(f"{missing} of {usual} frames of a slice missing; the neighbour in time stands for it")
        if run.step_ms > 0 and np.diff(run.times_ms).max() > GAP * run.step_ms:
            notes.append("the trigger times of a slice have a gap; a frame may be out of its order")
    return chosen


def one_at_each_place(slices: Sequence[Run], notes: list[str]) -> list[Run]:
    """The latest of several series with different names at the same place."""
    kept: list[Run] = []
    for run in sorted(slices, key=lambda run: run.when, reverse=True):
        if any(_at(other, run.position, run.orientation) for other in kept):
            notes.append("two series lie at the same place; the later one was taken")
        else:
            kept.append(run)
    return kept


def _allowed(frames: int) -> int:
    return max(1, int(MISSING * frames))


def _latest(slot: Sequence[Run], usual: int, notes: list[str]) -> Run:
    """The latest complete run; otherwise the latest with few frames missing, or the one with most frames."""
    ordered = sorted(slot, key=lambda run: run.when)
    complete = [run for run in ordered if len(run.frames) >= (run.wanted or usual) or len(run.frames) >= usual]
    nearly = [run for run in ordered if len(run.frames) >= usual - _allowed(usual)]
    best = (complete or nearly or sorted(ordered, key=lambda run: len(run.frames)))[-1]
    for later in ordered[ordered.index(best) + 1 :]:
        found, whole = len(later.frames), len(best.frames)
        notes.append(f"a later repeat has only {found} of {whole} frames; the series before it was taken")
    return best


def _own_frames(run: Run) -> int:
    """Frames that the single slice of a view should have: by the scanner's count, or by gaps in the trigger times."""
    have = len(run.frames)
    if 0 < run.wanted - have <= _allowed(run.wanted):
        return run.wanted
    if run.step_ms > 1:
        spanned = 1 + round(float(run.times_ms[-1] - run.times_ms[0]) / run.step_ms)
        if 0 < spanned - have <= _allowed(spanned) and np.diff(run.times_ms).max() > 1.5 * run.step_ms:
            return spanned
    return have


def _fill(run: Run, frames: int, start: float) -> None:
    """Take for each time of the cycle the frame nearest to it.

    Args:
        run: is changed.
        frames: that it shall have.
        start: trigger time of the first frame in steps.
    """
    if run.step_ms > 0:
        times = run.times_ms / run.step_ms
    else:
        times, start = _places_by_number(run, frames)
    nearest = [int(np.abs(times - (start + step)).argmin()) for step in range(frames)]
    step_ms = run.step_ms
    run.frames = [run.frames[place] for place in nearest]
    run.times_ms = (start + np.arange(frames)) * step_ms


def _places_by_number(run: Run, frames: int) -> tuple[np.ndarray, float]:
    """Places of the run's frames in the cycle by InstanceNumber, the first 0, and that of the cycle's first frame.

    Numbers may go through all slices of a series, slice by slice or frame by frame.
    """
    numbers = np.array([number(file, "InstanceNumber") for file in run.frames])
    step = max(float(np.median(np.diff(numbers))), 1.0) if len(numbers) > 1 else 1.0
    places = (numbers - numbers[0]) / step
    missing = frames - 1 - round(float(places[-1]))  # before the first frame or after the last one
    before = (numbers[0] - 1) % frames if step == 1 else (numbers[0] - 1) // step
    return places, -float(before) if 0 < before <= missing else 0.0
