"""Makes the helpers here importable, begins with the tests that take longest, and leaves nothing to chance."""

import random
import sys
from pathlib import Path

import hypothesis
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
# how long an example takes says how busy the machine is; the same examples each time, whoever runs them
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def _same_random_numbers() -> None:
    """Every test begins with the same ones, whichever tests ran before it in the same process."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Runs of Snakemake come first, so that no process of `-n` is left with them alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("workflow") is None)
