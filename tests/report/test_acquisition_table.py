from pathlib import Path

import pandas as pd
import pytest

from vita.report import acquisition_table
from vita.runtime.errors import UserError

PAPER = Path(__file__).parents[2] / "workflow" / "resources" / "paper"


def _index(folder, stacks=20):
    rows = [
        {"eid": 1000000 + person, "view": view, "usable": True, "rows": 208, "columns": 168, "slices": slices}
        | {"frames": 50, "spacing_row_mm": 1.8, "spacing_column_mm": 1.8, "spacing_slice_mm": distance, "frame_s": 0.02}
        for person in range(stacks)
        for view, slices, distance in (("sa", 9 + person % 2, 10.0), ("la_2ch", 1, 6.0))
    ]
    rows.append(rows[0] | {"eid": 999, "usable": False, "spacing_slice_mm": 99.0, "slices": 1})
    table = pd.DataFrame(rows)
    for name in ("folder", "path", "seg_path", "seg4_path", "reason"):
        table[name] = ""
    table.assign(participant_usable=table["usable"]).to_parquet(folder / "index.parquet")


def _run(folder, paper=PAPER):
    files = {kind: folder / f"t.{kind}" for kind in ("csv", "md", "tex", "html")}
    arguments = ["--index", str(folder / "index.parquet"), "--paper", str(paper)]
    acquisition_table.main(arguments + [text for kind, path in files.items() for text in (f"--{kind}", str(path))])
    return pd.read_csv(files["csv"]).set_index(["view", "quantity"]), files["md"].read_text(encoding="utf-8")


def test_thickness_and_gap_stand_beside_the_papers(tmp_path):
    _index(tmp_path)
    table, md = _run(tmp_path)
    assert table.loc[("sa", "spacing_slice_mm"), ["median", "paper"]].tolist() == [10, 10]  # 8 mm and a gap of 2
    assert table.loc[("la", "spacing_slice_mm"), ["median", "paper"]].tolist() == [6, 6]
    assert table.loc[("sa", "slices"), ["n", "low", "median", "high"]].tolist() == [
        20,
        9,
        9.5,
        10,
    ]  # without the broken
    assert table.loc[("sa", "frame_ms"), "median"] == pytest.approx(20)
    assert "| Slices | 10 (9 to 10) | – |" in md
    assert "| Slice thickness and gap (mm) | 10.0 | 10.0 |" in md
    assert "Short axis (20 scans)" in md


def test_few_scans_are_withheld(tmp_path):
    _index(tmp_path, stacks=9)
    table, md = _run(tmp_path)
    assert table["median"].isna().all()
    assert "Short axis (&lt;10 scans)" in md


def test_a_missing_table_of_the_paper_is_named(tmp_path):
    _index(tmp_path)
    with pytest.raises(UserError, match=r"tableC7_acquisition\.csv is missing"):
        _run(tmp_path, tmp_path)
