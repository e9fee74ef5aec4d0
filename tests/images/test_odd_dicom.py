"""DICOM as archives really hold it: repeats, copies, missing frames, odd manifests, odd pixels. One series each."""

import copy
import shutil
import zipfile

import numpy as np
import pytest
from pydicom.uid import generate_uid

import filled
from images import dicom_scans, scans
from vita.images.dicom import read_dicom
from vita.images.geometry import orient
from vita.images.header import ScanError
from vita.images.index import index_shard
from vita.images.nifti import read_volume
from vita.images.phenotypes import ventricular

EID = 1000011
FRAMES = 8


@pytest.fixture(scope="module")
def nifti(tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd") / str(EID)
    scans.write_participant(folder, frames=FRAMES, size=(24, 20), slices=7)
    return folder


@pytest.fixture
def stack(nifti):
    return dicom_scans.slice_files(nifti / "sa.nii.gz", "sa")


@pytest.fixture
def long_axis(nifti):
    return dicom_scans.slice_files(nifti / "la_4ch.nii.gz", "la_4ch")


@pytest.fixture
def read(tmp_path):
    def from_files(files, view, manifest="manifest.csv"):
        dicom_scans.write_zip(tmp_path / "a.zip", files, manifest)
        return read_dicom(str(tmp_path / "a.zip"), view, 100)

    return from_files


def expected(nifti, view):
    return read_volume(nifti / f"{view}.nii.gz", planar=view != "sa")[1]


def repeat(files, number, keep):
    """The first `keep` files again, as a later series, in black."""
    uid, again = generate_uid(), []
    for series, file in files[:keep]:
        other = copy.deepcopy(file)
        other.SeriesInstanceUID, other.SeriesNumber, other.PixelData = uid, number, bytes(len(file.PixelData))
        again.append((series, other))
    return again


def test_an_aborted_repeat_does_not_win(read, nifti, long_axis):
    header, voxels = read(long_axis + repeat(long_axis, 9, 4), "la_4ch")
    np.testing.assert_array_equal(voxels, expected(nifti, "la_4ch"))
    assert header.notes == ("a later repeat has only 4 of 8 frames; the series before it was taken",)
    header, voxels = read(long_axis + repeat(long_axis, 9, FRAMES), "la_4ch")
    assert voxels.max() == 0
    assert header.notes == ()


def test_an_aborted_repeat_that_says_how_many_frames_it_should_have(read, nifti, long_axis):
    again = repeat(long_axis, 9, 7)
    for _, file in again:
        file.CardiacNumberOfImages = FRAMES
    np.testing.assert_array_equal(read(long_axis + again, "la_4ch")[1], expected(nifti, "la_4ch"))
    for _, file in again:  # seven frames were all that was asked for
        file.CardiacNumberOfImages = 7
    assert read(long_axis + again, "la_4ch")[1].shape[0] == 7


def test_a_slice_with_an_aborted_repeat(read, nifti, stack):
    third = [entry for entry in stack if entry[0].endswith("b3")]
    again = [(f"{series}s", file) for series, file in repeat(third, 20, 3)]  # its name has another ending
    header, voxels = read(stack + again, "sa")
    assert voxels.shape == (FRAMES, 7, 20, 24)
    np.testing.assert_array_equal(np.sort(voxels, axis=1), np.sort(expected(nifti, "sa"), axis=1))
    assert "later repeat has only 3 of 8" in header.notes[0]


@pytest.mark.parametrize("gone", [0, 3, FRAMES - 1])
def test_one_missing_frame_is_its_neighbour(read, stack, gone):
    whole = read(stack, "sa")[1]
    place = next(n for n, (series, _) in enumerate(stack) if series.endswith("b3")) + gone
    header, voxels = read(stack[:place] + stack[place + 1 :], "sa")
    changed = np.argwhere((voxels != whole).any(axis=(2, 3)))
    assert len(changed) == 1
    frame, number = changed[0]
    assert frame == gone
    neighbours = [n for n in (gone - 1, gone + 1) if 0 <= n < FRAMES]
    assert any(np.array_equal(voxels[frame, number], whole[n, number]) for n in neighbours)
    assert "1 of 8 frames of a slice missing" in header.notes[0]


@pytest.mark.parametrize("gone", [0, 3, FRAMES - 1])
@pytest.mark.parametrize("numbers", ["each slice", "slice by slice", "frame by frame"])
def test_a_missing_frame_without_trigger_times_is_its_neighbour(read, stack, gone, numbers):
    """InstanceNumber alone says which frame it is, also where it goes on from slice to slice."""
    uid = generate_uid()
    for place, (_, file) in enumerate(stack):
        z, t = divmod(place, FRAMES)
        file.PixelData = np.full(20 * 24, place, "<i2").tobytes()
        del file.TriggerTime
        if numbers != "each slice":
            file.SeriesInstanceUID = uid
            file.InstanceNumber = 1 + place if numbers == "slice by slice" else 1 + 7 * t + z
    stack = [("CINE_segmented_SAX", file) for _, file in stack] if numbers != "each slice" else stack
    place = 2 * FRAMES + gone
    _, voxels = read(stack[:place] + stack[place + 1 :], "sa")
    expected = np.arange(7 * FRAMES).reshape(7, FRAMES).T
    expected[gone, 2] += 1 if gone == 0 else -1
    np.testing.assert_array_equal(voxels[..., 0, 0], expected)


def test_copies_count_once(read, nifti, stack, long_axis):
    header, voxels = read([*long_axis, copy.deepcopy(long_axis[2])], "la_4ch")
    np.testing.assert_array_equal(voxels, expected(nifti, "la_4ch"))
    assert header.notes == ("a DICOM file is there twice",)
    assert read(stack + copy.deepcopy(stack), "sa")[1].shape == (FRAMES, 7, 20, 24)


def test_all_slices_in_one_series(read, nifti, stack):
    uid = generate_uid()
    for _, file in stack:
        file.SeriesInstanceUID = uid
    _, voxels = read([("CINE_segmented_SAX", file) for _, file in stack], "sa")
    np.testing.assert_array_equal(np.sort(voxels, axis=1), np.sort(expected(nifti, "sa"), axis=1))


def test_all_long_axis_views_in_one_series(read, nifti):
    """Planes are told apart by their angles around the long axis, as far apart as in real hearts."""
    files, uid = [], generate_uid()
    along = scans.frame(scans.APEX)
    left = np.array([-1.0, 0, 0]) - along[:, 2] * (-1.0 * along[0, 2])
    left /= np.linalg.norm(left)
    across = np.cross(along[:, 2], left)
    folder = nifti.parent / "together"
    for view, degrees in {"la_2ch": 61, "la_3ch": 125, "la_4ch": 3}.items():
        line = np.cos(np.radians(degrees)) * left + np.sin(np.radians(degrees)) * across
        axes = np.stack([line, along[:, 2], np.cross(line, along[:, 2])], axis=1)
        values = np.full((12, 10, 1, FRAMES), degrees) + np.arange(12)[:, None, None, None]
        scans.write(
            folder / f"{view}.nii.gz", values.astype(np.int16), scans.affine(axes, (3.0, 3.0, 6.0), (12, 10, 1))
        )
        files += dicom_scans.slice_files(folder / f"{view}.nii.gz", view)
    for _, file in files:
        file.SeriesInstanceUID = uid
    for view, degrees in {"la_2ch": 61, "la_3ch": 125, "la_4ch": 3}.items():
        assert read([("CINE_segmented_LAX", file) for _, file in files], view)[1].min() == degrees


def test_frames_of_one_series_at_two_places_are_not_one_slice(read, stack, long_axis):
    for _, file in long_axis[:4]:
        file.ImagePositionPatient = [value + 9 for value in file.ImagePositionPatient]
    with pytest.raises(ScanError, match="frames of one series lie at 2 places"):
        read(long_axis, "la_4ch")
    for series, file in stack:
        if series.endswith("b3") and file.InstanceNumber > 4:
            file.ImagePositionPatient = [value + 3 for value in file.ImagePositionPatient]
    with pytest.raises(ScanError, match="different numbers of frames"):
        read(stack, "sa")


def test_spacing_that_was_rounded(read, stack):
    for series, file in stack:
        if series.endswith("b4"):
            file.PixelSpacing = [3.0000003, 3.0]
    assert read(stack, "sa")[1].shape[1] == 7
    for series, file in stack:
        if series.endswith("b4"):
            file.PixelSpacing = [3.1, 3.0]
    with pytest.raises(ScanError, match="different pixels"):
        read(stack, "sa")


def test_frames_without_trigger_times_keep_the_order_of_their_numbers(read, nifti, stack):
    for _, file in stack:
        del file.TriggerTime
    header, voxels = read(stack, "sa")
    np.testing.assert_array_equal(np.sort(voxels, axis=1), np.sort(expected(nifti, "sa"), axis=1))
    assert "order of InstanceNumber" in header.notes[0]
    assert np.isnan(header.frame_s)
    assert header.rate_source == "unknown"


def test_a_slice_that_lies_off_in_its_plane(read, stack):
    step = orient(read(stack, "sa")[0], "sa").spacing_mm[0]
    for series, file in stack:
        if series.endswith("b7"):
            along = np.array(file.ImageOrientationPatient[:3], float)
            file.ImagePositionPatient = list(np.array(file.ImagePositionPatient, float) + 20 * along)
    header, _ = read(stack, "sa")
    assert orient(header, "sa").spacing_mm[0] == pytest.approx(step, abs=1e-4)
    assert header.notes == ("a slice lies 20 mm off the others in its plane",)


def test_the_interval_between_beats_gives_the_rate(read, long_axis):
    assert read(long_axis, "la_4ch")[0].rate_source == "trigger times"
    for _, file in long_axis:
        file.NominalInterval = 880
    header, _ = read(long_axis, "la_4ch")
    assert header.rate_source == "NominalInterval"
    assert header.frame_s == pytest.approx(0.110)
    for _, file in long_axis:
        file.NominalInterval = 8  # no heart's
    header, _ = read(long_axis, "la_4ch")
    assert (header.rate_source, header.frame_s) == ("trigger times", pytest.approx(0.05))


def test_the_zip_beside_a_nifti_file_gives_the_rate(nifti, stack, long_axis, tmp_path):
    for _, file in stack:
        file.NominalInterval = 800
    shutil.copytree(nifti, tmp_path / "scans" / str(EID))
    dicom_scans.write_zip(tmp_path / "scans" / f"{EID}_20209_2_0.zip", stack)
    settings = filled.images(**{"frames": FRAMES, "size": 16})
    rows = {row["view"]: row for row in index_shard(tmp_path / "scans", settings, set())}
    assert rows["sa"]["path"].endswith("sa.nii.gz")
    assert (rows["sa"]["rate_source"], rows["sa"]["frame_s"]) == ("NominalInterval", pytest.approx(0.1))
    assert (rows["la_4ch"]["rate_source"], rows["la_4ch"]["frame_s"]) == ("NIfTI header", pytest.approx(0.05))


@pytest.mark.parametrize(("frame_s", "known"), [(1.0, False), (33e-6, False), (0.04, True), (0.012, True)])
def test_output_of_an_impossible_heart_rate_is_missing(frame_s, known):
    volumes = np.full(25, 100.0) - 50 * (np.arange(25) == 10)
    values, flags = ventricular(volumes, volumes, volumes, frame_s, "first")
    assert np.isfinite(values["LVCO"]) == known
    assert ("heart_rate_impossible" in flags) != known
    assert values["LVSV"] == 50


def test_bits_above_the_stored_ones_are_no_signal(read, nifti, long_axis):
    values = expected(nifti, "la_4ch")
    for _, file in long_axis:
        pixels = np.frombuffer(file.PixelData, "<u2") | 0x8000  # an overlay in the highest bit
        file.PixelData, file.PixelRepresentation = pixels.tobytes(), 0
        file.BitsStored, file.HighBit = 12, 11
    np.testing.assert_array_equal(read(long_axis, "la_4ch")[1], values)


def test_signed_pixels_of_twelve_bits_keep_their_sign(read, long_axis):
    for _, file in long_axis:
        file.PixelData = np.full(24 * 20, 0x0FFF, "<u2").tobytes()  # -1 in 12 bits
        file.BitsStored, file.HighBit = 12, 11
    assert set(np.unique(read(long_axis, "la_4ch")[1])) == {-1}


def test_inverted_pixels_are_turned_around(read, nifti, long_axis):
    values = expected(nifti, "la_4ch")
    for _, file in long_axis:
        pixels = np.frombuffer(file.PixelData, "<u2")
        file.PixelData, file.PhotometricInterpretation = (4095 - pixels).astype("<u2").tobytes(), "MONOCHROME1"
        file.BitsStored, file.HighBit, file.PixelRepresentation = 12, 11, 0
    np.testing.assert_array_equal(read(long_axis, "la_4ch")[1], values)


def test_rescaling_of_each_frame_is_applied(read, nifti, long_axis):
    values = expected(nifti, "la_4ch")
    for number, (_, file) in enumerate(long_axis):
        file.RescaleSlope, file.RescaleIntercept = 0.5 + 0.25 * number, 3 * number
    header, voxels = read(long_axis, "la_4ch")
    steps = np.arange(FRAMES)[:, None, None, None]
    np.testing.assert_allclose(voxels, values * (0.5 + 0.25 * steps) + 3 * steps, rtol=1e-6)
    assert (header.slope, header.intercept) == (1.0, 0.0)


@pytest.mark.parametrize(("tag", "value"), [("Rows", 0), ("Columns", 0)])
def test_pictures_without_rows_or_columns_are_refused(read, long_axis, tag, value):
    for _, file in long_axis:
        setattr(file, tag, value)
    with pytest.raises(ScanError, match="no rows or no columns"):
        read(long_axis, "la_4ch")


def test_a_place_that_no_scanner_gives(read, long_axis):
    for _, file in long_axis:
        file.PixelSpacing = [2e4, 2e4]
    with pytest.raises(ScanError, match="no place in the scanner; what they give has voxels of 2e"):
        read(long_axis, "la_4ch")


def rewrite_manifest(path, change):
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["manifest.csv"] = change(files["manifest.csv"].decode()).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def with_open_quote(text):
    lines = text.split("\n")
    lines[3] = '"' + lines[3] + "x" * 200_000
    return "\n".join(lines)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r"),
        lambda text: text.replace("\n", "\r\n"),
        with_open_quote,
        lambda text: text.replace("1.3.12.", "./1.3.12."),
        lambda text: text.replace("1.3.12.", "other/1.3.12."),
        lambda text: text + text.split("\n", 1)[1],
        lambda text: text.replace("\n1.3.12.1.dcm", "\nelsewhere.dcm"),
        lambda text: "",
        lambda text: '"',
    ],
    ids=["CR", "CRLF", "open quote", "dot slash", "other names", "listed twice", "one unlisted", "empty", "a quote"],
)
def test_odd_manifests(nifti, long_axis, tmp_path, change):
    path = tmp_path / "a.zip"
    dicom_scans.write_zip(path, long_axis)
    rewrite_manifest(path, change)
    np.testing.assert_array_equal(read_dicom(str(path), "la_4ch", 100)[1], expected(nifti, "la_4ch"))


