"""The configuration: defaults, schema and presets agree; errors name the key."""

import copy
import functools
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.utils import update_config

from presets import PRESETS, ROOT, layers
from vita.config.coercing import coerced
from vita.config.reading import read_config
from vita.config.reference import pages
from vita.config.schema import load_schema, walk
from vita.plan.checking import check
from vita.plan.systems import DISEASES, stage_settings, tasks_of, training_blocks
from vita.runtime.errors import UserError

SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"


@functools.cache
def _parsed() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "config.yaml").read_text())


def _default() -> dict[str, Any]:
    return copy.deepcopy(_parsed())


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
    for layer in layers(preset):
        update_config(config, yaml.safe_load(layer.read_text()))
    check(config, SCHEMA)


def test_config_and_reference_page_are_those_of_the_schema() -> None:
    for name, text in pages(ROOT).items():
        assert (ROOT / name).read_text(encoding="utf-8") == text, f"{name}: run `python -m vita.config.reference`"


def test_every_key_is_described_and_has_a_default() -> None:
    """All but a rule's resources, whose name says enough, and names that the user chooses."""
    config = _default()
    for name, part in walk(load_schema(SCHEMA)):
        if "*" in name or "properties" in part or name.startswith(("resources.", "images.masks")):
            continue
        assert part.get("description"), f"{name} has no description"
        value: Any = config
        for key in name.split("."):
            value = value[key]
        assert value == part["default"], name


def test_every_value_out_of_range_is_refused_with_the_key_and_the_range() -> None:
    """For each key with a lower or an upper limit, a value beyond it."""
    tried = 0
    for name, part in walk(load_schema(SCHEMA)):
        for limit, beyond in (("minimum", -1), ("exclusiveMinimum", 0), ("maximum", 1), ("exclusiveMaximum", 0)):
            if limit in part and "*" not in name and not name.startswith("resources."):
                value = part[limit] + beyond
                with pytest.raises(UserError) as error:
                    check(_with(name, value), SCHEMA)
                assert f"'{name}' is {value}, which is not allowed; it must be a" in str(error.value)
                assert str(part[limit]) in str(error.value).partition("must be")[2]
                tried += 1
    assert tried > 60


def test_a_misspelt_key_is_recognised_at_any_depth() -> None:
    tried = 0
    for name, part in walk(load_schema(SCHEMA)):
        if "*" in name or "." not in name or name.startswith("images.masks"):
            continue
        with pytest.raises(UserError, match="unknown key") as error:
            check(_with(name + "x", part.get("default")), SCHEMA)
        assert f"unknown key '{name}x'; did you mean '{name}'?" in str(error.value)
        tried += 1
    assert tried > 150


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("images.shard_counts", 4, "unknown key 'images.shard_counts'; did you mean 'images.shard_count'?"),
        (
            "stage1.mask_ratio",
            1.5,
            "'stage1.mask_ratio' is 1.5, which is not allowed; it must be a number of at least 0 and below 1",
        ),
        ("stage1.epochs", 0, "'stage1.epochs' is 0, which is not allowed; it must be a whole number of at least 1"),
        ("labels.timing", "incidents", "choose ever or prevalent or incident; did you mean incident?"),
        (
            "labels.codes",
            {"infarkt": ["I21"]},
            "unknown key 'labels.codes.infarkt'; did you mean 'labels.codes.infarct'?",
        ),
        ("labels.codes", {"high_blood_pressure": ["I10"]}, "known here: cad, diabetes, hypertension, infarct, stroke"),
        (
            "labels.codes",
            {"infarct": []},
            "it must be a list of at least one entry, each text such as I252, I21, I20-I25",
        ),
        ("labels.codes", {"infarct": ["I21", "I21"]}, "it must not repeat an entry"),
        (
            "labels.codes",
            {"infarct": ["I21", "I25.2"]},
            "'labels.codes.infarct.1' is \"I25.2\", which is not allowed; it must be text such as I252, I21, I20-I25",
        ),
        (
            "labels.codes",
            {"infarct": ["I21", "I299"]},
            "'labels.codes.infarct': ICD-10 entry 'I299' is not a code, parent",
        ),
        ("seed", "x", "'seed' is \"x\", which is not allowed; it must be a whole number from 0"),
        (
            "stage3.lr",
            1e-3,
            "unknown key 'stage3.lr'; did you mean 'stage3.defaults.lr'?",
        ),
        ("stage1.shards", 2, "unknown key 'stage1.shards'; known here: augment, autocontrast, batch"),
        ("stage3.tasks.segmentatoin", {}, "unknown key 'stage3.tasks.segmentatoin'; did you mean"),
        ("systems.vitae", {"tasks": []}, "unknown key 'systems.vitae'; did you mean 'systems.vita'?"),
        ("systems.vita", {"init": "stage2"}, "'systems.vita.tasks' is not set; it must be"),
        ("systems.vita.stage", {"batches": 4}, "unknown key 'systems.vita.stage.batches'; did you mean"),
        ("images.required_views", ["sa", "sa"], "it must not repeat an entry"),
        ("images.required_views", [], "it must be a list of at least one entry, each sa or"),
        ("model.patch", [5, 8], "it must be a list of length 3, each a whole number of at least 1"),
        (
            "phantom.pixel_mm",
            20,
            "'phantom.pixel_mm' is 20, which is not allowed; it must be a number from 0.5 to 10 (mm)",
        ),
        ("resources.account", "", "it must not be empty; use null for none"),
        ("model.heads", 4, "'model.width' is 105, not a multiple of 4, the 'model.heads'"),
        ("model.width", 110, "'model.width' is 110; it must be 1 (view) more than a multiple of 8"),
        ("model.frames", 40, "'model.frames' is 40, but 'images.frames' keeps only 20"),
        ("model.frames", 3, "'model.frames' is 3, not a multiple of 5 in 'model.patch'"),
        ("stage1.frames", 40, "'stage1.frames' is 40, but 'images.frames' keeps only 20"),
        ("stage2.frames", 12, "'stage2.frames' is 12, not a multiple of 5 in 'model.patch'"),
        ("stage3.tasks.segmentation.frames", 7, "'stage3.tasks.segmentation.frames' is 7, not a multiple of 5"),
        ("systems.resnet50.stage.frames", 25, "'systems.resnet50.stage.frames' is 25, but 'images.frames' keeps only"),
        ("images.size", 50, "'images.size' is 50, not a multiple of 12 in 'model.patch'"),
        (
            "images.size",
            60,
            "'images.size' is 60, not a multiple of 8, the coarsest resolution of the decoder",
        ),
        ("input.source", "files", "'input.scans' names no folder"),
        ("split.test", 0.9, "leaves nobody to train on"),
        (
            "systems.nnunet",
            {"tasks": ["segmentation", "diseases"]},
            "'systems.nnunet.tasks' may name only segmentation",
        ),
        (
            "nnunet.views",
            ["la_3ch"],
            "'nnunet.views.0' is \"la_3ch\", which is not allowed; choose sa or la_2ch or la_4ch",
        ),
        ("systems.vita_sa.view", None, "'systems.vita_sa.view' is null, but its name says \"sa\""),
        ("systems.vita.view", "la", "'systems.vita.view' is \"la\", but its name says null"),
        ("stage3.defaults.loss", "dice", "'stage3.defaults.loss' is dice, a loss of masks"),
        ("model.segmenter_hidden", 580, "'model.segmenter_hidden' is 580"),
        ("systems.vita.individual", True, "`vita predict` applies one model per task"),
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


