"""Both real hearts go from NIfTI to phenotypes."""

import pytest

from images.test_build_shard import build
from shared import SHARED, needs_shared
from vita.images import phenotypes
from vita.images.folders import participant_number

BLOCK = {
    "frames": 20,
    "size": 96,
    "resample_mm": 1.8,
    "required_views": ["sa"],
    "masks": {"sa": ["seg_sa_auto.nii.gz", "seg_sa_lv_manual.nii.gz"]},
}

# Slice sums of the manual contours; end-diastole is the largest of the two annotated frames.
SUNNYBROOK = {"LVEDV": 192.8, "LVESV": 142.6, "LVEF": 26.0, "LVM": 117.2}


@pytest.fixture(scope="module")
def hearts(tmp_path_factory):
    reader, _ = build(SHARED / "data/real", tmp_path_factory.mktemp("real"), BLOCK, shards=1)
    return reader, phenotypes.measure_all(reader.table, "largest")[0].set_index("eid")


@needs_shared
def test_sunnybrook(hearts):
    reader, values = hearts
    eid = participant_number("sunnybrook_SC-HF-I-1")
    row = values.loc[eid]
    assert row[list(SUNNYBROOK)].to_dict() == pytest.approx(SUNNYBROOK, rel=0.005)
    assert reader.table.set_index("eid").loc[eid, "planes_present"].tolist() == [False] * 3 + [True] * 6
    assert reader.voxels(eid, [0])[:3].max() == 0


@needs_shared
def test_biv_me(hearts):
    reader, values = hearts
    eid = participant_number("biv-me_patient1")
    assert values.loc[eid, "LVEF"] == pytest.approx(68.9, abs=0.5)
    assert reader.stored(eid).shape == (9, 20, 96, 96)
    assert reader.table.set_index("eid").loc[eid, "planes_present"].all()
