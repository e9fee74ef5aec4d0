"""Tables as other programs leave them: read as the plain table, or refused in one line with what to do."""

import gzip
import logging
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

import filled
from vita.cohort.diagnoses import collect
from vita.cohort.extraction import extract
from vita.cohort.features import load_features
from vita.runtime.errors import UserError

from . import world

NAMES = ["sex", "bmi", "systolic_bp", "standing_height", "heart_attack_diagnosed", "walk_days", "total_mass"]
NAMES += ["cardiac_operations"]
FEATURES = [each for each in load_features(world.FEATURES) if each.name in NAMES]
NEEDED = {field for each in FEATURES for field, _ in each.fields} | {53, 41270, 41280, 6150, 2966, 21003, 99999}
WHOLE = world.make_world(12, seed=3)
PEOPLE = {name: cells for name, cells in WHOLE.items() if name == "eid" or int(name.partition("-")[0]) in NEEDED}
DATED = [name for name in PEOPLE if name.partition("-")[0] in ("53", "41280", "42000", "42002", "42004")]
LINES = [",".join(row) for row in [list(PEOPLE), *world.rows_of(PEOPLE | {"99999-0.0": ["x"] * 12})]]


def written(columns: world.Columns = PEOPLE, names: dict[str, str] | None = None, **other: list[str]) -> bytes:
    """A table of these columns, some of them changed or renamed; the column of free text has no comma."""
    columns = columns | {"99999-0.0": ["x"] * 12} | other
    lines = [[(names or {}).get(name, name) for name in columns], *world.rows_of(columns)]
    return "".join(",".join(line) + "\n" for line in lines).encode()


def changed(change: Callable[[str], str], names: list[str] | None = None) -> bytes:
    """The filled cells of some columns, or of all but the ids, changed."""
    own = [name for name in PEOPLE if name != "eid"] if names is None else names
    return written({name: [change(c) if c and name in own else c for c in PEOPLE[name]] for name in PEOPLE})


def filled_with(word: str) -> bytes:
    return written({name: [cell or word for cell in cells] for name, cells in PEOPLE.items()})


def days(form: str) -> bytes:
    return changed(lambda day: f"{date.fromisoformat(day):{form}}", DATED)


def lines(*found: str) -> bytes:
    return "".join(f"{line}\n" for line in found).encode()


def serial(day: str) -> str:
    return str((date.fromisoformat(day) - date(1899, 12, 30)).days)


def number(change: Callable[[str], str]) -> Callable[[str], str]:
    return lambda cell: change(cell) if re.fullmatch(r"-?\d+(\.\d+)?", cell) else cell


