"""An SVG is the same file for the same figure, whatever the last digits of its layout are."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from vita.report.figures import style


@pytest.mark.parametrize("panels", [1, 2])
def test_a_layout_that_differs_in_its_last_digits_gives_the_same_file(panels: int, tmp_path: Path) -> None:
    style.apply()
    found = []
    for number, tiny in enumerate((0.0, 1e-13)):
        figure = plt.figure(figsize=(3, 2))
        figure.set_layout_engine("none")
        for panel in range(panels):
            axes = figure.add_axes((0.1 + 0.4 * panel + tiny, 0.1, 0.35, 0.8))
            axes.plot([0, 1], [0, 1])
        files = style.Files(*(tmp_path / f"{number}.{kind}" for kind in ("svg", "png", "csv")))
        style.save(figure, pd.DataFrame({"x": [0, 1]}), files)
        found.append(files.svg.read_text())
    assert found[0] == found[1]
    assert re.findall(r'<clipPath id="(\w+)"', found[0]) == [f"clip{number + 1}" for number in range(panels)]
    assert found[0].count("url(#clip1)") >= 1
