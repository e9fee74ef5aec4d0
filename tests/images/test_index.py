import os

import numpy as np
import pandas as pd
import pytest

import filled
from images import dicom_scans, scans
from vita.images.folders import participant_number
from vita.images.index import build_index, main
from vita.runtime.errors import UserError

SETTINGS = {"frames": 8, "size": 24}


@pytest.fixture
def folder(tmp_path):
    for eid in ("1000011", "1000025", "heart_a"):
        scans.write_participant(tmp_path / "scans" / eid)
    return tmp_path / "scans"


def test_index_by_command_line(folder, tmp_path):
    (tmp_path / "out.csv").write_text("1000025\n9999999\n")
    (folder / "notes").mkdir()
    (folder / "1000011/la_3ch.nii.gz").unlink()
    settings = filled.argument(images={"instance": 2, "max_excluded": 0.6, **SETTINGS})
    files = ["--withdrawals", str(tmp_path / "out.csv"), "--output", str(tmp_path / "index.parquet")]
    main(["--scans", str(folder), "--settings", settings, *files])
    table = pd.read_parquet(tmp_path / "index.parquet")
    assert set(table["eid"]) == {1000011, participant_number("heart_a")}
    assert set(table.loc[~table["usable"], "reason"]) == {"no la_3ch.nii.gz"}
    stack = table[(table["eid"] == 1000011) & (table["view"] == "sa")].iloc[0]
    assert (stack["slices"], stack["frames"]) == (9, 8)
    assert {stack["rows"], stack["columns"]} == {40, 36}
    assert (stack["spacing_row_mm"], stack["spacing_slice_mm"]) == pytest.approx((3, 8))
    assert stack["frame_s"] == pytest.approx(0.05)
    assert not stack["participant_usable"]
    assert table.loc[table["folder"] == "heart_a", "participant_usable"].all()
    assert stack["seg_path"].endswith("seg_sa.nii.gz")


def test_views_that_are_not_required_may_be_missing(folder):
    (folder / "1000011/la_3ch.nii.gz").write_bytes(b"nonsense" * 100)
    settings = filled.images(**SETTINGS | {"required_views": ["sa"]})
    table = build_index(folder, settings, set())
    assert table["participant_usable"].all()
    assert table.loc[~table["usable"], "reason"].tolist() == ["not a NIfTI file (wrong magic number)"]


def test_frame_counts_are_resampled_or_refused(folder):
    block = SETTINGS | {"frames": 20, "max_excluded": 1}
    assert build_index(folder, filled.images(**block), set())["usable"].all()
    refused = build_index(folder, filled.images(**block | {"time": "refuse"}), set())
    assert refused["reason"].str.contains("8 frames instead of 20").all()


def test_few_slices_and_single_frames(folder):
    matrix = np.diag([2.0, 2, 8, 1])
    scans.write(folder / "1000011/sa.nii.gz", np.ones((9, 9, 5, 8), np.int16), matrix)
    scans.write(folder / "1000011/la_2ch.nii.gz", np.ones((9, 9, 1, 1), np.int16), matrix)
    table = build_index(folder, filled.images(**SETTINGS | {"max_excluded": 1}), set())
    reasons = table.set_index(["eid", "view"])["reason"]
    assert "5 slices" in reasons[1000011, "sa"]
    assert "single frame" in reasons[1000011, "la_2ch"]


def test_too_many_unusable_scans_stop_the_run(folder):
    for file in folder.glob("1*/sa.nii.gz"):
        file.unlink()
    with pytest.raises(UserError, match=r"2 of 3 .*max_excluded.*no sa.nii.gz"):
        build_index(folder, filled.images(**SETTINGS), set())


def test_mistakes_of_the_user(tmp_path):
    settings = filled.images()
    with pytest.raises(UserError, match="cannot be read"):
        build_index(tmp_path / "nowhere", settings, set())
    with pytest.raises(UserError, match="no scan found"):
        build_index(tmp_path, settings, set())
    for key, value in {"crop": "left", "slices": "odd", "time": "?", "required_views": ["x"], "size": 0}.items():
        with pytest.raises(UserError, match=f"images.{key}"):
            filled.images(**{key: value})


def test_two_folders_of_one_participant(folder):
    scans.write_participant(folder / "more" / "1000011")
    table = build_index(folder, filled.images(**SETTINGS | {"max_excluded": 1}), set())
    twice = table["eid"] == 1000011
    assert table.loc[twice, "reason"].tolist() == ["two folders stand for this participant; keep one of them"]
    assert table.loc[~twice, "usable"].all()


def test_zips_are_indexed_by_their_lists_of_files(folder, tmp_path):
    dicom_scans.write_zips(tmp_path / "zips/Short axis/10", 1000011, folder / "1000011")
    settings = filled.images(**SETTINGS)
    table = build_index(tmp_path / "zips", settings, set())
    assert table["view"].tolist() == ["sa", "la_2ch", "la_3ch", "la_4ch"]
    assert table["slices"].tolist() == [9, 1, 1, 1]
    assert table["participant_usable"].all()
    later = filled.images(**SETTINGS | {"instance": 3})
    with pytest.raises(UserError, match="no scan found"):
        build_index(tmp_path / "zips", later, set())


def test_a_folder_that_may_not_be_read(folder):
    (folder / "1000025").chmod(0)
    try:
        if os.access(folder / "1000025", os.R_OK):
            pytest.skip("this user may read everything")
        table = build_index(folder, filled.images(**SETTINGS | {"max_excluded": 1}), set())
    finally:
        (folder / "1000025").chmod(0o755)
    assert table.loc[table["eid"] == 1000025, "reason"].tolist() == ["cannot be read: Permission denied"]