def test_a_name_twice_in_a_zip(nifti, long_axis, tmp_path):
    path = tmp_path / "a.zip"
    dicom_scans.write_zip(path, long_axis)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("1.3.12.1.dcm", archive.read("1.3.12.1.dcm"))
    np.testing.assert_array_equal(read_dicom(str(path), "la_4ch", 100)[1], expected(nifti, "la_4ch"))


def test_a_damaged_file_is_a_missing_frame(nifti, long_axis, tmp_path):
    path = tmp_path / "a.zip"
    encoded = [dicom_scans.encode(file) for _, file in long_axis]
    encoded[3] = b"no DICOM at all"
    dicom_scans.write_encoded(path, encoded, "CINE_segmented_LAX_4Ch")
    header, voxels = read_dicom(str(path), "la_4ch", 100)
    assert voxels.shape[0] == FRAMES
    assert "a DICOM file is damaged" in header.notes


def test_a_refusal_says_which_series_were_there(long_axis, read):
    with pytest.raises(ScanError, match=r"no series of la_2ch in the zip; series there: CINE_segmented_LAX_4Ch$"):
        read(long_axis, "la_2ch")


def test_files_named_by_their_own_series(nifti, long_axis, tmp_path):
    """A zip without a manifest, and with files that are no DICOM."""
    path = tmp_path / "a.zip"
    dicom_scans.write_zip(path, long_axis, None)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("readme.txt", "nothing")
        archive.writestr("cut.dcm", dicom_scans.encode(long_axis[0][1])[:150])
    assert read_dicom(str(path), "la_4ch", 100)[1].shape[0] == FRAMES
