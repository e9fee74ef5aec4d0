"""The rule that lets the network go on learning: whom it learns from, and one short run to masks drawn with it."""

import json
import os
import shutil
import signal
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
from vita.contouring import adapt_contours, adapting, card, make_masks, network
from vita.contouring.adapt_contours import chosen
from vita.contouring.crossing import crossing
from vita.contouring.resuming import beside
from vita.contouring.taking import read_pictures
from vita.images.folders import find_participants
from vita.runtime import state
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


def settings(source="both", **adapt):
    masks = {"source": source, "adapt": {"steps": 1, "people": 1} | adapt}
    own = whole(images={"instance": 2, "masks": masks}, seed=7)
    return json.dumps({name: own[name] for name in ("seed", "split", "images")})


@pytest.fixture
def short(monkeypatch):
    for name, value in {"JUDGED_HEARTS": 1, "JUDGED_BATCHES": 1, "HALF": 2, "STATE_STEPS": 1}.items():
        monkeypatch.setattr(adapt_contours, name, value)


def test_a_short_run_is_the_same_again_and_draws_masks(short, scans, tmp_path):
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


class Killed(BaseException):
    pass


def run(scans, path, **adapt):
    own = settings("both", steps=3, **adapt)
    adapt_contours.main(["--scans", str(scans), "--settings", own, "--output", str(path)])


def stopped(monkeypatch, step, how, *arguments, **adapt):
    """A run to which something happens within this step."""
    original, count = adapting._SelfTraining.step, []

    def spied(self, *batch):
        count.append(1)
        if len(count) == step:
            how()
        return original(self, *batch)

    with monkeypatch.context() as patch:
        patch.setattr(adapting._SelfTraining, "step", spied)
        run(*arguments, **adapt)


def kill():
    raise Killed


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("cross_view", ["none", "mask"])
def test_a_killed_run_goes_on_bit_by_bit(short, scans, tmp_path, monkeypatch, cross_view):
    """Killed within the third step, and asked to stop within the second, which is then done."""
    heard = signal.getsignal(signal.SIGTERM)
    paths = [tmp_path / name / "contours.safetensors" for name in ("whole", "killed", "stopped")]
    run(scans, paths[0], cross_view=cross_view)
    with pytest.raises(Killed):
        stopped(monkeypatch, 3, kill, scans, paths[1], cross_view=cross_view)
    monkeypatch.setattr(adapt_contours, "STATE_STEPS", 100)
    with pytest.raises(SystemExit) as ended:
        stopped(monkeypatch, 2, terminate, scans, paths[2], cross_view=cross_view)
    assert ended.value.code == 143
    assert signal.getsignal(signal.SIGTERM) == heard
    for path in paths[1:]:
        identity, record = state.read(beside(path))
        assert record["step"] == 2
        assert identity["images"]["masks"]["adapt"]["cross_view"] == cross_view
        assert not path.exists()
        run(scans, path, cross_view=cross_view)
        one, two = load_file(paths[0]), load_file(path)
        assert all(torch.equal(one[name], two[name]) for name in one.keys() | two.keys())
        assert {each.name for each in path.parent.iterdir()} == {"contours.safetensors", "MODEL_CARD.md"}


def test_after_the_last_step_nothing_is_learnt_again(short, scans, tmp_path, monkeypatch):
    path = tmp_path / "contours.safetensors"
    with monkeypatch.context() as patch:
        patch.setattr(card, "write_adapted", lambda *_: kill())
        with pytest.raises(Killed):
            run(scans, path)
    monkeypatch.setattr(adapting._SelfTraining, "step", lambda *_: pytest.fail("learnt again"))
    run(scans, path)
    assert path.is_file()
    assert not beside(path).exists()


def test_the_state_of_another_configuration_is_refused_and_of_other_scans_not_used(
    short, scans, tmp_path, monkeypatch, caplog
):
    path = tmp_path / "contours.safetensors"
    with pytest.raises(Killed):
        stopped(monkeypatch, 2, kill, scans, path)
    with pytest.raises(UserError, match=r"'images.masks.adapt.sure' 0.9, but now it is 0.8; set it back to continue"):
        run(scans, path, sure=0.8)
    fewer = tmp_path / "scans"
    shutil.copytree(scans, fewer)
    for view in fewer.glob("*/la_4ch.nii.gz"):
        view.unlink()
    run(fewer, path)
    assert "its unfinished training used other data (data.pictures): training from scratch" in caplog.text
    run(fewer, tmp_path / "new.safetensors")
    one, two = load_file(path), load_file(tmp_path / "new.safetensors")
    assert all(torch.equal(one[name], two[name]) for name in one.keys() | two.keys())


@pytest.mark.parametrize("together", [False, True])
def test_views_are_taken_at_the_same_moments_where_they_are_to_be_compared(scans, together):
    """Six frames: of each person two of them, half a cycle apart, for every slice; or any two for each slice."""
    people = dict(list(find_participants(scans, frozenset(), 2).items())[:2])
    own = filled.images(masks={"source": "model"})
    found = read_pictures(
        adapt_contours._rows(people, own), own, network.load(), np.random.default_rng(2), together=together
    )
    places = found.places
    assert len(found) == 2 * (4 + 3) * 2
    assert places.people_n.tolist() == [0] * 14 + [1] * 14
    moments = [set((6 * places.phases_n[places.people_n == who]).round().int().tolist()) for who in (0, 1)]
    assert all((len(each) == 2) == together for each in moments)
    if together:
        assert all(max(each) - min(each) == 3 for each in moments)
    one, _ = crossing(places, torch.arange(len(found)))
    assert (len(one) == 2 * 2 * (2 * 4 * 3 + 3 * 2)) == together  # people, moments, pairs of views


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
