"""The schema of the configuration, and its facts about a key: place, allowed values, unit.

The schema is generated from the models in `vita.config.models`; it is read from its file, which is faster. Errors
and the reference page both take their words from here, so that they say the same.
"""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ANY = "*"  # a key that the user chooses, such as a system's name
_TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a block of keys",
    "null": "null",
}


@functools.cache
def load_schema(path: Path) -> dict[str, Any]:
    """Read workflow/schemas/config.schema.yaml, with every reference filled in; callers must not change it."""
    import yaml

    # the loader in C, if PyYAML was built with it, takes a tenth of the time
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    schema = yaml.load(path.read_text(encoding="utf-8"), loader)
    found: dict[str, Any] = _filled(schema, schema.pop("$defs"))
    return found


def _filled(part: Any, definitions: dict[str, Any]) -> Any:
    """The same without `$ref`: a definition's keywords, overridden by those beside the reference."""
    if isinstance(part, list):
        return [_filled(each, definitions) for each in part]
    if not isinstance(part, dict):
        return part
    own = {key: _filled(value, definitions) for key, value in part.items() if key != "$ref"}
    if isinstance(part.get("$ref"), str):
        own = {**_filled(definitions[part["$ref"].rpartition("/")[2]], definitions), **own}
    return own


def children(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The keys of a block with their parts of the schema; ANY where the user chooses the name."""
    found = dict(schema.get("properties", {}))
    others = schema.get("additionalProperties")
    if isinstance(others, dict) and schema.get("type") == "object":
        found[ANY] = others
    return found


def walk(schema: dict[str, Any], where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key that a configuration may have, by its dotted name, with its part of the schema."""
    for key, part in children(schema).items():
        name = f"{where}.{key}" if where else key
        yield name, part
        yield from walk(part, name)


def may_be(schema: dict[str, Any]) -> str:
    """What a value may be, in words: "a whole number, at least 1" or "masked or all"."""
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return " or ".join("null" if value is None else str(value) for value in schema["enum"])
    types = schema.get("type", [])
    words = [_TYPES[name] for name in ([types] if isinstance(types, str) else types)]
    text = " or ".join(word + _bounds(schema) if word in ("a number", "a whole number") else word for word in words)
    if "a list" in words:
        text = text.replace("a list", f"a list{_length(schema)}, each {may_be(schema['items'])}")
    such = f" such as {', '.join(schema['examples'])}" if "examples" in schema else ""
    unit = f" ({schema['unit']})" if "unit" in schema else ""
    return text + such + unit


def _bounds(schema: dict[str, Any]) -> str:
    least, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    most, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    if least is not None and most is not None:
        return f" from {least} to {most}"
    low = f"of at least {least}" if least is not None else f"above {above}" if above is not None else ""
    high = f"at most {most}" if most is not None else f"below {below}" if below is not None else ""
    return f" {' and '.join(filter(None, [low, high]))}".rstrip()


def _length(schema: dict[str, Any]) -> str:
    least, most = schema.get("minItems"), schema.get("maxItems")
    if least is not None and least == most:
        return f" of length {least}"
    return " of at least one entry" if least else ""
