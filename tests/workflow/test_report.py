"""The report in a real browser: its menu, a table and a figure are drawn, from the one file, without a network."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workflow.browser import BROWSER, look

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine: the report is not looked at"),
]
# goes to a category of the menu, then opens one of its results
CLICKS = """
<script>
(async () => {
  const wait = () => new Promise((done) => setTimeout(done, 500));
  const named = (list, name) => [...list].find((one) => one.innerText.replace(/\\s+/g, " ").trim().startsWith(name));
  await wait();
  named(document.querySelectorAll("#app nav a"), CATEGORY).click();
  await wait();
  named(document.querySelectorAll("#app nav tr"), ROW).querySelector("a[iconname=eye]").click();
})();
</script>
"""


def _open(report: Path, folder: Path, category: str, row: str) -> tuple[str, np.ndarray]:
    """The report after clicks on a category and on one of its results."""
    clicks = CLICKS.replace("CATEGORY", json.dumps(category)).replace("ROW", json.dumps(row))
    before, body, after = report.read_text(encoding="utf-8").rpartition("</body>")
    page = folder / "report.html"
    page.write_text(before + clicks + body + after, encoding="utf-8")
    return look(page, folder)


def _ink(pixels: np.ndarray) -> float:
    """Share of pixels that are not white, right of the menu."""
    shown = pixels[:, pixels.shape[1] // 2 :]
    return float((shown.min(axis=2) < 200).mean())


def _embedded(document: str, tag: str) -> bytes:
    """What an element of the page, but for the menu's logo, holds in its address."""
    found = re.search(rf'<{tag}[^>]*src="data:(?!image/svg)[^"]*?base64,([^"]+)"', document)
    assert found, f"no <{tag}> in the page"
    return base64.b64decode(found.group(1))


def test_the_menu_shows_every_category(results: Path, tmp_path: Path) -> None:
    document, pixels = look(results / "report.html", tmp_path)
    menu = document[document.index("<nav") : document.rindex("</nav>")]
    for category in ("Overview", "Tables", "Figures", "Subgroups"):
        assert category in menu
    left = pixels[:, : pixels.shape[1] // 6].reshape(-1, 3).max(axis=1)
    assert len(np.unique(left)) > 50  # how dark its ground is depends on the moment: it fades in
    assert (left < 120).mean() > 0.005  # with dark words or ground


def test_a_table_is_drawn(results: Path, tmp_path: Path) -> None:
    document, pixels = _open(results / "report.html", tmp_path, "Tables", "Table 1: short-axis phenotypes this run")
    shown = _embedded(document, "iframe").decode("utf-8")
    assert shown == (results / "tables" / "table1_sa_phenotypes.html").read_text(encoding="utf-8")
    assert "<td>LVEDV (mL)</td>" in shown
    assert 0.02 < _ink(pixels) < 0.3  # text on white, not an empty frame


def test_a_caption_has_numbers_in_it(results: Path) -> None:
    counts = pd.read_parquet(results / "cohort" / "split.parquet")["split"].value_counts()
    text = (results / "report.html").read_text(encoding="utf-8")
    assert f"test split ({counts['test']} participants" in text
    assert "|n_test|" not in text
    assert "Unknown target name" not in text


@pytest.mark.parametrize(
    ("category", "row", "file"),
    [
        ("Tables", "Table 1: short-axis phenotypes beside", "tables/table1_sa_phenotypes_vs_paper.html"),
        ("Tables", "Phenotypes from masks", "metrics/mask_phenotypes/vita.html"),
        ("Tables", "Inputs that reveal a target", "tables/overlap.html"),
        ("Subgroups", "Short-axis phenotypes ViTa", "metrics/subgroups/sa_phenotypes/vita.html"),
    ],
)
def test_what_was_a_csv_is_a_page(results: Path, tmp_path: Path, category: str, row: str, file: str) -> None:
    document, pixels = _open(results / "report.html", tmp_path, category, row)
    assert _embedded(document, "iframe").decode("utf-8") == (results / file).read_text(encoding="utf-8")
    assert 0.001 < _ink(pixels) < 0.4


def test_a_figure_is_drawn(results: Path, tmp_path: Path) -> None:
    document, pixels = _open(results / "report.html", tmp_path, "Figures", "Figure 5: phenotypes")
    assert _embedded(document, "img") == (results / "figures" / "fig5_phenotype_scatter.png").read_bytes()
    assert 0.02 < _ink(pixels) < 0.5
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 100
