"""Tables as people really have them: read where it is plain what is meant, else one line with the remedy."""

import bz2
import gzip
import lzma
from datetime import timedelta
from functools import partial
from pathlib import Path

import polars as pl
import pytest

import filled
from vita.cohort import diagnoses, fields, wanted
from vita.cohort.cleaning import dates
from vita.cohort.delivery import open_delivery
from vita.cohort.reading import stream
from vita.runtime.errors import UserError

from . import world

HEADER = ["eid", "31-0.0", "21001-2.0", "6150-2.0", "42000-0.0"]
ROWS = [
    ["1000003", "0", "22.5", "1", "2010-05-01"],
    ["1000020", "1", "", "-7", ""],
    ["1000037", "0", "31", "", "2012-01-31"],
]
DROP = filled.argument(cohort={"missing_fields": "drop"})
ERROR = filled.argument(cohort={})


def features(table: Path, config: str = DROP) -> pl.DataFrame:
    output = table.with_name("f.parquet")
    given = ["--table", str(table), "--features", str(world.FEATURES), "--settings", config]
    fields.main([*given, "--output", str(output)])
    return pl.read_parquet(output)


def written(path: Path, names: list[str], rows: list[list[str]], delimiter: str = ",", end: str = "\n") -> Path:
    path.write_bytes("".join(delimiter.join(row) + end for row in [names, *rows]).encode())
    return path


@pytest.fixture
def plain(tmp_path) -> pl.DataFrame:
    return features(written(tmp_path / "plain.csv", HEADER, ROWS))


def test_the_plain_table(plain):
    assert plain["sex"].to_list() == [0, 1, 0]
    assert plain["bmi"].to_list() == [22.5, None, 31]
    assert plain["heart_attack_diagnosed"].to_list() == [1, 0, 1]


WORDS = ["NULL", "null", "None", "nan", "NaN", ".", "<NA>", "N/A", " ", "  NA ", "[]", "#N/A", r"\N"]


@pytest.mark.parametrize("word", WORDS)
def test_words_for_missing_are_missing_in_numbers_codes_and_dates(word, plain, tmp_path):
    rows = [[cell or word for cell in row] for row in ROWS]
    assert features(written(tmp_path / "t.csv", HEADER, rows)).equals(plain)


@pytest.mark.parametrize("pad", [" {}", "{} ", "\t{} "])
def test_blanks_around_a_value_mean_nothing(pad, plain, tmp_path):
    rows = [[row[0], *(pad.format(cell) for cell in row[1:])] for row in ROWS]
    assert features(written(tmp_path / "t.csv", HEADER, rows)).equals(plain)


def test_a_padded_date_keeps_its_last_digit():
    """Cut off behind ten letters with the blank before it, the 13th would be the first."""
    frame = pl.DataFrame({"a": [" 2016-05-13", "2016-05-13 08:00:00", " 2016-05-13T08:00:00 ", "\t2016-05-13 "]})
    assert [str(day) for day in dates(frame, ["a"], "t")["a"]] == ["2016-05-13"] * 4


@pytest.mark.parametrize(
    "cell",
    [
        "16-05-13",
        "0216-05-13",
        "1899-12-13",
        "2016-05-130",
        "2016-05-13xyz",
        "2016-05-13-01",
        "20160513",
        "2016-05-13 x",
    ],
)
def test_a_date_with_something_else_behind_it_is_refused(cell):
    """Cut off behind ten letters, each of them would pass for the 13th of May."""
    with pytest.raises(UserError, match=r"t, column a: a cell of the form '9.*' is not a date") as caught:
        dates(pl.DataFrame({"a": [cell, "2016-05-13"]}), ["a"], "t")
    assert "13" not in str(caught.value)


