"""Blocks of whole lines: every boundary, both line ends, and each line that is too short or too long."""

import csv
import gzip
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vita.cohort import blocks, reading
from vita.cohort.delivery import open_delivery
from vita.runtime.errors import UserError

ROWS = [f'"{1000001 + i}","a, ""b"" {i}","{i}"' for i in range(40)]
HEADER = '"eid","20000-0.0","21001-2.0"'


@pytest.fixture(autouse=True, params=[0, 1])
def narrow(request, monkeypatch):
    """Rows stay whole, or are narrowed to the needed cells (here all of them, but for tests of some columns)."""
    monkeypatch.setattr(blocks, "_NARROW", request.param)


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
        ('"1000018","a\nb","c","d"', "line 19: has 4 cells"),
        ('"1000018","a', "line 19: a quote opens a cell and is never closed"),
    ],
)
@pytest.mark.parametrize("size", [64, 1 << 20])
def test_a_line_of_another_width_is_named(bad, message, size, monkeypatch, tmp_path):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", size)
    table = write(tmp_path / "t.csv", [*ROWS[:17], bad, *ROWS[18:]])
    with pytest.raises(UserError, match=message if size > 64 else "where the header has|a quote opens"):
        read(table)


@pytest.mark.parametrize("size", [30, 64, 200, 1 << 20])
@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
@pytest.mark.parametrize(
    "cell", ['a\nb, "c"', "a\n\n\nb", "\n", '"', '""\n"', "x,y\n1,2,3", "1000099,b\n,c", ",\n" * 30]
)
def test_a_line_break_in_a_quoted_cell_is_part_of_it(cell, name, size, monkeypatch, tmp_path):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", size)
    quoted = '"' + cell.replace('"', '""') + '"'
    rows = [f'"1000018",{quoted},"c"', '"1000019","a","b"', f'"1000020","d",{quoted}']
    table = write(tmp_path / name, [*ROWS[:17], *rows, *ROWS[20:]])
    assert read(table)[17:20] == [(1000018, cell, "c"), (1000019, "a", "b"), (1000020, "d", cell)]
    assert len(read(table)) == 40


@pytest.mark.parametrize("size", [30, 64, 1 << 20])
@pytest.mark.parametrize("cell", ['5" pipe', '"', 'the "best" one', '"so', 'so"', '"so" it is', '""" x', 'a"b"c"d'])
@pytest.mark.parametrize("delimiter", ["\t", ","])
def test_a_quote_that_is_only_text_costs_nobody(cell, delimiter, size, monkeypatch, tmp_path):
    """Written without quoting: other rows keep their cells, and so does the row itself but for the quotes."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", size)
    plain = [[str(1000001 + i), f"text {i}", str(i)] for i in range(40)]
    plain[7][1] = plain[8][1] = plain[20][2] = plain[39][2] = cell
    table = tmp_path / "t.tab"
    lines = [["eid", "20000-0.0", "21001-2.0"], *plain]
    table.write_text("".join(delimiter.join(line) + "\n" for line in lines))
    bare = [tuple(each.replace('"', "") for each in row) for row in plain]
    found = [(str(eid), (a or "").replace('"', ""), (b or "").replace('"', "")) for eid, a, b in read(table)]
    assert found == bare


@pytest.mark.parametrize(
    ("bad", "line"),
    [
        (['"1002001","a, b"'], 2002),  # the delimiter inside quotes makes up for the one that is missing
        (['"1002001","a, ""b"""'], 2002),  # and so do doubled quotes for the cell's own
        (['"1002001","a, b","1"', '"1002002","a"'], 2003),  # in another line
        (['"1002001","a"', '"1002002","a","b","c"'], 2002),
        (["1002001,a", '"1002002","a","b","c"'], 2002),
        (['1002001,"a, b"'], 2002),
        (['"1002001",","', '"1002002","a""b","1"'], 2002),  # a lone delimiter in quotes, and another line's quotes
        (['",","1002001"', '"1002002","a""b","1"'], 2002),
    ],
)
@pytest.mark.parametrize("wanted", [1, 2])
def test_a_short_line_far_inside_a_table_is_found_whatever_makes_up_for_it(bad, line, wanted, monkeypatch, tmp_path):
    """Read silently, it would give a missing value; with the first column alone, the parser does not see the longer."""
    monkeypatch.setattr(blocks, "_PIECE", 5000)
    rows = [f'"{1000001 + i}","abc","{i}"' for i in range(4000)]
    delivery = open_delivery(write(tmp_path / "t.csv", [*rows[:2000], *bad, *rows[2000 + len(bad) :]]))
    with pytest.raises(UserError, match=rf"line {line}: has [24] cells where the header has 3"):
        list(reading.stream(delivery, delivery.header.columns[:wanted]))


