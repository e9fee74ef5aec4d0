"""Several tables with the same columns: nobody loses a value, and tables that contradict each other are refused."""

from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import polars as pl
import pytest

import filled
from vita.cohort import fields
from vita.cohort.joining import Joiner
from vita.cohort.spill import Spill, by_range
from vita.runtime.errors import UserError

from . import world
from .test_deliveries import extract


def rows(people: world.Columns, start: int, end: int) -> world.Columns:
    return {name: cells[start:end] for name, cells in people.items()}


@pytest.fixture
def whole(people, tmp_path) -> list[bytes]:
    return [each.read_bytes() for each in extract(tmp_path / "whole", world.classic(tmp_path / "whole.csv", people))]


@pytest.mark.parametrize(("first", "second"), [((0, 30), (30, 60)), ((0, 40), (20, 60)), ((30, 60), (0, 30))])
@pytest.mark.parametrize("writer", [world.classic, world.r_table, world.platform, world.parquet])
def test_tables_of_other_participants_lose_nothing(first, second, writer, people, whole, tmp_path):
    tables = [world.classic(tmp_path / "a.csv", rows(people, *first)), writer(tmp_path / "b", rows(people, *second))]
    for order in (tables, tables[::-1]):
        outputs = extract(tmp_path, *order)
        assert [each.read_bytes() for each in outputs] == whole


def test_an_old_release_first_does_not_hide_what_the_new_one_has(people, whole, tmp_path):
    old = {name: cells if name == "eid" else ["", *cells[1:50], *[""] * 10] for name, cells in people.items()}
    outputs = extract(tmp_path, world.classic(tmp_path / "a.csv", old), world.classic(tmp_path / "b.csv", people))
    assert [each.read_bytes() for each in outputs] == whole


def test_contradictions_are_refused_beyond_a_share_and_named(people, tmp_path, caplog):
    # 21001 is a number: 2 of the participants with a value have another one in the second table
    known = [place for place, cell in enumerate(people["21001-2.0"]) if cell]
    cells = list(people["21001-2.0"])
    for place in known[:2]:
        cells[place] = "33.3"
    tables = [world.classic(tmp_path / "a.csv", people)]
    tables.append(world.classic(tmp_path / "b.csv", {"eid": people["eid"], "21001-2.0": cells}))
    with pytest.raises(UserError, match=rf"b\.csv, column 21001-2\.0: 2 of {len(known)} .*a\.csv.*max_contradictions"):
        extract(tmp_path, *tables)
    with caplog.at_level("WARNING"):
        output = extract(tmp_path, *tables, max_contradictions=0.1)[0]
    assert "2 of" in caplog.text
    assert pl.read_parquet(output)["bmi"].cast(pl.String).fill_null("").to_list() == people["21001-2.0"]


def test_the_log_counts_what_a_table_adds(people, tmp_path, caplog):
    known = sum(map(bool, people["21001-2.0"][30:]))
    tables = [world.classic(tmp_path / "a.csv", {**people, "21001-2.0": [*people["21001-2.0"][:30], *[""] * 30]})]
    tables.append(world.classic(tmp_path / "b.csv", {"eid": people["eid"], "21001-2.0": people["21001-2.0"]}))
    with caplog.at_level("INFO"):
        extract(tmp_path, *tables)
    both = sum(map(bool, people["21001-2.0"][:30]))
    assert f"1 columns are in earlier tables too; it adds {known} values, and {both} are in both" in caplog.text


def test_a_multi_select_column_that_is_a_list_in_one_block_only(people, tmp_path, monkeypatch):
    """Two files of a platform export, 6150 in one and 42000 in the other; only the last row of 6150 is a list."""
    from vita.cohort import reading

    monkeypatch.setattr(reading, "BATCH_ROWS", 10)
    monkeypatch.setattr("vita.cohort.blocks.BLOCK_BYTES", 2000)
    cells = {name: [cells[0]] * 60 if name != "eid" else cells for name, cells in people.items()}
    cells |= {f"6150-{visit}.{array}": [""] * 60 for visit in range(3) for array in range(4)}
    cells["6150-2.0"] = ["1"] * 20 + [""] * 38 + ["2", "2"]
    cells["6150-2.1"] = [""] * 59 + ["1"]
    named = world.platform_columns(cells)
    second = {"eid": named["eid"], "p42000": [""] * 60}
    first = {name: values for name, values in named.items() if name != "p42000"}
    tables = [world.write_text(tmp_path / n, list(t), world.rows_of(t), quoted=False) for n, t in
              (("a.csv", first), ("b.csv", second))]  # fmt: skip
    arguments = [
        "--table",
        *map(str, tables),
        "--features",
        str(world.FEATURES),
        "--settings",
        filled.argument(cohort={}),
        "--output",
        str(tmp_path / "f.parquet"),
    ]
    fields.main(arguments)
    plain = [*arguments]
    plain[1:3] = [str(world.classic(tmp_path / "c.csv", cells | {"42000-0.0": [""] * 60}))]
    plain[-1] = str(tmp_path / "g.parquet")
    fields.main(plain)
    assert (tmp_path / "f.parquet").read_bytes() == (tmp_path / "g.parquet").read_bytes()