@pytest.mark.parametrize("delimiter", [",", "\t", ";", " ", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_delimiter_is_found(delimiter, end, plain, tmp_path):
    rows = [[cell or "NA" for cell in row] for row in ROWS]
    assert features(written(tmp_path / "t.csv", HEADER, rows, delimiter, end)).equals(plain)


def test_columns_that_blanks_align_are_refused_with_the_remedy(tmp_path):
    (tmp_path / "t.txt").write_text("eid      31-0.0  21001-2.0\n1000003  0       22\n")
    with pytest.raises(UserError, match=r"t\.txt, line 1: several blanks stand between the columns; write .* comma"):
        features(tmp_path / "t.txt")


@pytest.mark.parametrize(
    ("pattern", "eid"),
    [
        ("X{}.{}.{}", "eid"),
        ("{}_{}_{}", "eid"),
        ("n_{}_{}_{}", "n_eid"),
        ("ts_{}_{}_{}", "n_eid"),
        ("f.{}.{}.{}", "f.eid"),
    ],
)
def test_names_that_programs_make_of_the_classic_ones(pattern, eid, plain, tmp_path):
    names = [eid, *(pattern.format(*name.replace("-", ".").split(".")) for name in HEADER[1:])]
    assert features(written(tmp_path / "t.csv", names, ROWS)).equals(plain)


@pytest.mark.parametrize("other", ["X21001.2.0", "21001_2_0", "p21001_i2"])
def test_a_needed_column_in_a_second_spelling_is_refused(other, tmp_path):
    names = [other if name == "21001-2.0" else name for name in HEADER]
    with pytest.raises(UserError, match=rf"t\.csv: spellings of columns are mixed \(31-0\.0, {other}\)"):
        features(written(tmp_path / "t.csv", names, ROWS))


@pytest.mark.parametrize("own", ["p4", "p4_i2", "2020_1_2", "X1.1.1", "note", ""])
def test_own_columns_are_passed_over(own, plain, tmp_path):
    rows = [[*row, "7"] for row in ROWS]
    assert features(written(tmp_path / "t.csv", [*HEADER, own], rows)).equals(plain)


PACKERS = [gzip.compress, bz2.compress, lzma.compress, partial(lzma.compress, format=lzma.FORMAT_ALONE)]


@pytest.mark.parametrize("pack", PACKERS, ids=["gz", "bz2", "xz", "lzma"])
def test_every_compression_is_read_and_cut_short_is_refused(pack, plain, tmp_path):
    table = tmp_path / "t.csv.packed"
    whole = pack(written(tmp_path / "t.csv", HEADER, ROWS).read_bytes())
    table.write_bytes(whole)
    assert features(table).equals(plain)
    table.write_bytes(whole[:-12])
    with pytest.raises(UserError, match=r"t\.csv\.packed: the table .*damaged or cut short"):
        features(table)


@pytest.mark.parametrize(
    ("name", "start", "message"),
    [
        ("ukb1.enc_ukb", b"UKB", "ukbconv FILE csv"),
        ("UKB1.ENC_UKB", b"UKB", "ukbconv FILE csv"),
        ("mac.csv", b"eid,31-0.0\r1000003,1\r", "carriage returns alone; write it again"),
        ("index.csv", b"Unnamed: 0,31-0.0\n1000003,1\n", "write index_label='eid'"),
        ("ukb1.enc", b"\x01\x02", "ukbunpack FILE KEYFILE"),
        ("t.zst", b"\x28\xb5\x2f\xfd", "zstd; unpack it"),
        ("t.zip", b"PK\x03\x04", "zip archive; unpack"),
        ("t.parquet", b"PAR1", "not a Parquet table"),
    ],
)
def test_other_kinds_of_files_are_named_with_the_remedy(name, start, message, tmp_path):
    (tmp_path / name).write_bytes(start + b"eid,31-0.0\n1000003,1\n")
    with pytest.raises(UserError, match=message) as caught:
        open_delivery(tmp_path / name)
    assert name in str(caught.value)


TEXT = b"eid,31-0.0,21001-2.0\n1000003,0,22.5\n"
SAS = bytes(12) + bytes.fromhex("c2ea8160b31411cfbd92080009c7318c181f1011") + bytes(50)
TAR = b"t.csv".ljust(257, b"\0") + b"ustar\00000"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TEXT.decode().encode("utf-16-le"), "UTF-16; save it as UTF-8"),
        (TEXT.decode().encode("utf-16-be"), "UTF-16; save it as UTF-8"),
        (TEXT.decode().encode("utf-16"), "UTF-16; save it as UTF-8"),
        (b"ARROW1\0\0" + bytes(40), "Arrow or Feather file; write it as CSV or Parquet"),
        (b"FEA1" + bytes(40), "Feather file"),
        (SAS, "SAS file; .*PROC EXPORT"),
        (b"HEADER RECORD*******LIBRARY HEADER RECORD!!!", "SAS transport file"),
        (b"<stata_dta><header><release>118</release>", "Stata file; .*export delimited"),
        (b"\x73\x02\x01\0" + bytes(40), "Stata file"),
        (b"$FL2@(#) SPSS DATA FILE", "SPSS"),
        (gzip.compress(b"X\n\0\0\0\x03\0\x04"), r"inside is an R object.*fwrite"),
        (bz2.compress(b"RDX3\nX\n"), r"inside is an R object"),
        (b"7z\xbc\xaf\x27\x1c\0\4" + bytes(20), "7z archive; unpack"),
        (TAR, "tar archive; unpack"),
        (gzip.compress(TAR), "inside is a tar archive"),
        (gzip.compress(gzip.compress(TEXT)), "inside is compressed twice"),
        (b"<!DOCTYPE html>\n<html>log in</html>", "web page, not a table; .*download"),
        (b"\n <html>log in</html>", "web page"),
        (b'[{"eid": 1}]', "JSON, not a table"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(20), "Excel workbook; save it as CSV"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\n", "git lfs pull"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # gzip writes the time into its bytes
)
def test_a_file_that_is_no_table_is_named_whatever_its_ending(content, message, tmp_path):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(UserError, match=rf"t\.csv: .*{message}") as caught:
        open_delivery(tmp_path / "t.csv")
    assert "\n" not in str(caught.value)


def test_arrows_own_file_is_told(plain, tmp_path):
    plain.write_ipc(tmp_path / "t.feather")
    with pytest.raises(UserError, match=r"t\.feather: this is an Arrow or Feather file"):
        open_delivery(tmp_path / "t.feather")


def test_an_own_column_that_could_be_a_needed_field_is_named_with_the_remedy(tmp_path):
    rows = [[*row, "7"] for row in ROWS]
    with pytest.raises(UserError, match=r"\(31-0\.0, p31\); if p31 is a column of your own, rename or remove it"):
        features(written(tmp_path / "t.csv", [*HEADER, "p31"], rows))


@pytest.mark.parametrize("quoted", [True, False])
def test_rs_row_names_are_passed_over(quoted, plain, tmp_path):
    rows = [[f'"{number}"' if quoted else str(number), *row] for number, row in enumerate(ROWS, start=1)]
    assert features(written(tmp_path / "t.csv", HEADER, rows)).equals(plain)
    by_id = [[row[0], *row] for row in ROWS]
    assert features(written(tmp_path / "t.csv", HEADER, by_id)).equals(plain)


def test_a_delimiter_at_the_end_of_lines_is_passed_over(plain, tmp_path):
    assert features(written(tmp_path / "rows.csv", HEADER, [[*row, ""] for row in ROWS])).equals(plain)
    both = [[*row, ""] for row in [HEADER, *ROWS]]
    assert features(written(tmp_path / "all.csv", both[0], both[1:])).equals(plain)


def test_one_more_cell_that_is_neither_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"6 cells where the header has 5; .*row\.names = FALSE"):
        features(written(tmp_path / "t.csv", HEADER, [["x", *row] for row in ROWS]))


