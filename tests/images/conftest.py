"""What several tests of images share."""

from pathlib import Path

import pytest

from images import scans


@pytest.fixture(scope="module")
def nifti(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A participant's small scans as NIfTI files, for each module anew."""
    folder = tmp_path_factory.mktemp("nifti")
    scans.write_participant(folder, size=(14, 12), slices=6)
    return folder
