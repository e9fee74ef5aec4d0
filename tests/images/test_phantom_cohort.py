"""Phantom participants, whose true volumes are known, through the image steps; one of them also as DICOM."""

import json

import numpy as np
import pandas as pd
import pytest

from images import dicom_scans
from images.test_build_shard import build
from vita.images.phenotypes import ATRIAL, VENTRICULAR
from vita.phantom.people import draw_people
from vita.phantom.scans import make_batch
from vita.phantom.settings import PhantomSettings

PEOPLE = 8
PHANTOM = {"participants": 20, "matrix": [72, 80], "pixel_mm": 3.6, "frames": 20, "sa_slices": 10}
PHANTOM |= {"sa_spacing_mm": 10, "broken_scans": 0, "withdrawn": 0, "labelled": 1}
BLOCK = {"frames": 20, "size": 64}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """Folder of scans, true phenotypes, reader and phenotypes from masks."""
    root = tmp_path_factory.mktemp("phantom")
    settings = PhantomSettings.from_dict(json.loads(json.dumps({"seed": 5, "phantom": PHANTOM})))
    truth = make_batch(draw_people(settings).head(PEOPLE), settings, root / "scans").set_index("eid")
    reader, found = build(root / "scans", root, BLOCK, shards=1)
    return root / "scans", truth, reader, found


def test_phenotypes_agree_with_the_truth(cohort):
    _, truth, _, found = cohort
    error = (found[list(truth)] - truth) / truth
    assert error[["LVEDV", "LVESV", "RVEDV", "RVESV", "LVM"]].mean().abs().max() < 0.05
    assert error[["LAV max", "RAV max"]].mean().abs().max() < 0.1
    for name in ("LVEDV", "LVESV", "LVM", "RVEDV"):
        assert np.corrcoef(found[name], truth.loc[found.index, name])[0, 1] > 0.98
    assert found[list(VENTRICULAR + ATRIAL)].notna().all(axis=None)


def test_slices_run_from_base_to_apex(cohort):
    _, _, reader, _ = cohort
    for eid in reader.table["eid"]:
        areas = (np.isin(reader.masks(eid, [0])[3:, 0], (1, 2))).sum(axis=(1, 2))
        assert areas[5] < 0.5 * areas[2]


def test_good_scans_break_no_rule(cohort):
    _, _, reader, _ = cohort
    assert not any(row["broken"] for rows in reader.table["quality"] for row in rows)
    assert reader.table["notes"].map(len).sum() == 0


def test_a_phantom_as_dicom_gives_the_same_shard(cohort, tmp_path):
    scans, _, reader, found = cohort
    eid = int(reader.table["eid"].iloc[0])
    dicom_scans.write_zips(tmp_path / "zips", eid, scans / str(eid))
    (tmp_path / "zips" / str(eid)).mkdir()
    for mask in (scans / str(eid)).glob("seg*"):
        (tmp_path / "zips" / str(eid) / mask.name).symlink_to(mask)
    zips, from_zips = build(tmp_path / "zips", tmp_path, BLOCK, shards=1)
    np.testing.assert_array_equal(zips.stored(eid), reader.stored(eid))
    np.testing.assert_array_equal(zips.masks(eid, range(20)), reader.masks(eid, range(20)))
    pd.testing.assert_frame_equal(from_zips, found.loc[[eid]], rtol=1e-3)
