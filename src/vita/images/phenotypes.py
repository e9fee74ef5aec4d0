"""Phenotypes: ten ventricular and eight atrial, from the curves over the cycle, or UK Biobank's own.

With `phenotypes.source: masks` they are measured on the masks; with `fields` they are UK Biobank's fields 24100 to
24117 as in fields.parquet. Readers of phenotypes.parquet need not know the source.

Formulas of the published UK Biobank pipeline: end-diastole is frame 0 (or the largest LV volume, setting
`phenotypes.ed`), end-systole the frame with the smallest LV volume; LVM = 1.05 g/ml times the myocardium at
end-diastole; LVCO = LVSV x heart rate; the left atrium by the biplane area-length method, 8/(3 pi) A2 A4 / mean length,
the right by 8/(3 pi) A^2 / length in the 4-chamber view; atrial maximum and minimum over the cycle.
"""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vita.config.blocks import needed
from vita.images.crop import resample_frames
from vita.images.header import can_be_cycle
from vita.images.layout import CURVES
from vita.images.shards import read_tables
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.runtime.errors import UserError

log = logging.getLogger(__name__)

MYOCARDIUM_G_PER_ML = 1.05
AREA_LENGTH = 8 / (3 * np.pi)
VENTRICULAR = ("LVEDV", "LVESV", "LVSV", "LVEF", "LVCO", "LVM", "RVEDV", "RVESV", "RVSV", "RVEF")
ATRIAL = ("LAV max", "LAV min", "LASV", "LAEF", "RAV max", "RAV min", "RASV", "RAEF")
HEART_RATE_PER_MIN = (30, 180)  # outside this range, the frame duration in the header is probably wrong
STROKE_VOLUME_GAP = 0.4  # both ventricles pump the same volume; with a larger difference, one of the masks is wrong
EARLY_ED = 1.05  # a later frame that is larger by this factor shows that frame 0 is not end-diastole


def ventricular(
    lv_ml: np.ndarray, myo_ml: np.ndarray, rv_ml: np.ndarray, frame_s: float, ed: str
) -> tuple[dict[str, float], list[str]]:
    """The ten ventricular phenotypes.

    Args:
        lv_ml, myo_ml, rv_ml: (time,) volumes, NaN in frames without annotation.
        frame_s: duration of a frame in s.
        ed: first | largest, which frame is end-diastole.

    Returns:
        Values by name in ml, %, l/min and g, NaN where they cannot be known; and quality flags.
    """
    values = dict.fromkeys(VENTRICULAR, np.nan)
    flags: list[str] = []
    if not np.isfinite(lv_ml).any():
        return values, flags
    largest, es = int(np.nanargmax(lv_ml)), int(np.nanargmin(lv_ml))
    first = 0 if ed == "first" else largest
    rate = 60 / (frame_s * len(lv_ml)) if frame_s > 0 else np.nan
    for side, volumes in (("LV", lv_ml), ("RV", rv_ml)):
        values[f"{side}EDV"], values[f"{side}ESV"] = volumes[first], volumes[es]
        values[f"{side}SV"] = volumes[first] - volumes[es]
        values[f"{side}EF"] = 100 * values[f"{side}SV"] / volumes[first]
    possible = can_be_cycle(frame_s * len(lv_ml))
    values["LVCO"] = values["LVSV"] * rate / 1000 if possible else np.nan
    values["LVM"] = MYOCARDIUM_G_PER_ML * myo_ml[first]
    checks = {
        "ed_not_annotated": not np.isfinite(lv_ml[first]),
        "few_annotated_frames": np.isfinite(lv_ml).sum() < len(lv_ml),
        "ed_not_largest": lv_ml[largest] > EARLY_ED * lv_ml[first],
        "heart_rate_impossible": not possible,  # hence no LVCO
        "heart_rate": not HEART_RATE_PER_MIN[0] <= rate <= HEART_RATE_PER_MIN[1],
        "stroke_volumes_differ": abs(values["LVSV"] - values["RVSV"])
        > STROKE_VOLUME_GAP * max(values["LVSV"], values["RVSV"]),
    }
    return values, flags + [name for name, raised in checks.items() if raised]


def left_atrial_ml(a2_mm2: np.ndarray, l2_mm: np.ndarray, a4_mm2: np.ndarray, l4_mm: np.ndarray) -> np.ndarray:
    """Biplane area-length volume (time,) in ml; a 2-chamber cine of other length is resampled to the 4-chamber's."""
    a2_mm2, l2_mm = (resample_frames(values, len(a4_mm2)) for values in (a2_mm2, l2_mm))
    volumes: np.ndarray = AREA_LENGTH * a2_mm2 * a4_mm2 / (0.5 * (l2_mm + l4_mm)) / 1000
    return volumes


def right_atrial_ml(area_mm2: np.ndarray, length_mm: np.ndarray) -> np.ndarray:
    """Single-plane area-length volume (time,) in ml."""
    volumes: np.ndarray = AREA_LENGTH * area_mm2**2 / length_mm / 1000
    return volumes


