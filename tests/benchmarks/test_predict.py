"""How long `vita predict` takes for one participant on two cores, start-up included, with a default run's models.

VITA_RESULTS=results python -m pytest tests/benchmarks/test_predict.py -m benchmark -s
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import written
from vita.apply.decisions import FILE

RESULTS = Path(os.environ.get("VITA_RESULTS", "results"))
MOST_S, CORES = 10, 2
pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.skipif(
        not (RESULTS / "models" / FILE).is_file(), reason="VITA_RESULTS names no folder of a finished default run"
    ),
]


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A phantom participant's images without the masks."""
    source = min((RESULTS / "phantom" / "scans").iterdir())
    shutil.copytree(source, tmp_path / "scan", ignore=shutil.ignore_patterns("seg*"))
    return tmp_path / "scan"


def test_a_participant_takes_at_most_ten_seconds(scan: Path, tmp_path: Path) -> None:
    cores = sorted(os.sched_getaffinity(0))[:CORES]
    command = ["taskset", "-c", ",".join(map(str, cores)), sys.executable, "-m", "vita.command", "predict"]
    command += ["--model", str(RESULTS / "models")]
    command += ["--scan", str(scan), "--out", str(tmp_path / "out"), "--device", "cpu"]
    start = time.perf_counter()
    subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": str(CORES)})
    seconds = time.perf_counter() - start
    used = os.times()
    written.write("predict", [{"cores": CORES, "wall_s": seconds, "cpu_s": used.children_user + used.children_system}])
    assert seconds <= MOST_S
