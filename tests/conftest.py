"""Makes the helpers in this folder importable, and begins with the tests that take longest."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Runs of Snakemake come first, so that no process of `-n` is left with them alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("workflow") is None)