def atrial(volume_ml: np.ndarray, side: str) -> dict[str, float]:
    """The four phenotypes of an atrium, `side` LA or RA, in ml and %; NaN without any volume."""
    names = (f"{side}V max", f"{side}V min", f"{side}SV", f"{side}EF")
    if not np.isfinite(volume_ml).any():
        return dict.fromkeys(names, np.nan)
    largest, smallest = np.nanmax(volume_ml), np.nanmin(volume_ml)
    return dict(zip(names, (largest, smallest, largest - smallest, 100 * (1 - smallest / largest)), strict=True))


def measure(row: Any, ed: str) -> tuple[dict[str, object], dict[str, np.ndarray]]:
    """Phenotypes and volume curves of a row of a shard's table."""
    curve = {name: np.asarray([] if getattr(row, name) is None else getattr(row, name), dtype=float) for name in CURVES}
    values, flags = ventricular(curve["lv_ml"], curve["myo_ml"], curve["rv_ml"], row.frame_s_sa, ed)
    both = len(curve["la_2ch_mm2"]) and len(curve["la_4ch_mm2"])
    left = (
        left_atrial_ml(curve["la_2ch_mm2"], curve["la_2ch_mm"], curve["la_4ch_mm2"], curve["la_4ch_mm"])
        if both
        else np.array([])
    )
    right = right_atrial_ml(curve["ra_4ch_mm2"], curve["ra_4ch_mm"])
    for side, volumes in (("LA", left), ("RA", right)):
        values |= atrial(volumes, side)
        partly = np.isnan(volumes).any() and np.isfinite(volumes).any()
        flags += [f"{side}_partly_annotated"] if partly else []
    kept = {"LV": curve["lv_ml"], "LVMYO": curve["myo_ml"], "RV": curve["rv_ml"], "LA": left, "RA": right}
    return {"eid": row.eid, **values, "flags": flags}, kept


def measure_all(table: pd.DataFrame, ed: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Phenotypes (a row per usable participant) and curves (eid, structure, frame, time_s, volume_ml)."""
    rows, curves = [], []
    for row in table[table["usable"]].itertuples(index=False):
        values, kept = measure(row, ed)
        rows.append(values)
        for structure, volumes in kept.items():
            frame_s = row.frame_s_4ch if structure in ("LA", "RA") else row.frame_s_sa
            for frame, volume in enumerate(volumes):
                curves.append((row.eid, structure, frame, frame * frame_s, volume))
    columns = ["eid", *VENTRICULAR, *ATRIAL, "flags"]
    names = ["eid", "structure", "frame", "time_s", "volume_ml"]
    return pd.DataFrame(rows, columns=columns), pd.DataFrame(curves, columns=names)


def from_fields(path: Path) -> pd.DataFrame:
    """UK Biobank's phenotypes, fields 24100 to 24117: a row per participant who has any, without flags.

    Raises:
        UserError: the table of fields has none of them.
    """
    fields = pd.read_parquet(path)
    names = [*VENTRICULAR, *ATRIAL]
    found = fields.reindex(columns=["eid", *names]).dropna(how="all", subset=names).astype(dict.fromkeys(names, float))
    if found.empty:
        raise UserError(
            "config phenotypes.source is fields, but the tables have no value of fields 24100 to 24117; "
            "add the table that has them, or set it to masks"
        )
    return found.assign(flags=[[] for _ in range(len(found))])


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--shards", type=Path, nargs="+", required=True, help="tables of all shards")
    parser.add_argument("--fields", type=Path, help="fields.parquet, if phenotypes.source is fields")
    parser.add_argument("--output", type=Path, required=True, help="phenotypes.parquet")
    parser.add_argument("--curves", type=Path, required=True, help="curves.parquet")
    cli.add_settings(parser, "block phenotypes")
    args = parser.parse_args(arguments)
    ed, source = needed(args.settings, "phenotypes.ed"), needed(args.settings, "phenotypes.source")
    if ed not in ("first", "largest"):
        raise UserError(f"config: 'phenotypes.ed' is {ed!r}; choose one of first, largest")
    phenotypes, curves = measure_all(read_tables(args.shards), ed)
    if source == "fields":
        if args.fields is None:
            raise UserError("config phenotypes.source is fields, but no --fields are given")
        phenotypes = from_fields(args.fields)
    with replacing(args.output) as output, replacing(args.curves) as curve_path:
        phenotypes.to_parquet(output, index=False)
        curves.to_parquet(curve_path, index=False)
    _summarise(phenotypes)


def _summarise(phenotypes: pd.DataFrame) -> None:
    known = phenotypes[list(VENTRICULAR + ATRIAL)].notna()
    log.info(
        "%d participants, %d with all phenotypes, %d with none",
        len(known),
        *(int(k.sum()) for k in (known.all(axis=1), ~known.any(axis=1))),
    )
    for flag, count in phenotypes["flags"].explode().value_counts().items():
        log.info("%d x flag %s", count, flag)


if __name__ == "__main__":
    cli.run(main)
