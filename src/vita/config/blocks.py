"""Values of the configuration for the code that reads them: from a step's `--settings`, where each is required, or the
defaults of the default run, from the schema that is generated from the models.

mypy knows the type of each key by the stub `blocks.pyi`, which is written from the models, and refuses one that does
not exist. A rule gives its step every key that the step reads. From Python, `whole` gives a configuration to start
from:

    config = whole(model={"width": 65}, images={"frames": 10})
"""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from vita.runtime.errors import UserError


def needed(settings: Mapping[str, object], name: str) -> object:
    """The value of a key of `--settings`, by its dotted name, such as `evaluation.bootstrap`.

    Raises:
        UserError: the key, or a block that it is in, is missing.
    """
    value: Any = settings
    for key in name.split("."):
        if not isinstance(value, Mapping) or key not in value:
            raise _missing(name)
        value = value[key]
    return value


def check_complete(name: str, block: Mapping[str, object], keys: Iterable[str]) -> None:
    """Check that a block of `--settings` has every key, since a default would silently give another result.

    Raises:
        UserError: a key is missing.
    """
    for key in keys:
        if key not in block:
            raise _missing(f"{name}.{key}")


def whole(**changes: object) -> dict[str, object]:
    """The configuration of the default run, with changes: a block is merged key by key, a value or list replaces.

    Raises:
        UserError: the package was installed without its schema.
    """
    from vita.config.schema import load_schema
    from vita.runtime.clone import clone

    return _merged(_defaults(load_schema(clone() / "workflow" / "schemas" / "config.schema.yaml")), changes)


def block(name: str, own: Mapping[str, object]) -> dict[str, object]:
    """A block of the default run with own values, such as `block("images", {"frames": 10})`."""
    found: dict[str, Any] = whole(**{name: dict(own)})[name]
    return found


def _missing(name: str) -> UserError:
    return UserError(f"--settings has no '{name}'; give the whole block as in config.yaml")


def _defaults(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults of a block's keys; keys without a default, which are those of the user's own choice, are left out."""
    found = {}
    for key, part in schema["properties"].items():
        if "default" in part:
            found[key] = copy.deepcopy(part["default"])
        elif "properties" in part:
            found[key] = _defaults(part)
    return found


def _merged(default: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    blocks = [key for key in own if all(isinstance(each.get(key), Mapping) for each in (default, own))]
    return {**default, **own, **{key: _merged(default[key], own[key]) for key in blocks}}
