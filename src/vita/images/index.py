"""Index every scan found: its files, its geometry, and whether it can be used.

NIfTI: <scans>/<eid>/sa.nii.gz, la_2ch.nii.gz, la_3ch.nii.gz, la_4ch.nii.gz, with masks beside them (their names are
the setting `images.masks`). UK Biobank's zips: <eid>_20208_<visit>_0.zip and <eid>_20209_<visit>_0.zip, anywhere up to
three folders deep; the visit is the setting `images.instance`. Only headers, and zips' lists of files, are read; the
geometry of zips is known once they are read for a shard. A folder whose name is not a number gets a 13-digit number
from a hash of its name; the column `folder` keeps the name.

Output: a row per participant and view found or required, sorted by eid and view. A view that cannot be used has
usable = false and a reason; participant_usable says whether all required views can be used.
"""

import argparse
import logging
from collections import Counter
from collections.abc import Set
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from vita.images.folders import SCAN_SUFFIXES, Found, find_participants
from vita.images.geometry import orient
from vita.images.header import NO_RATE, ScanError, read_header
from vita.images.layout import VIEWS
from vita.images.quality import unsuitable
from vita.images.rows import IndexRow
from vita.images.settings import ImageSettings
from vita.images.zips import FIELD_OF_VIEW, open_zip, series_files
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.runtime.errors import UserError
from vita.withdrawals import load_withdrawals

log = logging.getLogger(__name__)

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
    "rate_source": "string",
    "usable": "bool",
    "reason": "string",
}


def index_participant(eid: int, found: Found, settings: ImageSettings) -> list[IndexRow]:
    """Rows of a participant, one per view that exists or is required; none if no file looks like a scan.

    A view that is there both as NIfTI and as zip is taken from NIfTI, unless that file cannot be used. Since only its
    header is read here, the zip is named too, as `instead`, which the index does not keep.
    """
    if found.reason:
        return [_row(eid, found, settings.required_views[0], reason=found.reason)]
    images = {view: _first(found.files, [view + suffix for suffix in SCAN_SUFFIXES]) for view in VIEWS}
    if not any(images.values()) and not (found.zips or found.dicom or found.absent) and not found.folder.isdigit():
        return []
    rows: list[IndexRow] = []
    for view in VIEWS:
        archive, image = found.zips.get(FIELD_OF_VIEW[view]), images[view]
        if image:
            described = {"path": image} | _describe_nifti(image, view, settings)
            if archive and described["reason"] is None:
                described |= {"instead": archive} | _rate_of_zip(archive, view, described["frames"], settings)
            elif archive and (instead := _describe_zip(archive, view, settings))["reason"] is None:
                described = {"path": archive} | instead
        elif archive:
            described = {"path": archive} | _describe_zip(archive, view, settings)
        elif view in found.dicom:
            # Which frames and slices there are is known once the files are read.
            described = {"path": next(iter(found.dicom[view])), "files": found.dicom[view], "reason": None}
        else:
            described = {"reason": found.absent.get(view, f"no {view}.nii.gz")}
        # A view that nobody needs and that is not there, in a file or in a zip, is no fault.
        absent = described.pop("absent", "path" not in described)
        if not absent or view in settings.required_views:
            masks = {"seg_path": _mask(found.files, settings.masks.get(view, []))}
            if view == "la_4ch":
                masks["seg4_path"] = _mask(found.files, settings.masks["la_4ch_all"])
            rows.append(_row(eid, found, view, **described, **masks))
    return rows


def _row(eid: int, found: Found, view: str, **values: Any) -> IndexRow:
    row = dict.fromkeys(COLUMNS) | {"eid": eid, "folder": found.folder, "view": view} | values
    row["usable"] = row["reason"] is None
    return row  # type: ignore[return-value]  # its keys are COLUMNS


def _mask(files: dict[str, str], wanted: list[str]) -> str | None:
    """The first mask that is there, packed or not."""
    return _first(files, [name for each in wanted for name in (each, each.removesuffix(".gz"))])


def _first(files: dict[str, str], wanted: list[str]) -> str | None:
    return next((files[name] for name in wanted if name in files), None)


def _describe_nifti(path: str, view: str, settings: ImageSettings) -> dict[str, Any]:
    """Geometry from the header, and the reason if the view cannot be used."""
    try:
        header = read_header(path, planar=view != "sa")
    except ScanError as error:
        return {"reason": str(error)}
    orientation = orient(header, view)
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
        "rate_source": header.rate_source if header.frame_s > 0 else NO_RATE,
        "reason": unsuitable(view, slices, frames, settings),
    }


