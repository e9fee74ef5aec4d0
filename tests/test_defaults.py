"""The configuration's models alone have defaults: no class of settings, and nobody who reads `--settings`, has one."""

import ast
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from vita.cohort.settings import CohortSettings, LabelSettings
from vita.config.blocks import block, check_complete, needed, whole
from vita.config.reading import read_config
from vita.config.schema import load_schema
from vita.images.quality_rules import RULES, Quality
from vita.images.settings import ImageSettings
from vita.models.settings import NOT_CONFIGURED, ModelSettings
from vita.phantom.settings import PhantomSettings
from vita.plan.systems import training_blocks
from vita.runtime import cli
from vita.runtime.errors import UserError
from vita.training.settings import FOREIGN, StageSettings, TrainingSettings

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = load_schema(ROOT / "workflow" / "schemas" / "config.schema.yaml")
OWN = {
    # what a rule gives from elsewhere: the resources of its job
    TrainingSettings: {"threads", "devices"},
    # for ablations, published weights and experiments from Python: no keys of the configuration
    ModelSettings: NOT_CONFIGURED,
}
SETTINGS = [CohortSettings, LabelSettings, ImageSettings, Quality, PhantomSettings, ModelSettings, TrainingSettings]


@pytest.mark.parametrize("kind", [*SETTINGS, StageSettings], ids=lambda kind: kind.__name__)
def test_a_class_of_settings_has_no_default(kind: type[Any]) -> None:
    absent = (dataclasses.MISSING, dataclasses.MISSING)
    found = {each.name for each in dataclasses.fields(kind) if (each.default, each.default_factory) != absent}
    assert found == set(OWN.get(kind, ()))


def test_every_class_of_settings_is_among_them() -> None:
    """By name: a new one is to be listed here."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "src" / "vita").rglob("*.py")]
    names = [node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    known = {kind.__name__ for kind in [*SETTINGS, StageSettings]} | {
        "Settings"
    }  # that of a training: blocks of others
    assert {name for name in names if name.endswith("Settings")} | {"Quality"} == known


# (module, key) of a default on purpose
ALLOWED = {
    ("vita/images/settings.py", "instance"),  # needed where scans are looked for, which raises without it
    ("vita/cohort/split.py", "apply"),  # a block that only a run with trained models has
}


def test_nobody_who_reads_settings_puts_a_default_there() -> None:
    """`settings.get("key", ...)` would; `vita.config.blocks.needed` raises instead."""
    found = set()
    for path in (ROOT / "src" / "vita").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
                read, name = ast.unparse(node.func.value), node.args[0]
                if read.partition(".get(")[0].endswith("settings") or (read == "block" and "settings" in path.name):
                    found.add((path.relative_to(ROOT / "src").as_posix(), ast.literal_eval(name)))
    # of a block whose completeness is checked next, so that the message names its first key
    whole_blocks = {("vita/images/settings.py", "images"), ("vita/phantom/settings.py", "phantom")}
    assert found == ALLOWED | whole_blocks


@pytest.mark.parametrize("stage", FOREIGN)
def test_a_stage_has_values_of_its_own_for_keys_alone_that_its_block_lacks(stage: str) -> None:
    part = SCHEMA["properties"][stage]["properties"]
    part = part["defaults"]["properties"] if stage == "stage3" else part
    keys = {{"lambda": "lam"}.get(key, key) for key in part} - {"init", "start", "frames", "checkpointing"}
    assert keys == {each.name for each in dataclasses.fields(StageSettings)} - set(FOREIGN[stage])


def test_rules_of_quality_are_those_of_the_schema() -> None:
    assert {*RULES, "exclude"} == set(SCHEMA["properties"]["images"]["properties"]["quality"]["properties"])


def test_the_whole_configuration_is_the_default_run() -> None:
    assert whole() == read_config(ROOT / "config.yaml")
    changed = whole(
        seed=3, images={"quality": {"saturated": 0.5}, "required_views": ["sa"]}, labels={"codes": {"cad": ["I21"]}}
    )
    assert (changed["seed"], changed["images"]["quality"]["saturated"]) == (3, 0.5)
    assert changed["images"]["quality"]["pixel_mm"] == whole()["images"]["quality"]["pixel_mm"]
    assert changed["images"]["required_views"] == ["sa"]
    assert changed["labels"]["codes"] == {"cad": ["I21"]}
    assert whole()["labels"]["codes"] == {}  # the defaults themselves stay as they are
    assert block("evaluation", {"bootstrap": 9}) == whole()["evaluation"] | {"bootstrap": 9}


@pytest.mark.parametrize("settings", [{}, {"evaluation": {}}, {"evaluation": None}, {"evaluation": {"boot": 1}}])
def test_a_missing_key_is_named(settings: dict[str, Any]) -> None:
    with pytest.raises(
        UserError, match=r"^--settings has no 'evaluation\.bootstrap'; give the whole block as in config"
    ):
        needed(settings, "evaluation.bootstrap")
    assert needed({"evaluation": {"bootstrap": None}}, "evaluation.bootstrap") is None
    with pytest.raises(UserError, match=r"--settings has no 'split\.val'"):
        check_complete("split", {"test": 1}, ("test", "val"))


@pytest.mark.parametrize("key", ["images.time", "images.quality", "images.masks.source", "images.quality.saturated"])
def test_a_missing_key_of_the_images_is_named(key: str) -> None:
    images = block("images", {})
    *inside, last = key.split(".")[1:]
    part = images
    for name in inside:
        part = part[name]
    del part[last]
    with pytest.raises(UserError, match=f"--settings has no '{key}'"):
        ImageSettings.from_dict({"images": images})


@pytest.mark.parametrize(
    ("kind", "name", "keys"),
    [(CohortSettings, "cohort", ("cutoff", "ethnicity")), (LabelSettings, "labels", ("timing", "follow_up_end"))],
)
def test_a_missing_key_of_cohort_and_labels_is_named(kind: Any, name: str, keys: tuple[str, ...]) -> None:
    for key in keys:
        rest = {other: value for other, value in block(name, {}).items() if other != key}
        with pytest.raises(UserError, match=rf"--settings has no '{name}\.{key}'"):
            kind.read({name: rest})


def test_the_guide_to_python_loads_settings_as_it_says() -> None:
    config = whole(model={"width": 65}, images={"frames": 10})
    assert ModelSettings.from_dict(training_blocks(config, config["stage1"])["model"]).width == 65
    assert ImageSettings.from_dict(config).frames == 10
    assert (CohortSettings.read(config).instance, LabelSettings.read(config).timing) == (2, "ever")
    assert PhantomSettings.from_dict(config).participants == 1500


def test_settings_may_be_a_file_of_yaml(tmp_path: Path) -> None:
    assert cli.settings(str(ROOT / "config.yaml")) == whole()
    (tmp_path / "own.yaml").write_text("- 1\n")
    (tmp_path / "bad.yml").write_text("a: [1\n")
    for name, words in {"own.yaml": "not a file of keys and values", "bad.yml": "not YAML"}.items():
        with pytest.raises(Exception, match=words) as caught:
            cli.settings(str(tmp_path / name))
        assert type(caught.value).__name__ == "ArgumentTypeError"
