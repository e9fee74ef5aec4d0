"""Stage I at the paper's size, batch 2, two CPU cores: not slower than a plain transformer, in bounded memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.benchmark
HERE = Path(__file__).parent
PEAK_MB = 3600  # the published code takes 4.4 GB
BF16_AGAINST_FP32 = 0.45
NOISE = 1.05  # repeated measurements differ by about this much


def _run(implementation: str, precision: str) -> dict[str, float]:
    """Measure in a fresh process, so that peak memory is that of this run alone."""
    command = [
        sys.executable,
        str(HERE / "stage1_step.py"),
        "--implementation",
        implementation,
        "--precision",
        precision,
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "2"}
    output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    print(output)
    return json.loads(output)


def _has_bf16() -> bool:
    flags = Path("/proc/cpuinfo")
    return flags.is_file() and "avx512_bf16" in flags.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def fp32() -> dict[str, float]:
    return _run("project", "fp32")


def test_a_step_takes_no_longer_than_with_plain_blocks(fp32):
    assert fp32["seconds"] <= NOISE * _run("plain", "fp32")["seconds"]


def test_peak_memory(fp32):
    assert fp32["peak_mb"] <= PEAK_MB


@pytest.mark.skipif(not _has_bf16(), reason="this CPU has no bfloat16 products")
def test_bf16_is_faster(fp32):
    assert _run("project", "bf16")["seconds"] <= BF16_AGAINST_FP32 * fp32["seconds"]
