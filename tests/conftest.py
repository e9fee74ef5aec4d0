"""Makes the helpers in this folder importable, and says which tests share a process where several run side by side."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `-n` a file's tests share a process, and so do all on the smoke run. Runs of Snakemake come first."""
    smoke = Path(__file__).parent / "workflow"
    for item in items:
        shared = item.path.parent == smoke and "results" in item.fixturenames and not hasattr(item.module, "results")
        item.add_marker(pytest.mark.xdist_group("smoke" if shared else str(item.path)))
    items.sort(key=lambda item: item.get_closest_marker("workflow") is None)
