"""Pages of shards that were read go back to the system, and what is read from them stays the same."""

import sys
from pathlib import Path

import numpy as np
import pytest

from vita.images import mapped
from vita.images.mapped import MappedFiles

SIZE = 2**22


def _resident_kb(path: Path) -> int:
    """Memory that this process has of a mapped file."""
    lines = iter(Path("/proc/self/smaps").read_text().splitlines())
    found = 0
    for line in lines:
        if line.endswith(str(path)):
            found += int(next(each for each in lines if each.startswith("Rss:")).split()[1])
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux's account of a process's memory")
def test_pages_are_given_back_after_enough_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped, "KEPT_BYTES", 2 * SIZE)
    path, content = tmp_path / "bytes", np.random.default_rng(0).integers(0, 256, SIZE, np.uint8)
    path.write_bytes(content.tobytes())
    files = MappedFiles()
    data = files.data(path)
    np.testing.assert_array_equal(data, content)
    files.was_read(SIZE)
    assert _resident_kb(path) >= SIZE // 1024
    files.was_read(SIZE)
    assert _resident_kb(path) < SIZE // 1024 // 4
    np.testing.assert_array_equal(data, content)
    files.was_read(SIZE)  # counts anew
    assert _resident_kb(path) >= SIZE // 1024


def test_mapped_bytes_cannot_be_changed(tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(b"abc")
    with pytest.raises(ValueError, match="read-only"):
        MappedFiles().data(path)[0] = 1
