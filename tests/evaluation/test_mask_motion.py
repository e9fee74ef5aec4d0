"""Whether masks follow the image: changes at rest, Dice between frames and from end-systole, ejection fractions."""

import numpy as np
import pandas as pd
import pytest

import filled
from evaluation import synthetic
from vita.evaluation import mask_motion, segmentation
from vita.evaluation.mask_metrics import end_diastole, per_participant
from vita.evaluation.predictions import read_masks
from vita.evaluation.statistics import bland_altman


def probed(tmp_path, moves: bool = False, n: int = 10):
    """Perfect masks of five frames, two of them trained; at rest they stand still, or beat all the same."""
    path = tmp_path / "m.npz"
    synthetic.masks(path, n=n)
    arrays = dict(np.load(path)) | {"trained": np.array([0, 2])}
    arrays["prediction"] = np.where(arrays["truth"] == 255, 0, arrays["truth"])
    frames = np.tile([2, 4], (n, 1))
    still = arrays["prediction"][:, None][:, :, :, [0, 2] if moves else [0, 0]]
    probes = {"es_frames": frames, "es_prediction": arrays["prediction"][:, :, [2, 4]]}
    np.savez(path, **arrays, **probes, still_prediction=np.repeat(still, 2, axis=1))
    return path


def test_masks_that_follow_the_image(tmp_path):
    rows = mask_motion.per_participant(read_masks(probed(tmp_path)))
    assert len(rows) == 10 * 5
    assert (rows[["dice_between", "dice_es_first"]] == 1).all(axis=None)
    assert (rows[["still_ed", "still_es"]] == 0).all(axis=None)
    chambers = rows[rows["target"] != "LVMYO"]
    assert (chambers["ef_reference"] == chambers["ef_predicted"]).all()
    summary = mask_motion.summarise(rows)
    assert (summary["moves_at_rest"] == 0).all()
    assert summary.loc["LVBP", ["ef_bias", "ef_low", "ef_high"]].eq(0).all()
    assert np.isnan(summary.loc["LVMYO", "ef_bias"])


def test_a_beat_drawn_on_a_still_heart_is_measured_and_marked(tmp_path):
    masks = read_masks(probed(tmp_path, moves=True))
    rows = mask_motion.per_participant(masks).set_index(["target", "eid"])
    drawn = masks["still_prediction"][0, 0, [2, *range(3, 9)]] == 1
    first, second = (drawn[:, frame].sum() for frame in (0, 1))
    assert rows.loc[("LVBP", 1000000), "still_ed"] == pytest.approx(100 * (first - second) / ((first + second) / 2))
    assert mask_motion.summarise(rows.reset_index()).loc["LVBP", "moves_at_rest"] == 1


def test_an_ejection_fraction_is_that_of_the_pixels(tmp_path):
    masks = read_masks(probed(tmp_path))
    rows = mask_motion.per_participant(masks).set_index(["target", "eid"])
    pixels = (masks["truth"][3, 3:] == 1).sum(axis=(0, 2, 3))
    expected = 100 * (1 - pixels.min() / pixels.max())
    assert rows.loc[("LVBP", 1000003), "ef_reference"] == pytest.approx(expected)


def test_frames_between_are_not_those_of_the_dice_of_all(tmp_path):
    path = probed(tmp_path)
    arrays = dict(np.load(path))
    arrays["prediction"][:, :, [1, 3, 4]] = 0  # a system that draws nothing but on trained frames
    np.savez(path, **arrays)
    masks = read_masks(path)
    assert (mask_motion.per_participant(masks)["dice_between"] == 0).all()
    judged = {name: masks[name] for name in ("eid", "truth", "prediction", "spacing_mm", "trained")}
    rows = per_participant(**judged, groups=segmentation.GROUPS)
    assert (rows.query("view == 'all' and phase == 'all'")["dice"] == 1).all()
    systole = rows.query("target == 'LVBP' and view == 'all' and phase == 'ES'")
    smallest = (masks["truth"][:, 3:] == 1).sum(axis=(1, 3, 4)).argmin(axis=1)
    assert systole["dice"].to_numpy() == pytest.approx(np.isin(smallest, [0, 2]).astype(float))


def test_a_file_without_probes_says_nothing_of_them(tmp_path):
    synthetic.masks(tmp_path / "m.npz", n=3)
    rows = mask_motion.per_participant(read_masks(tmp_path / "m.npz"))
    assert rows[["dice_between", "dice_es_first", "still_ed", "still_es"]].isna().all(axis=None)
    assert mask_motion.summarise(rows)["moves_at_rest"].isna().all()


def test_one_view_has_the_chambers_of_that_view(tmp_path):
    path = probed(tmp_path)
    arrays = dict(np.load(path))
    arrays["truth"][:, :3], arrays["prediction"][:, :3] = 255, 0
    np.savez(path, **arrays)
    summary = mask_motion.summarise(mask_motion.per_participant(read_masks(path)))
    assert list(summary.index) == ["LVBP", "LVMYO", "RVBP"]
    assert summary.loc["RVBP", "ef_bias"] == 0


def test_end_diastole_is_the_first_frame_or_the_largest_cavity():
    truth = np.zeros((9, 3, 8, 8), np.uint8)
    truth[3:, :, 2:4, 2:4] = 1
    truth[3:, 1, 2:5, 2:5] = 1
    assert end_diastole(truth) == 0
    assert end_diastole(truth, "largest") == 1


def test_agreement_by_hand():
    found = bland_altman(pd.Series([50.0, 60.0, 70.0]), pd.Series([49.0, 60.0, 74.0]))
    assert found["bias"] == pytest.approx(1)
    assert found["sd"] == pytest.approx(np.sqrt(7))  # differences -1, 0, 4
    assert found["limit_high"] == pytest.approx(1 + 1.96 * np.sqrt(7))
    assert found["r"] == pytest.approx(250 / np.sqrt(200 * 314))


def test_the_metrics_file_has_them_in_the_rows_over_everything(tmp_path):
    path = probed(tmp_path, moves=True)
    segmentation.main(
        [
            *(
                "--model",
                "vita",
                "--masks",
                str(path),
                "--settings",
                filled.argument(seed=0, evaluation={"bootstrap": 20}, phenotypes={}),
            ),
            *("--output", str(tmp_path / "m.csv"), "--per-participant", str(tmp_path / "m.parquet")),
        ]
    )
    table = pd.read_csv(tmp_path / "m.csv")
    whole = (table["view"] == "all") & (table["phase"] == "all")
    assert table.loc[whole, "still_ed"].notna().all()
    assert table.loc[~whole, "still_ed"].isna().all()
    assert table.loc[whole & (table["target"] == "LVBP"), "moves_at_rest"].item() == 1
