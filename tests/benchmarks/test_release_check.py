"""The check of a release against 42,000 people's tables: at most five minutes and 4 GB, here on one core."""

import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.release.conftest import people, write
from tests.release.test_leaks import aggregates

pytestmark = pytest.mark.benchmark
PEOPLE, FEATURES, FOLDERS = 42_000, 120, 10


def test_aggregates_of_42000_people(tmp_path: Path) -> None:
    tables, rng = people(PEOPLE), np.random.default_rng(0)
    more = pd.DataFrame(np.round(rng.normal(100, 20, (PEOPLE, FEATURES)), 2)).add_prefix("feature_")
    tables["cohort/fields"] = pd.concat([tables["cohort/fields"], more], axis=1)
    write(tmp_path / "results", tables)
    for number in range(FOLDERS):
        (tmp_path / "out" / str(number)).mkdir(parents=True)
        aggregates(tables, tmp_path / "out" / str(number))
    command = [sys.executable, "-m", "vita.release.command", "--check", "out", "--cohort", "results"]
    start = time.perf_counter()
    subprocess.run(command, check=True, cwd=tmp_path)
    seconds = time.perf_counter() - start
    peak_gb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(f"\n{PEOPLE} people, {FOLDERS} folders: {seconds:.0f} s, {peak_gb:.2f} GB")
    assert seconds < 300
    assert peak_gb < 4
