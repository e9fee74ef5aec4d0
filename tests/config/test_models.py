"""The models of the configuration: the schema that comes of them, its defaults, and what both refuse."""

import re
import subprocess
import sys
import typing
from typing import Annotated, Any, Literal

import mypy.api
import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import Field, ValidationError, create_model
from snakemake.utils import update_config

from presets import PRESETS, ROOT, layers
from vita.config import reference, typed
from vita.config.blocks import whole
from vita.config.json_schema import as_yaml, json_schema
from vita.config.models.config import Config
from vita.config.models.kinds import Absent, Block, Count, Unique, unit
from vita.config.reading import read_config
from vita.config.schema import load_schema, walk
from vita.config.write_typed import stub_text, typed_text
from vita.runtime import digest
from vita.runtime.errors import UserError

SCHEMA = load_schema(ROOT / reference.SCHEMA)
VALUES: list[Any] = [None, True, "", "x", "sa", -1, 0, 0.5, 1, 2.5, 3, 120, 10**10, [], ["x"], [1, 1], ["sa", "sa"]]
VALUES += [[5, 8, 8], {}, {"x": 1}, {"sa": "x"}, {"noise": 0}, {"noise": 1, "clip": 1}]
VALUES += [{"noise": 1, "clip": 1, "delta": 0.1}, {"mem_mb": 1}, {"mem_mb": 0}]
VALUES += [{"mem_mb": 1, "mem_mb_per_gb": 0, "runtime_min": 1, "runtime_min_per_gb": 0, "cpus": 1, "gpus": 0}]
VALUES += [{"vita": {"tasks": []}}, {"vit": {"tasks": []}}, {"vita": {}}, {"segmentation": {"epochs": 1}}]


class Inner(Block):
    """A row of a table."""

    memory: Annotated[Count, unit("MB")] | Absent = None
    """what it may
    take"""


class Outer(Block):
    """Every kind of a key that the schema's words have to be made of."""

    name: str
    patch: Annotated[list[Count], Field(min_length=3, max_length=3)] = [5, 12, 12]
    view: Literal["sa", "la"] | None = None
    limit: Annotated[Annotated[float, Field(gt=0, lt=1)] | None, unit("mm")] = 0.5
    """largest distance"""
    names: Unique[str] | dict[Literal["a", "b"], list[str]] = []
    lam: float = Field(default=1, alias="lambda")
    row: Inner = Field(default={"memory": 3})


def test_the_schema_is_that_of_the_models() -> None:
    found = (ROOT / reference.SCHEMA).read_text(encoding="utf-8")
    assert found == reference.schema_text(), f"{reference.SCHEMA}: run `python -m vita.config.reference`"


def test_the_types_are_those_of_the_models():
    text = (ROOT / reference.TYPED).read_text(encoding="utf-8")
    assert text == typed_text(), f"{reference.TYPED}: run `python -m vita.config.reference`"


def test_the_types_of_single_keys_are_those_of_the_models():
    text = (ROOT / reference.STUB).read_text(encoding="utf-8")
    assert text == stub_text(), f"{reference.STUB}: run `python -m vita.config.reference`"


def test_mypy_refuses_a_misspelt_key_of_the_settings(tmp_path, monkeypatch):
    """And one whose value is of another type, and a key of a block that does not exist."""
    (tmp_path / "step.py").write_text(
        "from vita.config.blocks import needed\n"
        'right: int = needed({}, "evaluation.bootstrap")\n'
        'misspelt = needed({}, "evaluation.bootstraps")\n'
        'other: str = needed({}, "evaluation.bootstrap")\n'
        'block = needed({}, "evaluation")["significances"]\n'
    )
    monkeypatch.setenv("MYPYPATH", str(ROOT / "src"))
    found, _, _ = mypy.api.run(["--config-file=", "--cache-dir", str(tmp_path), str(tmp_path / "step.py")])
    errors = re.findall(r"step\.py:(\d): error: .*\[([a-z-]+)\]", found)
    assert errors == [("3", "call-overload"), ("4", "assignment"), ("5", "typeddict-item")], found


