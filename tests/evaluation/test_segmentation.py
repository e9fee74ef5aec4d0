import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

import filled
from evaluation import synthetic
from vita.evaluation import segmentation
from vita.evaluation.mask_metrics import end_systole, per_participant
from vita.runtime.errors import UserError


def _square(offset=0, n=1, frames=2):
    """Masks with an LV cavity of 10 x 10 pixels on all short-axis planes, and the four-chamber plane empty."""
    masks = np.zeros((n, 9, frames, 64, 64), np.uint8)
    masks[:, 1] = 255
    masks[:, 3:, :, 20 + offset : 30 + offset, 20:30] = 1
    return masks


def _rows(truth, prediction, spacing=2.0):
    n = len(truth)
    spacings = np.full((n, 9, 2), spacing)
    table = per_participant(np.arange(n), truth, prediction, spacings, segmentation.GROUPS)
    return table[(table["view"] == "all") & (table["phase"] == "all")].set_index(["target", "eid"])


def test_perfect_masks(tmp_path):
    synthetic.masks(tmp_path / "m.npz", n=3)
    with np.load(tmp_path / "m.npz") as stored:
        truth = stored["truth"]
    rows = _rows(truth, truth)
    assert set(rows.index.get_level_values("target")) == {"LVBP", "LVMYO", "RVBP", "LABP", "RABP"}
    assert (rows["dice"] == 1).all()
    assert (rows[["hd_mm", "hd95_mm", "missed", "spurious"]] == 0).all(axis=None)


def test_shift_by_ten_pixels():
    row = _rows(_square(), _square(10)).loc[("LVBP", 0)]
    assert row["hd_mm"] == pytest.approx(20)
    assert row["dice"] == 0
    assert row["compared"] == 12


def test_absent_in_both_is_left_out_and_absent_in_one_is_counted():
    truth, prediction = _square(), _square()
    truth[0, 3] = 0  # base: prediction only
    prediction[0, 8] = 0  # apex: reference only
    truth[0, 5], prediction[0, 5] = 0, 0
    row = _rows(truth, prediction).loc[("LVBP", 0)]
    assert (row["missed"], row["spurious"], row["absent"], row["compared"]) == (2, 2, 2, 6)
    assert row["hd_mm"] == 0
    assert row["dice"] == pytest.approx(2 * 6 / (8 + 8))


def test_what_is_not_annotated_does_not_count():
    truth, prediction = _square(), _square()
    prediction[0, 1] = 1  # three-chamber plane: never annotated
    prediction[0, 0, :, :9, :9] = 1  # two-chamber plane: only the atrium is annotated
    prediction[0, 2, :, :9, :9] = 1  # four-chamber plane without ventricles in the reference
    truth[0, 4, 1] = 255  # one frame not annotated
    row = _rows(truth, prediction).loc[("LVBP", 0)]
    assert (row["dice"], row["spurious"], row["compared"]) == (1, 0, 11)


def test_a_part_of_a_frame_that_is_not_annotated_does_not_count():
    """As of a crop that extends beyond the image: what is drawn there is neither right nor wrong."""
    truth, prediction = _square(), _square()
    truth[0, 4, :, :, :8] = 255
    prediction[0, 4, :, 20:30, :8] = 1
    row = _rows(truth, prediction).loc[("LVBP", 0)]
    assert (row["dice"], row["hd_mm"], row["compared"]) == (1, 0, 12)


def test_ventricles_on_the_four_chamber_plane_count_once_annotated():
    truth, prediction = _square(), _square()
    truth[0, 2, :, 5:9, 5:9] = 3
    row = _rows(truth, prediction).loc[("RVBP", 0)]
    assert row["missed"] == 2
    assert row["dice"] == 0


def test_the_left_atrium_is_judged_on_both_of_its_planes():
    """Found on the four-chamber plane, missed on the two-chamber plane: half of the pixels in each of two frames."""
    truth, prediction = _square(), _square()
    truth[0, 0, :, 5:9, 5:9] = truth[0, 2, :, 5:9, 5:9] = prediction[0, 2, :, 5:9, 5:9] = 4
    row = _rows(truth, prediction).loc[("LABP", 0)]
    assert (row["missed"], row["compared"]) == (2, 2)
    assert row["dice"] == pytest.approx(2 * 16 / (16 + 32))