@pytest.mark.parametrize("names", [["41270-0.0"], ["21001-2.0"]])
def test_a_first_table_that_gives_no_feature_alone(names, tmp_path):
    """With hospital records alone, or with columns that the second table has too."""
    first = {"eid": ["1000003", "1000020"]} | {name: ["22", "23"] for name in names}
    second = {"eid": ["1000003", "1000020"], "21001-2.0": ["22", "23"], "31-0.0": ["0", "1"]}
    tables = [world.classic(tmp_path / "a.csv", first), world.classic(tmp_path / "b.csv", second)]
    frame = pl.read_parquet(features_of(tables, tmp_path / "f.parquet"))
    assert frame.select("eid", "bmi", "sex").rows() == [(1000003, 22.0, 0), (1000020, 23.0, 1)]


def features_of(tables: list[Path], output: Path) -> Path:
    given = ["--table", *map(str, tables), "--features", str(world.FEATURES)]
    settings = filled.argument(cohort={"missing_fields": "drop"})
    fields.main([*given, "--settings", settings, "--output", str(output)])
    return output


OLD_AND_NEW = [
    ({"p20004_i2": ["1069"]}, {"p20004_i2": ["1069|1070"]}),  # the first entries agree
    ({"20004-2.0": ["1069"], "20004-2.1": [""]}, {"p20004_i2": ["1069|1070"]}),
    ({"p20004_i2": ["1069|1070"]}, {"20004-2.0": ["1069"], "20004-2.1": [""]}),
]
SAME = [
    ({"p20004_i2": ["1069|1070"]}, {"p20004_i2": ["1070|1069"]}),
    ({"20004-2.0": ["1070"], "20004-2.1": ["1069"]}, {"p20004_i2": ["1069|1070"]}),
]


@pytest.mark.parametrize(("first", "second"), OLD_AND_NEW)
def test_lists_that_differ_behind_their_first_entry_contradict_each_other(first, second, tmp_path):
    tables = [
        world.classic(tmp_path / f"{n}.csv", {"eid": ["1000003"]} | own) for n, own in (("a", first), ("b", second))
    ]
    with pytest.raises(
        UserError, match=r"b\.csv, column 20004-2\.0: 1 of 1 participants have a different value in .*a\."
    ):
        features_of(tables, tmp_path / "f.parquet")


@pytest.mark.parametrize(("first", "second"), SAME)
def test_the_same_answers_in_another_order_or_form_agree(first, second, tmp_path):
    tables = [
        world.classic(tmp_path / f"{n}.csv", {"eid": ["1000003"]} | own) for n, own in (("a", first), ("b", second))
    ]
    assert pl.read_parquet(features_of(tables, tmp_path / "f.parquet"))["cardiac_operations"].to_list() == [2]


def spilt(folder: Path, *frames: pl.DataFrame) -> Spill:
    kept = Spill(TemporaryFile(dir=folder))  # noqa: SIM115 - gone with the test
    for frame in frames:
        kept.add(frame)
    return kept


def test_a_value_becomes_a_list_of_itself_where_another_frame_has_lists(tmp_path):
    frames = [pl.DataFrame({"eid": [1, 2], "a": [1.0, None]}), pl.DataFrame({"eid": [3], "a": [[2.0, 3.0]]})]
    (alone,) = by_range([spilt(tmp_path, *frames)])
    assert alone[0]["a"].to_list() == [[1.0], None, [2.0, 3.0]]
    (both,) = by_range([spilt(tmp_path, frames[0]), spilt(tmp_path, frames[1])])
    assert Joiner(["x", "y"], {"a"}).join(both)["a"].to_list() == [[1.0], None, [2.0, 3.0]]


