"""The run's page in a real browser, wide and narrow: nothing hangs over its side, and five places are drawn."""

import re
from pathlib import Path

import numpy as np
import pytest

from workflow.browser import BROWSER, look

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine: the page is not looked at"),
]
WIDTHS, HEIGHT = (1400, 420), 900
# The page says how wide it is and where its window begins. It stands in a frame, as a window cannot be that narrow.
SAYS = """
<script>
addEventListener("load", () => setTimeout(() => {
  const place = document.getElementById(location.hash.slice(1)).getBoundingClientRect();
  parent.postMessage(document.documentElement.scrollWidth + " " + Math.round(place.top), "*");
}, 300));
</script>
"""
FRAME = """
<body style="margin: 0">
<iframe src="{uri}" style="border: 0; width: {width}px; height: {height}px"></iframe>
<script>addEventListener("message", (event) => (document.body.dataset.said = event.data));</script>
"""
PLACES = ("headline", "table1_sa_phenotypes", "fig5_phenotype_scatter", "learning_curves", "run_card")


def _look(page: Path, place: str, width: int, folder: Path) -> tuple[int, int, np.ndarray]:
    """The page's width and how far down the place is, in pixels of the window, and the window (rows, columns, RGB)."""
    outer = folder / "outer.html"
    outer.write_text(FRAME.format(uri=f"{page.as_uri()}#{place}", width=width, height=HEIGHT), encoding="utf-8")
    document, pixels = look(outer, folder, max(WIDTHS), HEIGHT)
    said = re.search(r'data-said="(\d+) (-?\d+)"', document)
    assert said, "the page did not load"
    return int(said.group(1)), int(said.group(2)), pixels[:HEIGHT, :width]


@pytest.fixture(scope="module")
def page(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run's page, with a script that says how it lies in its window."""
    path = tmp_path_factory.mktemp("page") / "index.html"
    before, body, after = (results / "index.html").read_text(encoding="utf-8").rpartition("</body>")
    path.write_text(before + SAYS + body + after, encoding="utf-8")
    return path


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("place", PLACES)
def test_places_of_the_page(page: Path, tmp_path: Path, place: str, width: int) -> None:
    page_width, top, pixels = _look(page, place, width, tmp_path)
    assert page_width <= width  # wide tables scroll in a frame of their own
    assert 0 <= top < HEIGHT // 2  # its heading is in the window, not under the bar
    dark = (pixels.max(axis=2) < 140).mean()
    assert 0.004 < dark < 0.5  # words or lines on a light ground
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20


def test_the_page_asks_nothing_of_a_network(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="https?://[^"]*\.(js|css|png|svg|woff2?)"', text)
    assert "<link" not in text
