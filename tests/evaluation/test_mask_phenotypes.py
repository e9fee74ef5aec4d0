import numpy as np
import pandas as pd
import pytest

import filled
from evaluation import synthetic
from vita.evaluation import mask_phenotypes
from vita.runtime.errors import UserError


def _shards(path, n):
    table = pd.DataFrame({"eid": np.arange(n) + 1000000, "sa_stack": 12, "sa_spacing_mm": 10.0})
    table.assign(frames_sa=50, frame_s_sa=0.02).to_parquet(path)
    return path


def _run(tmp_path, targets, masks):
    out = [str(tmp_path / "out.csv"), "--per-participant", str(tmp_path / "out.parquet")]
    inputs = ["--masks", str(masks), "--shards", str(tmp_path / "00000.parquet"), "--targets", str(targets)]
    mask_phenotypes.main(["--model", "vita", *inputs, "--output", *out, *filled.EVALUATION])
    return pd.read_csv(tmp_path / "out.csv").set_index("target"), pd.read_parquet(tmp_path / "out.parquet")


def test_equal_masks_agree_and_the_volume_is_right(tmp_path, targets):
    synthetic.masks(tmp_path / "m.npz", n=10)
    with np.load(tmp_path / "m.npz") as stored:
        arrays = dict(stored)
    np.savez(tmp_path / "m.npz", **arrays | {"prediction": arrays["truth"]})
    _shards(tmp_path / "00000.parquet", 10)
    table, found = _run(tmp_path, targets, tmp_path / "m.npz")
    known = table.loc[["LVEDV", "LVESV", "LVM", "LAV max"]]
    assert (known[["bias", "sd", "mean_absolute_difference"]] == 0).all(axis=None)
    assert (known["n"] == 10).all()
    pixels = (arrays["truth"][0, 3:, 0] == 1).sum()
    lvedv = found.query("target == 'LVEDV' and eid == 1000000")["reference"].item()
    assert lvedv == pytest.approx(pixels * 3.6**2 * 20 / 1000)  # 12 slices of 10 mm over 6 planes
    heart_rate = 60  # 50 frames of 20 ms
    values = found[found["eid"] == 1000000].set_index("target")["reference"]
    assert values["LVCO"] == pytest.approx(values["LVSV"] * heart_rate / 1000)


def test_bias_and_limits(tmp_path, targets):
    synthetic.masks(tmp_path / "m.npz", n=12, shift=2.0)
    _shards(tmp_path / "00000.parquet", 12)
    table, found = _run(tmp_path, targets, tmp_path / "m.npz")
    part = found[found["target"] == "LVEDV"]
    difference = part["predicted"] - part["reference"]
    row = table.loc["LVEDV"]
    assert row["bias"] == pytest.approx(difference.mean())
    assert row["limit_high"] - row["limit_low"] == pytest.approx(2 * 1.96 * difference.std(ddof=1))
    assert row["r"] == pytest.approx(np.corrcoef(part["reference"], part["predicted"])[0, 1])


def test_frames_without_annotation_are_left_out_of_both(tmp_path, targets):
    synthetic.masks(tmp_path / "m.npz", n=10, shift=0.0)
    with np.load(tmp_path / "m.npz") as stored:
        arrays = dict(stored)
    arrays["truth"][:, 4, 2] = 255  # one slice of one frame: no volume of that frame
    arrays["prediction"][:, 4:6, 2] = 0
    np.savez(tmp_path / "m.npz", **arrays)
    _shards(tmp_path / "00000.parquet", 10)
    table, _ = _run(tmp_path, targets, tmp_path / "m.npz")
    assert (table.loc[["LVEDV", "LVESV"], "bias"] == 0).all()


def test_a_structure_that_is_never_predicted_is_noted(tmp_path, targets):
    synthetic.masks(tmp_path / "m.npz", n=3)
    with np.load(tmp_path / "m.npz") as stored:
        arrays = dict(stored)
    np.savez(tmp_path / "m.npz", **arrays | {"prediction": np.zeros_like(arrays["prediction"])})
    _shards(tmp_path / "00000.parquet", 3)
    table, _ = _run(tmp_path, targets, tmp_path / "m.npz")
    assert (table["n"] == 0).all()
    assert table["note"].str.contains("fewer than two").all()


def test_shards_must_hold_everybody(tmp_path, targets):
    synthetic.masks(tmp_path / "m.npz", n=3)
    _shards(tmp_path / "00000.parquet", 2)
    with pytest.raises(UserError, match="participants of the masks are missing from"):
        _run(tmp_path, targets, tmp_path / "m.npz")
