"""The run's own page: everything within it, in the order of the paper, readable at 1400 and at 420 pixels."""

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml
from PIL import Image

import filled
from report.test_tables import RESOURCES, _regression
from vita import names
from vita.report import captions, index_page, tables
from vita.runtime.errors import UserError

ROOT = Path(__file__).parents[2]
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-sync", "--virtual-time-budget=3000", "--proxy-server=127.0.0.1:9"),
)
TABLE = "table1_sa_phenotypes"
FIGURES = ("fig5_phenotype_scatter", "calibration", "learning_curves")


@pytest.fixture
def results(tmp_path, targets):
    """A run with one table, three figures and a few rules' times."""
    results = tmp_path / "results"
    (results / "cohort").mkdir(parents=True)
    split = pd.DataFrame({"split": ["train"] * 40 + ["val"] * 20 + ["test"] * 15})
    split.to_parquet(results / "cohort" / "split.parquet")
    arguments = ["--split", str(results / "cohort" / "split.parquet"), "--systems", f"{TABLE}=mean_guess,vita"]
    captions.main([*arguments, "--output", str(results / "captions.rst")])
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    config["input"]["source"] = "phantom"
    (results / "config.json").write_text(json.dumps(config))
    metrics = _regression(tmp_path, targets, "sa_phenotypes", ["LVEDV", "LVM"], mean_guess=1.0, vita=0.3)
    out = {kind: results / "tables" / f"{TABLE}.{kind}" for kind in ("csv", "md", "tex", "html")}
    out |= {"vs-paper": results / "tables" / f"{TABLE}_vs_paper.csv"}
    out |= {"vs-paper-html": results / "tables" / f"{TABLE}_vs_paper.html"}
    arguments = ["--name", TABLE, "--metrics", *map(str, metrics), "--targets", str(targets)]
    arguments += ["--paper", str(RESOURCES / "paper"), *filled.EVALUATION]
    tables.main(arguments + [text for kind, path in out.items() for text in (f"--{kind}", str(path))])
    (results / "figures").mkdir()
    for place, name in enumerate(FIGURES):
        Image.new("RGB", (900, 300), (40 * place, 90, 200)).save(results / "figures" / f"{name}.png")
    return results


def _page(results):
    output = results / "index.html"
    arguments = ["--results", str(results), "--config", str(results / "config.json")]
    index_page.main([*arguments, "--captions", str(ROOT / "workflow" / "report"), "--output", str(output)])
    return output


def test_everything_is_within_the_page_in_the_papers_order(results):
    text = _page(results).read_text(encoding="utf-8")
    anchors = re.findall(r'<h[23] id="(\w+)"', text)
    assert anchors == [
        *("headline", "tables", TABLE, "figures", "fig5_phenotype_scatter", "calibration"),
        *("training", "learning_curves", "paper", f"{TABLE}_vs_paper"),
    ]
    assert re.findall(r'<a (?:class="inner" )?href="#(\w+)"', text) == anchors
    for name in FIGURES:
        assert base64.b64encode((results / "figures" / f"{name}.png").read_bytes()).decode() in text
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', text)
    assert len(re.findall("<!doctype", text)) == 1


def test_a_comparison_without_a_printed_number_is_left_out(results):
    page = results / "tables" / "binary_features_vs_paper.html"
    page.write_text("<body>\n<h1>Binary features</h1><p>The paper prints no numbers for ViTa.</p></body>")
    assert "binary_features" not in _page(results).read_text(encoding="utf-8")


def test_figures_have_letters_of_one_size(results):
    """A figure of 900 pixels is as wide as 900 of the 1440 pixels (7.2 inches at 200 dpi) of a whole page."""
    text = _page(results).read_text(encoding="utf-8")
    assert re.findall(r'<figure style="--share: (\d+)%">', text) == ["62"] * len(FIGURES)


