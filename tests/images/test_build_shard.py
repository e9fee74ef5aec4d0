import pickle
import zipfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import nibabel
import numpy as np
import pandas as pd
import pytest

import filled
from images import scans
from vita.images import build_shard, index, phenotypes
from vita.images.folders import bucket
from vita.images.shards import ShardReader
from vita.runtime.errors import UserError

BLOCK = {"frames": 8, "size": 24, "max_excluded": 1}
EIDS = (1000011, 1000025, 1000033, 1000047)


def build(folder, out, block=BLOCK, shards=2):
    """Index, shards and phenotypes by their command lines; returns the reader and the phenotypes."""
    settings = filled.argument(images={"instance": 2, **block}, phenotypes={})
    index.main(["--scans", str(folder), "--settings", settings, "--output", str(out / "index.parquet")])
    paths = [out / f"{number:05d}.npz" for number in range(shards)]
    tables = [str(path.with_suffix(".parquet")) for path in paths]
    for number, (path, table) in enumerate(zip(paths, tables, strict=True)):
        where = ["--scans", str(folder), "--shard", str(number), "--shards", str(shards)]
        build_shard.main([*where, "--settings", settings, "--voxels", str(path), "--table", table])
    outputs = ["--output", str(out / "phenotypes.parquet"), "--curves", str(out / "curves.parquet")]
    phenotypes.main(["--shards", *tables, "--settings", settings, *outputs])
    return ShardReader(paths), pd.read_parquet(out / "phenotypes.parquet").set_index("eid")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("scans")
    for eid in EIDS:
        scans.write_participant(root / str(eid))
    return root


@pytest.fixture(scope="module")
def built(folder, tmp_path_factory):
    return build(folder, tmp_path_factory.mktemp("shards"))


def test_every_participant_is_in_one_shard(built):
    reader, values = built
    assert sorted(reader.table["eid"]) == list(EIDS)
    assert reader.table["usable"].all()
    assert len(values) == len(EIDS)
    for _, part in reader.table.groupby("shard"):
        assert part["eid"].is_monotonic_increasing


def test_voxels_are_the_scans(built, folder):
    """The 4-chamber plane and a short-axis slice hold the file's own numbers, up to a turn and the crop."""
    reader, _ = built
    eid = EIDS[0]
    stored = reader.stored(eid)
    assert stored.dtype == np.int16
    image = np.asarray(nibabel.load(folder / str(eid) / "la_4ch.nii.gz").dataobj)[:, :, 0]
    crop = image[8:32, 6:30]
    turned = [np.rot90(flipped, k) for flipped in (crop, crop[::-1]) for k in range(4)]
    assert any(np.array_equal(t.transpose(2, 0, 1), stored[2]) for t in turned)
    voxels = reader.voxels(eid, [0, 3])
    assert voxels.shape == (9, 2, 24, 24)
    assert voxels.dtype == np.float32
    row = reader.table.set_index("eid").loc[eid]
    low, high = row["range_low"][4], row["range_high"][4]
    np.testing.assert_allclose(voxels[4, 1], (stored[4, 3] - low) / (high - low), rtol=1e-5)
    every = reader.voxels(eid, range(8))
    assert (every[:3].min(axis=(1, 2, 3)) == 0).all()
    assert every.max() == pytest.approx(1)


def test_masks_and_spacing(built):
    reader, _ = built
    masks = reader.masks(EIDS[0], [0, 5])
    assert masks.shape == (9, 2, 24, 24)
    assert set(np.unique(masks[3:])) == {0, 1, 2, 3}
    assert set(np.unique(masks[0])) == {0, 4}
    assert set(np.unique(masks[2])) == {4, 255}  # where the right atrium is, this mask does not say
    assert (masks[1] == 255).all()
    np.testing.assert_allclose(reader.spacing_mm(EIDS[0]), 3, rtol=1e-4)


def test_frames_are_mapped_not_read(built):
    reader, _ = built
    stored = reader.stored(EIDS[1])
    assert stored.ctypes.data % 64 == 0
    assert np.shares_memory(stored, reader.stored(EIDS[1]))
    assert not stored.flags.owndata
    assert not stored.flags.writeable
    with np.load(reader.paths[int(reader.table["shard"].iloc[0])]) as plain:
        np.testing.assert_array_equal(plain["voxels_00000"], reader.stored(int(reader.table["eid"].iloc[0])))


def test_no_participant_number_in_the_voxel_files(built):
    reader, _ = built
    for path in reader.paths:
        with zipfile.ZipFile(path) as archive:
            assert not any(str(eid) in name for eid in EIDS for name in archive.namelist())


def _sum(reader, eid):
    return float(reader.voxels(eid, [0]).sum())