def test_a_carriage_return_inside_a_cell_is_text(plain, tmp_path):
    rows = [[*row, "a\rb" if row is ROWS[0] else "c"] for row in ROWS]
    assert features(written(tmp_path / "t.csv", [*HEADER, "own"], rows)).equals(plain)


@pytest.mark.parametrize("suffix", [".0", ".", ".000"])
def test_ids_that_pandas_made_floats_are_read(suffix, plain, tmp_path):
    assert features(written(tmp_path / "t.csv", HEADER, [[row[0] + suffix, *row[1:]] for row in ROWS])).equals(plain)
    with pytest.raises(UserError, match=r"t\.csv, row 2: the participant id is not a positive whole number"):
        features(written(tmp_path / "t.csv", HEADER, [ROWS[0], ["1000020.5", *ROWS[1][1:]]]))


@pytest.mark.parametrize(("delimiter", "own"), [("\t", "a,b,c,d,e,f"), (";", "a,b,c,d,e,f"), (",", "a;b;c;d;e;f")])
def test_the_delimiter_is_that_of_the_fields_not_of_a_name_of_your_own(delimiter, own, plain, tmp_path):
    rows = [[*row, "x"] for row in ROWS]
    assert features(written(tmp_path / "t.csv", [*HEADER, own], rows, delimiter)).equals(plain)


