"""The association study at UK Biobank's size: at most two minutes and 2 GB, here on one core."""

import resource
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.benchmark
STUDY = """
import numpy as np
from vita.extensions.regressions import scan
rng = np.random.default_rng(0)
outcomes = rng.standard_normal((42000, 200))
traits = rng.standard_normal((42000, 126))
traits[rng.random(traits.shape) < 0.1] = np.nan
covariates = rng.standard_normal((42000, 8))
found, counts = scan(outcomes, traits, covariates)
assert np.isfinite(found).all() and counts.min() > 36000
"""


def test_42000_people_126_features_200_directions() -> None:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", STUDY], check=True)
    seconds = time.perf_counter() - start
    peak_gb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(f"\n42,000 x 126 x 200: {seconds:.0f} s, {peak_gb:.2f} GB")
    assert seconds < 120
    assert peak_gb < 2
