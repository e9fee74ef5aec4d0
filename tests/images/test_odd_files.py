"""What a participant's folder may hold besides scans costs that participant at most."""

import gzip
import os

import nibabel
import numpy as np
import pytest

import filled
from images import scans
from vita.apply.scans import new_scans
from vita.images.header import ScanError, read_header
from vita.images.index import build_index, index_shard
from vita.images.nifti import read_volume
from vita.images.participant import read_participant
from vita.images.zips import open_zip

BLOCK = {"frames": 4, "size": 16, "max_excluded": 1, "max_file_mb": 1}


@pytest.fixture
def folder(tmp_path):
    for eid in ("1000011", "1000025"):
        scans.write_participant(tmp_path / "scans" / eid, frames=4, size=(20, 18), slices=6)
    return tmp_path / "scans"


def table_of(folder):
    return build_index(folder, filled.images(**BLOCK), set())


def test_links_that_lead_nowhere(folder):
    (folder / "1000033").symlink_to(folder / "1000033")
    (folder / "notes").symlink_to(folder / "notes")
    (folder / "1000011" / "again").symlink_to(folder / "1000011" / "again")
    (folder / "1000025" / "sa.nii.gz").unlink()
    (folder / "1000025" / "sa.nii.gz").symlink_to("sa.nii.gz")
    table = table_of(folder)
    assert table.loc[table["eid"] == 1000011, "usable"].all()
    reasons = table[~table["usable"]].set_index("eid")["reason"]
    assert "symbolic links" in reasons[1000033]
    assert "symbolic links" in reasons[1000025]


def test_links_to_what_is_listed_anyway(folder):
    """A link from a participant's folder to all scans, or to a neighbour, does not make the neighbour two."""
    zips = folder / "1000033"
    zips.mkdir()
    (zips / "1000033_20209_2_0.zip").write_bytes(b"no zip")
    (zips / "1000047").symlink_to("../1000025")
    (zips / "up").symlink_to("..")
    (folder / "here").symlink_to(".")
    table = table_of(folder)
    assert table.loc[table["eid"].isin([1000011, 1000025]), "usable"].all()
    assert set(table["eid"]) == {1000011, 1000025, 1000033}
    away = folder.parent / "elsewhere"
    (folder / "1000025").rename(away)
    (folder / "1000025").symlink_to(away)  # a participant's folder on another disk
    assert table_of(folder).query("eid == 1000025")["usable"].all()


@pytest.mark.parametrize("name", ["sa.nii.gz", "seg_sa.nii.gz"])
def test_a_pipe_does_not_wait(folder, name):
    path = folder / "1000025" / name
    path.unlink()
    os.mkfifo(path)
    os.mkfifo(folder / "1000025_20209_2_0.zip")
    table = table_of(folder)
    rows = table[table["eid"] == 1000025].astype(object)
    rows = rows.where(rows.notna(), None).to_dict("records")
    settings = filled.images(**BLOCK)
    if name == "sa.nii.gz":
        assert "not a regular file" in next(row["reason"] for row in rows if row["view"] == "sa")
        with pytest.raises(ScanError, match="not a regular file"):
            read_volume(path)
    else:
        assert "sa: cannot be read: it is not a regular file" in read_participant(rows, settings).record["notes"]


def test_a_folder_in_the_place_of_a_file(folder, tmp_path):
    (folder / "1000025" / "sa.nii.gz").unlink()
    (folder / "1000025" / "sa.nii.gz").mkdir()
    (folder / "1000033_20209_2_0.zip").mkdir()
    reasons = table_of(folder).query("not usable").set_index("eid")["reason"]
    assert "directory" in reasons[1000025] or "regular file" in reasons[1000025]
    assert 1000033 in reasons.index
    with pytest.raises(ScanError), open_zip(str(tmp_path), 1):
        pass


def test_plain_files_stay_within_the_limit(tmp_path):
    values = np.zeros((60, 60, 6, 30), np.int16)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "sa.nii")
    with pytest.raises(ScanError, match=r"1 MB, above images.max_file_mb"):
        read_volume(tmp_path / "sa.nii", max_mb=1)
    assert read_volume(tmp_path / "sa.nii", max_mb=2)[1].shape == (30, 6, 60, 60)
    with (tmp_path / "sa.nii").open("ab") as file:
        file.truncate(10**10)  # a sparse tail that no header speaks of is not read
    assert read_volume(tmp_path / "sa.nii", max_mb=2)[1].shape == (30, 6, 60, 60)


def test_empty_gzip_members_do_not_keep_the_reader_busy(tmp_path):
    plain = tmp_path / "a.nii"
    nibabel.save(nibabel.Nifti1Image(np.ones((9, 8, 7, 3), np.int16), np.eye(4)), plain)
    data = plain.read_bytes()
    many = gzip.compress(data[:500]) + gzip.compress(b"") * 20_000 + gzip.compress(data[500:])
    (tmp_path / "a.nii.gz").write_bytes(many)
    assert read_volume(tmp_path / "a.nii.gz")[1].sum() == 9 * 8 * 7 * 3


def test_every_missing_view_is_named(folder):
    for view in ("la_2ch", "la_4ch"):
        (folder / "1000025" / f"{view}.nii.gz").unlink()
    settings = filled.images(**BLOCK)
    rows = [row for row in index_shard(folder, settings, set()) if row["eid"] == 1000025]
    with pytest.raises(ScanError, match=r"^la_2ch: no la_2ch.nii.gz; la_4ch: no la_4ch.nii.gz$"):
        read_participant(rows, settings)


def test_a_name_with_a_zero_byte_is_no_path():
    with pytest.raises(ScanError, match="cannot be read"):
        read_header("a\0b.nii.gz")


def test_a_folder_whose_name_is_no_text_costs_itself(folder, tmp_path):
    """A name in Latin-1, which no table can hold, as a link to itself, as a participant, and as a folder of zips."""
    odd = os.fsdecode(b"Andr\xe9")
    scans.write_participant(tmp_path / "all" / "1000025", frames=8)
    (tmp_path / "all" / odd).mkdir()
    (tmp_path / "all" / odd / "1000011_20209_2_0.zip").write_bytes(b"")
    loop = os.fsdecode(b"b\xe9")
    (tmp_path / "all" / loop).symlink_to(loop)
    table = build_index(tmp_path / "all", filled.images(frames=8, max_excluded=1), set())
    table.to_parquet(tmp_path / "index.parquet")
    reasons = table[~table["usable"]].set_index("folder")["reason"]
    assert reasons.to_dict() == {
        "Andr?": "the folder's name is no UTF-8; rename it",
        "b?": "cannot be read: Too many levels of symbolic links",
    }
    assert table.loc[table["eid"] == 1000025, "usable"].all()
    with new_scans([tmp_path / "all" / odd], 2, 100) as found:
        assert [each.folder for each in found] == ["1000011"]
    (tmp_path / "all" / odd / "1000011_20209_2_0.zip").unlink()
    scans.write_participant(tmp_path / "all" / odd, frames=8)
    with new_scans([tmp_path / "all" / odd], 2, 100) as found:
        assert [each.folder for each in found] == ["Andr?"]