@pytest.mark.parametrize("eid", ["f.eid", "n_eid", "participant.eid"])
def test_the_id_may_have_the_name_of_another_spelling(eid, plain, tmp_path):
    assert features(written(tmp_path / "t.csv", [eid, *HEADER[1:]], ROWS)).equals(plain)


def test_a_file_whose_last_line_has_no_end_is_read_with_a_warning(plain, tmp_path, caplog):
    table = written(tmp_path / "t.csv", HEADER, ROWS)
    features(table)
    assert "no line end" not in caplog.text
    table.write_bytes(table.read_bytes()[:-1])
    assert features(table).equals(plain)
    assert "t.csv: the last line has no line end; if the file was cut short, its last value may be too" in caplog.text


def test_yes_and_no_of_parquet_are_codes(tmp_path):
    frame = pl.DataFrame({"eid": [1000003, 1000020], "3079-2.0": [True, None], "21001-2.0": [22.5, 31]})
    frame.write_parquet(tmp_path / "t.parquet")
    assert features(tmp_path / "t.parquet").select("pacemaker", "bmi").rows() == [(1, 22.5), (None, 31)]


def test_an_index_of_pandas(plain, tmp_path):
    rows = [[str(number), *row] for number, row in enumerate(ROWS)]
    assert features(written(tmp_path / "t.csv", ["", *HEADER], rows)).equals(plain)
    with pytest.raises(UserError, match=r"needs one column 'eid' .*has 0; .*index_label='eid'"):
        features(written(tmp_path / "u.csv", ["", *HEADER[1:]], ROWS))
    frame = pl.DataFrame(ROWS, schema=HEADER, orient="row").rename({"eid": "__index_level_0__"})
    frame.write_parquet(tmp_path / "p.parquet")
    with pytest.raises(UserError, match=r"has 0; .*index_label='eid'"):
        features(tmp_path / "p.parquet")


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_header_without_rows_is_refused(name, tmp_path):
    frame = pl.DataFrame(schema=dict.fromkeys(HEADER, pl.String))
    (frame.write_parquet if name.endswith("parquet") else frame.write_csv)(tmp_path / name)
    with pytest.raises(UserError, match=rf"{name}: the table has a header and no rows"):
        features(tmp_path / name)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("22,5", "'9,9'.*decimal points"),
        ("1,234.5", "'9,9.9'.*without commas between thousands"),
        ("1 4", r"'9 9'.*several values with blanks between them; write them as 1\|2\|3"),
        ("High", "'Aa'.*RAW, not REPLACE"),
        ("c(1, 2)", r"'a\(9, 9\)'.*several values; write them as 1\|2\|3"),
        ("{1,2}", r"several values; write them as 1\|2\|3"),
    ],
)
def test_a_cell_that_cannot_be_read_has_its_remedy_and_is_not_told(cell, message, tmp_path):
    rows = [ROWS[0], [*ROWS[1][:3], f'"{cell}"', ""], ROWS[2]]
    with pytest.raises(UserError, match=rf"t\.csv, column 6150-2\.0 \(Vascular.*{message}") as caught:
        features(written(tmp_path / "t.csv", HEADER, rows))
    assert cell not in str(caught.value)


