"""Who is left out and why; withdrawn people are in no row; too many unusable scans stop the run."""

from pathlib import Path

import polars as pl
import pytest

import filled
from vita.cohort import exclusions
from vita.runtime.errors import UserError

VIEWS = ["sa", "la_2ch"]


def index(bad: dict[int, dict[str, str]], absent: dict[int, list[str]]) -> pl.DataFrame:
    """Scans of participants 1 to 6; `bad` names reasons by view, `absent` views that are not there."""
    rows = [
        {"eid": eid, "view": view, "usable": view not in bad.get(eid, {}), "reason": bad.get(eid, {}).get(view)}
        for eid in range(1, 7)
        for view in VIEWS
        if view not in absent.get(eid, [])
    ]
    usable = [row["eid"] not in bad and row["eid"] not in absent for row in rows]
    return pl.DataFrame(rows).with_columns(participant_usable=pl.Series(usable))


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, Path]:
    files = {name: tmp_path / f"{name}.parquet" for name in ("fields", "index", "shard", "shard2", "output")}
    index({2: {"sa": "cut short"}}, {3: ["la_2ch"]}).write_parquet(files["index"])
    schema = {"eid": pl.Int64, "usable": pl.Boolean, "reason": pl.String}
    pl.DataFrame([(1, True, None), (4, False, "unreadable")], schema=schema, orient="row").write_parquet(files["shard"])
    pl.DataFrame(schema=schema).write_parquet(files["shard2"])
    pl.DataFrame({"eid": [1, 2, 3, 4, 6, 8], "ethnicity": [1001, 1001, 1001, 1001, 3, 1001]}).write_parquet(
        files["fields"]
    )
    (tmp_path / "w.csv").write_text("4\n")
    return files | {"withdrawals": tmp_path / "w.csv"}


def run(
    paths: dict[str, Path], tables: bool = True, more: tuple[str, ...] = (), **settings: object
) -> list[tuple[int, str, str]]:
    blocks = {"images": {"required_views": VIEWS, "max_excluded": 0.9}, "cohort": {}, **settings}
    given = ["--fields", str(paths["fields"])] if tables else []
    given += ["--index", str(paths["index"]), "--shards", str(paths["shard"]), str(paths["shard2"])]
    given += ["--withdrawals", str(paths["withdrawals"]), "--output", str(paths["output"])]
    exclusions.main([*given, *more, "--settings", filled.argument(**blocks)])
    return pl.read_parquet(paths["output"]).rows()


def test_steps_and_reasons(paths):
    assert run(paths, cohort={"ethnicity": [1001]}) == [
        (2, "scan", "sa: cut short"),
        (3, "scan", "la_2ch: missing"),
        (5, "table", "no row in the tables"),
        (6, "ethnicity", "not among cohort.ethnicity"),
        (8, "scan", "no scan"),
    ]


def test_people_without_labels_have_that_reason_unless_they_have_no_scan_either(paths, tmp_path):
    (tmp_path / "u.csv").write_text("1\n3\n4\n6\n")
    found = {eid: (step, reason) for eid, step, reason in run(paths, more=("--unlabelled", str(tmp_path / "u.csv")))}
    assert found[1] == found[6]
    assert found[1][0] == "labels"
    assert "phantom.labelled" in found[1][1]
    assert found[3] == ("scan", "la_2ch: missing")
    assert 4 not in found  # withdrew


def test_scans_alone(paths):
    assert [row[:2] for row in run(paths, tables=False)] == [(2, "scan"), (3, "scan")]


def test_too_many_unusable_scans_stop_the_run(paths):
    with pytest.raises(UserError, match=r"2 of 6 .*images.max_excluded: 0.3.*(cut short|missing)"):
        run(paths, images={"required_views": VIEWS, "max_excluded": 0.3})
    assert not paths["output"].exists()
