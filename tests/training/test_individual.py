"""A model for each target against one for all at once: the same files for all that follows."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from training import toy
from vita.results.listing import main as list_models
from vita.results.models import find_models
from vita.results.validate import problems_of
from vita.runtime.errors import UserError
from vita.training import join_targets, stage3

ROOT = Path(__file__).parents[2]


def learn(cohort: toy.Toy, folder: Path, target: str | None = None) -> Path:
    """A short training, of one target or of all; returns its predictions."""
    own = cohort.stage3("sa_phenotypes", "vit", folder, epochs=2)
    stage3.main([*own, "--target", target] if target else own)
    return folder / "predictions.parquet"


def joined(paths: list[Path], output: Path) -> pd.DataFrame:
    join_targets.main(["--predictions", *map(str, paths), "--output", str(output)])
    return pd.read_parquet(output)


def test_joined_predictions_have_the_form_of_those_at_once(cohort, tmp_path):
    whole = pd.read_parquet(learn(cohort, tmp_path / "vit"))
    paths = [learn(cohort, tmp_path / f"vit-{name}", name) for name in ("LVEDV", "LVESV")]
    table = joined(paths, tmp_path / "p.parquet")
    known = ["eid", "split", "target", "truth", "class", "threshold"]
    pd.testing.assert_frame_equal(table[known], whole[known])
    assert not np.allclose(table["prediction"], whole["prediction"])
    config = json.loads((tmp_path / "vit-LVEDV/config.json").read_text())
    assert (config["target"], list(config["targets"])) == ("LVEDV", ["LVEDV"])
    with pytest.raises(UserError, match=r"two of the files .* predict LVEDV"):
        joined([paths[0], paths[0]], tmp_path / "q.parquet")


def test_a_finished_target_is_not_trained_again(cohort, tmp_path):
    learn(cohort, tmp_path / "m", "LVEDV")
    first = json.loads((tmp_path / "m/config.json").read_text())
    learn(cohort, tmp_path / "m", "LVEDV")
    assert json.loads((tmp_path / "m/config.json").read_text())["seconds"] == first["seconds"]


def test_a_target_that_nobody_knows_stops_no_other(tmp_path, capsys):
    cohort = toy.make(tmp_path / "toy")
    path = cohort.folder / "phenotypes.parquet"
    pd.read_parquet(path).assign(LVEDV=np.nan).to_parquet(path, index=False)
    models = tmp_path / "results/models/sa_phenotypes"
    paths = [learn(cohort, models / f"vit-{name}", name) for name in ("LVEDV", "LVESV")]
    assert set(joined(paths, tmp_path / "p.parquet")["target"]) == {"LVESV"}
    with pytest.raises(UserError, match="none of the targets"):
        joined(paths[:1], tmp_path / "q.parquet")
    list_models([str(tmp_path / "results")])
    assert "none" in capsys.readouterr().out
    (tmp_path / "results/cohort").mkdir()
    (tmp_path / "results/cohort/split.parquet").write_bytes(cohort.split.read_bytes())
    assert list(problems_of(tmp_path / "results", find_models(tmp_path / "results"))) == []


def test_the_papers_baselines_learn_each_target_by_themselves():
    """Section 5.2.1: every trained baseline individually, ViTa all targets at once; ten epochs of warm-up."""
    paper = yaml.safe_load((ROOT / "workflow/presets/paper.yaml").read_text())
    individual = {name for name, block in paper["systems"].items() if block.get("individual")}
    assert individual == {"resnet50", "vit", "mae"}
    stages = [paper["stage1"], paper["stage2"], paper["stage3"]["defaults"], *paper["stage3"]["tasks"].values()]
    assert {stage.get("warmup_epochs", 10) for stage in stages} == {10}
