import shutil
from pathlib import Path

import pytest

from apply import trained


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder whose models were trained for a moment."""
    folder = tmp_path_factory.mktemp("results")
    trained.make(folder)
    return folder


@pytest.fixture
def results(original: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    shutil.copytree(original, tmp_path / "results")
    return tmp_path / "results"