@pytest.mark.parametrize(
    ("path", "written", "meant"),
    [
        ("stage1.lr", "1e-4", 1e-4),
        ("stage1.epochs", "3", 3),
        ("stage1.frames", "null", None),
        ("stage1.augment", "True", True),
        ("training.precision", 32, "32"),
        ("cohort.instance", "3", 3),
        ("model.patch", ["5", "8", "8"], [5, 8, 8]),
        ("systems.vit.stage", {"lr": "5e-4"}, {"lr": 5e-4}),
        ("systems.vit.view", "null", None),
        ("split.val", "0.25", 0.25),
    ],
)
def test_a_value_whose_meaning_is_certain_gets_its_type(path: str, written: Any, meant: Any) -> None:
    config = _with(path, written)
    check(config, SCHEMA)
    expected = _with(path, meant)
    assert config == expected
    value = config
    for key in path.split("."):
        value = value[key]
    assert type(value) is type(meant)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("stage1.epochs", "three"),
        ("stage1.epochs", "3.5"),
        ("stage1.lr", "nan"),
        ("stage1.augment", "1"),
        ("stage1.augment", 1),
        ("training.precision", 16),
        ("stage1.frames", "None"),
    ],
)
def test_any_other_value_of_a_wrong_type_is_refused(path: str, value: Any) -> None:
    with pytest.raises(UserError, match=f"'{path}' is "):
        check(_with(path, value), SCHEMA)


def test_what_may_be_text_stays_text_and_what_is_right_stays_as_it_is() -> None:
    schema = load_schema(SCHEMA)
    assert coerced(_default(), schema) == _default()
    for path, value in {"input.scans": "123", "training.wandb": "true", "input.tables": ["7"]}.items():
        assert coerced(_with(path, value), schema) == _with(path, value)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (b"seed: 1\nstage1: {epochs: 3, epochs: 4}\n", "line 2: 'epochs' is already in line 2; remove one"),
        (b"seed: 1\nstage1:\n  lr: 0.1\n\n  lr: 0.2\n", "line 5: 'lr' is already in line 3"),
        (b"labels:\n- {a: 1}\n- {b: 1, b: 2}\n", "line 3: 'b' is already in line 3"),
        (b"seed: 1\nstage1:\n\tepochs: 3\n", "line 3: a tab; YAML is indented with spaces only"),
        (b"", "the configuration is empty"),
        (b"# nothing but a comment\n", "the configuration is empty"),
        ("seed: 1\n# K\u00f6ln\n".encode("latin-1"), "line 2: byte 0xf6 is not UTF-8"),
        (b"seed: 1\nstage1: {epochs: 3\n", "not valid YAML: "),
        (b"- 1\n", "line 1: a configuration consists of keys with values"),
        (b"!!python/object:os.system {}\n", "not valid YAML: "),
    ],
)
def test_a_mistake_in_a_file_is_one_line_with_its_place(written: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_bytes(written)
    with pytest.raises(UserError) as error:
        read_config(tmp_path / "own.yaml")
    assert str(error.value).startswith(f"{tmp_path}/own.yaml")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_without_mistakes_is_read_as_yaml_reads_it(tmp_path: Path) -> None:
    for path in (ROOT / "config.yaml", *PRESETS):
        assert read_config(path) == yaml.safe_load(path.read_text(encoding="utf-8"))
    (tmp_path / "own.json").write_text('{"seed": 1, "split": {"val": 0.1}}')
    assert read_config(tmp_path / "own.json") == {"seed": 1, "split": {"val": 0.1}}
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_config(tmp_path / "none.yaml")
