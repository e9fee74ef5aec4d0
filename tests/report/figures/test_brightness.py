"""How bright hearts are drawn."""

import numpy as np

from vita.report.figures.mosaic import stretched


def test_fat_at_the_edge_does_not_darken_the_heart() -> None:
    """The inner half, from 0 to 0.2 here, fills the range; a rim five times as bright is white."""
    image = np.ones((40, 40))
    image[10:30, 10:30] = np.linspace(0, 0.2, 400).reshape(20, 20)
    shown = stretched(image, image)
    assert (shown[:10] == 1).all()
    assert shown[10:30, 10:30].min() == 0
    assert shown[20, 10:30].mean() > 0.4


def test_what_is_hidden_is_not_looked_at() -> None:
    like = np.full((40, 40), np.nan)
    assert np.array_equal(stretched(np.full((40, 40), 0.5), like), np.full((40, 40), 0.5))
