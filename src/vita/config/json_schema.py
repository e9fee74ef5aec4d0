"""The JSON schema of the configuration from its models, as workflow/schemas/config.schema.yaml holds it.

Steps and the workflow's checks read that file: it loads faster than the models, and editors know its format.
"""

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from vita.config.models.config import Config
from vita.config.models.kinds import Block

_HEAD = """\
# The schema of the configuration, for editors and for the checks of a run. `unit` is a keyword of this project.
# Written by `python -m vita.config.reference` from the models in src/vita/config/models: change those.
"""


class _Generator(GenerateJsonSchema):
    """Keeps the order of the fields."""

    def sort(self, value: Any, parent_key: str | None = None) -> Any:
        return value


def json_schema(model: type[Block] = Config) -> dict[str, Any]:
    """The schema of a model, that of each block in it under `$defs`."""
    schema = model.model_json_schema(schema_generator=_Generator)
    definitions = schema.pop("$defs", {})
    for part in (schema, *definitions.values()):
        part.pop("description")  # of the class, for readers of the code
    blocks = {name: _plain(part) for name, part in definitions.items()}
    return {"$schema": _Generator.schema_dialect, **_plain(schema), "$defs": blocks}


def as_yaml(schema: dict[str, Any]) -> str:
    """Text of the file that holds the schema."""
    import yaml

    apart = json.loads(json.dumps(schema))  # YAML would refer from one place to another that holds the same object
    return _HEAD + str(yaml.safe_dump(apart, sort_keys=False, allow_unicode=True, width=120))


def _plain(part: dict[str, Any]) -> dict[str, Any]:
    """A part of the schema with only the keywords from which errors and the reference page are made.

    Alternatives become one list of types, titles go, and choices need no type. A default of null that the type does not
    allow marks a key that may be left out.
    """
    found = {key: value for key, value in part.items() if key not in ("title", "anyOf")}
    if "anyOf" in part:
        found = {**_either([_plain(each) for each in part["anyOf"]]), **found}
    for key in ("properties", "items", "additionalProperties", "propertyNames"):
        if isinstance(found.get(key), dict):
            inner = found[key]
            found[key] = {n: _plain(each) for n, each in inner.items()} if key == "properties" else _plain(inner)
    if "enum" in found or "const" in found:
        found.pop("type", None)
    if "description" in found:
        found["description"] = " ".join(found["description"].split())
    if "default" in found and found["default"] is None and not _allows_null(found):
        del found["default"]
    return found


def _either(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Alternatives as one part with several types, since each of the other keywords is about one type.

    Raises:
        TypeError: it would mean something else, as two kinds of lists do, or a choice beside a number.
    """
    found: dict[str, Any] = {}
    types: list[str] = []
    for part in parts:
        if found.keys() & part.keys() - {"type"} or {"const", "$ref"} & part.keys():
            raise TypeError(f"a key of the configuration cannot be either of {parts}; give it another type")
        types += _types(part)
        found |= part
    if "enum" not in found:
        return {**found, "type": types}
    if types != ["null"]:
        raise TypeError(f"a key of the configuration cannot be either of {parts}; give it another type")
    return {**found, "enum": [*found["enum"], None]}


def _types(part: dict[str, Any]) -> list[str]:
    types = part.get("type", [])
    return [types] if isinstance(types, str) else list(types)


def _allows_null(part: dict[str, Any]) -> bool:
    return None in part.get("enum", []) or "null" in _types(part)
