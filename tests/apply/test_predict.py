"""New scans: what is written, what is refused, and that nothing says whose scan it is."""

import json
import shutil
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest

from contouring import hearts
from vita.apply.predict import main
from vita.runtime.errors import UserError

FILES = {"predictions.csv", "curves.csv", "masks", "report.html"}


def predict(models: Path, out: Path, *scans: Path) -> pd.DataFrame:
    main(["--model", str(models), "--scan", *map(str, scans), "--out", str(out), "--device", "cpu"])
    return pd.read_csv(out / "scans.csv")


def test_a_scan_gets_predictions_masks_curves_and_a_page(models: Path, scan: Path, tmp_path: Path) -> None:
    table = predict(models, tmp_path / "out", scan)
    assert table["refused"].isna().all()
    folder = tmp_path / "out" / "scan_0001"
    assert {path.name for path in folder.iterdir()} == FILES
    rows = pd.read_csv(folder / "predictions.csv").set_index("target")
    assert list(rows.index) == ["LVEDV", "LVESV", "cad", "group"]
    assert rows.loc["cad", "value"] > 0
    stored = json.loads((models / "decisions.json").read_text())["tasks"]["disease_cad"]["targets"]["cad"]
    assert float(rows.loc["cad", "threshold"]) == pytest.approx(stored["threshold"])
    assert str(rows.loc["cad", "positive"]) == str(rows.loc["cad", "value"] >= stored["threshold"])
    assert rows.loc[["LVEDV", "LVESV"], ["value", "training_sd"]].notna().all(axis=None)
    page = (folder / "report.html").read_text()
    assert "not a medical device" in page
    assert "http" not in page
    assert "resampled to 2.00 mm" in page  # the toy cohort has pixels of 1.5 and 2 mm, the scan of 3 mm


def test_masks_lie_on_the_scans_own_grid(models: Path, scan: Path, tmp_path: Path) -> None:
    predict(models, tmp_path / "out", scan)
    masks = sorted((tmp_path / "out" / "scan_0001" / "masks").iterdir())
    assert [path.name for path in masks] == ["la_2ch.nii.gz", "la_4ch.nii.gz", "sa.nii.gz"]  # no 3-chamber was trained
    for path in masks:
        mask, image = nibabel.load(path), nibabel.load(scan / path.name)
        assert mask.shape == image.shape
        np.testing.assert_allclose(mask.affine, image.affine)
        assert mask.header["sform_code"] == mask.header["qform_code"] == 1  # in the scanner's space
        assert set(np.unique(np.asarray(mask.dataobj))) <= {0, 1}  # the toy cohort has one structure


def test_models_without_a_segmenter_have_masks_drawn(models: Path, tmp_path: Path) -> None:
    copy, scan = tmp_path / "models", tmp_path / "scans"
    shutil.copytree(models, copy)
    record = json.loads((copy / "decisions.json").read_text())
    del record["tasks"]["segmentation"]
    (copy / "decisions.json").write_text(json.dumps(record))
    (eid,) = hearts.write(scan, 1)
    truth = nibabel.load(scan / str(eid) / "seg_sa.nii.gz")
    predict(copy, tmp_path / "out", scan / str(eid))
    folder = tmp_path / "out" / "scan_0001"
    masks = {path.name: nibabel.load(path) for path in (folder / "masks").iterdir()}
    assert "sa.nii.gz" in masks  # of long axes, those whose structures the network has learnt
    drawn = np.asarray(masks["sa.nii.gz"].dataobj)
    assert drawn.shape == truth.shape
    within = drawn > 0  # what is drawn is drawn in the crop that the models see
    assert np.mean(drawn[within] == np.asarray(truth.dataobj)[within]) > 0.8
    assert "trained on synthetic images" in (folder / "report.html").read_text()
    curves = pd.read_csv(folder / "curves.csv")
    assert {"LV", "LVMYO"} <= set(curves["structure"])


