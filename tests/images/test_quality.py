import numpy as np
import pytest

from images import scans
from vita.images import quality
from vita.images.header import ScanError
from vita.images.participant import read_participant
from vita.images.quality import judge, measure_mask
from vita.images.settings import RULES, ImageSettings, Quality
from vita.runtime.errors import UserError

VIEWS = ("sa", "la_2ch", "la_3ch", "la_4ch")


def measure_image(view, spacing_mm, frames, kept):
    lows, highs = kept.min(axis=(2, 3)), kept.max(axis=(2, 3))
    return quality.measure_image(view, spacing_mm, frames, kept, lows, highs)


def rows_of(folder):
    seg = {view: str(folder / f"seg_{view}.nii.gz") for view in VIEWS if view != "la_3ch"}
    return [
        {"eid": 1, "view": view, "path": str(folder / f"{view}.nii.gz"), "seg_path": seg.get(view), "usable": True}
        for view in VIEWS
    ]


def judged(folder, **block):
    settings = ImageSettings.from_dict({"images": {"frames": 8, "size": 24, **block}})
    record = read_participant(rows_of(folder), settings).record
    return {(row["view"], row["rule"]): row for row in record["quality"]}


@pytest.fixture
def folder(tmp_path):
    scans.write_participant(tmp_path)
    return tmp_path


def test_every_rule_is_measured_on_a_good_scan(folder):
    found = judged(folder, quality={"few_frames": 5})
    assert {rule for _, rule in found} == set(RULES) - {"mask_score"}  # of masks that a run made
    assert not any(row["broken"] for row in found.values())
    assert found["la_2ch", "pixel_mm"]["value"] == pytest.approx(3, rel=1e-3)
    assert found["sa", "slice_gap_mm"]["value"] == pytest.approx(8, rel=1e-3)


def test_rules_note_or_leave_out(folder):
    assert judged(folder, quality={"few_frames": 9})["sa", "few_frames"]["broken"]
    with pytest.raises(ScanError, match="sa: quality rule few_frames: 8, limit 9"):
        judged(folder, quality={"few_frames": 9, "exclude": ["few_frames"]}, required_views=["sa"])
    assert ("sa", "few_frames") not in judged(folder, quality={"few_frames": None})


def test_constant_and_saturated_frames():
    kept = np.random.default_rng(0).integers(0, 900, (6, 10, 16, 16))
    clean = measure_image("sa", (10, 2, 2), 10, kept)
    assert clean["constant_frames"] == 0
    assert clean["saturated"] < 0.01
    kept[2, 3:5] = 7
    assert measure_image("sa", (10, 2, 2), 10, kept)["constant_frames"] == 2
    kept[:, :, :4] = 4095
    assert measure_image("sa", (10, 2, 2), 10, kept)["saturated"] == pytest.approx(0.25, abs=0.02)


def test_a_frame_out_of_order_jumps():
    rows = np.indices((32, 32))[0]
    cycle = np.stack([np.hypot(rows - 16, 3) < 6 + 4 * np.sin(2 * np.pi * t / 20) for t in range(20)])[None] * 100
    smooth = measure_image("la_2ch", (6, 2, 2), 20, cycle)["frame_jump"]
    mixed = cycle.copy()
    mixed[:, [4, 15]] = cycle[:, [15, 4]]
    assert measure_image("la_2ch", (6, 2, 2), 20, mixed)["frame_jump"] > 1.5 * smooth


def test_loose_parts_and_jumps_of_a_mask():
    classes = np.zeros((3, 4, 20, 20), np.uint8)
    classes[:, :, 5:10, 5:10] = 1
    volumes = np.array([100.0, 90, 95])
    assert measure_mask(classes, volumes) == pytest.approx(
        {"loose_parts": 0, "curve_jump": 0.1, "small_lv_ml": 100, "large_lv_ml": 100}
    )
    classes[0, 0, 15:20, 15:20] = 1
    values = measure_mask(classes, np.array([100.0, 40, 95]))
    assert values == pytest.approx({"loose_parts": 0.2, "curve_jump": 0.6, "small_lv_ml": 100, "large_lv_ml": 100})
    rows = judge("sa", values, Quality())
    assert [row["broken"] for row in rows] == [False, True, False, False]


def test_mistakes_of_the_user():
    for block, words in [
        ({"sharpness": 1}, "images.quality.sharpness"),
        ({"saturated": "much"}, "must be a number or null"),
        ({"exclude": ["x"]}, "images.quality.exclude"),
    ]:
        with pytest.raises(UserError, match=words):
            Quality.from_dict(block)
