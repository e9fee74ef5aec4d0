"""What the default run found, against what its world was made to show. Prints the lines that the README holds:

VITA_RESULTS=results python -m pytest tests/benchmarks/test_default_run.py -m benchmark -s
"""

import os
from pathlib import Path

import pytest

from vita.report import measured, measured_line

RESULTS = Path(os.environ.get("VITA_RESULTS", "results"))
pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.skipif(
        not (RESULTS / "report.html").is_file(), reason="VITA_RESULTS names no folder of a finished default run"
    ),
]


@pytest.mark.parametrize("topic", measured.LINES)
def test_aims_are_reached(topic: str) -> None:
    lines = measured.LINES[topic](RESULTS)
    print(measured_line.markdown(lines))
    assert not [f"{line.name}: {line.value}, aim {line.aim}" for line in lines if line.reached is False]
