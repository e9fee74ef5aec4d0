"""t-SNE of 10,000 embeddings as wide as the paper's, as figure 4 computes it, on one thread: at most two minutes.

python -m pytest tests/benchmarks/test_tsne.py -m benchmark -s     (VITA_TSNE=2000: a smaller one, for a try)
"""

import os
import subprocess
import sys

import pytest

COUNT, WIDTH = int(os.environ.get("VITA_TSNE", "10000")), 1025
MOST_S = 120
RUN = f"""
import time
import numpy as np
from vita.report.figures.embedding_map import embed
draw = np.random.default_rng(0)
hidden = draw.normal(size=({COUNT}, 20)).astype(np.float32)
vectors = hidden @ draw.normal(size=(20, {WIDTH})).astype(np.float32)
vectors += 0.3 * draw.normal(size=vectors.shape).astype(np.float32)
start = time.perf_counter()
found = embed(vectors, 0)
assert found.shape == ({COUNT}, 2) and np.isfinite(found).all()
print(time.perf_counter() - start)
"""


@pytest.mark.benchmark
def test_tsne_of_ten_thousand_embeddings() -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, "-c", RUN], env=environment, capture_output=True, text=True, check=True)
    seconds = float(run.stdout)
    print(f"t-SNE of {COUNT} x {WIDTH}: {seconds:.0f} s on one thread")
    assert seconds <= MOST_S
