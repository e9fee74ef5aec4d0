import pytest

from evaluation import synthetic


@pytest.fixture
def targets(tmp_path):
    return synthetic.targets(tmp_path / "targets.tsv")
