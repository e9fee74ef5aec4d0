"""The configuration of a run as Snakemake merges it: config.yaml, then files, then keys of the command line."""

from pathlib import Path
from typing import Any

import yaml

from vita.plan.checking import check
from vita.runtime.errors import UserError


def merged(home: Path, files: list[Path], keys: list[str]) -> dict[str, Any]:
    """A whole configuration that its schema allows.

    Args:
        home: folder of config.yaml and workflow.
        files: files that override config.yaml; later ones override earlier ones.
        keys: `key=value` with a value in YAML, which overrides everything else.

    Raises:
        UserError: a file is missing or not YAML, a key is unknown, or a value is out of range.
    """
    from snakemake.utils import update_config

    config: dict[str, Any] = {}
    for path in (home / "config.yaml", *files):
        # the presets have the same names wherever the package lies
        update_config(config, read(path if path.exists() or not (home / path).exists() else home / path))
    for text in keys:
        update_config(config, _key(text))
    check(config, home / "workflow" / "schemas" / "config.schema.yaml")
    return config


def read(path: Path) -> dict[str, Any]:
    """A configuration file.

    Raises:
        UserError: it is missing, is not YAML, or is not a block of keys.
    """
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"--configfile names {path}, which does not exist; check the spelling") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--configfile names {path}, which cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise UserError(
            f"{path}{_place(error)}: not YAML ({_problem(error)}); fix this line, or the one before"
        ) from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise UserError(
            f"{path}: expected a block of keys, found {type(found).__name__}; write lines such as `seed: 1`"
        )
    return found


def _place(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _problem(error: yaml.YAMLError) -> str:
    return " ".join(str(getattr(error, "problem", None) or error).split())


def _key(text: str) -> dict[str, Any]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise UserError(f"--config got {text!r}; write KEY=VALUE, such as seed=1 or 'input={{source: files}}'")
    try:
        return {name: yaml.safe_load(value)}
    except yaml.YAMLError as error:
        raise UserError(f"--config {name}: the value is not YAML ({_problem(error)})") from error
