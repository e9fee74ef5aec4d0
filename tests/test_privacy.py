import os
import stat
from pathlib import Path

import pytest

from vita.runtime.privacy import keep_private, shown_count


@pytest.fixture(autouse=True)
def _same_umask() -> None:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.parametrize("exists", [True, False], ids=["open before", "new"])
def test_results_are_for_owner_and_group(exists: bool, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    if exists:
        folder.mkdir(mode=0o755)
    keep_private(folder)
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "table.csv").write_text("eid")
    for path in (folder, folder / "inner", folder / "inner" / "table.csv"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert not mode & stat.S_IRWXO
        assert mode & stat.S_IRGRP


@pytest.mark.parametrize(("count", "text"), [(0, "0"), (1, "<10"), (9, "<10"), (10, "10"), (12345, "12,345")])
def test_small_counts_are_not_told(count: int, text: str) -> None:
    assert shown_count(count) == text
