"""The guide's page on Python runs as it is printed, and its numbers are those of the run."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from training import toy
from vita.evaluation import embeddings
from vita.training import stage1, stage2

GUIDE = Path(__file__).parents[2] / "workflow" / "guides" / "python.md"


def script() -> str:
    (block,) = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return block


def test_it_is_a_page() -> None:
    code = [line for line in script().splitlines() if line and not line.startswith(("import", "from"))]
    assert len(code) <= 20


def test_it_gives_what_the_run_gives(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, aligned = results / "cohort", results / "models" / "stage2" / "vita"
    cohort = toy.Toy(folder, sorted(folder.glob("*.npz")), folder / "split.parquet")
    (results / "images").mkdir()
    (results / "images" / "shards").symlink_to(folder)
    stage1.main(cohort.arguments("stage1", tmp_path / "stage1", epochs=1))
    stage2.main([*cohort.arguments("stage2", aligned, epochs=1), "--init", str(tmp_path / "stage1")])
    embeddings.embed(aligned, cohort.shards, cohort.split, toy.blocks(), tmp_path / "embeddings.parquet")

    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    names: dict[str, Any] = {}
    exec(compile(script(), str(GUIDE), "exec"), names)

    assert len(names["eids"]) > 5
    of_run = pd.read_parquet(tmp_path / "embeddings.parquet").query("section == 0").set_index("eid")["vector"]
    np.testing.assert_allclose(names["vectors"], np.stack(of_run.loc[names["eids"]]), rtol=1e-4, atol=1e-5)
    known = pd.read_parquet(results / "predictions" / "sa_phenotypes" / "vita.parquet")
    known = known.set_index(["eid", "target"])["prediction"]
    for eid, rows in zip(names["eids"], names["predictions"], strict=True):
        assert {row["target"]: row["value"] for row in rows} == pytest.approx(dict(known[eid]), rel=1e-4)
    assert "LVEDV" in capsys.readouterr().out