def test_readers_work_in_other_processes(built):
    reader, _ = built
    expected = [_sum(reader, eid) for eid in EIDS]  # files are open now
    assert [_sum(pickle.loads(pickle.dumps(reader)), eid) for eid in EIDS] == expected
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        assert list(pool.map(_sum, [reader] * len(EIDS), EIDS)) == expected


def test_addresses_of_fsspec(built):
    reader, _ = built
    remote = ShardReader([f"simplecache::file://{path}" for path in reader.paths])
    np.testing.assert_array_equal(remote.stored(EIDS[0]), reader.stored(EIDS[0]))
    with pytest.raises(UserError, match="cannot be opened as a local file"):
        ShardReader(["memory://nowhere/00000.npz"])


def test_phenotypes_match_the_masks(built, folder):
    _, values = built
    mask = np.asarray(nibabel.load(folder / str(EIDS[0]) / "seg_sa.nii.gz").dataobj)
    row = values.loc[EIDS[0]]
    voxel = 3 * 3 * 8 / 1000
    counts = (mask == 1).sum(axis=(0, 1, 2))
    assert row["LVEDV"] == pytest.approx(counts[0] * voxel, rel=1e-4)
    assert row["LVESV"] == pytest.approx(counts.min() * voxel, rel=1e-4)
    assert row["LVM"] == pytest.approx((mask[..., 0] == 2).sum() * voxel * 1.05, rel=1e-4)
    # The atrium is an ellipsoid of half axes 20 / size along and 16 / size across.
    assert row["LAV max"] == pytest.approx(4 / 3 * np.pi * 20 * 16 * 16 / 0.85**3 / 1000, rel=0.08)


def test_same_input_same_bytes(folder, tmp_path, built):
    reader, _ = built
    (tmp_path / "again").mkdir()
    again, _ = build(folder, tmp_path / "again")
    for first, second in zip(reader.paths, again.paths, strict=True):
        assert first.read_bytes() == second.read_bytes()


@pytest.fixture
def broken(tmp_path):
    for eid in EIDS:
        scans.write_participant(tmp_path / "scans" / str(eid))
    return tmp_path / "scans"


