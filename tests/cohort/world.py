"""A small synthetic UK Biobank table with every needed field, and writers for each way it is delivered."""

import csv
import gzip
from pathlib import Path

import numpy as np
import polars as pl

from vita.cohort.dictionary import limits
from vita.cohort.features import Feature, load_features

RESOURCES = Path(__file__).resolve().parents[2] / "workflow" / "resources"
FEATURES = RESOURCES / "features.tsv"
ICD10 = RESOURCES / "icd10.tsv"
TARGETS = RESOURCES / "targets.tsv"
MULTI = {6150: 4, 6153: 4, 6177: 3, 6164: 5, 20004: 4, 41270: 6}  # arrays of the fields of several values
CODES = ["I251", "I639", "I10", "I219", "E119", "J459", "K210", "Z961"]
VISITS = {2443, 6150, 6153, 6177, 3894, 3627, 4056, 2966, 20004}
DATES = {42000, 42002, 42004, 42006, 42008, 42010, 42012}
Columns = dict[str, list[str]]


def make_world(people: int = 60, seed: int = 1) -> Columns:
    """`eid` and canonical columns; cells are text, empty where missing. 41280 is aligned with 41270."""
    random = np.random.default_rng(seed)
    columns: Columns = {"eid": [str(1_000_003 + 17 * i) for i in range(people)]}
    for feature in load_features(FEATURES):
        for field, _ in feature.fields:
            for visit in _visits(field):
                for array in range(MULTI.get(field, 2 if field in (93, 4080) else 1)):
                    name = f"{field}-{visit}.{array}"
                    if name not in columns and field not in MULTI:
                        columns[name] = _cells(feature, field, people, random)
    for field, arrays in MULTI.items():
        for visit in _visits(field):
            _add_lists(columns, field, visit, arrays, people, random)
    columns["53-2.0"] = [f"2016-0{1 + i % 9}-1{i % 10}" for i in range(people)]
    columns["20400-0.0"] = [f"201{6 + i % 2}-11-11" for i in range(people)]
    columns["120128-0.0"] = ["2019-10-01" for _ in range(people)]
    columns["99999-0.0"] = ["free, text" for _ in range(people)]  # nobody asked for it
    return columns


def _visits(field: int) -> range:
    if field in VISITS:
        return range(3)
    return range(2, 3) if field not in {31, 21000, 41270, 120007, 20414, 20416, 20403, *DATES} else range(1)


def _cells(feature: Feature, field: int, people: int, random: np.random.Generator) -> list[str]:
    if field in DATES:
        options = ["", "", "2010-05-01", "2020-02-02"]
    elif field in (3894, 3627, 4056, 2966):
        options = ["", "", "", "55", "-1", "-3"]
    elif field == 2443:
        options = ["0", "0", "1", "-1", "-3", ""]
    elif field in (864, 884, 904) or (feature.valid_codes and field == feature.fields[0][0]):
        own = feature.valid_codes or tuple(range(8))
        not_delivered = 0 if feature.rule.name == "value_or_not_done" else None
        options = [str(c) for c in (*own, *feature.missing_codes) if c != not_delivered] + [""]
    elif field == 20116:
        options = ["0", "1", "2", "-3"]
    elif feature.kind == "numerical":
        low = 10 if feature.high is not None and feature.high < 100 else 60
        high = min(2 * low, limits()[field].high if field in limits() else 2 * low)
        return [f"{random.uniform(high / 2, high):.1f}" if random.random() > 0.1 else "" for _ in range(people)]
    else:
        options = ["1001", "1002", "-3"]
    return [str(cell) for cell in random.choice(options, people)]