PLAIN = lines(*LINES)
MARK = b"\xef\xbb\xbf"
READ = {
    "codes with .0": changed(number(lambda cell: cell if "." in cell else f"{cell}.0")),
    "ids with .0": written(eid=[f"{each}.0" for each in PEOPLE["eid"]]),
    "ids with a leading zero": written(eid=[f"0{each}" for each in PEOPLE["eid"]]),
    "numbers as 1e2": changed(number(lambda cell: f"{float(cell):.6e}")),
    "not-a-time of pandas": filled_with("NaT"),
    "extended missing of Stata": filled_with(".a"),
    "missing of a database": filled_with(r"\N"),
    "midnights": days("%Y-%m-%d 00:00:00"),
    "midnights of Excel": days("%Y-%m-%d 12:00:00 AM"),
    "noons": days("%Y-%m-%d 12:00:00"),
    "a mark and quotes": MARK + written(),
    "Windows-1252": written(**{"99999-0.0": ["\u201cx\u201d"] * 12}).decode().encode("cp1252"),
    "both ends of lines": "\n".join(f"{line}\r" if i % 2 else line for i, line in enumerate(LINES)).encode() + b"\n",
    "two members of gzip": gzip.compress(PLAIN[:900]) + gzip.compress(PLAIN[900:]),
    "a blank behind each comma of the header": PLAIN.replace(LINES[0].encode(), LINES[0].replace(",", ", ").encode()),
    "names of SPSS": PLAIN.replace(LINES[0].encode(), LINES[0].replace("-", "_").replace(".", "_").encode()),
    "a second copy of a column": lines(f"{LINES[0]},21001-2.0.1", *(f"{line},99" for line in LINES[1:])),
    "dotted codes of ICD-10": changed(
        lambda code: f"{code[:3]}.{code[3:]}" if len(code) > 3 else code, [n for n in PEOPLE if n.startswith("41270")]
    ),
}
NO_DATE = r"is not a date of the form 2019-05-31"
REFUSED = {
    "dates as Excel counts them": (changed(serial, DATED), rf"'9' {NO_DATE}.*Excel.*yyyy-mm-dd"),
    "dates of the US": (days("%m/%d/%Y"), NO_DATE),
    "dates of Germany": (days("%d.%m.%Y"), NO_DATE),
    "dates of Stata": (days("%d%b%Y"), NO_DATE),
    "dates of SPSS": (days("%d-%b-%Y"), NO_DATE),
    "dates without dashes": (days("%Y%m%d"), NO_DATE),
    "months": (days("%Y-%m"), NO_DATE),
    "decimal commas": (
        written(names=None, **{"50-2.0": ['"170,5"'] * 12}),
        r"50-2\.0 \(Standing height\): .*'9,9'.*decimal points",
    ),
    "commas between thousands": (written(**{"23283-2.0": ['"80,000"'] * 12}), r"commas between thousands"),
    "units": (written(**{"50-2.0": ["170 cm"] * 12}), r"'9 a'.*is not a number"),
    "errors of Excel": (written(**{"50-2.0": ["#VALUE!"] * 12}), r"50-2\.0"),
    "labels behind codes": (written(**{"31-0.0": ["1 Male"] * 12}), r"31-0\.0 \(Sex\).*RAW"),
    "ids as 1e+06": (written(eid=[f"{int(each):e}" for each in PEOPLE["eid"]]), "row 1: the participant id"),
    "ids as formulas": (written(eid=[f'="{each}"' for each in PEOPLE["eid"]]), "row 1: the participant id"),
    "a participant twice": (lines(*LINES, LINES[3]), "rows 3 and 13: a participant id is repeated"),
    "a column twice": (lines(f"{LINES[0]},21001-2.0", *(f"{x},9" for x in LINES[1:])), r"21001-2\.0 is repeated"),
    "columns of a join of pandas": (
        written(names={"21001-2.0": "21001-2.0_x"}),
        r"21001-2\.0_x has the ending that a join",
    ),
    "columns of a join of R": (written(names={"6150-1.0": "6150-1.0.y"}), r"6150-1\.0\.y has the ending"),
    "columns of a join of DuckDB": (written(names={"4080-2.1": "4080-2.1:1"}), r"4080-2\.1:1 has the ending"),
    "columns of a join of polars": (written(names={"53-2.0": "53-2.0_right"}), r"53-2\.0_right has the ending"),
    "two tables, one after the other": (PLAIN + PLAIN, "row 13: the participant id"),
    "a mark in the middle": (lines(*LINES[:7]) + MARK + lines(*LINES[7:]), "row 7: the participant id"),
    "a second header": (lines(LINES[0], "id" + "," * LINES[0].count(","), *LINES[1:]), "row 1: .*a second header"),
    "a title above": (lines("My export", *LINES), "names of the columns are in line 2; remove what is above"),
    "what Excel is told of commas": (lines("sep=,", *LINES), "names of the columns are in line 2"),
    "a row without a comma": (lines(*LINES[:4], LINES[4].replace(",", "", 1), *LINES[5:]), "line 5: has .* cells"),
    "quotes with backslashes": (written(**{"99999-0.0": [r'"a \"b\", c"'] * 12}), "cells where the header has"),
    "a sum at the end": (lines(*LINES, "Total" + "," * LINES[0].count(",")), "row 13: the participant id"),
    "a count of rows at the end": (lines(*LINES, "(12 rows affected)"), "line 14: has 1 cells"),
    "NUL bytes": (PLAIN.replace(b",x\n", b",\0\n"), "line 2: holds a NUL byte"),
    "the end of DOS": (PLAIN + b"\x1a", "line 14: has 1 cells"),
    "UTF-32": (PLAIN.decode().encode("utf-32"), "this is UTF-32; save it as UTF-8"),
    "transposed": (lines(*(",".join([name, *cells]) for name, cells in PEOPLE.items())), "no column is named like"),
    "lists of PostgreSQL": (
        written(**{"41270-0.0": ['"{I10,I251}"'] * 12}),
        r"41270 \(Diagnoses - ICD10\): a cell of the form .* is not an ICD-10 code",
    ),
    "a code that Excel made a number": (written(**{"41270-0.0": ["1.19E+02"] * 12}), "is not an ICD-10 code"),
}


def read(table: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    found = pl.concat(extract([table], FEATURES, filled.cohort(missing_fields="drop"), (), table.parent))
    return found, collect([table], 2, (), 0.01)


@pytest.mark.parametrize("kind", READ)
def test_it_is_read_as_the_plain_table(kind, tmp_path):
    (tmp_path / "plain.csv").write_bytes(PLAIN)
    (tmp_path / "t.csv").write_bytes(READ[kind])
    for own, expected in zip(read(tmp_path / "t.csv"), read(tmp_path / "plain.csv"), strict=True):
        assert own.to_dict(as_series=False) == expected.to_dict(as_series=False)


@pytest.mark.parametrize("kind", REFUSED)
def test_it_is_refused_in_one_line_that_tells_no_cell(kind, tmp_path):
    content, message = REFUSED[kind]
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read(tmp_path / "t.csv")
    told = str(caught.value)
    assert "\n" not in told
    assert "t.csv" in told
    assert not any(each in told for each in PEOPLE["eid"])


def test_a_second_copy_is_named(tmp_path, caplog):
    (tmp_path / "t.csv").write_bytes(READ["a second copy of a column"])
    with caplog.at_level(logging.WARNING):
        read(tmp_path / "t.csv")
    assert "t.csv: columns are there twice, and the second copy is passed over: 21001-2.0.1" in caplog.text