def _describe_zip(path: str, view: str, settings: ImageSettings) -> dict[str, Any]:
    """Slices from the zip's list of files, and the reason if the view cannot be used."""
    from vita.images.dicom import cycle_of  # pydicom takes a while to import, and NIfTI needs none

    try:
        with open_zip(path, settings.max_file_mb) as archive:
            series = series_files(archive, view)
            source = cycle_of(archive, next(iter(series.values())))[1]
    except ScanError as error:
        return {"reason": str(error), "absent": str(error).startswith("no series")}
    # One series may hold all slices, which is known once it is read.
    slices = len(series) if len(series) > 1 or view != "sa" else None
    reason = None if slices is None else unsuitable(view, slices, None, settings)
    return {"slices": slices, "rate_source": source, "reason": reason}


def _rate_of_zip(path: str, view: str, frames: int, settings: ImageSettings) -> dict[str, Any]:
    """The heart rate from a zip next to a NIfTI file; tools that convert DICOM often write another time."""
    from vita.images.dicom import cycle_of

    try:
        with open_zip(path, settings.max_file_mb) as archive:
            cycle_s, source = cycle_of(archive, next(iter(series_files(archive, view).values())))
    except ScanError as error:
        log.debug("the zip beside a NIfTI file does not say the heart rate: %s", error)
        return {}
    return {"frame_s": cycle_s / frames, "rate_source": source} if cycle_s > 0 else {}


def add_scans(parser: argparse.ArgumentParser) -> None:
    """Add `--scans` and `--withdrawals`."""
    parser.add_argument("--scans", type=Path, required=True, help="folder with a folder per participant, or of zips")
    parser.add_argument("--withdrawals", type=Path, help="CSV of ids to leave out, one a line")


def add_shard(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which scans `index_shard` lists."""
    add_scans(parser)
    parser.add_argument("--shard", type=int, required=True, help="number of the shard, from 0")
    parser.add_argument("--shards", type=int, required=True, help="how many shards there are")


def index_shard(
    scans: Path, settings: ImageSettings, withdrawn: Set[int], shard: int = 0, shards: int = 1
) -> list[IndexRow]:
    """Rows of the participants of a shard, sorted by eid and view; by default of all.

    Raises:
        UserError: there is no such shard, the folder cannot be read, or the settings do not say which visit to take.
    """
    if not 0 <= shard < shards:
        raise UserError(f"--shard is {shard}; with {shards} shards it runs from 0 to {shards - 1}")
    if settings.instance is None:
        raise UserError("--settings has no 'images.instance'; give it 'cohort.instance' of config.yaml")
    people = find_participants(scans, withdrawn, settings.instance, shard, shards)
    return [row for eid, found in people.items() for row in index_participant(eid, found, settings)]


def build_index(scans: Path, settings: ImageSettings, withdrawn: Set[int]) -> pd.DataFrame:
    """The index as a table with the columns of `COLUMNS` and participant_usable.

    Raises:
        UserError: no scan is found, or more than `images.max_excluded` of the participants cannot be used.
    """
    rows = index_shard(scans, settings, withdrawn)
    if not rows:
        raise UserError(f"{scans}: no scan found; expected <participant>/sa.nii.gz and so on (input.scans)")
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    needed = table[table["view"].isin(settings.required_views)]
    table["participant_usable"] = table["eid"].map(needed.groupby("eid")["usable"].all()).fillna(False).astype(bool)
    _summarise(table, settings)
    return table


def read_index(path: Path) -> pd.DataFrame:
    """Read index.parquet with None for missing text.

    Raises:
        UserError: the file is missing or not an index.
    """
    try:
        index = pd.read_parquet(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise UserError(f"{path}: the index cannot be read; run the rule index_scans") from error
    return index.astype(object).where(index.notna(), None)


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
    add_scans(parser)
    parser.add_argument("--output", type=Path, required=True, help="index.parquet")
    cli.add_settings(parser, "block images")
    args = parser.parse_args(arguments)
    settings = ImageSettings.from_dict(args.settings)
    table = build_index(args.scans, settings, load_withdrawals(args.withdrawals))
    with replacing(args.output) as path:
        table.to_parquet(path, index=False)


if __name__ == "__main__":
    cli.run(main)
