"""Where the facts, golden arrays and real hearts for tests lie, if they are there at all."""

from pathlib import Path

import pytest

_CANDIDATE = Path(__file__).resolve().parents[2] / "shared"
SHARED: Path | None = _CANDIDATE if (_CANDIDATE / "golden").is_dir() else None
needs_shared = pytest.mark.skipif(SHARED is None, reason=f"needs the shared test data, not found at {_CANDIDATE}")
