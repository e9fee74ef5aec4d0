"""Results of one cohort are not replaced by another's unless that is said."""

import json
from pathlib import Path

import pytest

from vita.plan.inputs import other_input

PHANTOM = {"source": "phantom", "tables": [], "scans": None, "withdrawals": None}
FILES = {"source": "files", "tables": ["ukb.csv"], "scans": "scans", "withdrawals": "w.csv"}


def record(folder: Path, source: dict[str, object]) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps({"input": source, "seed": 1}))
    return path


def test_a_phantom_run_does_not_replace_real_results(tmp_path: Path) -> None:
    (message,) = other_input({"input": PHANTOM}, record(tmp_path, FILES))
    assert "'input.source' is \"phantom\"" in message
    assert "replace_results=true" in message
    assert not other_input({"input": PHANTOM, "replace_results": True}, record(tmp_path, FILES))


@pytest.mark.parametrize("changed", [{"scans": "others"}, {"tables": ["b.csv"]}, {"tables": ["ukb.csv", "b.csv"]}])
def test_other_files_do_not_either(changed: dict[str, object], tmp_path: Path) -> None:
    assert other_input({"input": FILES | changed}, record(tmp_path, FILES))


def test_the_same_data_and_new_withdrawals_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    same = FILES | {"scans": str(tmp_path / "scans"), "withdrawals": "newer.csv"}
    assert not other_input({"input": same, "seed": 2}, record(tmp_path, FILES))
    assert not other_input({"input": PHANTOM}, tmp_path / "nothing.json")


def test_a_damaged_record_is_said(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("{")
    assert "damaged" in other_input({"input": FILES}, path)[0]
