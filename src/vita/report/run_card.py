"""The run card: the configuration of a run, how it differs from the default, and the versions (Markdown).

    python -m vita.report.run_card --config results/config.json --defaults config.yaml
        --output results/run_card.md --html results/run_card.html

Only the last part of the user's paths is shown, since the report may be read by others.
"""

import importlib.metadata
import json
import platform
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import TypeAlias

import yaml

from vita.printing.cells import Cell, Printed, markdown
from vita.printing.numbers import DASH
from vita.printing.web import write_card
from vita.runtime import cli
from vita.runtime.errors import UserError

PACKAGES = ("vita", "snakemake", "torch", "lightning", "monai", "numpy", "pandas", "pyarrow", "polars", "scikit-learn")

Value: TypeAlias = "dict[str, Value] | list[Value] | str | float | bool | None"


def read_config(path: Path) -> dict[str, Value]:
    """A configuration, of YAML or JSON (which is YAML too).

    Raises:
        UserError: it is missing or is not a mapping.
    """
    if not path.is_file():
        raise UserError(f"no configuration at {path}; run the rule record_config")
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(config, dict):
        raise UserError(f"{path} holds no keys; it should be a configuration like config.yaml")
    return config


def flat(config: Mapping[str, Value], where: str = "") -> dict[str, Value]:
    """Values by dotted key; an empty block and a list are values."""
    found: dict[str, Value] = {}
    for key, value in config.items():
        name = f"{where}.{key}" if where else str(key)
        found |= flat(value, name) if isinstance(value, dict) and value else {name: value}
    return found


def without_folders(value: Value) -> Value:
    """The same configuration with each absolute path reduced to its last part, since folders may name people and
    projects.
    """
    if isinstance(value, dict):
        return {key: without_folders(part) for key, part in value.items()}
    if isinstance(value, list):
        return [without_folders(part) for part in value]
    return f".../{PurePath(value).name}" if isinstance(value, str) and PurePath(value).is_absolute() else value


def changes(config: Mapping[str, Value], defaults: Mapping[str, Value]) -> Printed:
    """One row per key with a value other than the default."""
    ours, usual = flat(config), flat(defaults)
    out = Printed("Changed from the default", ["Key", "This run", "Default"], words=3)
    for key in dict.fromkeys([*ours, *usual]):
        if ours.get(key) != usual.get(key):
            values = [json.dumps(side[key]) if key in side else DASH for side in (ours, usual)]
            out.rows.append([Cell(text) for text in (key, *values)])
    return out


def versions() -> list[str]:
    """A line per package; the model card has the code's commit of each model."""
    installed = [f"* {name} {importlib.metadata.version(name)}" for name in PACKAGES]
    return [f"* Python {platform.python_version()}", *installed]


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--config", type=Path, required=True, help="config.json of the run")
    parser.add_argument("--defaults", type=Path, required=True, help="config.yaml of the code")
    parser.add_argument("--output", type=Path, required=True, help="Markdown to write")
    parser.add_argument("--html", type=Path, required=True, help="the same as a page")
    options = parser.parse_args(arguments)
    config, defaults = (
        {key: without_folders(value) for key, value in read_config(path).items()}
        for path in (options.config, options.defaults)
    )
    changed = changes(config, defaults)
    text = yaml.safe_dump(config, sort_keys=False, default_flow_style=None, width=100)
    sections = [
        "# The run",
        markdown(changed) if changed.rows else "The configuration is the default, `config.yaml`.",
        "\n".join(["## Versions", "", *versions()]),
        f"## The whole configuration\n\n```yaml\n{text}```",
    ]
    write_card(sections, options.output, options.html)


if __name__ == "__main__":
    cli.run(main)
