"""The run's page in a real browser, wide and narrow: nothing hangs over its side, and five places are drawn."""

import html
import json
import re
from pathlib import Path
from typing import Any

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
const heading = document.getElementById(location.hash.slice(1));
setInterval(() => heading.scrollIntoView(), 100);  // a browser that takes a picture may lose the place
addEventListener("load", () => setTimeout(() => {
  const box = (part) => part.getBoundingClientRect();
  const said = {width: document.documentElement.scrollWidth, top: Math.round(box(heading).top)};
  const table = document.querySelector("#table1_sa_phenotypes ~ .wide");
  table.scrollLeft = table.scrollWidth;  // where all columns are in sight, this does nothing
  said.scrolled = table.scrollLeft;
  const last = [...table.querySelectorAll("thead th")].at(-1);
  said.last = {title: last.textContent, left: Math.round(box(last).left), right: Math.round(box(last).right)};
  table.scrollLeft = 0;
  const figure = document.querySelector("#fig5_phenotype_scatter + figure");
  const [image, caption] = [box(figure.querySelector("img")), box(figure.querySelector("figcaption"))];
  said.beside = caption.left >= image.right && caption.top < image.bottom;
  said.below = caption.top >= image.bottom && caption.width > 300;
  const button = document.querySelector("label[for=menu]"), first = document.querySelector("nav a");
  said.button = box(button).height;
  said.shut = box(first).height;
  button.click();
  said.open = box(first).height;
  const hit = document.elementFromPoint(box(first).left + 5, box(first).top + box(first).height / 2);
  said.reached = first.contains(hit);
  button.click();
  parent.postMessage(JSON.stringify(said), "*");
}, 300));
</script>
"""
FRAME = """
<body style="margin: 0">
<iframe src="{uri}" style="border: 0; width: {width}px; height: {height}px"></iframe>
<script>addEventListener("message", (event) => (document.body.dataset.said = event.data));</script>
"""
PLACES = ("headline", "table1_sa_phenotypes", "fig5_phenotype_scatter", "learning_curves", "run_card")


def _look(page: Path, place: str, width: int, folder: Path) -> tuple[dict[str, Any], np.ndarray]:
    """What the page says of itself in a window at this place, in pixels, and the window (rows, columns, RGB)."""
    outer = folder / "outer.html"
    outer.write_text(FRAME.format(uri=f"{page.as_uri()}#{place}", width=width, height=HEIGHT), encoding="utf-8")
    document, pixels = look(outer, folder, max(WIDTHS), HEIGHT)
    said = re.search(r'data-said="([^"]+)"', document)
    assert said, "the page did not load"
    return json.loads(html.unescape(said.group(1))), pixels[:HEIGHT, :width]


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
    said, pixels = _look(page, place, width, tmp_path)
    assert said["width"] <= width  # wide tables scroll in a frame of their own
    assert 0 <= said["top"] < HEIGHT // 2  # its heading is in the window, not under the bar
    dark = (pixels.max(axis=2) < 140).mean()
    assert 0.004 < dark < 0.5  # words or lines on a light ground
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20


@pytest.mark.parametrize("width", WIDTHS)
def test_columns_captions_and_the_menu_are_within_reach(page: Path, tmp_path: Path, width: int) -> None:
    said, _ = _look(page, PLACES[0], width, tmp_path)
    wide = width == max(WIDTHS)
    last = said["last"]
    assert last["title"] == "p (Holm)"
    assert 0 <= last["left"] < last["right"] <= width  # at once, or at the end of the table's own scroll bar
    assert (said["scrolled"] == 0) == wide
    assert (said["beside"], said["below"]) == (wide, not wide)
    assert (said["button"] > 30) == (not wide)  # the menu stands at the side of a wide page
    assert (said["shut"] > 0) == wide
    if not wide:
        assert said["open"] > 15
        assert said["reached"]  # nothing lies over its entries


def test_the_page_asks_nothing_of_a_network(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="https?://[^"]*\.(js|css|png|svg|woff2?)"', text)
    assert "<link" not in text
