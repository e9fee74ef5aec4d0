"""Time and memory of reading all diagnoses at UK Biobank's size. Run with `-m benchmark -s`; numbers are printed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import filled

pytestmark = pytest.mark.benchmark
PEOPLE, ARRAYS = 502_000, 259  # of fields 41270 and 41280
_SPELT = [f"{chapter}{number:02d}{last}" for chapter in "ABCDEFGIJKLMN" for number in range(100) for last in range(10)]
_DAYS = [f"{year}-{month:02d}-15" for year in range(1997, 2023) for month in range(1, 13)]


def write_table(path: Path) -> int:
    """Write a table of nothing but what labels need; returns its number of diagnoses, 15 a person on average."""
    random = np.random.default_rng(1)
    counts = np.minimum(random.negative_binomial(1, 1 / 17, PEOPLE), ARRAYS) * (random.random(PEOPLE) < 0.9)
    names = ["eid", "53-2.0", "2966-0.0", "21003-2.0", "6150-0.0"]
    names += [f"{field}-0.{array}" for field in (41270, 41280) for array in range(ARRAYS)]
    with path.open("w") as table:
        table.write(",".join(names) + "\n")
        for row, count in enumerate(counts):
            scan = ["2016-05-01", "55", "63", "4"] if row % 10 == 0 else ["", "", "", ""]
            codes = [_SPELT[place] for place in (random.random(count) ** 3 * len(_SPELT)).astype(int)]
            days = [_DAYS[place] for place in random.integers(0, len(_DAYS), count)]
            blank = [""] * (ARRAYS - count)
            table.write(",".join([str(1_000_000 + row), *scan, *codes, *blank, *days, *blank]) + "\n")
    return int(counts.sum())


def peak(module: str, *arguments: str) -> tuple[float, float]:
    """CPU seconds and peak memory, MB, of a module in a process of its own."""
    code = (
        f"import sys, resource; from vita.cohort import {module}; {module}.main(sys.argv[1:]);"
        "used = resource.getrusage(resource.RUSAGE_SELF); print(used.ru_utime + used.ru_stime);"
        "print([int(line.split()[1]) / 1024 for line in open('/proc/self/status') if line.startswith('VmHWM')][0])"
    )
    given = [*arguments, "--settings", filled.argument(cohort={}, labels={})]
    done = subprocess.run([sys.executable, "-c", code, *given], check=True, capture_output=True, text=True)
    seconds, peak_mb = map(float, done.stdout.split())
    return seconds, peak_mb


def test_all_diagnoses_are_read_once_and_looked_up_fast(tmp_path):
    """Within what the rules ask for: 2 GB to collect them, 1 GB and a little to look up a list."""
    table, kept = tmp_path / "table.csv", tmp_path / "d.parquet"
    diagnoses = write_table(table)
    seconds, memory_mb = peak("diagnoses", "--table", str(table), "--output", str(kept))
    outputs = ["--output", str(tmp_path / "l.parquet"), "--summary", str(tmp_path / "s.csv")]
    again_s, again_mb = peak("labels", "--diagnoses", str(kept), "--disease", "infarct", "--codes", "I21", *outputs)
    print(f"{diagnoses} diagnoses: {seconds:.0f} s, {memory_mb:.0f} MB; file {kept.stat().st_size / 1e6:.0f} MB")
    print(f"one disease: {again_s:.1f} s, {again_mb:.0f} MB")
    assert memory_mb < 2000
    assert again_mb < 1000
    assert again_s < seconds / 3