def test_only_the_list_of_scans_names_a_participant(models: Path, scan: Path, tmp_path: Path) -> None:
    predict(models, tmp_path / "out", scan.parent)
    for path in (tmp_path / "out").rglob("*"):
        assert scan.name not in path.name
        if path.is_file() and path.name != "scans.csv":
            data = path.read_bytes()
            assert scan.name.encode() not in data
    assert scan.name in (tmp_path / "out" / "scans.csv").read_text()


def test_a_zip_of_nifti_files_gives_the_same(models: Path, scan: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "one.zip", "w") as archive:
        for path in scan.iterdir():
            archive.write(path, f"somebody/{path.name}")
    predict(models, tmp_path / "a", scan)
    predict(models, tmp_path / "b", tmp_path / "one.zip")
    first, second = (pd.read_csv(tmp_path / out / "scan_0001" / "predictions.csv") for out in "ab")
    pd.testing.assert_frame_equal(first, second)


def test_one_of_two_scans_is_refused_with_its_reason(models: Path, scan: Path, tmp_path: Path) -> None:
    other = scan.parent / "5123457"
    shutil.copytree(scan, other)
    (other / "la_3ch.nii.gz").unlink()
    table = predict(models, tmp_path / "out", scan.parent).set_index("folder")
    assert pd.isna(table.loc[5123456, "refused"])
    assert table.loc[5123457, "refused"] == "la_3ch: no la_3ch.nii.gz"
    assert not (tmp_path / "out" / "scan_0002").exists()


def test_a_folder_with_a_mask_alone_is_refused(models: Path, scan: Path, tmp_path: Path) -> None:
    other = scan.parent / "somebody"
    other.mkdir()
    shutil.copy(scan / "seg_sa.nii.gz", other)
    table = predict(models, tmp_path / "out", scan.parent).set_index("folder")
    assert pd.isna(table.loc["5123456", "refused"])
    assert table.loc["somebody", "refused"] == "no image of any view was found"


@pytest.mark.parametrize(
    ("frames", "reason"), [(1, "no cine: a single frame"), (4, "4 frames, the models need 5")], ids=["still", "few"]
)
def test_too_few_frames_are_refused(models: Path, scan: Path, tmp_path: Path, frames: int, reason: str) -> None:
    path = scan / "la_2ch.nii.gz"
    image = nibabel.load(path)
    nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj)[..., :frames], image.affine), path)
    with pytest.raises(UserError, match=f"la_2ch: {reason}"):
        predict(models, tmp_path / "out", scan)


def test_models_trained_again_after_the_decisions_are_refused(models: Path, scan: Path, tmp_path: Path) -> None:
    copy = tmp_path / "models"
    shutil.copytree(models, copy)
    config = copy / "sa_phenotypes" / "vita" / "config.json"
    config.write_text(config.read_text().replace('"seconds"', '"seconds_"'))
    with pytest.raises(UserError, match="trained again after"):
        predict(copy, tmp_path / "out", scan)


@pytest.mark.parametrize(("key", "value"), [("crop", "mask"), ("slices", "mask"), ("slices", "base")])
def test_crops_around_masks_cannot_be_made_without_one(
    models: Path, scan: Path, tmp_path: Path, key: str, value: str
) -> None:
    copy = tmp_path / "models"
    shutil.copytree(models, copy)
    record = json.loads((copy / "decisions.json").read_text())
    record["images"][key] = value
    (copy / "decisions.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match=f"images.{key}: {value}, which needs a segmentation"):
        predict(copy, tmp_path / "out", scan)


@pytest.mark.parametrize("what", ["empty", "file", "nothing"])
def test_what_is_no_scan_is_said_in_one_line(models: Path, tmp_path: Path, what: str) -> None:
    path = tmp_path / what
    if what == "empty":
        path.mkdir()
    elif what == "file":
        path.write_text("no zip")
    with pytest.raises(UserError, match="--scan"):
        predict(models, tmp_path / "out", path)


def test_a_folder_without_models_is_refused(scan: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no decisions"):
        predict(tmp_path, tmp_path / "out", scan)
