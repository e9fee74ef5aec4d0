"""When `vita predict` says that a number is not to be trusted, by hand-made scans, masks and errors."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from vita.apply import doubts, residuals, typical
from vita.apply.predict import make_empty
from vita.images.geometry import APEX, LEFT, orient
from vita.images.header import Header
from vita.images.view import Image
from vita.runtime.errors import UserError

QUIET = doubts.Verdict(whole=[], of_its_masks=[], judged=True, strict=False)


def row(value: float, **more: float) -> dict[str, object]:
    own = {"kind": "numerical", "unit": "mL", "value": value, "training_mean": 140.0, "training_sd": 20.0}
    return own | {"low": value - 10, "high": value + 10} | more


def curves(wall_ml: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"structure": "LVMYO", "trained_phase": True, "volume_ml": wall_ml})


def test_a_value_outside_the_trainings_range_is_in_doubt():
    rows = [row(140.0), row(201.0), row(79.0)]
    doubts.mark(rows, QUIET)
    assert rows[0]["doubt"] is None
    assert "80 to 200 mL" in rows[1]["doubt"]
    assert "80 to 200 mL" in rows[2]["doubt"]
    assert rows[1]["value"] == 201.0  # shown, with the reason


def test_masks_that_disagree_with_the_prediction_are_named():
    near, far = row(140.0, measured=160.0, error_sd=5.0), row(140.0, measured=170.0, error_sd=5.0)
    doubts.mark([near, far], QUIET)  # 2.576 x 5 + 14 = 26.9 mL are allowed
    assert near["doubt"] is None
    assert "the masks give 170 mL" in far["doubt"]


def test_strict_withholds_what_is_in_doubt_and_nothing_else():
    rows = [row(140.0), row(300.0)]
    doubts.mark(rows, doubts.Verdict([], [], judged=True, strict=True))
    assert rows[0]["value"] == 140.0
    assert np.isnan(rows[1]["value"])
    assert np.isnan(rows[1]["low"])
    assert rows[1]["withheld"] is True


def test_ventricles_pump_alike_and_muscle_keeps_its_volume():
    assert doubts.of_masks(curves([100.0, 110.0, 105.0]), {"LVSV": 80.0, "RVSV": 70.0}) == []
    found = doubts.of_masks(curves([100.0, 150.0]), {"LVSV": 80.0, "RVSV": 40.0})
    assert found[0] == "by the masks the left ventricle pumps 80 ml and the right one 40 ml"
    assert found[1] == "by the masks the wall's volume changes from 100 to 150 ml in a cycle"


def test_scans_like_the_trainings_are_usual_and_others_are_not():
    rng = np.random.default_rng(0)
    known = typical.fit(rng.normal(5, 2, (400, 6)))
    same, other = rng.normal(5, 2, (2000, 6)), rng.normal(25, 2, (100, 6))
    # the squared distance of six independent directions is a sixth of a chi-squared with as many degrees of freedom
    assert np.quantile(known.distance(same) ** 2, [0.5, 0.95]) == pytest.approx(chi2.ppf([0.5, 0.95], 6) / 6, rel=0.07)
    assert (known.distance(other) > 5).all()
    kept = typical.from_record(known.record() | {"limit": 2.0})
    assert kept.distance(same) == pytest.approx(known.distance(same), rel=1e-3)


def test_what_is_unknown_adds_nothing():
    known = typical.fit(np.random.default_rng(0).normal(size=(400, 6)))
    scan = np.full((1, 6), np.nan)
    scan[0, 0] = 3.0
    assert known.distance(scan) == pytest.approx(3.0, rel=0.1)  # the only value that is known, three spreads away


def test_nothing_is_typical_of_few_and_no_participant_is_stored():
    rng = np.random.default_rng(1)
    assert typical.fit(rng.normal(size=(9, 3))) is None
    train = rng.normal(size=(40, 3))
    record = typical.fit(train).record()
    assert set(record) == {"mean", "spread", "directions", "variances", "rest", "limit"}
    assert len(record["directions"]) <= 3


def test_intensities_and_geometry_by_hand():
    cine = np.zeros((2, 3, 3, 3))
    cine[0, 1] = 1.0
    cine[0, 2, 1, 1] = 1.0
    found = typical.intensity_vector(cine)
    assert found.shape == (10,)
    assert np.isnan(found[1::2]).all()  # the second plane is missing
    mean, deviation, change, gradient, laplacian = np.exp(found[::2]) - 1e-3
    assert mean == pytest.approx(10 / 27)
    assert deviation == pytest.approx(np.sqrt(10 / 27 * 17 / 27))
    assert change == pytest.approx((1 + 8 / 9) / 2)  # all nine pixels, then all but the middle one
    assert gradient == pytest.approx(2 * 2 / 18)  # along either axis two of 18 differences are 1
    assert laplacian == pytest.approx(4 / 3)  # of the middle pixel alone, in the last of three frames
    scan = {"spacing_row_mm": [2.0, 2.0], "spacing_column_mm": [2.0, 2.0], "sa_spacing_mm": 10.0, "sa_stack": 12}
    vector = typical.geometry_vector(scan | {"frame_s_sa": 0.02, "frames_sa": 50})
    assert vector == pytest.approx(np.log([2.0, 10.0, 12.0, 1.0]))
    assert np.isnan(typical.geometry_vector(scan)[3])


def test_errors_are_of_test_and_intervals_of_validation():
    table = pd.DataFrame({"eid": range(40), "split": ["val"] * 20 + ["test"] * 20, "truth": 100.0})
    table["prediction"] = [98.0, 96.0] * 10 + [105.0] * 20
    found = residuals.of_target(table, "numerical")
    assert found["test_mae"] == 5.0
    assert found["error_mean"] == 3.0
    assert found["error_sd"] == pytest.approx(np.std([2.0, 4.0] * 10, ddof=1))
    assert residuals.of_target(table.iloc[11:29], "numerical") == {}  # nine each: too few to be shown


def test_a_folder_in_use_is_refused_and_only_own_results_are_replaced(tmp_path: Path):
    make_empty(tmp_path / "new", overwrite=False)
    (tmp_path / "new").rmdir()  # which was made, and is empty
    (tmp_path / "scan_0001").mkdir()
    (tmp_path / "scans.csv").write_text("scan\n")
    with pytest.raises(UserError, match="--overwrite"):
        make_empty(tmp_path, overwrite=False)
    (tmp_path / "thesis.txt").write_text("")
    with pytest.raises(UserError, match="thesis"):
        make_empty(tmp_path, overwrite=True)
    assert (tmp_path / "scan_0001").is_dir()
    (tmp_path / "thesis.txt").unlink()
    make_empty(tmp_path, overwrite=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (0, 2, 1), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_views_that_were_mixed_up_are_known_by_their_angles(order: tuple[int, ...]) -> None:
    """Planes as far around the long axis as those of a public patient: 61, 125 and 183 degrees from the left."""
    views = ("la_2ch", "la_3ch", "la_4ch")
    apex = APEX / np.linalg.norm(APEX)
    left = LEFT - (LEFT @ apex) * apex
    left = left / np.linalg.norm(left)
    images = {}
    for view, place in zip(views, order, strict=True):
        angle = np.radians((61, 125, 183)[place])
        line = np.cos(angle) * left + np.sin(angle) * np.cross(apex, left)
        matrix = np.eye(4)
        matrix[:3, :3] = np.stack([line, apex, np.cross(line, apex)], axis=1)
        header = Header((9, 8, 1, 5), matrix, 0.04, np.dtype("i2"), 0, 1.0, 0.0, oriented=True)
        images[view] = Image(view, header, np.zeros((5, 1, 8, 9)), orient(header, view))
    expected = {f"{view} lies as a plane of {views[place]} does" for view, place in zip(views, order, strict=True)}
    right = {f"{view} lies as a plane of {view} does" for view in views}
    assert set(doubts.of_views(images)) == expected - right
