"""The same world in every spelling gives the same bytes; the chain of CLIs holds its contract."""

from pathlib import Path

import polars as pl
import pytest

import filled
from vita.cohort import diagnoses, fields

from . import world


def extract(tmp_path: Path, *tables: Path, withdrawals: Path | None = None, **cohort: object) -> tuple[Path, Path]:
    """Run fields and diagnoses; returns both outputs."""
    out = tmp_path / "out"
    more = ["--settings", filled.argument(cohort=cohort)] + (["--withdrawals", str(withdrawals)] if withdrawals else [])
    tables_given = ["--table", *map(str, tables)]
    fields.main([*tables_given, "--features", str(world.FEATURES), *more, "--output", str(out / "f.parquet")])
    diagnoses.main([*tables_given, *more, "--output", str(out / "d.parquet")])
    return out / "f.parquet", out / "d.parquet"


@pytest.fixture(scope="session")
def reference(table: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    outputs = extract(tmp_path_factory.mktemp("reference"), table)
    return outputs[0].read_bytes(), outputs[1].read_bytes()


def unquoted(path: Path, columns: world.Columns) -> Path:
    return world.classic(path.with_suffix(".csv"), columns, quoted=False)


def zipped(path: Path, columns: world.Columns) -> Path:
    return world.classic(path.with_suffix(".csv.gz"), columns)


def latin1(path: Path, columns: world.Columns) -> Path:
    return world.classic(path, {**columns, "99999-0.0": ["caf\xe9, open" for _ in columns["eid"]]})


def dx(path: Path, columns: world.Columns) -> Path:
    return world.platform(path, columns, prefix="participant.", literal=True)


WRITERS = [unquoted, zipped, latin1, world.r_table, world.platform, dx, world.parquet]


@pytest.mark.parametrize("writer", WRITERS, ids=lambda each: each.__name__)
def test_every_delivery_gives_the_same_bytes(writer, people, reference, tmp_path):
    outputs = extract(tmp_path, writer(tmp_path / "table", people))
    assert outputs[0].read_bytes() == reference[0]
    assert outputs[1].read_bytes() == reference[1]


@pytest.mark.parametrize("shuffled", [False, True])
def test_baskets_that_share_ids_give_the_same_bytes(shuffled, people, reference, tmp_path):
    hospital = ("41270-", "41280-")  # codes and dates belong together
    names = [name for name in people if name != "eid" and not name.startswith(hospital)]
    both = {name: cells for name, cells in people.items() if name.startswith(hospital)}
    first = {"eid": people["eid"], **{name: people[name] for name in names[::2]}, **both}
    second = {"eid": people["eid"], **{name: people[name] for name in names[1::2]}}
    if shuffled:
        second = {name: cells[::-1] for name, cells in second.items()}
    tables = [world.classic(tmp_path / "a.csv", first), world.r_table(tmp_path / "b.tab", second)]
    outputs = extract(tmp_path, *tables)
    assert outputs[0].read_bytes() == reference[0]
    assert outputs[1].read_bytes() == reference[1]


def test_fields_have_all_inputs_and_outputs_with_values(reference, tmp_path):
    (tmp_path / "f.parquet").write_bytes(reference[0])
    frame = pl.read_parquet(tmp_path / "f.parquet")
    assert frame.width == 1 + 117 + 9
    assert frame["eid"].dtype == pl.Int64
    assert frame["eid"].is_sorted()
    assert [name for name in frame.columns if frame[name].null_count() == len(frame)] == []


def test_a_withdrawn_participant_is_in_no_output(people, table, tmp_path):
    gone = people["eid"][5]
    (tmp_path / "w.csv").write_text(f"{gone}\n{people['eid'][7]}\n")
    for output in extract(tmp_path, table, withdrawals=tmp_path / "w.csv"):
        frame = pl.read_parquet(output)
        assert len(frame) == len(people["eid"]) - 2
        assert int(gone) not in frame["eid"]


def test_cutoff_imaging_uses_nothing_after_the_scan(people, tmp_path):
    """Dates and visits after the scan change nothing; with cutoff none they do."""
    later = {**people, "42000-0.0": ["2031-01-01"] * 60, "20400-0.0": ["2031-01-01"] * 60}
    later["6153-3.0"] = ["1"] * 60
    never = {**people, "42000-0.0": [""] * 60, "20400-0.0": ["2031-01-01"] * 60}
    tables = [world.classic(tmp_path / f"{i}.csv", each) for i, each in enumerate((later, never))]
    outputs = [pl.read_parquet(extract(tmp_path / str(i), t, cutoff="imaging")[0]) for i, t in enumerate(tables)]
    assert outputs[0].equals(outputs[1])
    assert outputs[0]["alcohol_typical_amount"].null_count() == 60
    free = pl.read_parquet(extract(tmp_path / "free", tables[0])[0])
    assert (free["heart_attack_diagnosed"] == 1).all()
    assert (free["cholesterol_medication"] == 1).all()


def test_repeat_visit_reads_instance_3(people, tmp_path):
    other = {name.replace("-2.", "-3."): cells for name, cells in people.items()}
    table = world.classic(tmp_path / "t.csv", other)
    frame = pl.read_parquet(extract(tmp_path, table, instance=3)[0])
    assert frame["bmi"].cast(pl.String).fill_null("").to_list() == people["21001-2.0"]
