"""A folder with thousands of findings, such as a whole results folder: bounded work, and a line per file or folder."""

import gzip
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.release.conftest import PEOPLE

from vita.release import checking, counts, differencing, findings
from vita.release.checking import check
from vita.release.cohort import Cohort, read_cohort
from vita.release.command import main
from vita.release.contents import Table
from vita.release.findings import people
from vita.runtime.errors import UserError

CELL = 10


@pytest.fixture(scope="module")
def cohort(results: Path) -> Cohort:
    return read_cohort([results], CELL)


def test_findings_of_a_table_of_participants_are_kept_once_but_its_people_are_counted(
    tables: dict[str, pd.DataFrame], cohort: Cohort, tmp_path: Path
) -> None:
    tables["images/phenotypes"].to_csv(tmp_path / "all.csv", index=False)
    outputs = check(tmp_path, cohort, CELL, cohort.ids)
    ids = [finding for finding in outputs[0].findings if finding.kind == "id"]
    assert len(ids) == findings._LISTED + 1
    # a row's id is found twice: in the bytes of the file, and in the cells of its table
    assert sum(finding.count for finding in ids) == 2 * PEOPLE
    assert len(people(outputs)) == PEOPLE


def test_of_a_refused_file_some_rows_show_that_people_are_singled_out(
    tables: dict[str, pd.DataFrame], cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every tenth row or so, and the numbers of those rows are those of the file."""
    values = tables["images/phenotypes"]
    values.to_csv(tmp_path / "all.csv", index=False)
    monkeypatch.setattr(checking, "_JOINED", (tmp_path / "all.csv").stat().st_size // 10)
    found = check(tmp_path, cohort, CELL, cohort.ids)[0].findings
    rows = [finding for finding in found if finding.kind == "singled out" and "row " in finding.place]
    assert 25 <= len(rows) <= 60
    for finding in rows:
        person = values["eid"].iloc[int(finding.place.removeprefix("row ")) - 2]
        assert finding.people == {int(np.searchsorted(cohort.eid, person))}


def test_a_results_folder_is_judged_by_its_own_cohort(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match=rf"files may not leave .*; {PEOPLE} of {PEOPLE} participants"):
        main(["--check", str(results)])
    assert "cohort/fields.parquet: row 1: id" in capsys.readouterr().out


def test_many_refused_files_are_a_line_each_or_one_for_a_folder(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(30):
        folder = tmp_path / (f"many/{number % 12}" if number < 24 else "few")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.csv").write_text("group,n,mean\nyoung,112,3.2\nold,7,3.9\nvery old,3,4.2\n")
    with pytest.raises(UserError, match="30 of 30 files"):
        main(["--check", str(tmp_path), "--cohort", str(results)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[:6] == [f"few/{number}.csv: small cell (row 3 and 1 more)" for number in range(24, 30)]
    assert lines[6] == "many/**/*.csv: 24 files: small cell"
    assert lines[7].startswith("small cell: withhold the number")
    assert len(lines) == 8


def test_a_packed_scan_is_recognised_by_its_header(cohort: Cohort, tmp_path: Path) -> None:
    """Its voxels are not decompressed: here they are missing."""
    header = bytearray(np.random.default_rng(0).bytes(40_000))
    header[:4], header[108:112], header[344:348] = struct.pack("<i", 348), struct.pack("<f", 352), b"n+1\0"
    (tmp_path / "sa.nii.gz").write_bytes(gzip.compress(bytes(header))[:30_000])
    assert {finding.kind for finding in check(tmp_path, cohort, CELL, cohort.ids)[0].findings} == {"pixels"}


def _pair_by_pair(table: Table, cell: int) -> list[tuple[int | None, str]]:
    """Differencing within a table, from every total and every other row; the count is the last column."""
    found: list[tuple[int | None, str]] = []
    base = len(table.header) - 1
    words = [{at: text for at, text in enumerate(row[:-1]) if text} for row in table.rows]
    for number, total in enumerate(words):
        marked = [at for at, text in total.items() if text in counts.TOTAL]
        whole = counts.count(table.rows[number][base])
        if not marked or whole is None:
            continue
        parts: dict[tuple[str, ...], list[int]] = {}
        for other, row in enumerate(words):
            alike = all(row.get(at) == text for at, text in total.items() if at not in marked)
            if other != number and alike and row.get(marked[-1]) not in counts.TOTAL:
                parts.setdefault(tuple(row.get(at, "") for at in marked[:-1]), []).append(other)
        for rows in parts.values():
            shown = [(at, n) for at in rows if (n := counts.count(table.rows[at][base])) is not None]
            rest = whole - sum(n for _, n in shown)
            if shown and 0 < rest < cell:
                found.append((min(shown, key=lambda one: one[1])[0], f"the total, {whole}, minus the groups shown"))
            elif len(rows) == 1:
                found += [(at, f"the total, {whole}, minus {n}") for at, n in shown if 0 < whole - n < cell]
    return found


def _random_table(rng: np.random.Generator) -> Table:
    choices: Sequence[Sequence[str]] = (("x", "y"), ("all", "sex", "age", ""), ("all", "low", "high", "total", ""))
    rows = [[str(rng.choice(words)) for words in choices] for _ in range(int(rng.integers(2, 60)))]
    for row in rows:
        row.append("<10" if rng.random() < 0.1 else str(rng.integers(10, 60)))
    return Table("", ("target", "group", "level", "n"), rows)


def test_totals_and_groups_are_compared_as_if_pair_by_pair() -> None:
    rng = np.random.default_rng(1)
    found = 0
    for _ in range(300):
        table = _random_table(rng)
        own = [(one.row, one.words) for one in differencing.rows_apart(table, [3], CELL)]
        expected = _pair_by_pair(table, CELL)
        assert [row for row, _ in own] == [row for row, _ in expected]
        assert all(words.startswith(start) for (_, words), (_, start) in zip(own, expected, strict=True))
        found += len(own)
    assert found > 50