@pytest.mark.parametrize(("ed", "dice"), [("first", 1.0), ("largest", 0.0)])
def test_end_diastole_is_the_frame_that_the_settings_name(ed, dice):
    """The second of three frames has the largest cavity, and there the prediction lies elsewhere."""
    truth = _square(frames=3)
    truth[0, 3:, 1, 20:32, 20:30], truth[0, 3:, 2, 25:] = 1, 0
    prediction = truth.copy()
    prediction[0, :, 1] = np.roll(truth[0, :, 1], 20, axis=1)
    table = per_participant(np.arange(1), truth, prediction, np.full((1, 9, 2), 2.0), segmentation.GROUPS, ed=ed)
    own = table[(table["phase"] == "ED") & (table["target"] == "LVBP")]
    assert own["dice"].tolist() == [dice]


def test_end_systole_is_the_smallest_cavity():
    truth = _square(frames=4)[0]
    truth[3:, 2, 25:] = 0
    assert end_systole(truth) == 2
    assert end_systole(np.zeros_like(truth)) == 0


@pytest.mark.filterwarnings("ignore:monai.metrics.utils get_mask_edges:FutureWarning")
def test_monai_agrees_with_the_mean_over_planes_and_frames(tmp_path):
    torch = pytest.importorskip("torch")
    from monai.metrics import compute_hausdorff_distance

    synthetic.masks(tmp_path / "m.npz", n=1, shift=2.0, frames=2)
    with np.load(tmp_path / "m.npz") as stored:
        truth, prediction = stored["truth"], stored["prediction"]
    first, second = (
        torch.tensor((masks[0, [0, 2]] == 4).reshape(-1, 1, 64, 64).astype(np.float32)) for masks in (truth, prediction)
    )
    expected = compute_hausdorff_distance(first, second, include_background=True, spacing=[2.0, 2.0]).mean()
    assert _rows(truth, prediction).loc[("LABP", 0), "hd_mm"] == pytest.approx(float(expected), rel=1e-5)


def _arguments(tmp_path, model, *more):
    out = [str(tmp_path / f"{model}.csv"), "--per-participant", str(tmp_path / f"{model}_participants.parquet")]
    settings = filled.argument(seed=0, evaluation={"bootstrap": 200}, phenotypes={})
    return [
        "--model",
        model,
        "--masks",
        str(tmp_path / f"{model}.npz"),
        "--settings",
        settings,
        "--output",
        *out,
        *more,
    ]


def test_command_line(tmp_path):
    synthetic.masks(tmp_path / "mae.npz", shift=3.0, seed=1)
    synthetic.masks(tmp_path / "vita.npz", shift=0.5, seed=1)
    segmentation.main(_arguments(tmp_path, "mae"))
    segmentation.main(_arguments(tmp_path, "vita", "--baselines", str(tmp_path / "mae_participants.parquet")))
    table = pd.read_csv(tmp_path / "vita.csv")
    whole = table[(table["view"] == "all") & (table["phase"] == "all")].set_index("target")
    assert list(whole.index) == ["LVBP", "LVMYO", "RVBP", "LABP", "RABP"]
    assert set(zip(table["view"], table["phase"], strict=True)) == set(segmentation.GROUPS)
    assert (whole["n"] == 8).all()
    assert ((whole["dice_low"] <= whole["dice"]) & (whole["dice"] <= whole["dice_high"])).all()
    assert (whole["best_baseline"] == "mae").all()
    corrected = multipletests(whole["p"], method="holm")[1]
    assert whole["p_holm"].to_numpy() == pytest.approx(corrected)
    assert (whole["p_holm"] > whole["p"]).any()
    rows = pd.read_parquet(tmp_path / "vita_participants.parquet")
    assert (rows["model"] == "vita").all()
    assert rows.query("target == 'LVBP' and view == 'all' and phase == 'all'")["dice"].mean() == pytest.approx(
        whole.loc["LVBP", "dice"]
    )


def test_masks_without_a_structure_are_noted(tmp_path):
    empty = np.zeros((2, 9, 2, 64, 64), np.uint8)
    np.savez(tmp_path / "none.npz", eid=[1, 2], truth=empty, prediction=empty, spacing_mm=np.full((2, 9, 2), 2.0))
    segmentation.main(_arguments(tmp_path, "none"))
    table = pd.read_csv(tmp_path / "none.csv")
    assert table["dice"].isna().all()
    assert table["note"].str.contains("neither annotated nor predicted").all()


@pytest.mark.parametrize("missing", ["truth", "spacing_mm"])
def test_incomplete_masks_file(tmp_path, missing):
    synthetic.masks(tmp_path / "m.npz", n=1, frames=1)
    with np.load(tmp_path / "m.npz") as stored:
        np.savez(tmp_path / "m.npz", **{name: stored[name] for name in stored if name != missing})
    with pytest.raises(UserError, match=missing):
        segmentation.main(_arguments(tmp_path, "m"))
