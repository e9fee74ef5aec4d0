"""Scan files: the same bytes whatever the batches, planes that agree in space, volumes that come out of the masks."""

import json
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
from isal import igzip

import filled
from vita.phantom import scans, truth
from vita.phantom.hearts import Heart
from vita.phantom.settings import PhantomSettings
from vita.runtime.errors import UserError

NAMES = {"sa", "la_2ch", "la_3ch", "la_4ch", "seg_sa", "seg_la_2ch", "seg_la_4ch", "seg4_la_4ch"}
LIKE_A_COHORT = filled.phantom(seed=2025, participants=16, broken_scans=0, withdrawn=0)


def settings_json(settings: PhantomSettings) -> str:
    block = {**vars(settings), "matrix": [settings.rows, settings.columns]}
    return json.dumps({"seed": settings.seed, "phantom": block})


def run_batches(folder: Path, people: pd.DataFrame, settings: PhantomSettings, batches: int) -> dict[str, bytes]:
    table = folder / "people.parquet"
    people.to_parquet(table)
    parts = []
    for batch in range(batches):
        parts.append(str(folder / f"{batch}.parquet"))
        arguments = ["--people", str(table), "--batch", str(batch), "--batches", str(batches), "--truth", parts[-1]]
        scans.main([*arguments, "--scans", str(folder / "scans"), "--settings", settings_json(settings)])
    truth.main(["--batches", *parts, "--output", str(folder / "truth.parquet")])
    files = [*sorted((folder / "scans").rglob("*.nii.gz")), folder / "truth.parquet"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_bytes_do_not_depend_on_the_batches(tmp_path: Path, people: pd.DataFrame, tiny: PhantomSettings) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, three = (run_batches(tmp_path / name, people.head(6), tiny, n) for name, n in (("a", 1), ("b", 4)))
    assert one == three
    assert len(one) == 6 * len(NAMES) + 1


def test_another_seed_gives_other_people_and_scans(people: pd.DataFrame, tiny: PhantomSettings) -> None:
    person = people.iloc[0].to_dict()
    first = scans.make_scan(person, tiny)[0]["la_4ch"]
    other = PhantomSettings(**{**vars(tiny), "seed": tiny.seed + 1})
    assert scans.make_scan(person, other)[0]["la_4ch"] != first


def read(data: bytes) -> nibabel.Nifti1Image:
    return nibabel.Nifti1Image.from_bytes(igzip.decompress(data))


def test_files_say_what_they_hold(people: pd.DataFrame, tiny: PhantomSettings) -> None:
    person = people[~people["broken"]].iloc[0].to_dict()
    files, _ = scans.make_scan(person, tiny)
    assert set(files) == NAMES
    for name, data in files.items():
        image = read(data)
        slices = tiny.sa_slices if name.endswith("sa") else 1
        assert image.shape == (tiny.columns, tiny.rows, slices, tiny.frames)
        assert image.header.get_xyzt_units() == ("mm", "sec")
        assert image.header.get_zooms()[3] == pytest.approx(60 / person["heart_rate"] / tiny.frames, rel=1e-5)
        np.testing.assert_allclose(image.get_qform(), image.affine, atol=5e-3)
        spacing = tiny.sa_spacing_mm if name.endswith("sa") else 6.0
        assert abs(np.linalg.det(image.affine[:3, :3])) == pytest.approx(tiny.pixel_mm**2 * spacing, rel=1e-4)
    assert read(files["sa"]).get_data_dtype() == np.int16
    labels = {"seg_sa": 3, "seg_la_2ch": 1, "seg_la_4ch": 2, "seg4_la_4ch": 5}
    for name, highest in labels.items():
        found = np.unique(np.asarray(read(files[name]).dataobj))
        assert found.tolist() == list(range(highest + 1))


def test_the_unlabelled_have_the_same_images_and_no_masks(people: pd.DataFrame, tiny: PhantomSettings) -> None:
    person = people[~people["broken"]].iloc[0].to_dict()
    known, truth = scans.make_scan(person, tiny)
    unknown, same = scans.make_scan(person | {"labelled": False}, tiny)
    assert unknown == {name: data for name, data in known.items() if not name.startswith("seg")}
    assert len(unknown) == 4
    assert truth == same


def test_a_broken_scan_is_cut_short(people: pd.DataFrame, tiny: PhantomSettings) -> None:
    files, _ = scans.make_scan(people[people["broken"]].iloc[0].to_dict(), tiny)
    with pytest.raises(EOFError):
        igzip.decompress(files["sa"])
    igzip.decompress(files["la_4ch"])


def test_planes_agree_in_scanner_space(cohort: pd.DataFrame) -> None:
    """Short- and long-axis masks show the same tissue where they cross, but for pixels at a border."""
    files, _ = scans.make_scan(cohort.iloc[3].to_dict(), LIKE_A_COHORT)
    short, long = read(files["seg_sa"]), read(files["seg4_la_4ch"])
    labels = np.asarray(long.dataobj)[:, :, 0, 0]
    index = np.argwhere(np.isin(labels, (1, 2, 3)))
    scanner = nibabel.affines.apply_affine(long.affine, np.column_stack([index, np.zeros(len(index))]))
    voxel = nibabel.affines.apply_affine(np.linalg.inv(short.affine), scanner)
    # Only points close to the middle of a short-axis slice lie in both planes.
    near = (np.abs(voxel[:, 2] - np.rint(voxel[:, 2])) < 0.12) & (voxel[:, 2] > -0.4) & (voxel[:, 2] < 9.4)
    here, there = labels[tuple(index[near].T)], np.rint(voxel[near]).astype(int)
    seen = np.asarray(short.dataobj)[..., 0][tuple(there.T)]
    assert near.sum() > 60
    assert (here == seen).mean() > 0.9


def test_masks_hold_the_true_ventricular_volumes(cohort: pd.DataFrame) -> None:
    """Sums of voxels times spacing, slice gap included, against the analytic truth."""
    settings = filled.phantom(seed=2025, frames=20)
    rows = []
    for person in cohort.iloc[::80].to_dict("records"):
        scanner = scans.Scanner(person, settings)
        plane = scanner.planes["sa"]
        _, classes = scanner.acquire("sa")
        voxel_ml = plane.pixel**2 * plane.spacing / 1000
        lv, muscle, rv = ((classes == name).sum(axis=(1, 2, 3)) * voxel_ml for name in (1, 2, 3))
        real = scanner.heart.phenotypes()
        found = {"LVEDV": lv[0], "LVESV": lv.min(), "LVM": 1.05 * muscle[0], "RVEDV": rv[0], "RVESV": rv[lv.argmin()]}
        rows.append({name: (value, real[name]) for name, value in found.items()})
    for name in rows[0]:
        measured, real = np.array([row[name] for row in rows]).T
        assert np.abs(measured / real - 1).mean() < 0.05, name
        assert np.corrcoef(measured, real)[0, 1] > 0.98, name


def test_the_heart_stays_within_the_crop(cohort: pd.DataFrame) -> None:
    """64 pixels of 3.6 mm around the image's centre hold every chamber at every moment."""
    for person in cohort.iloc[5::200].to_dict("records"):
        scanner = scans.Scanner(person, filled.phantom(seed=2025, frames=4))
        for view in scanner.planes:
            _, classes = scanner.acquire(view)
            outside = classes.copy()
            outside[:, :, 4:-4, 8:-8] = 0
            assert not outside.any(), view


def test_blood_muscle_and_lung_have_their_contrast(cohort: pd.DataFrame) -> None:
    scanner = scans.Scanner(cohort.iloc[2].to_dict(), filled.phantom(seed=2025, frames=3))
    image, classes = scanner.acquire("sa")
    blood, muscle = (float(np.median(image[classes == name])) for name in (1, 2))
    assert 1.5 * muscle < blood < 4 * muscle
    assert np.percentile(image, 10) < 0.6 * muscle


def test_a_person_has_one_heart_in_every_resolution(people: pd.DataFrame, tiny: PhantomSettings) -> None:
    person = people.iloc[1].to_dict()
    large = PhantomSettings(**{**vars(tiny), "rows": 50, "frames": 7})
    hearts: list[Heart] = [scans.Scanner(person, settings).heart for settings in (tiny, large)]
    assert hearts[0] == hearts[1]


def test_a_batch_number_out_of_range_is_refused(tmp_path: Path) -> None:
    arguments = ["--people", "p", "--batch", "2", "--batches", "2", "--scans", str(tmp_path), "--truth", "t"]
    with pytest.raises(UserError, match="--batch is 2"):
        scans.main(arguments)


def test_tables_of_two_runs_are_not_mixed(tmp_path: Path) -> None:
    table = tmp_path / "a.parquet"
    pd.DataFrame({"eid": [1, 2], "LVEDV": [140.0, 150.0]}).to_parquet(table)
    with pytest.raises(UserError, match="--batches"):
        truth.main(["--batches", str(table), str(table), "--output", str(tmp_path / "t.parquet")])


@pytest.mark.parametrize("key", ["participants", "matrix", "pixel_mm"])
def test_a_missing_key_is_an_error_and_no_other_cohort(key: str, tiny: PhantomSettings) -> None:
    settings = json.loads(settings_json(tiny))
    del settings["phantom"][key]
    with pytest.raises(UserError, match=f"--settings has no 'phantom.{key}'"):
        PhantomSettings.from_dict(settings)