def test_damage_costs_the_participant_only(broken, tmp_path):
    whole = (broken / "1000011/sa.nii.gz").read_bytes()
    (broken / "1000011/sa.nii.gz").write_bytes(whole[: len(whole) // 2])
    matrix = scans.planes("la_2ch", (40, 36, 1))
    scans.write(broken / "1000025/la_2ch.nii.gz", np.full((40, 36, 1, 8), np.nan, np.float32), matrix)
    scans.write(broken / "1000033/seg_la_2ch.nii.gz", np.full((40, 36, 1, 8), 9, np.uint8), matrix)
    (broken / "1000047/la_4ch.nii.gz").unlink()
    reader, values = build(broken, tmp_path)
    table = reader.table.set_index("eid")
    assert "cut short" in table.loc[1000011, "reason"]
    assert "NaN" in table.loc[1000025, "reason"]
    assert table.loc[1000047, "reason"] == "la_4ch: no la_4ch.nii.gz"
    assert table.loc[1000033, "usable"]
    assert any("other than" in note for note in table.loc[1000033, "notes"])
    assert np.isnan(values.loc[1000033, "LAV max"])
    assert values.loc[1000033, "LVEDV"] > 0
    assert list(values.index) == [1000033]
    assert 1000011 not in reader
    with pytest.raises(KeyError):
        reader.voxels(1000011, [0])


def test_frames_that_nobody_annotated(broken, tmp_path):
    path = broken / "1000011/seg_sa.nii.gz"
    image = nibabel.load(path)
    labels = np.asarray(image.dataobj).copy()
    labels[..., 1:4] = 0
    labels[..., 6] = np.where(labels[..., 6] == 1, 1, 0)
    scans.write(path, labels, image.affine)
    reader, values = build(broken, tmp_path)
    masks = reader.masks(1000011, range(8))
    assert (masks[3:, 1:4] == 255).all()
    assert set(np.unique(masks[3:, 6])) == {1, 255}
    assert set(np.unique(masks[3:, 0])) == {0, 1, 2, 3}
    assert values.loc[1000011, "LVESV"] > 0
    assert "few_annotated_frames" in values.loc[1000011, "flags"]


@pytest.mark.parametrize(
    "block", [{"crop": "mask"}, {"slices": "mask"}, {"slices": "base"}, {"resample_mm": 2}, {"frames": 5}]
)
def test_options_change_the_planes_not_the_phenotypes(built, folder, tmp_path, block):
    reader, values = build(folder, tmp_path, BLOCK | block, shards=1)
    assert reader.stored(EIDS[0]).shape == (9, block.get("frames", 8), 24, 24)
    pd.testing.assert_frame_equal(values.sort_index(), built[1].sort_index())
    if "resample_mm" in block:
        np.testing.assert_allclose(reader.spacing_mm(EIDS[0]), 2, rtol=1e-4)


def test_all_planes_may_share_one_range(built, folder, tmp_path):
    reader, _ = build(folder, tmp_path, BLOCK | {"intensity": "minmax_joint"}, shards=1)
    own, shared = (source.table.set_index("eid").loc[EIDS[0]] for source in (built[0], reader))
    assert len(set(own["range_high"])) > 1
    assert set(shared["range_high"]) == {max(own["range_high"])}
    assert set(shared["range_low"]) == {min(own["range_low"])}
    stored = reader.stored(EIDS[0]).astype(float)
    by_hand = (stored - min(own["range_low"])) / (max(own["range_high"]) - min(own["range_low"]))
    np.testing.assert_allclose(reader.voxels(EIDS[0], range(8)), by_hand, atol=1e-6)
    with pytest.raises(UserError, match=r"'images.intensity' is minmax_joint, but 'images.quantize_bits' is 8"):
        build(folder, tmp_path, BLOCK | {"intensity": "minmax_joint", "quantize_bits": 8}, shards=1)


def test_floats_are_kept_unless_the_config_says_otherwise(broken, tmp_path):
    path = broken / "1000011/sa.nii.gz"
    image = nibabel.load(path)
    values = np.asarray(image.dataobj) * np.float32(0.37)
    scans.write(path, values, image.affine)
    reader, _ = build(broken, tmp_path, shards=1)
    assert reader.stored(1000011).dtype == np.float32
    assert np.isin(np.unique(reader.stored(1000011)[3:]), np.unique(values)).all()
    (tmp_path / "coarse").mkdir()
    coarse, _ = build(broken, tmp_path / "coarse", BLOCK | {"quantize_bits": 10}, shards=1)
    assert coarse.stored(1000011).dtype.kind in "iu"
    assert coarse.stored(1000011)[3:].max() == 2**10 - 1
    apart = np.abs(coarse.voxels(1000011, range(8)) - reader.voxels(1000011, range(8)))
    assert 0 < apart.max() <= 0.5 / (2**10 - 1) + 1e-6
    notes = coarse.table.set_index("eid")["notes"]
    assert "sa: fractions quantised to 10 bits" in notes[1000011]
    np.testing.assert_array_equal(coarse.stored(1000025), reader.stored(1000025))


def test_an_empty_shard_is_a_shard(folder, tmp_path):
    reader, _ = build(folder, tmp_path, shards=12)
    assert len(reader.table) == len(EIDS)
    assert reader.table["shard"].nunique() < 12


def test_growing_cohorts_leave_other_shards_alone():
    shards = [bucket(eid, 8) for eid in range(1000000, 1004000)]
    assert shards == [bucket(eid, 8) for eid in range(1000000, 1004000)]
    assert np.bincount(shards).min() > 400


def test_mistakes_of_the_user(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        ShardReader([tmp_path / "00000.npz"])
    pd.DataFrame({"eid": [1]}).to_parquet(tmp_path / "00000.parquet")
    with pytest.raises(UserError, match="schema none"):
        ShardReader([tmp_path / "00000.npz"])
    given = ["--settings", filled.argument(images={"instance": 2})]
    with pytest.raises(UserError, match="--shard is 3"):
        build_shard.main(
            ["--scans", "s", "--shard", "3", "--shards", "2", "--voxels", "v.npz", "--table", "t.parquet", *given]
        )


def test_a_mask_may_be_stored_another_way_than_its_image(broken, tmp_path):
    expected, before = build(broken, tmp_path, shards=1)
    for name in ("seg_sa", "seg_la_4ch"):
        path = broken / f"1000011/{name}.nii.gz"
        image = nibabel.load(path)
        turn = np.diag([-1.0, 1, -1, 1])
        turn[[0, 2], 3] = np.array(image.shape)[[0, 2]] - 1
        scans.write(path, np.asarray(image.dataobj)[::-1, :, ::-1], image.affine @ turn)
    masks = expected.masks(1000011, range(8))
    (tmp_path / "again").mkdir()
    reader, after = build(broken, tmp_path / "again", shards=1)
    np.testing.assert_array_equal(reader.masks(1000011, range(8)), masks)
    pd.testing.assert_frame_equal(after, before)
    assert not any("elsewhere" in note or "shape" in note for note in reader.table["notes"].iloc[0])


def test_a_mask_of_another_place_is_not_used(broken, tmp_path):
    path = broken / "1000011/seg_sa.nii.gz"
    image = nibabel.load(path)
    moved = image.affine.copy()
    moved[0, 3] += 12
    scans.write(path, np.asarray(image.dataobj), moved)
    reader, values = build(broken, tmp_path, shards=1)
    assert "sa: the mask and its image are at different positions" in reader.table["notes"].iloc[0]
    assert np.isnan(values.loc[1000011, "LVEDV"])
    assert np.isfinite(values.loc[1000011, "LAV max"])
