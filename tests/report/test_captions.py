import re
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml

from vita import names
from vita.report import captions as captions_of

ROOT = Path(__file__).parents[2]
# about no participants, or about people of a sample
SIZELESS = ("run_card", "run_times", "scan_quality", "plane_intersections")
SETTINGS = {"halt_level": 2, "report_level": 2, "output_encoding": "unicode"}
CAPTIONS = sorted((ROOT / "workflow" / "report").glob("*.rst"))


@pytest.fixture
def captions(tmp_path, monkeypatch):
    """The file that captions include, in the folder of a run."""
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"split": ["train"] * 40 + ["val"] * 20 + ["test"] * 7}).to_parquet("split.parquet")
    tables = [f"{table}=vita,own_system" for table in names.TABLE_TITLES]
    captions_of.main(["--split", "split.parquet", "--systems", *tables, "--output", "results/captions.rst"])


@pytest.mark.parametrize("source", ["phantom", "files"])
@pytest.mark.parametrize("path", CAPTIONS, ids=lambda path: path.stem)
@pytest.mark.usefixtures("captions")
def test_caption_renders(path, source):
    jinja2 = pytest.importorskip("jinja2")
    core = pytest.importorskip("docutils.core")
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    config["input"]["source"] = source
    job = SimpleNamespace(
        config=config,
        wildcards=SimpleNamespace(
            table="table4_diseases", task="sa_phenotypes", model="vita", ablation="tableA6_masking_ratio"
        ),
    )
    template = jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(path.read_text(encoding="utf-8"))
    text = template.render(snakemake=job)
    html = core.publish_string(text, writer="html5", settings_overrides=SETTINGS)
    assert len(html) > 200
    words = re.sub(r"<[^>]+>", "", html)
    assert "|" not in words
    if path.stem not in SIZELESS:
        assert re.search(r"\b(40|20|67)\b|&lt;10", words)
    assert ("phantom" in text) <= (source == "phantom")


@pytest.mark.parametrize(("table", "tested"), [("tableC8_cohort", False), ("table1_sa_phenotypes", True)])
def test_a_caption_speaks_of_tests_only_where_the_table_has_them(table, tested, captions):
    values = Path("results/captions.rst").read_text(encoding="utf-8")
    words = captions_of.rendered(ROOT / "workflow" / "report" / "table.rst", values, {}, {"table": table})
    assert ("Wilcoxon" in words) == tested
    assert names.TABLE_TITLES[table] in words


def test_every_figure_has_a_caption():
    assert len(names.FIGURES) == 21
    assert {figure.name for figure in names.FIGURES} <= {path.stem for path in CAPTIONS}