@pytest.mark.parametrize("field", ["6150-2.0", "p6150_i2", "participant.p6150_i2"])
@pytest.mark.parametrize("cell", ["2|1", "|2|1", "2|1|", "2;1", '["2", "1"]', "['2','1']", "[2,1]", "2|null|1", "[1]"])
def test_lists_are_read_under_every_name(field, cell, tmp_path):
    """UKB-FORMAT of the Table Exporter writes them under the classic name of the first array."""
    eid = "participant.eid" if field.startswith("participant") else "eid"
    quoted = '"' + cell.replace('"', '""') + '"'
    rows = [["1000003", quoted], ["1000020", "-7"], ["1000037", "2"], ["1000054", ""], ["1000071", "[]"]]
    frame = features(written(tmp_path / "t.csv", [eid, field], rows))
    assert frame["heart_attack_diagnosed"].to_list() == [1, 0, 0, None, None]


def test_a_list_beside_other_arrays_of_the_field_is_refused(tmp_path):
    table = written(tmp_path / "t.csv", ["eid", "6150-2.0", "6150-2.1"], [["1000003", "1|2", "3"]])
    with pytest.raises(UserError, match=r"t\.csv: cells of column 6150-2\.0 hold several values, and 6150-2\.1"):
        features(table)


def test_codes_in_one_cell_beside_other_arrays_are_refused(tmp_path):
    """Read, the second code of the list would take the date of the array beside it."""
    names = ["41270-0.0", "41270-0.1", "41280-0.0", "41280-0.1"]
    with pytest.raises(UserError, match=r"h\.csv: cells of column 41270-0\.0 hold several values, and 41270-0\.1"):
        hospital(tmp_path, names, ["I10|E119", "I219", "2010-01-01", "2012-02-02"])
    assert hospital(tmp_path, names, ["I10|E119", "", "2010-01-01", "2012-02-02"]) == [
        ("E119", "2012-02-02"),
        ("I10", "2010-01-01"),
    ]


@pytest.mark.parametrize("code", ["I219", "I21.9", "i219", " I219 ", "i21.9"])
def test_codes_are_read_with_a_dot_and_in_small_letters(code, tmp_path):
    assert hospital(tmp_path, ["41270-0.0", "41280-0.0"], [code, "2010-01-01"]) == [("I219", "2010-01-01")]


def test_repeats_in_one_cell_are_averaged(tmp_path):
    table = written(tmp_path / "t.csv", ["eid", "4080-2.0"], [["1000003", "120|130"], ["1000020", "110"]])
    assert features(table)["systolic_bp"].to_list() == [125, 110]


def hospital(tmp_path: Path, names: list[str], row: list[str]) -> list[tuple]:
    other = {"53-2.0": "2016-05-01", "6150-0.0": "-7", "2966-0.0": ""}
    table = written(tmp_path / "h.csv", ["eid", *names, *other], [["1000003", *row, *other.values()]])
    diagnoses.main(["--table", str(table), "--settings", DROP, "--output", str(tmp_path / "d.parquet")])
    frame = pl.read_parquet(tmp_path / "d.parquet")
    return [(code, day and str(day)) for code, day in frame.select("codes", "dates").explode("codes", "dates").rows()]


