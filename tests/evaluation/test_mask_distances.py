import numpy as np
import pytest

from vita.evaluation.mask_metrics import boundary_points, dice, hausdorff


def _distance(first, second, spacing=(1.0, 1.0)):
    a, b = boundary_points(np.stack([first, second]))
    return hausdorff(a, b, np.array(spacing))


def _blobs(seed, size=32):
    draw = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size]
    mask = np.zeros((size, size), bool)
    for _ in range(3):
        row, column = draw.uniform(2, size - 2, 2)
        mask |= (rows - row) ** 2 + (columns - column) ** 2 < draw.uniform(2, 8) ** 2
    return mask


@pytest.mark.filterwarnings("ignore:monai.metrics.utils get_mask_edges:FutureWarning")
@pytest.mark.parametrize("seed", range(8))
def test_monai_agrees(seed):
    torch = pytest.importorskip("torch")
    from monai.metrics import compute_dice, compute_hausdorff_distance

    first, second = _blobs(seed), _blobs(seed + 100)
    spacing = (1.8, 2.5)
    tensors = [torch.tensor(mask[None, None].astype(np.float32)) for mask in (first, second)]
    hd, hd95 = _distance(first, second, spacing)
    options = {"include_background": True, "spacing": list(spacing)}
    assert hd == pytest.approx(float(compute_hausdorff_distance(*tensors, **options)), rel=1e-5)
    assert hd95 == pytest.approx(float(compute_hausdorff_distance(*tensors, percentile=95, **options)), rel=1e-5)
    counts = (first & second).sum(), first.sum(), second.sum()
    assert float(dice(*counts)) == pytest.approx(float(compute_dice(*tensors)), rel=1e-6)


def test_equal_masks():
    mask = _blobs(1)
    assert _distance(mask, mask) == (0, 0)
    assert dice(mask.sum(), mask.sum(), mask.sum()) == 1


@pytest.mark.parametrize(("shift", "spacing", "distance"), [((10, 0), (1.8, 2.2), 18), ((0, 10), (1.8, 2.2), 22)])
def test_shift_by_ten_pixels(shift, spacing, distance):
    mask = np.zeros((64, 64), bool)
    mask[20:30, 20:30] = True
    hd, hd95 = _distance(mask, np.roll(mask, shift, axis=(0, 1)), spacing)
    assert hd == pytest.approx(distance)
    assert 0 < hd95 <= hd


def test_single_pixels():
    first, second = np.zeros((2, 8, 8), bool)
    first[0, 0], second[3, 4] = True, True
    assert _distance(first, second, (2.0, 2.0)) == (10.0, 10.0)


def test_dice_of_two_empty_masks_is_undefined():
    assert np.isnan(dice(np.array(0), np.array(0), np.array(0)))
    assert dice(np.array(0), np.array(0), np.array(5)) == 0
