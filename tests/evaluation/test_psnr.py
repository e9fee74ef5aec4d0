"""PSNR as training, evaluation and figure B.9 compute it, against MONAI's."""

from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from monai.metrics import PSNRMetric

from vita.evaluation import inference
from vita.models.tokens import patchify
from vita.report.figures import figB9_reconstructions
from vita.training.reconstruction_errors import psnr_db


@pytest.mark.parametrize("seed", range(4))
def test_psnr_is_monais_with_a_peak_of_one(seed):
    draw = np.random.default_rng(seed)
    first, second = draw.random((2, 5, 1, 16, 16)).astype(np.float32)
    expected = PSNRMetric(max_val=1.0)(torch.from_numpy(first), torch.from_numpy(second))[:, 0].numpy()
    error = torch.from_numpy(((first - second) ** 2).mean(axis=(1, 2, 3)))
    assert psnr_db(error).numpy() == pytest.approx(expected, rel=1e-5)
    assert figB9_reconstructions.psnr_db(first[0], second[0]) == pytest.approx(float(expected[0]), rel=1e-5)


def test_each_psnr_by_hand():
    """Two planes of one frame, 4 x 4 pixels in patches of 2 x 2, half of each plane hidden."""
    images = torch.zeros(1, 2, 1, 4, 4)
    rebuilt = images.clone()
    rebuilt[0, 0, 0, :2] = 0.2  # wrong by 0.2 in hidden patches of the first plane
    rebuilt[0, 1, 0, 2:] = 0.1  # wrong by 0.1 in seen patches of the second
    hidden = torch.tensor([[True, True, False, False] * 2])
    output = SimpleNamespace(reconstruction=patchify(rebuilt, (1, 2, 2)), masked=hidden)
    model = Mock(return_value=output, settings=SimpleNamespace(patch=(1, 2, 2)), images=lambda patches: rebuilt)
    values = inference._psnr(model, images, torch.arange(8)[None], 4)[:, 0]
    found = dict(zip(inference.PSNR, values.tolist(), strict=True))
    assert found["psnr_masked"] == pytest.approx(-10 * np.log10(0.2**2 / 2), abs=1e-4)
    assert found["psnr_filled"] == pytest.approx(-10 * np.log10(0.2**2 / 4), abs=1e-4)
    assert found["psnr_all"] == pytest.approx(-10 * np.log10((0.2**2 + 0.1**2) / 4), abs=1e-4)
    frames = [-10 * np.log10(0.2**2 / 2), -10 * np.log10(0.1**2 / 2)]
    assert found["psnr_frames"] == pytest.approx(np.mean(frames), abs=1e-4)


def test_edges():
    assert psnr_db(torch.tensor([0.01, 1.0])).tolist() == pytest.approx([20, 0], abs=1e-5)
    assert figB9_reconstructions.psnr_db(np.ones(3), np.ones(3)) == float("inf")
    assert np.isfinite(psnr_db(torch.zeros(1)).item())  # a perfect patch does not make a mean infinite
