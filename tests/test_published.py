"""published.yaml sets what the published code's own configuration files, and its code, set.

`published_configuration.tsv` holds their values (JSON): of the files under configs/ of the published code, by stage,
and of what its code does without a key for it. `expected` is the same in this project's terms, where that is not the
value itself.
"""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.utils import update_config

from presets import ROOT, layers
from vita.plan.checking import check
from vita.plan.systems import stage_settings
from vita.runtime.errors import UserError

PUBLISHED = ROOT / "workflow" / "presets" / "published.yaml"
with (Path(__file__).parent / "published_configuration.tsv").open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def configuration(**stage2: Any) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text())
    for layer in layers(PUBLISHED):
        update_config(config, yaml.safe_load(layer.read_text()))
    config["stage2"] |= stage2
    check(config, ROOT / "workflow" / "schemas" / "config.schema.yaml")
    return config


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return configuration()


def value_of(config: dict[str, Any], key: str) -> Any:
    """The value that a training has: a task's own, or the default of all tasks."""
    *blocks, name = key.split(".")
    if blocks[:2] == ["stage3", "tasks"]:
        task = "disease_cad" if blocks[2] == "diseases" else blocks[2]
        return stage_settings(config, task, "vita")[name]
    for block in blocks:
        config = config[block]
    return config[name]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['source']} {row['key']}")
def test_a_value_of_the_published_code_is_that_of_the_preset(row: dict[str, str], config: dict[str, Any]) -> None:
    assert value_of(config, row["ours"]) == json.loads(row["expected"] or row["value"])


def test_every_key_of_the_preset_is_one_of_the_published_code() -> None:
    """Nothing is set without a source, but for tasks that only repeat the default over paper.yaml's own."""
    known = {row["ours"] for row in ROWS}
    repeated = {f"stage3.tasks.{task}.epochs" for task in ("physiological", "binary_features", "categorical_features")}

    def keys(block: dict[str, Any], above: str = "") -> set[str]:
        found: set[str] = set()
        for name, value in block.items():
            found |= keys(value, f"{above}{name}.") if isinstance(value, dict) else {above + name}
        return found

    assert keys(yaml.safe_load(PUBLISHED.read_text())) - known == repeated


def test_batch_normalisation_in_parts_of_a_batch_is_refused_with_both_keys() -> None:
    with pytest.raises(UserError, match=r"'stage2.projector' is batchnorm, but 'stage2.chunk' is 32"):
        configuration(chunk=32)
    assert configuration(chunk=256)["stage2"]["chunk"] == 256  # the whole batch
