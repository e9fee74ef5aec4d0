"""The schema of the configuration: what a key may be, values in the type that it wants, and mistakes in one line.

Errors and the reference page both take their words from here, so that they say the same. YAML reads `1e-4` as text and
`32` as a number, and Snakemake's --config makes text of every number inside a block; where the meaning is certain, such
values take the type that the schema wants.
"""

import difflib
import functools
import json
import re
from collections.abc import Iterable, Iterator
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
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_WHOLE = re.compile(r"[+-]?\d+")
_WORDS = {"true": True, "false": False}


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


def coerced(value: Any, schema: dict[str, Any]) -> Any:
    """The same value, with text that should be a number, numbers that should be text and so on corrected at any depth.

    Args:
        value: of a key, or a whole configuration.
        schema: its part of the schema, references filled in.

    Returns:
        The value, changed only where it is not allowed as it is and its meaning is certain.
    """
    if isinstance(value, dict):
        known = children(schema)
        return {key: coerced(each, known.get(key, known.get(ANY, {}))) for key, each in value.items()}
    if isinstance(value, list):
        return [coerced(each, schema.get("items", {})) for each in value]
    choices = [schema["const"]] if "const" in schema else schema.get("enum")
    if choices is not None:
        return _chosen(value, choices)
    types = schema.get("type", [])
    return _typed(value, {types} if isinstance(types, str) else set(types))


def _chosen(value: Any, choices: list[Any]) -> Any:
    """The choice that is spelled like the value, if the value itself is not one of them."""
    if isinstance(value, bool) or value in choices:
        return value
    written = [choice for choice in choices if ("null" if choice is None else str(choice)) == str(value)]
    return written[0] if written else value


def _typed(value: Any, types: set[str]) -> Any:
    """The number, truth value or null that a text spells, where text is not allowed."""
    if not isinstance(value, str) or "string" in types:
        return value
    if "null" in types and value == "null":
        return None
    if "boolean" in types:
        return _WORDS.get(value.lower(), value)
    if types & {"integer", "number"} and _WHOLE.fullmatch(value):
        return int(value)
    if "number" in types and _NUMBER.fullmatch(value):
        return float(value)
    return value


def describe_mistake(error: Any, schema: dict[str, Any]) -> str:
    """One line for an error.

    Args:
        error: a `jsonschema.ValidationError`.
        schema: the whole schema, references filled in.
    """
    where = ".".join(map(str, error.absolute_path))
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        unknown = next(key for key in error.instance if key not in known)
        return _unknown(where, str(unknown), known, schema)
    if "propertyNames" in error.relative_schema_path:
        return _unknown(where, str(error.instance), error.validator_value, schema)
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return f"'{_join(where, missing)}' is not set; it must be"
    value = json.dumps(error.instance, default=str)
    return f"'{where}' is {value}, which is not allowed; {_allowed(error)}"


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _unknown(where: str, key: str, known: Iterable[str], schema: dict[str, Any]) -> str:
    """An unknown key, with a key of a similar name beside it, or in another block, or all that are known there."""
    known = sorted(known)
    near = difflib.get_close_matches(key, known, n=1)
    if near:
        hint = f"did you mean '{_join(where, near[0])}'?"
    elif elsewhere := _elsewhere(key, schema):
        hint = f"did you mean {' or '.join(repr(name) for name in elsewhere)}?"
    else:
        hint = f"known here: {', '.join(known)}"
    return f"unknown key '{_join(where, key)}'; {hint}"


def _elsewhere(key: str, schema: dict[str, Any]) -> list[str]:
    """Up to three keys of a similar name in other blocks."""
    names = [name for name, _ in walk(schema) if ANY not in name.split(".")]
    last = {name.rpartition(".")[2] for name in names}
    near = difflib.get_close_matches(key, sorted(last), n=1, cutoff=0.8)
    return [name for name in names if near and name.rpartition(".")[2] == near[0]][:3]


def _allowed(error: Any) -> str:
    """What the value may be and, among choices, the nearest one."""
    special = {
        "uniqueItems": "it must not repeat an entry",
        "minLength": "it must not be empty; use null for none",
        "minItems": f"it must be {may_be(error.schema)}",
        "maxItems": f"it must be {may_be(error.schema)}",
    }
    if error.validator in special:
        return special[error.validator]
    if error.validator == "enum":
        choices = [str(value) for value in error.validator_value]
        near = difflib.get_close_matches(str(error.instance), choices, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"choose {' or '.join('null' if value is None else str(value) for value in error.validator_value)}{hint}"
    return f"it must be {may_be(error.schema)}"
