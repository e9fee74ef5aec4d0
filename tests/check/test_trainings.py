"""Trainings before a run: sizes of splits, and differential privacy, where each key that excludes it is named."""

import pytest

from vita.check import trainings
from vita.config.blocks import whole
from vita.training import private

DP = {"noise": 1.0, "clip": 1.0, "delta": 1e-5}
SYSTEMS = {"vita": {"init": "stage2", "tasks": ["sa_phenotypes", "diseases"]}}


def texts(**changes) -> list[str]:
    config = whole(**changes)
    config["systems"] = changes["systems"]
    return [finding.text for finding in trainings.private_findings(config)]


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    monkeypatch.setattr(private, "available", lambda: True)


def test_a_part_of_one_person_is_refused_but_in_tiny_cohorts() -> None:
    """Of two real hearts, one trains and one validates; of eleven people, 1 may be meant as a share of all."""
    config = whole(products="scans", split={"val": 1, "test": 0}, phantom={"labelled": 1}, stage1={"batch": 1})
    assert list(trainings.split_findings(config, 2)) == []
    assert list(trainings.split_findings(config, 10)) == []
    (finding,) = trainings.split_findings(config, 11)
    assert "'split.val' is 1, which is 1 of 11 participants" in str(finding)


def test_the_default_run_has_nothing_to_refuse() -> None:
    assert not list(trainings.private_findings(whole()))


def test_the_defaults_do_not_go_with_it() -> None:
    found = texts(systems=SYSTEMS, stage3={"defaults": {"dp": DP}})
    assert len(found) == 2
    assert found[0].startswith("config: 'stage3.defaults.dp' is set, but 'stage3.defaults.head' is ridge")
    assert found[1].startswith("config: 'stage3.defaults.dp' is set, but 'stage3.defaults.optimizer' is muon")


def test_keys_are_named_where_they_stand() -> None:
    right = {"dp": DP, "head": "mlp", "optimizer": "adamw"}
    assert not texts(systems=SYSTEMS, stage3={"defaults": right})
    tasks = {"diseases": {"imbalance": "sampling"}}
    found = texts(systems=SYSTEMS, stage3={"defaults": right, "tasks": tasks})
    assert len(found) == 1
    assert "'stage3.tasks.diseases.imbalance' is sampling" in found[0]
    own = {"vita": SYSTEMS["vita"] | {"stage": {"probe_epochs": 3}}}
    assert "'systems.vita.stage.probe_epochs' is 3" in texts(systems=own, stage3={"defaults": right})[0]
    several = texts(systems=SYSTEMS, stage3={"defaults": right}, training={"nodes": 2})
    assert several == [
        "config: 'stage3.defaults.dp' is set, but 'training.nodes' is 2, and noise is drawn in one process; set it to "
        "1, or set the first to null"
    ]


def test_systems_and_tasks_without_private_training_are_named() -> None:
    right = {"dp": DP, "head": "mlp", "optimizer": "adamw"}
    systems = {
        "vita": {"init": "stage2", "tasks": ["segmentation"]},
        "resnet50": {"init": None, "tasks": ["sa_phenotypes"]},
    }
    segmenting, mixing = texts(systems=systems, stage3={"defaults": right})
    assert "set 'stage3.tasks.segmentation.dp' to null" in segmenting
    assert "set 'systems.resnet50.stage.dp' to null" in mixing
    systems["resnet50"]["stage"] = {"dp": None}
    assert not texts(systems=systems, stage3={"defaults": right, "tasks": {"segmentation": {"dp": None}}})


def test_a_missing_package_is_named(monkeypatch) -> None:
    monkeypatch.setattr(private, "available", lambda: False)
    right = {"dp": DP, "head": "mlp", "optimizer": "adamw"}
    assert texts(systems=SYSTEMS, stage3={"defaults": right}) == [
        "config: 'stage3.defaults.dp' needs opacus, which is missing; install it with pip install 'vita[privacy]', or "
        "set it to null"
    ]
