from pathlib import Path

import pytest

from apply import trained
from images import scans


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of models; its decisions are stored."""
    return trained.make(tmp_path_factory.mktemp("apply"))


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A participant's folder without any mask."""
    folder = tmp_path / "scans" / "5123456"
    scans.write_participant(folder)
    return folder
