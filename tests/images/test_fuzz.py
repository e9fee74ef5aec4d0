"""2,400 damaged files: each reads or gives a reason, none crashes or hangs."""

import gzip
import random
import time

import numpy as np
import pytest

import filled
from images import dicom_scans, scans
from vita.images.dicom import read_dicom
from vita.images.header import ScanError
from vita.images.nifti import read_volume
from vita.images.participant import read_participant

SECONDS_PER_CASE = 2.0


def damaged(whole: bytes, chance: random.Random, limit: int | None = None) -> bytes:
    """Flip some bytes, among the first `limit`; cut every fourth short."""
    data = bytearray(whole)
    for _ in range(chance.randint(1, 6)):
        data[chance.randrange(limit or len(data))] = chance.randrange(256)
    if chance.random() < 0.25:
        del data[chance.randrange(len(data)) :]
    return bytes(data)


def outcomes(path, variants, read) -> tuple[int, int]:
    """How many variants of a file read, and how many were refused with a reason."""
    done, refused = 0, 0
    for data in variants:
        path.write_bytes(data)
        started = time.process_time()
        reason = refusal(read)
        assert time.process_time() - started < SECONDS_PER_CASE
        assert str(path) not in reason
        done, refused = done + (not reason), refused + bool(reason)
    return done, refused


def refusal(read) -> str:
    """Why reading was refused; empty if it was not. Any other error fails the test."""
    try:
        read()
    except ScanError as error:
        return str(error)
    return ""


@pytest.fixture
def files(tmp_path):
    scans.write_participant(tmp_path / "1", frames=3, size=(24, 20), slices=6)
    return tmp_path / "1"


def test_nifti_images(files):
    path = files / "sa.nii.gz"
    whole = path.read_bytes()
    plain = gzip.decompress(whole)
    chance = random.Random(1)
    headers = (damaged(plain, chance, 352) for _ in range(700))
    packed = (gzip.compress(damaged(plain, chance, 352), 1) for _ in range(300))
    streams = (damaged(whole, chance) for _ in range(700))
    for variants, least in ((headers, 100), (packed, 50), (streams, 0)):
        done, refused = outcomes(path, variants, lambda: read_volume(path, max_mb=50))
        assert done >= least
        assert refused > 100


def test_participants_with_damaged_masks(files):
    rows = [
        {"eid": 1, "view": "sa", "path": str(files / "sa.nii.gz"), "usable": True}
        | {"seg_path": str(files / "seg_sa.nii.gz"), "seg4_path": None}
    ]
    settings = filled.images(frames=3, size=16, required_views=["sa"], max_file_mb=50)
    path = files / "seg_sa.nii.gz"
    plain = gzip.decompress(path.read_bytes())
    chance = random.Random(2)
    variants = [damaged(plain, chance, 352) for _ in range(150)] + [damaged(plain, chance) for _ in range(150)]
    done, refused = outcomes(path, variants, lambda: read_participant(rows, settings))
    assert (done, refused) == (len(variants), 0)  # a bad mask costs the mask, not the participant


def test_zips(files):
    path = files / "a.zip"
    matrix = scans.planes("la_4ch", (12, 10, 1))
    values = np.arange(12 * 10 * 3).reshape(12, 10, 1, 3).astype(np.int16)
    scans.write(files / "la_4ch.nii.gz", values, matrix)
    dicom_scans.write_zip(path, dicom_scans.slice_files(files / "la_4ch.nii.gz", "la_4ch"))
    whole = path.read_bytes()
    chance = random.Random(3)
    variants = (damaged(whole, chance) for _ in range(400))
    _, refused = outcomes(path, variants, lambda: read_dicom(str(path), "la_4ch", 50))
    assert refused > 100


def test_dicom_files_inside_sound_zips(files):
    """Damage that the zip's checksums do not see."""
    path = files / "a.zip"
    chance = random.Random(4)
    frames = dicom_scans.slice_files(files / "la_4ch.nii.gz", "la_4ch")
    whole = [dicom_scans.encode(file) for _, file in frames]
    done = 0
    for _ in range(150):
        data = list(whole)
        data[1] = damaged(data[1], chance, 900)
        dicom_scans.write_encoded(path, data, "CINE_segmented_LAX_4Ch")
        done += not refusal(lambda: read_dicom(str(path), "la_4ch", 50))
    assert 0 < done < 150
