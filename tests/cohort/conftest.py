from pathlib import Path

import pytest

from . import world


@pytest.fixture(scope="session")
def people() -> world.Columns:
    return world.make_world()


@pytest.fixture(scope="session")
def table(people: world.Columns, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return world.classic(tmp_path_factory.mktemp("table") / "ukb.csv", people)
