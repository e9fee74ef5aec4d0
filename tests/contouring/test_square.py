"""What the network sees of an image, and its classes on the image's own pixels, against the same without short cuts."""

import numpy as np
import pytest
import torch

from vita.contouring.pictures import GRID, robust_range
from vita.contouring.square import likeliest, on_pixels, pictures, square
from vita.images.crop import Crop, cut_image


def blobs(middle: tuple[float, float], frames: int = 3, seed: int = 3) -> torch.Tensor:
    """Logits of background and three classes in some 40 places around a middle, with ragged borders."""
    random = torch.Generator().manual_seed(seed)
    row, column = torch.meshgrid(torch.arange(GRID) + 0.0, torch.arange(GRID) + 0.0, indexing="ij")
    logits = torch.randn(frames, 4, GRID, GRID, generator=random)
    logits[:, 0] += 0.3 * (torch.hypot(row - middle[0], column - middle[1]) - 18)
    return logits


def without_short_cuts(logits: torch.Tensor, crop: Crop) -> np.ndarray:
    """Interpolate every class at every pixel in the square, and take the largest."""
    shares = logits.double().softmax(dim=1).numpy()
    result = np.zeros((len(logits), *crop.shape), np.uint8)
    for row in range(crop.shape[0]):
        for column in range(crop.shape[1]):
            at = [
                (pixel - first) / step for pixel, first, step in zip((row, column), crop.first, crop.step, strict=True)
            ]
            if not all(0 <= place <= GRID - 1 for place in at):
                continue
            (y, x), (down, across) = [int(place) for place in at], [place - int(place) for place in at]
            y1, x1 = min(y + 1, GRID - 1), min(x + 1, GRID - 1)
            upper = shares[:, :, y, x] * (1 - across) + shares[:, :, y, x1] * across
            lower = shares[:, :, y1, x] * (1 - across) + shares[:, :, y1, x1] * across
            result[:, row, column] = (upper * (1 - down) + lower * down).argmax(axis=1)
    return result


@pytest.mark.parametrize("middle", [(48, 48), (5, 90), (95, 40)])
@pytest.mark.parametrize(
    ("shape", "spacing_mm"), [([60, 48], (3.6, 3.1)), ([120, 130], (1.5, 1.3)), ([30, 30], (2, 2))]
)
def test_classes_of_pixels_are_those_of_the_interpolated_probabilities(middle, shape, spacing_mm):
    crop = square(np.array([shape[0] * 0.4, shape[1] * 0.6]), spacing_mm, shape)
    logits = blobs(middle)
    found, plain = on_pixels(logits, crop), without_short_cuts(logits, crop)
    assert plain.any() or middle != (48, 48)
    assert (found != plain).mean() < 1e-4  # equal but for ties in 32 bits


def test_background_alone_is_drawn_nowhere():
    logits = blobs((48, 48))
    logits[:, 0] = 50
    assert not on_pixels(logits, square(np.array([30.0, 30.0]), (3.0, 3.0), [60, 60])).any()


def test_the_likeliest_is_the_first_of_the_largest():
    scores = torch.randint(3, (5, 4, 7, 7), generator=torch.Generator().manual_seed(1)).float()  # many are equal
    assert (likeliest(scores).numpy() == scores.numpy().argmax(axis=1)).all()


def test_pictures_have_the_range_that_the_training_gave_them():
    signal = np.random.default_rng(4).gamma(2, 100, (4, 80, 70)).astype(np.int16)
    crop = square(np.array([40.0, 35.0]), (2.4, 2.4), [80, 70])
    cut = torch.from_numpy(cut_image(signal.astype(np.float32), crop))
    learnt = robust_range(cut.reshape(1, -1, GRID)).view(cut.shape)
    assert torch.allclose(pictures(signal, crop), learnt, atol=1e-5)


def test_bright_skin_at_the_edge_leaves_the_heart_its_contrast():
    """The range is that of the middle 60 mm: fat beyond them, ten times as bright, is cut off at 1."""
    signal = np.random.default_rng(5).gamma(2, 100, (4, 80, 80)).astype(np.int16)
    crop = square(np.array([39.5, 39.5]), (2.4, 2.4), [80, 80])
    bright = signal.copy()
    bright[:, :, :6] *= 10
    plain, beside_fat = pictures(signal, crop), pictures(bright, crop)
    middle = slice(20, 76)
    assert torch.allclose(beside_fat[:, middle, middle], plain[:, middle, middle], atol=0.03)
    assert (beside_fat[:, :, :5] == 1).float().mean() > 0.5
