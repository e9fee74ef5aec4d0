"""PSNR as training, evaluation and figure B.9 compute it, against MONAI's."""

import numpy as np
import pytest
import torch
from monai.metrics import PSNRMetric

from vita.report.figures import figB9_reconstructions
from vita.training.reconstruction import psnr_db


@pytest.mark.parametrize("seed", range(4))
def test_psnr_is_monais_with_a_peak_of_one(seed):
    draw = np.random.default_rng(seed)
    first, second = draw.random((2, 5, 1, 16, 16)).astype(np.float32)
    expected = PSNRMetric(max_val=1.0)(torch.from_numpy(first), torch.from_numpy(second))[:, 0].numpy()
    error = torch.from_numpy(((first - second) ** 2).mean(axis=(1, 2, 3)))
    assert psnr_db(error).numpy() == pytest.approx(expected, rel=1e-5)
    assert figB9_reconstructions.psnr_db(first[0], second[0]) == pytest.approx(float(expected[0]), rel=1e-5)


def test_edges():
    assert psnr_db(torch.tensor([0.01, 1.0])).tolist() == pytest.approx([20, 0], abs=1e-5)
    assert figB9_reconstructions.psnr_db(np.ones(3), np.ones(3)) == float("inf")
    assert np.isfinite(psnr_db(torch.zeros(1)).item())  # a perfect patch does not make a mean infinite