def test_types_name_every_key_of_the_default_run():
    """Each key of the default run and of the presets is in the type of its block, and no required key is missing."""
    hints = typing.get_type_hints(typed.Configuration)
    assert not list(_unlike(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")), hints, "config"))


def _unlike(block, hints, where):
    yield from (f"{where}.{key} has no type" for key in block.keys() - hints.keys())
    for key, hint in hints.items():
        if key in block and typing.is_typeddict(hint):
            inner = typing.get_type_hints(hint)
            yield from _unlike(block[key], inner, f"{where}.{key}")
            yield from (f"{where}.{key}.{one} is missing" for one in hint.__required_keys__ - block[key].keys())


def test_a_model_as_a_schema() -> None:
    row = {"unit": "MB", "type": "integer", "minimum": 1, "description": "what it may take"}
    assert json_schema(Outer) == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "required": ["name"],
        "properties": {
            "name": {"type": "string"},
            "patch": {
                "type": "array",
                "items": {"type": "integer", "minimum": 1},
                "minItems": 3,
                "maxItems": 3,
                "default": [5, 12, 12],
            },
            "view": {"enum": ["sa", "la", None], "default": None},
            "limit": {
                "type": ["number", "null"],
                "exclusiveMinimum": 0,
                "exclusiveMaximum": 1,
                "unit": "mm",
                "default": 0.5,
                "description": "largest distance",
            },
            "names": {
                "type": ["array", "object"],
                "items": {"type": "string"},
                "uniqueItems": True,
                "propertyNames": {"enum": ["a", "b"]},
                "additionalProperties": {"type": "array", "items": {"type": "string"}},
                "default": [],
            },
            "lambda": {"type": "number", "default": 1},
            "row": {"$ref": "#/$defs/Inner", "default": {"memory": 3}},
        },
        "$defs": {"Inner": {"type": "object", "additionalProperties": False, "properties": {"memory": row}}},
    }
    assert yaml.safe_load(as_yaml(json_schema(Outer))) == json_schema(Outer)


@pytest.mark.parametrize("kind", [list[int] | list[str], Literal["a", "b"] | int, Literal["a"] | None, Inner | int])
def test_a_type_that_the_schema_would_loosen_is_refused(kind: Any) -> None:
    model = create_model("Odd", __base__=Block, __doc__="Odd.", key=(kind, ...))
    with pytest.raises(TypeError, match="cannot be either of"):
        json_schema(model)


def test_the_models_hold_the_default_run_and_take_every_preset() -> None:
    assert Config.model_validate(read_config(ROOT / "config.yaml")) == Config()
    for preset in PRESETS:
        config = read_config(ROOT / "config.yaml")
        for layer in layers(preset):
            update_config(config, read_config(layer))
        assert Config.model_validate(config).model_dump(by_alias=True, exclude_unset=True) == config, preset.stem


def test_a_block_of_a_task_holds_only_the_keys_that_it_gives() -> None:
    diseases = Config().stage3.tasks["diseases"]
    assert diseases.model_dump(exclude_unset=True)["epochs"] == diseases.epochs == 2
    assert "batch" not in diseases.model_dump(exclude_unset=True)
    assert Config().resources.rules.report.cpus is None


def test_models_and_schema_refuse_the_same_values() -> None:
    """Values of every type for each key. In a row of resources, None stands in the models for a key that is absent."""
    refused = allowed = 0
    config = whole()
    for name, part in walk(SCHEMA):
        if "*" in name or (name.startswith("resources.rules.") and ".draw" not in name):  # all rows are of one kind
            continue
        of_row = name.startswith(("resources.rules.draw.", "resources.default."))
        for value in VALUES[of_row:]:
            right = Draft202012Validator(part).is_valid(value)
            assert right == _allowed(config, name, value), f"{name}: {value!r}"
            refused, allowed = refused + (not right), allowed + right
    assert refused > 5000
    assert allowed > 500


def _allowed(config: dict[str, Any], name: str, value: Any) -> bool:
    """Whether the models take a configuration with another value of a key."""
    *blocks, last = name.split(".")
    block = config
    for key in blocks:
        block = block[key]
    before = dict(block)
    block[last] = value
    try:
        Config.model_validate(config)
    except ValidationError:
        return False
    finally:
        block.clear()
        block.update(before)
    return True


def test_every_block_and_key_at_the_top_is_required() -> None:
    assert set(SCHEMA["required"]) == set(SCHEMA["properties"])


STEPS = ("training.stage1", "training.stage2", "training.stage3", "training.segmentation", "images.build_shard")


@pytest.mark.parametrize("step", STEPS)
def test_a_step_depends_on_no_model(step: str) -> None:
    """A changed description would rerun it, and pydantic would slow its start."""
    of_models = ("vita.config.models", "vita.config.json_schema")
    assert not [name for name in digest._closure(f"vita.{step}") if name.startswith(of_models)]


def test_defaults_are_read_without_pydantic() -> None:
    code = "import sys, vita.training.stage1 as _; from vita.config.blocks import whole; whole()"
    code += "; print('pydantic' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"


def test_files_are_written_in_a_repository_only(tmp_path: Any) -> None:
    with pytest.raises(UserError, match="--folder names the repository"):
        reference.main(["--folder", str(tmp_path)])
    (tmp_path / "workflow" / "presets").mkdir(parents=True)
    (tmp_path / "workflow" / "schemas").mkdir()
    (tmp_path / reference.PAPER).write_bytes((ROOT / reference.PAPER).read_bytes())
    reference.main(["--folder", str(tmp_path)])
    for name in (reference.SCHEMA, reference.DEFAULTS, reference.PAGE):
        assert (tmp_path / name).read_bytes() == (ROOT / name).read_bytes()
