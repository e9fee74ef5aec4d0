"""Random cohorts in every delivery and any number of files: what is read is what the plain single file says.

Some of their cells hold codes that no coding has, and numbers that cannot be; dates are written as days or as times.

Thirty examples run with the other tests, a hundred with `-m thorough`, and 500 with `-m deliveries`.
"""

import bz2
import csv
import gzip
import io
import lzma
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import filled
from vita.cohort import blocks, diagnoses, reading, spill
from vita.cohort.extraction import extract
from vita.cohort.features import load_features

from . import world

PACKERS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
SPELLINGS = ["classic", "r", "mangled", "underscored", "stata", "ukb_format", "platform", "dx"]
IDS = {"r": "f.eid", "stata": "n_eid", "dx": "participant.eid"}
WORLDS = 7  # different cohorts
HOSPITAL = ("41270", "41280")
NAMES = """sex age bmi systolic_bp weight total_mass walk_days walk_minutes walking_pleasure_duration cardiac_operations
diabetes_diagnosed ever_diabetes heart_attack_diagnosed high_bp_diagnosed insulin weight_change pack_years
alcohol_typical_amount"""  # every rule, and every kind of field
# codes that no coding has, and numbers that cannot be
ODD = {6150: "41", 6153: "9", 6164: "8", 20004: "77777", 2443: "7", 21001: "-5", 4080: "1700", 874: "1441", 3627: "999"}
FEATURES = [each for each in load_features(world.FEATURES) if each.name in NAMES.split()]


def in_utc(day: str) -> datetime:
    """Midnight of a day in Britain as a time in UTC: in summer 23:00 of the day before."""
    return datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("Europe/London")).astimezone(UTC)


DAYS = {
    "plain": str,
    "pandas": lambda day: f"{day} 00:00:00",
    "spark": lambda day: f"{in_utc(day):%Y-%m-%dT%H:%M:%S.000Z}",
    "r": lambda day: f"{in_utc(day):%Y-%m-%d %H:%M:%S}",
    "noon": lambda day: f"{day} 12:00:00",
}


@dataclass(frozen=True)
class Written:
    """How a file is written."""

    spelling: str
    packing: str
    delimiter: str
    end: str
    quoting: int
    mark: bool
    missing: str
    text: str
    padded: bool
    row_names: bool
    days: str
    floats: bool


WRITTEN = st.builds(
    Written,
    spelling=st.sampled_from(SPELLINGS),
    packing=st.sampled_from(sorted(PACKERS)),
    delimiter=st.sampled_from([",", "\t", ";"]),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    mark=st.booleans(),
    missing=st.sampled_from(["", "NA", "NULL", "None", "nan", "."]),
    text=st.sampled_from(["plain", 'an "odd" quote', "caf\xe9, two\nlines", "a;b\tc", '"']),
    padded=st.booleans(),
    row_names=st.booleans(),
    days=st.sampled_from(sorted(DAYS)),
    floats=st.booleans(),
)


@dataclass(frozen=True)
class Parts:
    """How the cohort is divided into files: by rows or by fields, with overlap, some of them of an older release."""

    count: int
    seed: int
    by_rows: bool
    older: list[bool]


PARTS = st.builds(
    Parts,
    count=st.integers(1, 4),
    seed=st.integers(0, 2**16),
    by_rows=st.booleans(),
    older=st.lists(st.booleans(), min_size=4, max_size=4),
)


@cache
def people(world_seed: int) -> world.Columns:
    """A small cohort with the columns of these features and of diagnoses."""
    needed = {field for each in FEATURES for field in (*dict(each.fields), each.date_field)} | set(diagnoses.TITLES)
    whole = world.make_world(14, seed=world_seed)
    random = np.random.default_rng(world_seed)
    for field, odd in ODD.items():
        for name in (each for each in whole if each.startswith(f"{field}-")):
            whole[name] = [odd if cell and random.random() < 0.15 else cell for cell in whole[name]]
    return {name: cells for name, cells in whole.items() if name == "eid" or int(name.partition("-")[0]) in needed}


def renamed(columns: world.Columns, spelling: str) -> world.Columns:
    """The columns as a delivery names and arranges them."""
    if spelling in ("platform", "dx"):
        named = world.platform_columns(columns, literal=spelling == "dx")
        return {("participant." if spelling == "dx" else "") + name: cells for name, cells in named.items()}
    if spelling == "ukb_format":
        return joined(columns)
    marks = {"classic": "-.", "r": "..", "mangled": "..", "underscored": "__", "stata": "__"}[spelling]
    before = {"r": "f.", "mangled": "X", "stata": "n_"}.get(spelling, "")
    named = {}
    for name, cells in columns.items():
        new = name.replace("-", "/").replace(".", marks[1]).replace("/", marks[0])
        named[before + new if name != "eid" else IDS.get(spelling, "eid")] = cells
    return named


