"""The configuration of a run as Snakemake merges it: config.yaml, then files, then keys of the command line."""

from pathlib import Path
from typing import Any

import yaml

from vita.config.reading import read_config
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


def read(path: Path, option: str = "--configfile") -> dict[str, Any]:
    """A configuration file that an option of the command line names, as strictly as the workflow reads it.

    Raises:
        UserError: it is missing, is not YAML or not a block of keys, or repeats a key.
    """
    if not path.exists():
        raise UserError(f"{option} names {path}, which is not there; look at its spelling")
    return read_config(path)


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
