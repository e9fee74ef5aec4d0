"""The variants of Stage I: each changes one thing, and none repeats the run's own."""

from pathlib import Path

import pytest
import yaml

import filled
from vita.plan.checking import check
from vita.plan.variants import alignments, variants
from vita.runtime.errors import UserError
from vita.training.data import planes_seen

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))


def _wanted(**lists):
    block = {key: [] for key in CONFIG["ablations"]} | {"run": True} | lists
    return variants(CONFIG | {"ablations": block, "systems": {"vita": CONFIG["systems"]["vita"]}})


def test_without_ablations_there_is_the_runs_own_and_what_systems_start_from():
    config = CONFIG | {"ablations": CONFIG["ablations"] | {"run": False}}
    assert list(variants(config)) == ["vita", "view_la", "view_sa"]
    systems = {"vita": {"init": "stage2", "tasks": ["diseases"]}, "vit": {"init": None, "view": "la", "tasks": ["age"]}}
    systems["vita_sa"] = {"init": "stage2", "view": "sa", "tasks": []}
    assert list(variants(config | {"systems": systems})) == ["vita"]


def test_frames():
    found = _wanted(frames=[5, 10])
    assert list(found) == ["vita", "frames_10"]
    assert found["frames_10"].model == {"frames": 10}
    assert [variant.rows["ablation_frames"] for variant in found.values()] == ["5", "10"]


def test_taus_and_lambdas_are_variants_of_stage_ii():
    block = CONFIG["ablations"] | {"taus": [0.1, 0.05], "lambdas": [0.25]}
    found = alignments(CONFIG | {"ablations": block})
    assert {name: variant.stage for name, variant in found.items()} == {
        "vita": {},
        "tau_0_05": {"tau": 0.05},
        "lambda_0_25": {"lambda": 0.25},
    }
    assert found["tau_0_05"].title == "tau 0.05, lambda 0.5"


def test_frames_must_fill_patches():
    config = CONFIG | {"ablations": CONFIG["ablations"] | {"frames": [10, 7]}}
    with pytest.raises(UserError, match=r"'ablations\.frames\[1\]' is 7, not a multiple of 5"):
        check(config, ROOT / "workflow" / "schemas" / "config.schema.yaml")


def test_a_variant_changes_one_thing():
    found = _wanted(mask_ratios=[0.5, 0.7, 0.725], positions=["4d", "block"], views=["la"])
    assert list(found) == ["vita", "mask_50", "mask_72_5", "positions_4d", "view_la"]
    assert [found[name].stage for name in ("mask_50", "mask_72_5")] == [{"mask_ratio": 0.5}, {"mask_ratio": 0.725}]
    assert found["positions_4d"].model == {"positions": "4d"}
    assert found["vita"].rows == {"tableA5_positional_encoding": "5D", "tableA6_masking_ratio": "0.7"}


def test_a_single_view_takes_its_planes_of_the_whole_heart():
    seen = {view: planes_seen(filled.model(**_wanted(views=[view])[f"view_{view}"].model)) for view in ("la", "sa")}
    assert seen == {"la": slice(0, 3), "sa": slice(3, 9)}
    assert planes_seen(filled.model()) == slice(0, 9)


def test_variants_from_scratch_are_not_compared_with_one_from_weights():
    config = CONFIG | {"ablations": CONFIG["ablations"]}
    schema = ROOT / "workflow" / "schemas" / "config.schema.yaml"
    check(config, schema)
    with pytest.raises(UserError, match=r"stage1\.init"):
        check(config | {"stage1": config["stage1"] | {"init": "weights"}}, schema)