def _add_lists(columns: Columns, field: int, visit: int, arrays: int, people: int, random: np.random.Generator) -> None:
    """A field of several values: each participant's values fill the first arrays."""
    pool = {6150: "1 2 3 4", 6153: "1 2 3 4 5", 6177: "1 2 3", 6164: "1 2 3 4 5", 20004: "1069 1070 1515 1100 1480"}
    names = [f"{field}-{visit}.{array}" for array in range(arrays)]
    for name in names:
        columns[name] = [""] * people
        if field == 41270:
            columns[name.replace("41270", "41280")] = [""] * people
    alone = {6150: ["-7", "-3"], 6153: ["-7", "-1"], 6177: ["-7", "-3"], 6164: ["-7", "-3"]}
    for person in range(people):
        options = CODES if field == 41270 else pool[field].split()
        values = [str(v) for v in random.choice(options, random.integers(0, min(arrays, len(options)) + 1), False)]
        if field in alone and random.random() < 0.3:
            values = [str(random.choice(alone[field]))]
        for name, value in zip(names, values, strict=False):
            columns[name][person] = value
            if field == 41270:
                day = f"20{random.integers(10, 23)}-0{random.integers(1, 10)}-15"
                columns[name.replace("41270", "41280")][person] = day


def rows_of(columns: Columns) -> list[list[str]]:
    return [list(row) for row in zip(*columns.values(), strict=True)]


def write_text(path: Path, names: list[str], rows: list[list[str]], delimiter: str = ",", quoted: bool = True) -> Path:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="latin-1", newline="") as lines:
        quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
        writer = csv.writer(lines, delimiter=delimiter, quoting=quoting, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
    return path


def classic(path: Path, columns: Columns, quoted: bool = True) -> Path:
    return write_text(path, list(columns), rows_of(columns), quoted=quoted)


def r_table(path: Path, columns: Columns) -> Path:
    names = ["f." + name.replace("-", ".") for name in columns]
    return write_text(path, names, [[cell or "NA" for cell in row] for row in rows_of(columns)], "\t", quoted=False)


def platform(path: Path, columns: Columns, prefix: str = "", literal: bool = False) -> Path:
    """Table Exporter with pipes, or `dx extract_dataset` with list literals and a prefix."""
    named = platform_columns(columns, literal)
    return write_text(path, [prefix + name for name in named], rows_of(named), quoted=False)


def platform_columns(columns: Columns, literal: bool = False) -> Columns:
    instances: dict[str, set[str]] = {}
    arrays: dict[str, set[str]] = {}
    for name in columns:
        field, _, rest = name.partition("-")
        if rest:
            instance, array = rest.split(".")
            instances.setdefault(field, set()).add(instance)
            arrays.setdefault(field, set()).add(array)
    single = {"31", "41270", "41280", "20414", "20416", "20403", "20400", "120007", "120128", "99999"}
    named: Columns = {"eid": columns["eid"]}
    for name, cells in columns.items():
        field, _, rest = name.partition("-")
        if not rest:
            continue
        instance, array = rest.split(".")
        new = f"p{field}" + ("" if field in single else f"_i{instance}")
        if int(field) in MULTI:
            if array == "0":
                own = [columns[f"{field}-{instance}.{a}"] for a in sorted(arrays[field], key=int)]
                named[new] = [_joined([c for c in values if c], literal) for values in zip(*own, strict=True)]
        else:
            named[new + ("" if len(arrays[field]) == 1 else f"_a{array}")] = cells
    return named


def _joined(values: list[str], literal: bool) -> str:
    if not values:
        return ""
    return "[" + ",".join(f'"{value}"' for value in values) + "]" if literal else "|".join(values)


def parquet(path: Path, columns: Columns) -> Path:
    """Typed Parquet: ids whole numbers, numbers floats, the rest text."""
    frame = pl.DataFrame(columns).with_columns(pl.all().replace("", None))
    typed = [
        pl.col(name).cast(pl.Int64 if name == "eid" else pl.Float64, strict=True)
        for name in columns
        if name == "eid" or name.split("-")[0] in ("21001", "4080", "20116")
    ]
    frame.with_columns(typed).write_parquet(path)
    return path
