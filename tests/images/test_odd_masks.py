"""Masks of other tools: other label orders, other names, and structures that nobody drew."""

import gzip

import nibabel
import numpy as np
import pytest
import scipy

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


# Where an infarct lies between the cavity (0) and the outer edge of the wall (1): its share of the wall's depth.
INFARCTS = {"transmural": (0.0, 1.0), "at the cavity": (0.0, 0.5), "in the middle": (0.35, 0.75)}


@pytest.mark.parametrize("depth", INFARCTS)
def test_an_infarct_in_the_wall_is_no_rv(folder, depth):
    """As EMIDEC labels it: 3 is a part of the wall."""
    path = folder / "1" / "seg_sa.nii.gz"
    image = nibabel.load(path)
    finer = np.ones((4, 4, 1, 1), np.uint8)  # a wall of eight pixels
    classes = np.kron(np.asarray(image.dataobj), finer)
    classes[classes == 3] = 0
    matrix = image.affine @ np.diag([0.25, 0.25, 1, 1])
    picture = np.asarray(nibabel.load(folder / "1" / "sa.nii.gz").dataobj)
    scans.write(folder / "1" / "sa.nii.gz", np.kron(picture, finer.astype(picture.dtype)), matrix)
    scans.write(path, classes, matrix)
    assert "lv_ml" in read(folder).record
    columns, rows = np.indices(classes.shape[:2]) - np.reshape(classes.shape[:2], (2, 1, 1)) // 2
    sector = (np.abs(rows) < 12) & (columns > 0)  # a quarter of the wall
    for place in np.ndindex(classes.shape[2:]):
        part = classes[(..., *place)]
        inside, outside = (scipy.ndimage.distance_transform_edt(part != other) for other in (1, 0))
        share = inside / (inside + outside)
        part[(part == 2) & sector & (share >= INFARCTS[depth][0]) & (share <= INFARCTS[depth][1])] = 3
    scans.write(path, classes, matrix)
    refused = read(folder)
    assert "lv_ml" not in refused.record
    assert (refused.masks_sthw[3:] == NOT_ANNOTATED).all()
    (note,) = [note for note in refused.record["notes"] if "of the RV of the mask" in note]
    assert note.endswith("set images.masks.labels")


def atria(folder, table, oriented=True):
    """A 4-chamber mask of two halves of an atrium, of which the left one has the first label of the table."""
    matrix, image, mask = scans.heart("la_4ch", (60, 56, 1), FRAMES)
    left = (scans.positions(matrix, (60, 56, 1)) - scans.CENTRE)[..., 0] < 0
    halves = np.where(mask > 0, np.where(left, 1, 2)[..., None], 0)
    for name, values in {"la_4ch": image, "seg_la_4ch": np.array([0, *table], np.uint8)[halves]}.items():
        file = nibabel.Nifti1Image(values, matrix if oriented else None)
        nibabel.save(file, folder / "1" / f"{name}.nii.gz")


def test_atria_whose_labels_were_exchanged_are_not_measured(folder):
    atria(folder, [1, 2])
    right = read(folder).record
    assert {"la_4ch_mm2", "ra_4ch_mm2"} <= set(right)
    assert right["la_4ch_mm2"][0] > 0
    atria(folder, [1, 0])
    assert "la_4ch_mm2" in read(folder).record  # of one alone nothing is known
    atria(folder, [2, 1])
    refused = read(folder).record
    assert not {"la_4ch_mm2", "ra_4ch_mm2"} & set(refused)
    line = "la_4ch: the left atrium of the mask lies to the right of the right one; exchange its labels"
    assert line in refused["notes"]
    assert "lv_ml" in refused


def test_atria_of_a_file_without_a_place_are_taken_as_labelled(folder):
    atria(folder, [1, 2], oriented=False)
    first = read(folder).record
    atria(folder, [2, 1], oriented=False)
    assert "la_4ch_mm2" in first
    assert "la_4ch_mm2" in read(folder).record


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