def test_lines_longer_than_a_piece_and_cells_of_delimiters(monkeypatch, tmp_path):
    monkeypatch.setattr(blocks, "_PIECE", 64)
    cells = ["x" * 300, ",", ",,", '","', '"', ',"', "", "a,b"]
    rows = ['"{}","{}","{}"'.format(1000001 + i, cell.replace('"', '""'), i) for i, cell in enumerate(cells * 4)]
    assert [cell or "" for _, cell, _ in read(write(tmp_path / "t.csv", rows))] == cells * 4


def test_an_unclosed_quote_in_a_later_block_has_its_own_line(monkeypatch, tmp_path):
    """Between it and the line with it stands a legal line break, which makes two lines of one row."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 100)
    rows = [*ROWS[:5], '"1000006","a\nb","c"', *ROWS[6:30], '"1000031","a', *ROWS[31:]]
    with pytest.raises(UserError, match=r"line 33: a quote opens"):
        read(write(tmp_path / "t.csv", rows))


CELL = st.text('ab,"\n 1', max_size=6)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=12), st.booleans(), st.sampled_from([40, 100, 1 << 20]))
def test_what_a_csv_writer_writes_is_read_as_by_the_csv_module(tmp_path_factory, cells, quoted, size):
    table = tmp_path_factory.mktemp("csv") / "t.csv"
    rows = [(1000001 + i, *own) for i, own in enumerate(cells)]
    with table.open("w", newline="") as lines:
        writer = csv.writer(lines, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL, lineterminator="\n")
        writer.writerows([("eid", "20000-0.0", "21001-2.0"), *rows])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_BYTES", size)
        assert [(e, a or "", b or "") for e, a, b in read(table)] == rows


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(2, 9), st.booleans(), st.sampled_from([",", "\t", " "]), st.sampled_from([40, 1 << 20]))
def test_some_columns_of_a_wide_table_are_those_that_the_csv_module_reads(
    tmp_path_factory, data, width, quoted, mark, size
):
    """Any columns, with the id anywhere, whatever the others hold."""
    rows = data.draw(st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1, max_size=9))
    place = data.draw(st.integers(0, width))
    chosen = data.draw(st.sets(st.integers(0, width - 1)))
    table = tmp_path_factory.mktemp("wide") / "t.csv"
    names = [f"{20000 + i}-0.0" for i in range(width)]
    with table.open("w", newline="") as lines:
        quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
        writer = csv.writer(lines, delimiter=mark, quoting=quoting, lineterminator="\n")
        for number, own in enumerate([names, *rows]):
            writer.writerow([*own[:place], 1000000 + number if number else "eid", *own[place:]])
    delivery = open_delivery(table)
    wanted = [column for column in delivery.header.columns if int(column.canonical[:5]) - 20000 in chosen]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_BYTES", size)
        patch.setattr(reading, "BATCH_ROWS", 4)
        frame = pl.concat(reading.stream(delivery, wanted))
    assert frame["eid"].to_list() == [1000001 + i for i in range(len(rows))]
    for i in sorted(chosen):
        assert [cell or "" for cell in frame[f"{20000 + i}-0.0"]] == [own[i] for own in rows]