def test_headline_numbers_and_captions(results):
    text = _page(results).read_text(encoding="utf-8")
    row = pd.read_csv(results / "tables" / f"{TABLE}.csv").set_index("target").loc["Average"]
    assert f"Mean guess {row['mean_guess_mae']:.2f}; ViTa {row['vita_mae']:.2f}" in text
    assert row["vita_mae"] <= 0.5 * row["mean_guess_mae"]
    assert '<td class="words">ViTa at most 0.5 of the mean guess</td><td class="words">yes</td>' in text
    assert "40 training, 20 validation, 15 test" in text
    caption = text[text.index('<h3 id="calibration"') :]
    assert "Observed frequency of each disease in the test split (15 participants" in caption
    assert "|n_test|" not in text


def test_spreads_and_intervals_are_not_torn_apart(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("<body>\n<h1>T</h1>25.570 ± 17.826 0.564 (0.438–0.691) –</body>", encoding="utf-8")
    assert index_page.body(path) == "<h3>T</h3>25.570 ±\N{NO-BREAK SPACE}17.826 0.564 (0.438–\N{WORD JOINER}0.691) –"


def test_what_is_missing_is_named(results):
    (results / "captions.rst").unlink()
    with pytest.raises(UserError, match=r"captions\.rst: run the rule write_captions"):
        _page(results)


def test_a_figure_without_a_caption_is_named(results, tmp_path):
    shutil.copytree(ROOT / "workflow" / "report", tmp_path / "texts")
    (tmp_path / "texts" / "calibration.rst").unlink()
    arguments = ["--results", str(results), "--config", str(results / "config.json")]
    with pytest.raises(UserError, match=r"no caption .*calibration\.rst"):
        index_page.main([*arguments, "--captions", str(tmp_path / "texts"), "--output", str(tmp_path / "i.html")])


def test_a_caption_with_an_unknown_value_is_named(results, tmp_path):
    text = (results / "captions.rst").read_text(encoding="utf-8").replace("|n_test|", "|n_other|")
    with pytest.raises(UserError, match="uses an unknown name"):
        captions.rendered(ROOT / "workflow" / "report" / "fig5_phenotype_scatter.rst", text, {}, {})


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine: the page is not looked at")
@pytest.mark.parametrize("width", [1400, 420])
def test_nothing_is_wider_than_the_window_and_the_menu_is_within_reach(results, tmp_path, width):
    """A page of that width is an iframe, since a headless window cannot be narrower than some 500 pixels."""
    measure = """<script>
    const box = (query) => document.querySelector(query).getBoundingClientRect();
    const page = document.documentElement;
    document.getElementById("menu").checked = true;
    parent.postMessage(JSON.stringify({
      wide: page.scrollWidth, window: page.clientWidth, menu: box("nav").width, link: box("nav a").height,
      picture: box("figure img").width, caption: box("figcaption").left >= box("figure img").right,
    }), "*");
    </script></body>"""
    page = _page(results)
    page.write_text(page.read_text(encoding="utf-8").replace("</body>", measure), encoding="utf-8")
    outer = tmp_path / "outer.html"
    outer.write_text(
        '<body><pre id="found"></pre><script>onmessage = (e) => document.getElementById("found").textContent = e.data;'
        f'</script><iframe src="{page.as_uri()}" style="border:0;width:{width}px;height:900px"></iframe></body>'
    )
    browser = [str(BROWSER), *QUIET, "--window-size=1600,1000", f"--user-data-dir={tmp_path / 'profile'}"]
    run = subprocess.run([*browser, "--dump-dom", outer.as_uri()], capture_output=True, text=True, timeout=600)
    found = json.loads(re.search(r'<pre id="found">(.*?)</pre>', run.stdout).group(1))
    assert width - 20 <= found["window"] <= width
    assert found["wide"] <= found["window"]  # wide tables scroll in boxes of their own
    assert found["menu"] > 150
    assert found["link"] > 10
    assert found["picture"] > 0.5 * min(width, 900)
    assert found["caption"] == (width == 1400)  # beside the figure, or below it
    assert names.FIGURE_TITLES["calibration"] in page.read_text(encoding="utf-8")