@pytest.mark.parametrize(
    ("codes", "days"),
    [
        ("I10|I219", "2010-01-01|2012-02-02"),
        ("I10;I219", "2010-01-01;2012-02-02"),
        ("|I10|I219", "|2010-01-01|2012-02-02"),
        ("|I10|I219", "2010-01-01|2012-02-02"),
        ("I10|I219", "|2010-01-01|2012-02-02"),
    ],
)
def test_lists_of_codes_and_dates_are_paired_by_place(codes, days, tmp_path):
    found = hospital(tmp_path, ["41270-0.0", "41280-0.0"], [codes, days])
    assert found == [("I10", "2010-01-01"), ("I219", "2012-02-02")]


def test_a_date_that_is_not_known_keeps_its_place_in_a_list(tmp_path):
    assert hospital(tmp_path, ["41270-0.0", "41280-0.0"], ["I10|I219|J459", "2010-01-01||2012-02-02"]) == [
        ("I10", "2010-01-01"),
        ("I219", None),
        ("J459", "2012-02-02"),
    ]
    assert hospital(tmp_path, ["41270-0.0", "41280-0.0"], ["I10|I219", "|2012-02-02"]) == [
        ("I10", None),
        ("I219", "2012-02-02"),
    ]


def test_a_list_of_codes_with_a_column_for_each_date(tmp_path):
    found = hospital(tmp_path, ["41270-0.0", "41280-0.0", "41280-0.1"], ["I10|I219", "2010-01-01", "2012-02-02"])
    assert found == [("I10", "2010-01-01"), ("I219", "2012-02-02")]


@pytest.mark.parametrize("config", [DROP, ERROR])
def test_a_table_of_the_first_visit_only_is_told_from_an_absent_field(config, people, tmp_path, caplog):
    cells = {name.replace("-2.", "-0."): own for name, own in people.items() if "-2." in name}
    cells |= {name: own for name, own in people.items() if "-0." in name}
    table = world.classic(tmp_path / "t.csv", {"eid": people["eid"]} | cells)
    wanted_text = "absent fields are there, but only for instance 0, while cohort.instance is 2"
    if config == ERROR:
        with pytest.raises(UserError, match=wanted_text):
            features(table, config)
        with pytest.raises(UserError, match=r"53 .*of instance 2, the scan's visit; .*only have instance 0"):
            hospital_of_first_visit(tmp_path)
        return
    features(table, config)
    assert wanted_text in caplog.text


def hospital_of_first_visit(tmp_path: Path) -> None:
    names = ["eid", "53-0.0", "6150-0.0", "2966-0.0", "41270-0.0", "41280-0.0"]
    table = written(tmp_path / "h.csv", names, [["1000003", "2008-01-01", "-7", "", "I10", "2010-01-01"]])
    diagnoses.main(["--table", str(table), "--settings", DROP, "--output", str(tmp_path / "d.parquet")])


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_a_dictionary_of_any_delimiter(delimiter, tmp_path, capsys):
    rows = [["participant", "p31"], ["participant", "p21001_i2"], ["hesin", "p31"]]
    wanted.main(["--dictionary", str(written(tmp_path / "d.tsv", ["entity", "name"], rows, delimiter))])
    assert capsys.readouterr().out.split() == ["eid", "p31", "p21001_i2"]


def test_fields_that_a_dictionary_lacks_are_named(tmp_path, capsys, caplog):
    rows = [["participant", "p31"], ["hesin", "p41270"]]
    wanted.main(["--dictionary", str(written(tmp_path / "d.csv", ["entity", "name"], rows))])
    assert capsys.readouterr().out.split() == ["eid", "p31"]
    assert "41270 (Diagnoses - ICD10)" in caplog.text
    assert "31 (Sex)" not in caplog.text


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([timedelta(1)], "Duration"),
        ([b"\xff"], "Binary"),
        ([{"a": 1}], "Struct"),
        ([[[1]]], "List"),
    ],
)
def test_a_type_of_parquet_that_holds_no_values_is_named(cells, kind, tmp_path):
    pl.DataFrame({"eid": [1000003], "21001-2.0": cells}).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(UserError, match=rf"t\.parquet, column 21001-2\.0: has the type {kind}.*; write it as numbers"):
        features(tmp_path / "t.parquet")


