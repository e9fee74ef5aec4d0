"""The configuration: defaults, schema and presets agree; errors name the key."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.utils import update_config

from vita.config import DISEASES, check, stage_settings, tasks_of, training_blocks
from vita.errors import UserError

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"
PRESETS = sorted((ROOT / "workflow" / "presets").glob("*.yaml"))


def _default() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "config.yaml").read_text())


def _with(path: str, value: Any) -> dict[str, Any]:
    config = _default()
    *parents, last = path.split(".")
    block = config
    for key in parents:
        block = block[key]
    block[last] = value
    return config


def test_the_default_is_valid() -> None:
    check(_default(), SCHEMA)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.stem)
def test_presets_are_valid(preset: Path) -> None:
    config = _default()
    update_config(config, yaml.safe_load(preset.read_text()))
    check(config, SCHEMA)


def _keys(schema: dict[str, Any], config: dict[str, Any], where: str = "") -> None:
    optional = {"images.masks"}
    known = {f"{where}{key}" for key in schema["properties"]} - optional
    assert known == {f"{where}{key}" for key in config}, "schema and config.yaml name different keys"
    for key, block in schema["properties"].items():
        if isinstance(block, dict) and "properties" in block and key != "stage3":
            _keys(block, config[key], f"{where}{key}.")


def test_schema_and_defaults_name_the_same_keys() -> None:
    schema = yaml.safe_load(SCHEMA.read_text())
    _keys(schema, _default())
    assert set(schema["$defs"]["stage3"]["properties"]) == set(_default()["stage3"]["defaults"])


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("images.shard_counts", 4, "unknown key 'images.shard_counts'; did you mean 'images.shard_count'?"),
        ("stage1.mask_ratio", 1.5, "'stage1.mask_ratio' is 1.5, which is not allowed; it must be below 1"),
        ("stage1.epochs", 0, "'stage1.epochs' is 0, which is not allowed; it must be at least 1"),
        ("labels.timing", "never", "choose ever or prevalent or incident"),
        ("seed", "x", "it must be of type integer"),
        ("model.heads", 4, "'model.width' is 105, not a multiple of 4, the 'model.heads'"),
        ("model.width", 110, "'model.width' is 110; it must be 1 (view) more than a multiple of 8"),
        ("model.frames", 40, "'model.frames' is 40, but 'images.frames' keeps only 20"),
        ("model.frames", 3, "'model.frames' is 3, not a multiple of 5 in 'model.patch'"),
        ("stage1.frames", 40, "'stage1.frames' is 40, but 'images.frames' keeps only 20"),
        ("stage2.frames", 12, "'stage2.frames' is 12, not a multiple of 5 in 'model.patch'"),
        ("stage3.tasks.segmentation.frames", 7, "'stage3.tasks.segmentation.frames' is 7, not a multiple of 5"),
        ("systems.resnet50.stage.frames", 25, "'systems.resnet50.stage.frames' is 25, but 'images.frames' keeps only"),
        ("images.size", 50, "'images.size' is 50, not a multiple of 12 in 'model.patch'"),
        ("input.source", "files", "'input.scans' names no folder"),
        ("split.test", 0.9, "leaves nobody to train on"),
    ],
)
def test_mistakes_are_named(path: str, value: Any, message: str) -> None:
    with pytest.raises(UserError) as error:
        check(_with(path, value), SCHEMA)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_files_without_a_table_need_products_scans() -> None:
    config = _with("input", {"source": "files", "tables": [], "withdrawals": None, "scans": "somewhere"})
    with pytest.raises(UserError, match=r"set 'products' to scans"):
        check(config, SCHEMA)
    config["products"] = "scans"
    check(config, SCHEMA)


def test_diseases_stand_for_six_tasks() -> None:
    assert [task for task in tasks_of(_default(), "vita") if task.startswith("disease_")] == [
        f"disease_{name}" for name in DISEASES
    ]


def test_later_layers_of_stage3_win() -> None:
    config = copy.deepcopy(_default())
    config["stage3"]["tasks"] = {"diseases": {"lr": 0.1, "batch": 4}, "disease_cad": {"lr": 0.2}}
    config["systems"]["resnet50"]["stage"] = {"batch": 2}
    settings = stage_settings(config, "disease_cad", "resnet50")
    default = config["stage3"]["defaults"]
    assert (settings["lr"], settings["batch"], settings["epochs"]) == (0.2, 2, default["epochs"])


def test_a_stage_has_its_own_frames_or_those_of_the_model() -> None:
    config = _with("stage3.tasks.diseases.frames", 10)
    assert training_blocks(config, config["stage1"])["model"]["frames"] == config["model"]["frames"]
    blocks = training_blocks(config, stage_settings(config, "disease_cad", "vita"))
    assert (blocks["model"]["frames"], blocks["model"]["size"]) == (10, config["images"]["size"])
    assert not {"frames", "init", "checkpointing"} & set(blocks["stage"])