def joined(columns: world.Columns) -> world.Columns:
    """The Table Exporter's UKB-FORMAT: the values of a field under the name of its first array, between bars."""
    named = {}
    for name, cells in columns.items():
        start, _, array = name.rpartition(".")
        if name == "eid" or name.partition("-")[0] not in {*map(str, world.MULTI), "41280"}:
            named[name] = cells
        elif array == "0":
            own = [columns[each] for each in columns if each.startswith(start + ".")]
            named[name] = ["|".join(values).rstrip("|") for values in zip(*own, strict=True)]
    return named


def write(path: Path, columns: world.Columns, how: Written) -> Path:
    """A file of these columns. A column of free text that nobody needs has what a delivery may hold."""
    count = len(columns["eid"])
    free = ["x", how.text, *["y"] * count][:count]
    named = renamed(columns | {"99999-0.0": free}, how.spelling)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=how.delimiter, quoting=how.quoting, lineterminator=how.end)
    writer.writerow(list(named))
    for number, row in enumerate(world.rows_of(named), start=1):
        cells = [cell_of(cell, name, how) for name, cell in zip(named, row, strict=True)]
        writer.writerow([str(number), *cells] if how.row_names else cells)
    content = text.getvalue().encode("utf-8" if how.mark else "latin-1")
    whole = path.with_name(path.name + how.packing)
    whole.write_bytes(PACKERS[how.packing]((b"\xef\xbb\xbf" if how.mark else b"") + content))
    return whole


def cell_of(cell: str, name: str, how: Written) -> str:
    if "eid" in name or "99999" in name:
        return cell
    if how.floats and re.fullmatch(r"-?\d+", cell):
        cell += ".0"  # as pandas writes columns with gaps
    cell = re.sub(r"\d{4}-\d\d-\d\d", lambda day: DAYS[how.days](day.group()), cell)
    return (f" {cell} " if how.padded else cell) if cell else how.missing


def divided(parts: Parts) -> list[world.Columns]:
    """Tables which hold everything between them; each has all of hospital's fields or none."""
    whole, random = people(parts.seed % WORLDS), np.random.default_rng(parts.seed)
    names = {name: name.partition("-")[0] for name in whole if name != "eid"}
    fields = sorted(set(names.values()) - set(HOSPITAL))
    owner = dict(zip(fields, random.integers(0, parts.count, len(fields)), strict=True)) | dict.fromkeys(HOSPITAL, 0)
    rows = len(whole["eid"])
    edges = [0, *sorted(random.integers(0, rows + 1, parts.count - 1)), rows]
    found = []
    for place in range(parts.count):
        kept, own = np.arange(rows), list(names)
        if parts.by_rows:
            kept = kept[(kept >= edges[place]) & (kept < edges[place + 1]) | (random.random(rows) < 0.2)]
        else:
            also = {field for field in fields if random.random() < 0.2}
            own = [name for name, field in names.items() if owner[field] == place or field in also]
        kept = random.permutation(kept)
        part = {"eid": [whole["eid"][i] for i in kept]}
        for name in own:  # an older release lacks the cells of some people in fields that another table has whole
            hidden = parts.older[place] and not parts.by_rows and owner[names[name]] != place
            part[name] = ["" if hidden and i % 3 == 0 else whole[name][i] for i in kept]
        if len(kept) and own:
            found.append(part)
    return found


@cache
def plain(seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What the single plain file says."""
    with TemporaryDirectory() as folder:
        table = world.classic(Path(folder, "plain.csv"), people(seed))
        return pl.concat(extract([table], FEATURES, filled.cohort(), (), Path(folder))), diagnoses.collect(
            [table], 2, (), 0.01
        )


def check(folder: Path, parts: Parts, hows: list[Written], size: int, narrow: float) -> None:
    tables = divided(parts)
    files = [write(folder / f"part{place}.csv", *pair) for place, pair in enumerate(zip(tables, hows, strict=False))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_BYTES", size)
        patch.setattr(blocks, "_NARROW", narrow)
        patch.setattr(reading, "BATCH_ROWS", 8)
        patch.setattr(spill, "RANGE_ROWS", 5)
        found = pl.concat(extract(files, FEATURES, filled.cohort(), (), folder)), diagnoses.collect(files, 2, (), 0.01)
    for own, expected in zip(found, plain(parts.seed % WORLDS), strict=True):
        for name in expected.columns:
            assert own[name].to_list() == expected[name].to_list(), name


def any_delivery(examples: int) -> Callable[..., None]:
    """The property, over so many examples."""

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        PARTS,
        st.lists(WRITTEN, min_size=4, max_size=4),
        st.sampled_from([300, 5000, 1 << 20]),
        st.sampled_from([0.5, 1]),
    )
    def run(tmp_path_factory, parts, hows, size, narrow):
        check(tmp_path_factory.mktemp("any"), parts, hows, size, narrow)

    return run


test_any_delivery_says_what_the_plain_file_says = any_delivery(30)
test_a_hundred_deliveries = pytest.mark.thorough(any_delivery(100))
test_five_hundred_deliveries = pytest.mark.deliveries(any_delivery(500))
