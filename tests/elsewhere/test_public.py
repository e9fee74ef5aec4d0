"""Public data sets: tiny copies of each layout come out as scans that the images package reads."""

from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pydicom
import pytest
import yaml

from images import dicom_scans, scans
from images.test_build_shard import build
from vita.elsewhere import public
from vita.elsewhere.sunnybrook import filled
from vita.images.folders import participant_number
from vita.images.phenotypes import measure_all
from vita.runtime.errors import UserError

BLOCK = {"frames": 8, "size": 32, "required_views": ["sa"], "quality": {"pixel_mm": None}}


@pytest.fixture
def heart() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Affine, image and mask (x, y, z, t) of a stack: 1 LV, 2 myocardium, 3 RV."""
    return scans.heart("sa", (40, 36, 9), 8)


def run(layout: str, source: Path, out: Path) -> dict:
    public.main(["--layout", layout, "--source", str(source), "--out", str(out)])
    return yaml.safe_load((out / "cohort.yaml").read_text())


def volumes(out: Path, tmp_path: Path) -> pd.DataFrame:
    """Phenotypes by eid, of the scans as the workflow reads them."""
    folder = tmp_path / "shards"
    folder.mkdir()
    reader, _ = build(out / "scans", folder, BLOCK, shards=1)
    return measure_all(reader.table, "largest")[0].set_index("eid")


def expected_lvedv(mask: np.ndarray, matrix: np.ndarray) -> float:
    voxel_ml = abs(np.linalg.det(matrix[:3, :3])) / 1000
    return float((mask == 1).sum(axis=(0, 1, 2)).max() * voxel_ml)


def test_acdc_labels_are_exchanged_and_frames_put_in_their_places(heart, tmp_path):
    matrix, image, mask = heart
    folder = tmp_path / "in" / "patient001"
    scans.write(folder / "patient001_4d.nii.gz", image, matrix)
    theirs = np.select([mask == 1, mask == 2, mask == 3], [3, 2, 1], 0).astype(np.uint8)
    for frame in (0, 4):
        nibabel.save(
            nibabel.Nifti1Image(theirs[..., frame], matrix), folder / f"patient001_frame{frame + 1:02d}_gt.nii.gz"
        )
    cohort = run("acdc", tmp_path / "in", tmp_path / "out")
    written = np.asarray(nibabel.load(tmp_path / "out/scans/patient001/seg_sa.nii.gz").dataobj)
    np.testing.assert_array_equal(written[..., [0, 4]], mask[..., [0, 4]])
    assert not written[..., [1, 2, 3, 5, 6, 7]].any()
    assert cohort["images"]["required_views"] == ["sa"]
    assert cohort["input"]["scans"] == str((tmp_path / "out/scans").resolve())
    values = volumes(tmp_path / "out", tmp_path).loc[participant_number("patient001")]
    assert values["LVEDV"] == pytest.approx(expected_lvedv(mask, matrix), rel=1e-6)


def test_acdc_with_other_labels_is_refused(heart, tmp_path):
    matrix, image, mask = heart
    folder = tmp_path / "in" / "patient002"
    scans.write(folder / "patient002_4d.nii.gz", image, matrix)
    wrong = nibabel.Nifti1Image((mask[..., 0] * 2).astype(np.uint8), matrix)
    nibabel.save(wrong, folder / "patient002_frame01_gt.nii.gz")
    with pytest.raises(UserError, match="label 4; ACDC has 1 RV"):
        public.acdc(tmp_path / "in", tmp_path / "out")


def test_mms_is_copied(heart, tmp_path):
    matrix, image, mask = heart
    folder = tmp_path / "in" / "Testing" / "A0S9V9"
    mask = mask.copy()
    mask[..., [1, 2, 3, 5, 6, 7]] = 0
    scans.write(folder / "A0S9V9_sa.nii.gz", image, matrix)
    scans.write(folder / "A0S9V9_sa_gt.nii.gz", mask, matrix)
    run("mms", tmp_path / "in", tmp_path / "out")
    values = volumes(tmp_path / "out", tmp_path).loc[participant_number("A0S9V9")]
    assert values["LVEDV"] == pytest.approx(expected_lvedv(mask, matrix), rel=1e-6)
    assert values["RVEDV"] > 0


def dicom_folder(folder: Path, view: str, tmp_path: Path, name: str) -> list[tuple[Path, pydicom.Dataset]]:
    """DICOM files of a view, numbered through all slices and frames."""
    matrix, image, _ = scans.heart(view, (40, 36, 9 if view == "sa" else 1), 8)
    scans.write(tmp_path / "made" / f"{view}.nii.gz", image, matrix)
    folder.mkdir(parents=True)
    files = []
    for number, (_, file) in enumerate(dicom_scans.slice_files(tmp_path / "made" / f"{view}.nii.gz", view), 1):
        file.SeriesDescription = "cine"
        path = folder / f"{name}-{number:04d}.dcm"
        path.write_bytes(dicom_scans.encode(file))
        files.append((path, file))
    return files


def test_kaggle_zips_and_volumes(tmp_path):
    study = tmp_path / "in" / "train" / "7" / "study"
    for path, file in dicom_folder(tmp_path / "loose", "sa", tmp_path, "IM-4562"):
        place = study / f"sax_{5 + int(float(file.ImagePositionPatient[2]) // 1)}"
        place.mkdir(parents=True, exist_ok=True)
        path.rename(place / path.name)
    dicom_folder(study / "4ch_17", "la_4ch", tmp_path, "IM-4563")
    (tmp_path / "in" / "train.csv").write_text("Id,Systole,Diastole\n7,50.5,120.25\n")
    cohort = run("kaggle", tmp_path / "in", tmp_path / "out")
    assert cohort["phenotypes"] == {"source": "fields"}
    table = pd.read_csv(cohort["input"]["tables"][0]).set_index("eid")
    assert table.loc[7].to_dict() == {"24100-2.0": 120.25, "24101-2.0": 50.5}
    folder = tmp_path / "shards"
    folder.mkdir()
    reader, _ = build(tmp_path / "out/scans", folder, BLOCK, shards=1)
    assert reader.table.set_index("eid").loc[7, "planes_present"].tolist() == [False, False, True] + [True] * 6


def test_sunnybrook_contours_become_masks(tmp_path):
    case = tmp_path / "in" / "SC-HF-I-1"
    files = dicom_folder(case / "DICOM", "sa", tmp_path, "IM-0001")
    matrix = scans.heart("sa", (40, 36, 9), 8)[0]
    contours = case / "contours-manual" / "IRCCI-expert"
    contours.mkdir(parents=True)
    for place in (3, 4):  # slices; frame 0 is the first file of each
        number = place * 8 + 1
        for kind, radius in (("i", 6.5), ("o", 9.5)):
            angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
            points = np.column_stack([20 + radius * np.cos(angle), 17 + radius * np.sin(angle)])
            np.savetxt(contours / f"IM-0001-{number:04d}-{kind}contour-manual.txt", points)
    assert len(files) == 72
    run("sunnybrook", tmp_path / "in", tmp_path / "out")
    image = nibabel.load(tmp_path / "out/scans/SC-HF-I-1/seg_sa.nii.gz")
    cine = nibabel.load(tmp_path / "out/scans/SC-HF-I-1/sa.nii.gz")
    found = np.asarray(image.dataobj)
    np.testing.assert_allclose(image.affine, cine.affine)
    x, y = np.mgrid[:40, :36]
    distance = np.hypot(x - 20, y - 17)
    wanted = np.select([distance < 6.5, distance < 9.5], [1, 2], 0)
    drawn = sorted(set(np.nonzero(found.any(axis=(0, 1)))[0]))
    # the reader may turn the stack round, so slices are told by where they lie
    for place in drawn:
        np.testing.assert_array_equal(found[:, :, place, 0], wanted)
    along = [(cine.affine @ [0, 0, place, 1])[:3] for place in drawn]
    theirs = [(matrix @ [0, 0, place, 1])[:3] for place in (3, 4)]
    assert {tuple(np.round(each, 3)) for each in along} == {tuple(np.round(each, 3)) for each in theirs}
    assert not found[..., 1:].any()


def test_a_contour_is_filled_like_its_area():
    square = np.array([[1.5, 2.5], [5.5, 2.5], [5.5, 8.5], [1.5, 8.5]])
    inside = filled(square, (12, 10))
    assert inside.sum() == 4 * 6
    assert inside[3:9, 2:6].all()


@pytest.mark.parametrize("layout", list(public.LAYOUTS))
def test_another_layout_says_so(layout, tmp_path):
    with pytest.raises(UserError, match=f"no files in the layout of {layout}"):
        public.main(["--layout", layout, "--source", str(tmp_path), "--out", str(tmp_path / "out")])
