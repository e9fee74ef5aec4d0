import numpy as np
import pandas as pd
import pytest

from vita.images.phenotypes import (
    ATRIAL,
    VENTRICULAR,
    atrial,
    from_fields,
    left_atrial_ml,
    measure_all,
    right_atrial_ml,
    ventricular,
)
from vita.runtime.errors import UserError

LV = np.array([150.0, 120, 60, 90, 152])
RV = np.array([160.0, 130, 72, 95, 158])
MYO = np.array([100.0, 101, 103, 102, 100])


def test_ventricles_by_the_published_formulas():
    values, flags = ventricular(LV, MYO, RV, frame_s=0.2, ed="first")
    assert list(values) == list(VENTRICULAR)
    expected = {"LVEDV": 150, "LVESV": 60, "LVSV": 90, "LVEF": 60, "LVCO": 90 * 60 / 1000, "LVM": 105}
    expected |= {"RVEDV": 160, "RVESV": 72, "RVSV": 88, "RVEF": 55}
    assert values == pytest.approx(expected)
    assert flags == []


def test_both_ventricles_have_the_end_systole_of_the_left():
    """The right one is smallest, 60, a frame after the left one, when it is 72."""
    rv = np.array([160.0, 130, 72, 60, 158])
    values, _ = ventricular(LV, MYO, rv, frame_s=0.2, ed="first")
    assert (values["LVESV"], values["RVESV"], values["RVSV"]) == (60, 72, 88)


def test_largest_volume_as_end_diastole():
    assert ventricular(LV, MYO, RV, 0.2, "largest")[0]["LVEDV"] == 152


def test_frames_without_annotation_are_no_end_systole():
    lv = np.array([np.nan, 140, np.nan, 60])
    values, flags = ventricular(lv, lv, lv, 0.2, "largest")
    assert (values["LVEDV"], values["LVESV"]) == (140, 60)
    assert flags == ["few_annotated_frames"]
    first, flags = ventricular(lv, lv, lv, 0.2, "first")
    assert np.isnan(first["LVEDV"])
    assert "ed_not_annotated" in flags


def test_suspicious_hearts_are_flagged():
    assert "heart_rate" in ventricular(LV, MYO, RV, 0.001, "first")[1]
    assert "heart_rate" in ventricular(LV, MYO, RV, np.nan, "first")[1]
    assert "stroke_volumes_differ" in ventricular(LV, MYO, RV / 3, 0.2, "first")[1]
    assert "ed_not_largest" in ventricular(LV[[2, 0, 1, 3, 4]], MYO, RV, 0.2, "first")[1]
    assert "ed_not_largest" not in ventricular(LV[[0, 4, 1, 2, 3]], MYO, RV, 0.2, "first")[1]  # 152 after 150


@pytest.mark.parametrize(("later", "flagged"), [(104.0, False), (106.0, True)])
def test_a_later_frame_that_is_five_percent_larger_is_the_end_diastole(later, flagged):
    lv = np.array([100.0, 60, 40, 80, later])
    assert ("ed_not_largest" in ventricular(lv, MYO, lv, 0.2, "first")[1]) == flagged


@pytest.mark.parametrize(("frame_s", "flagged"), [(0.39, False), (0.41, True), (0.067, False), (0.066, True)])
def test_heart_rates_from_30_to_180_are_usual(frame_s, flagged):
    """Five frames of 0.4 s are 30 beats a minute, of 0.0667 s 180."""
    assert ("heart_rate" in ventricular(LV, MYO, RV, frame_s, "first")[1]) == flagged


def test_no_masks_no_numbers():
    values, flags = ventricular(np.array([]), np.array([]), np.array([]), 0.05, "first")
    assert all(np.isnan(value) for value in values.values())
    assert flags == []
    assert all(np.isnan(value) for value in atrial(np.array([]), "LA").values())


def test_area_length_volume_of_an_ellipsoid_is_exact():
    """For an ellipsoid of revolution, area-length is the true volume: 4/3 pi a b b."""
    a, b = np.array([28.0, 22]), np.array([20.0, 17])
    true = 4 / 3 * np.pi * a * b * b / 1000
    area = np.pi * a * b
    np.testing.assert_allclose(left_atrial_ml(area, 2 * a, area, 2 * a), true)
    np.testing.assert_allclose(right_atrial_ml(area, 2 * a), true)
    values = atrial(true, "LA")
    assert values["LAV max"] == pytest.approx(true[0])
    assert values["LASV"] == pytest.approx(true[0] - true[1])
    assert values["LAEF"] == pytest.approx(100 * (true[0] - true[1]) / true[0])


def test_the_length_of_the_left_atrium_is_the_mean_of_both_views():
    """8 / (3 pi) x 1000 mm2 x 1200 mm2 / 50 mm are 20.37 ml."""
    areas = np.array([1000.0]), np.array([1200.0])
    assert left_atrial_ml(areas[0], np.array([40.0]), areas[1], np.array([60.0])) == pytest.approx(20.3718, abs=1e-4)


def test_curves_have_the_times_of_their_own_views():
    row = {"eid": 1, "usable": True, "frame_s_sa": 0.02, "frame_s_4ch": 0.05}
    row |= {"lv_ml": [100.0, 50.0], "myo_ml": [80.0, 80.0], "rv_ml": [100.0, 50.0]}
    row |= {name: [900.0, 400.0] for name in ("la_2ch_mm2", "la_4ch_mm2", "ra_4ch_mm2")}
    row |= {name: [50.0, 30.0] for name in ("la_2ch_mm", "la_4ch_mm", "ra_4ch_mm")}
    _, curves = measure_all(pd.DataFrame([row]), "first")
    second = curves[curves["frame"] == 1].set_index("structure")["time_s"].to_dict()
    assert second == {"LV": 0.02, "LVMYO": 0.02, "RV": 0.02, "LA": 0.05, "RA": 0.05}


def test_names_match_the_targets(request):
    targets = request.config.rootpath / "workflow/resources/targets.tsv"
    table = pd.read_csv(targets, sep="\t")
    names = table.loc[table["task"].isin(["sa_phenotypes", "la_phenotypes"]), "target"]
    assert set(names) == set(VENTRICULAR + ATRIAL)


def test_ukbs_own_phenotypes_take_the_place_of_measured_ones(tmp_path):
    names = [*VENTRICULAR, *ATRIAL]
    fields = pd.DataFrame({"eid": [1, 2, 3], **{name: [100.0, None, None] for name in names}, "bmi": 25.0})
    fields.loc[1, "LAEF"] = 60.0
    fields.to_parquet(tmp_path / "f.parquet")
    found = from_fields(tmp_path / "f.parquet")
    assert found["eid"].tolist() == [1, 2]
    assert list(found.columns) == ["eid", *names, "flags"]
    assert found.set_index("eid").loc[2, names].notna().sum() == 1
    fields.assign(**dict.fromkeys(names)).to_parquet(tmp_path / "f.parquet")
    with pytest.raises(UserError, match="no value of fields 24100 to 24117"):
        from_fields(tmp_path / "f.parquet")
