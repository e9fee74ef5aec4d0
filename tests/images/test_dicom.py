import zipfile

import numpy as np
import pandas as pd
import pytest
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder, get_encoder
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless, RLELossless

from images import dicom_scans, scans
from images.test_build_shard import BLOCK, build
from vita.images.dicom import read_dicom
from vita.images.geometry import canonical, orient
from vita.images.header import ScanError
from vita.images.nifti import read_volume

VIEWS = ("sa", "la_2ch", "la_3ch", "la_4ch")
EID = 1000011


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A participant as NIfTI, and the same one as zips with masks beside them."""
    root = tmp_path_factory.mktemp("dicom")
    scans.write_participant(root / "nifti" / str(EID), frames=6, slices=7)
    dicom_scans.write_zips(root / "zips/Heart/10", EID, root / "nifti" / str(EID))
    (root / "zips" / str(EID)).mkdir()
    for mask in (root / "nifti" / str(EID)).glob("seg_*"):
        (root / "zips" / str(EID) / mask.name).write_bytes(mask.read_bytes())
    return root


def zip_of(folder, view):
    return folder / f"zips/Heart/10/{EID}_{20209 if view == 'sa' else 20208}_2_0.zip"


@pytest.mark.parametrize("view", VIEWS)
def test_dicom_agrees_with_nifti(folder, view):
    """Voxels are equal, and lie within 0.01 mm of where the NIfTI file has them."""
    header, voxels = read_dicom(str(zip_of(folder, view)), view, 100)
    nifti_header, nifti_voxels = read_volume(folder / f"nifti/{EID}/{view}.nii.gz", planar=view != "sa")
    ours, theirs = orient(header, view), orient(nifti_header, view)
    np.testing.assert_array_equal(canonical(voxels, ours), canonical(nifti_voxels, theirs))
    corners = np.array([[0, 0, 0, 1], [ours.shape[0] - 1, *ours.shape[1:], 1]]).T
    if view == "sa":
        np.testing.assert_allclose(ours.affine @ corners, theirs.affine @ corners, atol=0.01)
    else:
        np.testing.assert_allclose(ours.affine[:3, 1:], theirs.affine[:3, 1:], atol=1e-4)
    assert header.frame_s == pytest.approx(nifti_header.frame_s, abs=1e-5)


def test_zips_give_the_shards_of_nifti(folder, tmp_path):
    """Index, shards and phenotypes are the same from zips in subfolders as from NIfTI."""
    for name in ("nifti", "zips"):
        (tmp_path / name).mkdir()
    nifti, expected = build(folder / "nifti", tmp_path / "nifti", BLOCK, shards=1)
    zips, found = build(folder / "zips", tmp_path / "zips", BLOCK, shards=1)
    np.testing.assert_array_equal(zips.stored(EID), nifti.stored(EID))
    pd.testing.assert_frame_equal(found, expected, rtol=1e-4)


def test_zips_are_written_as_nifti_on_request(folder, tmp_path):
    build(folder / "zips", tmp_path, BLOCK | {"write_nifti": str(tmp_path / "nifti")}, shards=1)
    for view in VIEWS:
        header, voxels = read_volume(tmp_path / f"nifti/{EID}/{view}.nii.gz", planar=view != "sa")
        expected_header, expected = read_dicom(str(zip_of(folder, view)), view, 100)
        np.testing.assert_array_equal(voxels, expected)
        np.testing.assert_allclose(header.affine, expected_header.affine, atol=1e-4)
        assert header.frame_s == pytest.approx(expected_header.frame_s)


@pytest.mark.parametrize("manifest", ["manifest.csv", None])
def test_series_are_found_without_a_manifest(folder, tmp_path, manifest):
    files = dicom_scans.slice_files(folder / f"nifti/{EID}/la_4ch.nii.gz", "la_4ch")
    dicom_scans.write_zip(tmp_path / "a.zip", files, manifest)
    assert read_dicom(str(tmp_path / "a.zip"), "la_4ch", 100)[1].shape[0] == 6
    with pytest.raises(ScanError, match="no series of la_2ch"):
        read_dicom(str(tmp_path / "a.zip"), "la_2ch", 100)


def test_the_later_of_two_series_counts_and_inline_results_do_not(folder, tmp_path):
    path = folder / f"nifti/{EID}/la_2ch.nii.gz"
    first, second = dicom_scans.slice_files(path, "la_2ch"), dicom_scans.slice_files(path, "la_2ch")
    for _, file in first:
        file.PixelData = bytes(len(file.PixelData))
    for _, file in second:
        file.SeriesNumber = 12
    inline = [(f"{series}_InlineVF", file) for series, file in first]
    dicom_scans.write_zip(tmp_path / "a.zip", first + second + inline)
    voxels = read_dicom(str(tmp_path / "a.zip"), "la_2ch", 100)[1]
    assert voxels.shape[0] == 6
    assert voxels.min() > 0


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless], ids=lambda syntax: syntax.keyword)
def test_compressed_pixels(folder, tmp_path, syntax):
    files = dicom_scans.slice_files(folder / f"nifti/{EID}/la_4ch.nii.gz", "la_4ch")
    if not get_encoder(syntax).is_available:
        pytest.skip(f"no plugin here encodes {syntax.name}")
    for _, file in files:
        file.compress(syntax)
    dicom_scans.write_zip(tmp_path / "a.zip", files)
    np.testing.assert_array_equal(
        read_dicom(str(tmp_path / "a.zip"), "la_4ch", 100)[1],
        read_dicom(str(zip_of(folder, "la_4ch")), "la_4ch", 100)[1],
    )


def test_a_compression_without_plugin_says_what_to_install(folder, tmp_path, monkeypatch):
    files = dicom_scans.slice_files(folder / f"nifti/{EID}/la_4ch.nii.gz", "la_4ch")
    for _, file in files:
        file.PixelData = encapsulate([b"no JPEG"])
        file["PixelData"].is_undefined_length = True
        file.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    dicom_scans.write_zip(tmp_path / "a.zip", files)
    monkeypatch.setattr(get_decoder(JPEGLosslessSV1), "_available", {})
    with pytest.raises(ScanError, match=r"JPEG Lossless.*pip install"):
        read_dicom(str(tmp_path / "a.zip"), "la_4ch", 100)


def _damage(files, kind):
    if kind == "no pixels":
        del files[3][1].PixelData
    elif kind == "no place":
        del files[0][1].ImagePositionPatient
    elif kind == "missing slice":
        return [entry for entry in files if not entry[0].endswith("b3")]
    elif kind == "missing frame":
        return files[2:]  # one is put in its place
    return files


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("no pixels", "no pixel data"),
        ("no place", "lacks its trigger time or its place"),
        ("missing slice", "not evenly spaced"),
        ("missing frame", "different numbers of frames"),
    ],
)
def test_incomplete_series_give_a_reason(folder, tmp_path, kind, words):
    files = _damage(dicom_scans.slice_files(folder / f"nifti/{EID}/sa.nii.gz", "sa"), kind)
    if kind == "no place":
        files = files[:1]
    dicom_scans.write_zip(tmp_path / "a.zip", files)
    with pytest.raises(ScanError, match=words):
        read_dicom(str(tmp_path / "a.zip"), "sa", 100)


def test_hostile_zips_give_a_reason(folder, tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../outside.dcm", b"x")
    with pytest.raises(ScanError, match="lead out of its folder"):
        read_dicom(str(path), "sa", 100)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.dcm", bytes(30_000_000))
    with pytest.raises(ScanError, match="max_file_mb"):
        read_dicom(str(path), "sa", 20)
    whole = zip_of(folder, "la_2ch").read_bytes()
    for data in (whole[: len(whole) // 2], b"not a zip", whole[:2000] + bytes(500) + whole[2500:]):
        path.write_bytes(data)
        reasons = []
        for view in ("la_2ch", "la_3ch", "la_4ch"):
            try:
                read_dicom(str(path), view, 100)
            except ScanError as error:
                reasons.append(str(error))
        assert reasons
        assert all("damaged" in reason or "no pixel data" in reason for reason in reasons)
    with pytest.raises(ScanError, match="No such file"):
        read_dicom(str(tmp_path / "none.zip"), "sa", 100)
