"""Blocks of whole lines: every boundary, both line ends, and each line that is too short or too long."""

import gzip
from pathlib import Path

import pytest

from vita.cohort import blocks, reading
from vita.cohort.delivery import open_delivery
from vita.runtime.errors import UserError

ROWS = [f'"{1000001 + i}","a, ""b"" {i}","{i}"' for i in range(40)]
HEADER = '"eid","20000-0.0","21001-2.0"'


def write(path: Path, rows: list[str], end: str = "\n", last: str = "\n") -> Path:
    content = (end.join([HEADER, *rows]) + last).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def read(path: Path) -> list[tuple]:
    delivery = open_delivery(path)
    return [row for batch in reading.stream(delivery, delivery.header.columns) for row in batch.rows()]


@pytest.mark.parametrize("size", [1, 20, 64, 1000, 1 << 20])
@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
@pytest.mark.parametrize(("end", "last"), [("\n", "\n"), ("\r\n", "\r\n"), ("\n", ""), ("\n", "\n\n\n")])
def test_any_block_size_gives_the_same_rows(size, name, end, last, monkeypatch, tmp_path):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", size)
    expected = [(1000001 + i, f'a, "b" {i}', str(i)) for i in range(40)]
    assert read(write(tmp_path / name, ROWS, end, last)) == expected


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ('"1000018"', "line 19: has 1 cells where the header has 3 cells"),
        ('"1000018","a","b","c"', "line 19: has 4 cells"),
        ('"1000018","a, b, c"', "line 19: has 2 cells"),
        ("", "line 19: has 1 cells"),
        ('"1000018","a\nb","c"', "line break inside quotes"),
    ],
)
@pytest.mark.parametrize("size", [64, 1 << 20])
def test_a_line_of_another_width_is_named(bad, message, size, monkeypatch, tmp_path):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", size)
    table = write(tmp_path / "t.csv", [*ROWS[:17], bad, *ROWS[18:]])
    with pytest.raises(UserError, match=message if size > 64 else "where the header has"):
        read(table)
