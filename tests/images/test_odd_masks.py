"""Masks of other tools: other label orders, other names, and structures that nobody drew."""

import gzip

import nibabel
import numpy as np
import pytest

import filled
from images import scans
from vita.images.index import index_shard
from vita.images.participant import read_participant
from vita.mask_classes import NOT_ANNOTATED
from vita.runtime.errors import UserError

FRAMES = 4
ACDC = {"RVBP": 1, "LVMYO": 2, "LVBP": 3}


@pytest.fixture
def folder(tmp_path):
    scans.write_participant(tmp_path / "1", frames=FRAMES, size=(60, 56), slices=7)
    return tmp_path


def read(folder, size=48, **masks):
    block = {"frames": FRAMES, "size": size, **({"masks": masks} if masks else {})}
    settings = filled.images(**block)
    return read_participant(index_shard(folder, settings, set()), settings)


def relabel(folder, table):
    path = folder / "1" / "seg_sa.nii.gz"
    image = nibabel.load(path)
    scans.write(path, np.array(table, np.uint8)[np.asarray(image.dataobj)], image.affine)


def test_another_order_of_labels_is_refused_or_mapped(folder):
    expected = read(folder).record
    relabel(folder, [0, 3, 2, 1])
    refused = read(folder)
    assert "lv_ml" not in refused.record
    assert any("set images.masks.labels" in note for note in refused.record["notes"])
    assert (refused.masks_sthw[3:] == NOT_ANNOTATED).all()
    mapped = read(folder, labels=ACDC).record
    for name in ("lv_ml", "myo_ml", "rv_ml"):
        np.testing.assert_array_equal(mapped[name], expected[name])


@pytest.mark.parametrize("labels", [{"LVBP": 1, "RVBP": 1}, {"LABP": 1}, {"LVBP": 0}, {"LVBP": "one"}])
def test_labels_that_cannot_be(labels):
    with pytest.raises(UserError, match=r"images\.masks\.labels"):
        filled.images(masks={"labels": labels})


def test_masks_that_are_not_packed_are_found(folder):
    expected = read(folder).record
    packed = folder / "1" / "seg_sa.nii.gz"
    (folder / "1" / "seg_sa.nii").write_bytes(gzip.decompress(packed.read_bytes()))
    packed.unlink()
    np.testing.assert_array_equal(read(folder).record["lv_ml"], expected["lv_ml"])


def test_a_mask_of_the_lv_alone_does_not_say_where_the_rv_is_not(folder):
    whole = read(folder).masks_sthw[3:]
    relabel(folder, [0, 1, 2, 0])
    alone = read(folder).masks_sthw[3:]
    assert (alone[whole == 3] == NOT_ANNOTATED).all()
    assert (alone[whole == 1] == 1).all()
    assert (alone[whole == 2] == 2).all()
    assert 0 not in whole[alone == 3]


def test_background_far_from_the_heart_stays_background(folder, tmp_path):
    """The heart's box ends 18 mm from its middle; pixels beyond 80 mm more are background, whoever drew."""
    image = nibabel.load(folder / "1" / "seg_sa.nii.gz")
    wide = np.pad(np.asarray(image.dataobj), ((40, 40), (0, 0), (0, 0), (0, 0)))
    matrix = image.affine.copy()
    matrix[:3, 3] -= 40 * matrix[:3, 0]
    scans.write(folder / "1" / "seg_sa.nii.gz", np.where(wide == 3, 0, wide), matrix)
    picture = nibabel.load(folder / "1" / "sa.nii.gz")
    values = np.pad(np.asarray(picture.dataobj), ((40, 40), (0, 0), (0, 0), (0, 0)))
    scans.write(folder / "1" / "sa.nii.gz", values, matrix)
    masks = read(folder, size=140).masks_sthw[3:]
    assert {0, 1, 2, NOT_ANNOTATED} <= set(np.unique(masks))
    drawn = np.argwhere((masks == 1) | (masks == 2))[:, 2:]
    unknown = np.argwhere(masks == 0)[:, 2:]
    outside = np.maximum(drawn.min(axis=0) - unknown, unknown - drawn.max(axis=0)).max(axis=1)
    assert outside.min() * 3 > 80