def test_arrays_and_codes_beyond_every_code_are_read(tmp_path, caplog):
    answers = pl.Series([[4, 1], [-7, -7]], dtype=pl.Array(pl.Int64, 2))
    pl.DataFrame({"eid": [1, 2], "p6150_i2": answers, "p31": [1e16, 1]}).write_parquet(tmp_path / "t.parquet")
    assert features(tmp_path / "t.parquet").select("high_bp_diagnosed", "sex").rows() == [(1, None), (0, 1)]
    table = written(tmp_path / "t.csv", ["eid", "p21000"], [["1000003", "70000"], ["1000020", "1001"]])
    frame = features(table, filled.argument(cohort={"missing_fields": "drop", "ethnicity": [1001]}))
    assert frame["ethnicity"].to_list() == [None, 1001]
    assert "t.csv, column 21000-0.0: 1 cells hold a code that data-coding 1001 does not have (70000: 1)" in caplog.text


def test_a_line_break_in_a_name_of_the_header_is_told(tmp_path):
    (tmp_path / "t.csv").write_text('eid,p31,"my\nnote"\n1000003,1,x\n')
    with pytest.raises(UserError, match=r"t\.csv, line 1: a quote opens a column's name and is never closed"):
        features(tmp_path / "t.csv")
    (tmp_path / "t.tab").write_text('eid\tp31\t5" note\ta,"b\n1000003\t1\tx\ty\n')
    assert features(tmp_path / "t.tab")["sex"].to_list() == [1]


def test_features_that_most_people_lack_are_named_with_their_coverage(tmp_path, caplog):
    """Of those with an age at the scan's visit: 4 of 6 people, of whom one has a body mass index and 2 a sex."""
    names = ["eid", "21003-2.0", "21001-2.0", "31-0.0"]
    people = [("60", "22", "0"), ("61", "", "1"), ("62", "", ""), ("63", "", ""), ("", "25", ""), ("", "26", "")]
    rows = [[str(1000001 + i), *own] for i, own in enumerate(people)]
    features(written(tmp_path / "t.csv", names, rows))
    (line,) = [each.message for each in caplog.records if "fewer than half of" in each.message]
    assert line.startswith("fewer than half of the 4 participants at the scan's visit have: bmi 25%")
    assert "sex" not in line


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([2000001, 2000002], "has 2 ids, and none of them is among the 3 participants of the tables: is it the list"),
        ([1000020, 2000002], "1 of the 2 ids on the withdrawals list are in the tables"),
    ],
)
def test_a_withdrawals_list_that_matches_nobody_is_told_with_both_counts(ids, message, tmp_path, caplog):
    (tmp_path / "w.csv").write_text("".join(f"{each}\n" for each in ids))
    table = written(tmp_path / "t.csv", HEADER, ROWS)
    given = ["--table", str(table), "--features", str(world.FEATURES), "--settings", DROP]
    with caplog.at_level("INFO"):
        fields.main([*given, "--withdrawals", str(tmp_path / "w.csv"), "--output", str(tmp_path / "f.parquet")])
    assert message in caplog.text
    assert "2000001" not in caplog.text


def test_a_latin_1_byte_and_a_mark_at_the_start(tmp_path):
    content = "\n".join(",".join(row) for row in [[*HEADER, "9-0.0"], *([*row, "caf\xe9"] for row in ROWS)])
    table = tmp_path / "t.csv"
    table.write_bytes(b"\xef\xbb\xbf" + content.encode("latin-1"))
    delivery = open_delivery(table)
    assert sum(len(batch) for batch in stream(delivery, delivery.header.columns)) == 3
    assert features(table)["bmi"].to_list() == [22.5, None, 31]
