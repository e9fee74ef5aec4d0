"""Index every scan found: its files, its geometry, and whether it can be used.

Layout: <scans>/<eid>/sa.nii.gz, la_2ch.nii.gz, la_3ch.nii.gz, la_4ch.nii.gz, with masks beside them (their names
are the setting `images.masks`). Only headers are read. A folder whose name is not a number gets a 13-digit number
from a hash of its name; the column `folder` keeps the name.

Output: a row per participant and view found or required, sorted by eid and view. A view that cannot be used has
usable = false and a reason; participant_usable says whether all required views can be used.
"""

import logging
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from vita import cli
from vita.atomic import replacing
from vita.errors import UserError
from vita.images.folders import participants, read_withdrawals
from vita.images.geometry import orient
from vita.images.header import ScanError, read_header
from vita.images.layout import VIEWS
from vita.images.settings import ImageSettings

log = logging.getLogger(__name__)

SUFFIXES = (".nii.gz", ".nii")
COLUMNS = {
    "eid": "int64",
    "folder": "string",
    "view": "string",
    "path": "string",
    "seg_path": "string",
    "seg4_path": "string",
    "rows": "Int32",
    "columns": "Int32",
    "slices": "Int32",
    "frames": "Int32",
    "spacing_row_mm": "float64",
    "spacing_column_mm": "float64",
    "spacing_slice_mm": "float64",
    "frame_s": "float64",
    "usable": "bool",
    "reason": "string",
}


def index_participant(eid: int, folder: os.DirEntry, settings: ImageSettings) -> list[dict[str, Any]]:
    """Rows of a participant, one per view that is there or required; none if the folder holds no scan."""
    try:
        names = {entry.name: entry.path for entry in os.scandir(folder.path)}
    except OSError as error:
        return [_row(eid, folder.name, settings.required_views[0], reason=f"cannot be read: {error.strerror}")]
    found = {view: _first(names, [view + suffix for suffix in SUFFIXES]) for view in VIEWS}
    if not any(found.values()) and not folder.name.isdigit():
        return []
    rows = []
    for view, path in found.items():
        if path:
            row = _row(eid, folder.name, view, path=path, **_describe(path, view, settings))
            row["seg_path"] = _first(names, settings.masks.get(view, []))
            row["seg4_path"] = _first(names, settings.masks["la_4ch_all"]) if view == "la_4ch" else None
            rows.append(row)
        elif view in settings.required_views:
            rows.append(_row(eid, folder.name, view, reason=f"no {view}.nii.gz"))
    return rows


def _row(eid: int, folder: str, view: str, **values: Any) -> dict[str, Any]:
    row = dict.fromkeys(COLUMNS) | {"eid": eid, "folder": folder, "view": view, "usable": False} | values
    row["usable"] = row["reason"] is None
    return row


def _first(names: dict[str, str], wanted: list[str]) -> str | None:
    return next((names[name] for name in wanted if name in names), None)


def _describe(path: str, view: str, settings: ImageSettings) -> dict[str, Any]:
    """Geometry from the header, and the reason if the view cannot be used."""
    try:
        header = read_header(path, planar=view != "sa")
        orientation = orient(header, view)
    except ScanError as error:
        return {"reason": str(error)}
    slices, rows, columns = orientation.shape
    between, down, across = orientation.spacing_mm
    frames = header.shape_xyzt[3]
    return {
        "rows": rows,
        "columns": columns,
        "slices": slices,
        "frames": frames,
        "spacing_row_mm": down,
        "spacing_column_mm": across,
        "spacing_slice_mm": between,
        "frame_s": header.frame_s,
        "reason": _reason(view, slices, frames, settings),
    }


def _reason(view: str, slices: int, frames: int, settings: ImageSettings) -> str | None:
    if frames < 2:
        return "no cine: a single frame"
    if frames != settings.frames and settings.time == "refuse":
        return f"{frames} frames instead of {settings.frames} (images.time is refuse)"
    if view == "sa" and slices < settings.sa_slices:
        return f"the short-axis stack has {slices} slices, {settings.sa_slices} are needed"
    if view != "sa" and slices != 1:
        return f"{slices} slices in a long-axis view instead of 1"
    return None


def build_index(scans: Path, settings: ImageSettings, withdrawn: set[int]) -> pd.DataFrame:
    """The index as a table with the columns of `COLUMNS` and participant_usable.

    Raises:
        UserError: no scan is found, or more than `images.max_excluded` of the participants cannot be used.
    """
    rows = [row for eid, folder in participants(scans, withdrawn) for row in index_participant(eid, folder, settings)]
    if not rows:
        raise UserError(f"{scans}: no scan found; expected <participant>/sa.nii.gz and so on (input.scans)")
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    needed = table[table["view"].isin(settings.required_views)]
    table["participant_usable"] = table["eid"].map(needed.groupby("eid")["usable"].all()).fillna(False).astype(bool)
    _summarise(table, settings)
    return table


def _summarise(table: pd.DataFrame, settings: ImageSettings) -> None:
    people = table.drop_duplicates("eid")
    bad = int((~people["participant_usable"]).sum())
    reasons = Counter(f"{row.view}: {row.reason}" for row in table.itertuples() if not row.usable)
    log.info("%d participants, %d scans; %d participants cannot be used", len(people), len(table), bad)
    for reason, count in reasons.most_common():
        log.info("%d x %s", count, reason)
    if bad > settings.max_excluded * len(people):
        worst = reasons.most_common(1)[0][0]
        raise UserError(
            f"{bad} of {len(people)} participants have no usable scan, above 'images.max_excluded' "
            f"({settings.max_excluded}); most often {worst}"
        )


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--scans", type=Path, required=True, help="folder with a folder per participant")
    parser.add_argument("--withdrawals", type=Path, help="CSV of ids to leave out, one a line")
    parser.add_argument("--output", type=Path, required=True, help="index.parquet")
    cli.add_settings(parser, "block images")
    args = parser.parse_args(arguments)
    settings = ImageSettings.from_dict(args.settings)
    table = build_index(args.scans, settings, read_withdrawals(args.withdrawals))
    with replacing(args.output) as path:
        table.to_parquet(path, index=False)


if __name__ == "__main__":
    cli.run(main)
