from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CAPTIONS = sorted((ROOT / "workflow" / "report").glob("*.rst"))


@pytest.mark.parametrize("source", ["phantom", "files"])
@pytest.mark.parametrize("path", CAPTIONS, ids=lambda path: path.stem)
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
    html = core.publish_string(text, writer="html5", settings_overrides={"halt_level": 2, "report_level": 2})
    assert len(html) > 200
    assert ("phantom" in text) <= (source == "phantom")


def test_every_figure_has_a_caption():
    figures = {path.stem for path in (ROOT / "src" / "vita" / "figures").glob("*.py")}
    drawn = {name for name in figures if "--svg" in (ROOT / f"src/vita/figures/{name}.py").read_text(encoding="utf-8")}
    assert len(drawn - {"style"}) >= 11
    assert drawn - {"style"} <= {path.stem for path in CAPTIONS}
