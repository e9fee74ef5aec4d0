"""The rule that lets the network go on learning: whom it learns from, and one short run to masks drawn with it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

import filled
from contouring import hearts
from vita.check.configuration import contradictions
from vita.check.masks import adapt_findings
from vita.cohort.split_table import share_of_each
from vita.config.blocks import whole
from vita.contouring import adapt_contours, make_masks, network
from vita.contouring.adapt_contours import chosen
from vita.images.folders import find_participants
from vita.runtime.errors import UserError

SPLIT = whole()["split"] | {"val": 0.15, "test": 0.2, "held_out": None}

RESOURCES = Path(__file__).parents[2] / "workflow" / "resources"


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    root = tmp_path_factory.mktemp("scans")
    hearts.write(root, 6)
    return root


def test_nobody_who_may_be_in_test_is_learnt_from(scans):
    everybody = find_participants(scans, frozenset(), 2)
    eids = np.array(sorted(everybody))
    free = set(eids[share_of_each(eids, "7 test") >= 0.35])
    assert set(chosen(everybody, filled.images(), SPLIT, 7, 100)) == free
    with pytest.raises(UserError, match="since the split holds them out"):
        chosen(everybody, filled.images(), SPLIT | {"held_out": 0.999999}, 7, 100)


def settings(source="both"):
    own = whole(images={"instance": 2, "masks": {"source": source, "adapt": {"steps": 1, "people": 1}}}, seed=7)
    return json.dumps({name: own[name] for name in ("seed", "split", "images")})


def test_a_short_run_is_the_same_again_and_draws_masks(scans, tmp_path, monkeypatch):
    for name, value in {"JUDGED_HEARTS": 1, "JUDGED_BATCHES": 1, "HALF": 2}.items():
        monkeypatch.setattr(adapt_contours, name, value)
    paths = [tmp_path / name / "contours.safetensors" for name in ("one", "two")]
    for path in paths:
        adapt_contours.main(["--scans", str(scans), "--settings", settings(), "--output", str(path)])
    one, two = (load_file(path) for path in paths)  # safetensors writes facts in any order
    assert all(torch.equal(one[name], two[name]) for name in one.keys() | two.keys())
    assert network.facts_of(paths[0]) == network.facts_of(paths[1])
    assert network.facts_of(paths[0])["data"] == "synthetic, then scans of a cohort"
    assert {path.name for path in paths[0].parent.iterdir()} == {"contours.safetensors", "MODEL_CARD.md"}
    table = tmp_path / "masks" / "scores" / "00000.parquet"
    where = ["--scans", str(scans), "--shard", "0", "--shards", "6", "--masks", str(tmp_path / "masks")]
    make_masks.main([*where, "--settings", settings("model"), "--weights", str(paths[0]), "--table", str(table)])
    assert set(pd.read_parquet(table).columns) == set(make_masks.COLUMNS)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"source": "files"}, "'images.masks.source' is files"),
        ({"source": "model", "command": "draw {scan} {mask}"}, "'images.masks.command' draws every view"),
        ({"source": "both"}, None),
    ],
)
def test_learning_that_would_not_be_used_is_refused_while_the_workflow_is_read(changes, said):
    config = whole(images={"masks": changes | {"adapt": {"steps": 5}}})
    found = [str(each) for each in adapt_findings(config)]
    assert len(found) == (said is not None)
    assert all(said in each for each in found)
    assert [str(each) for each in contradictions(config, RESOURCES)] == found


def test_people_of_whom_all_are_tested_are_not_learnt_from():
    config = whole(images={"masks": {"source": "both", "adapt": {"steps": 5}}}, apply={"models": "trained"})
    (found,) = contradictions(config, RESOURCES)
    assert "'apply.models' is set" in str(found)
