"""Rows of the scan index as typed dictionaries."""

from collections.abc import Collection, Mapping
from typing import TypedDict


class IndexRow(TypedDict, total=False):
    """A view of a participant, as `vita.images.index` finds it.

    Of a view that is not `usable`, `path` and what its header says may be None. Not kept in index.parquet: `files` of
    DICOM with the frames that each has, `instead`, a zip of the same view, and `mask_score` of a mask that the run
    made.
    """

    eid: int
    folder: str
    view: str
    path: str
    seg_path: str | None
    seg4_path: str | None
    rows: int
    columns: int
    slices: int
    frames: int
    spacing_row_mm: float
    spacing_column_mm: float
    spacing_slice_mm: float
    frame_s: float
    rate_source: str | None
    usable: bool
    reason: str | None
    files: Mapping[str, Collection[int]]
    instead: str
    mask_score: float