def test_ranges_of_ids_come_sorted_whatever_the_order_of_the_file(tmp_path, monkeypatch):
    """Ids 0 to 96 in four frames of any order, in ranges of 10: each once, with its own value, and nothing on disk."""
    monkeypatch.setattr("vita.cohort.spill.RANGE_ROWS", 10)
    ids = np.random.default_rng(3).permutation(97)
    frames = [pl.DataFrame({"eid": part, "a": part * 0.5}) for part in np.array_split(ids, 4)]
    first = spilt(tmp_path, *frames[:3])
    second = spilt(tmp_path, frames[3].rename({"a": "b"}))
    assert not list(tmp_path.iterdir())
    joined = [Joiner(["x", "y"], ()).join(each) for each in by_range([first, second])]
    assert [len(each) for each in joined] == [10] * 9 + [7]
    whole = pl.concat(joined)
    assert whole["eid"].to_list() == list(range(97))
    in_second = set(frames[3]["eid"])
    assert whole["a"].to_list() == [None if i in in_second else i / 2 for i in range(97)]
    assert whole["b"].to_list() == [i / 2 if i in in_second else None for i in range(97)]


def test_a_table_without_anybody_left_has_its_columns(tmp_path):
    (frames,) = by_range([spilt(tmp_path, pl.DataFrame(schema={"eid": pl.Int64, "a": pl.Float64}))])
    assert dict(frames[0].schema) == {"eid": pl.Int64, "a": pl.Float64}


@pytest.mark.parametrize("order", [1, -1])
def test_ranges_and_order_change_nothing(order, people, tmp_path, monkeypatch):
    """Contradictions are counted over all ranges, and rows of a shuffled table are those of a sorted one."""
    whole = world.classic(tmp_path / "whole.csv", people)
    expected = features_of([whole], tmp_path / "f.parquet")
    shuffled = np.random.default_rng(2).permutation(60)
    other = {name: [cells[i] for i in shuffled] for name, cells in people.items()}
    monkeypatch.setattr("vita.cohort.spill.RANGE_ROWS", 7)
    monkeypatch.setattr("vita.cohort.reading.BATCH_ROWS", 10)
    monkeypatch.setattr("vita.cohort.blocks.BLOCK_BYTES", 5000)
    tables = [whole, world.classic(tmp_path / "b.csv", other)][::order]
    assert pl.read_parquet(features_of(tables, tmp_path / "g.parquet")).equals(pl.read_parquet(expected))


def test_forty_megabytes_in_two_files_with_a_list_in_the_last_block_only(tmp_path):
    """Blocks of their real size: 6150 is plain in the first, empty in the second and a list at the end of the third."""
    people, filler = 20_000, "x" * 2000
    answers = ["1" if i < people // 3 else "" for i in range(people - 1)] + ["2|1"]
    with (tmp_path / "a.csv").open("w") as lines:
        lines.write("eid,p6150_i2,p99999\n")
        lines.writelines(f"{1_000_000 + i},{answer},{filler}\n" for i, answer in enumerate(answers))
    with (tmp_path / "b.csv").open("w") as lines:
        lines.write("eid,p42000\n")
        lines.writelines(f"{1_000_000 + i},{'2010-05-01' if i == people // 2 else ''}\n" for i in range(people))
    assert (tmp_path / "a.csv").stat().st_size > 40_000_000
    given = ["--table", str(tmp_path / "a.csv"), str(tmp_path / "b.csv"), "--features", str(world.FEATURES)]
    fields.main(
        [
            *given,
            "--settings",
            filled.argument(cohort={"missing_fields": "drop"}),
            "--output",
            str(tmp_path / "f.parquet"),
        ]
    )
    told = pl.read_parquet(tmp_path / "f.parquet")["heart_attack_diagnosed"]
    ill = {*range(people // 3), people // 2, people - 1}
    assert told.to_list() == [1 if i in ill else None for i in range(people)]


@pytest.mark.parametrize(
    ("ids", "columns", "common"),
    [
        (range(2_000_000, 2_000_010), "21001-2.0", 0),
        ([1_000_003, *range(2_000_000, 2_000_009)], "21001-2.0", 1),  # by chance
        (range(1_000_000, 1_000_010), "21001-2.0", None),
        (range(2_000_000, 2_000_010), "31-0.0", None),  # other rows of one table
    ],
)
def test_a_table_of_another_application_is_told(ids, columns, common, tmp_path, caplog):
    one = {"eid": [str(1_000_000 + i) for i in range(10)], "31-0.0": ["0"] * 10}
    two = {"eid": [str(eid) for eid in ids], columns: ["1"] * 10}
    tables = [world.classic(tmp_path / "a.csv", one), world.classic(tmp_path / "b.csv", two)]
    given = ["--features", str(world.FEATURES), "--settings", filled.argument(cohort={"missing_fields": "drop"})]
    fields.main(["--table", *map(str, tables), *given, "--output", str(tmp_path / "f.parquet")])
    told = f"b.csv: only {common} of its 10 participants are in the tables before it (10 participants)"
    assert ("of another application" in caplog.text) == (common is not None)
    assert common is None or told in caplog.text
